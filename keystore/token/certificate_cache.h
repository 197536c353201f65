/* The certificates on a token: read now and then, and kept as they were read. */
#ifndef LB_TOKEN_CERTIFICATE_CACHE_H
#define LB_TOKEN_CERTIFICATE_CACHE_H

#include <stdbool.h>

#include "base/errors.h"
#include "token/certificates.h"

struct p11_token;

/* Makes the cache of a token, which owns it. LB_E_NOMEM. */
struct p11_certs_cache;
LB_MUST_USE int p11_certs_cache_new(struct p11_certs_cache **ret);
void p11_certs_cache_free(struct p11_certs_cache *cache); /* NULL is fine */

/* What was read last, a reference; NULL: nothing yet. */
struct p11_certs *p11_certs_known(struct p11_token *t);
/*
 * The same, read anew if it is of another connection than this one, older than half a minute, or was forgotten. That may
 * wait for the token, so the caller must hold no lock that others need. If the token cannot be asked, it is what was read
 * before; if nothing was, what p11_do() says.
 */
LB_MUST_USE int p11_certs_read(struct p11_token *t, struct p11_certs **ret, struct problem *p);
/* Would p11_certs_read() give what is known, without asking the token? */
bool p11_certs_are_current(struct p11_token *t);
/* The certificates are read anew as soon as somebody asks. */
void p11_certs_forget(struct p11_token *t);

#endif
