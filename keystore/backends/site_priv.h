/* The sites of the two kinds, and what each needs of its backend. */
#ifndef LB_BACKENDS_SITE_PRIV_H
#define LB_BACKENDS_SITE_PRIV_H

#include "backends/backend.h"
#include "backends/site.h"

struct p11_token;

extern const struct site_ops sealed_site_ops;
extern const struct site_ops token_site_ops; /* its site is a struct p11_token */

/* The keys are on a token; what the token calls them is in the store, sealed. Both outlive the site. */
struct backend_pkcs11;
LB_MUST_USE int backend_pkcs11_new(struct backend_sealed *sealer, struct p11_token *token, struct backend_pkcs11 **ret);
void backend_pkcs11_free(struct backend_pkcs11 *b);

/* objects() of token_site_ops. */
LB_MUST_USE int token_site_objects(void *site, uint32_t from, const struct site_object_taker *taker, bool *ret_more,
                                   struct problem *p);

#endif
