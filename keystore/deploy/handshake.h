/* Which key does a server prove to have? */
#ifndef LB_DEPLOY_HANDSHAKE_H
#define LB_DEPLOY_HANDSHAKE_H

#include <openssl/evp.h>

#include "base/errors.h"
#include "deploy/address.h"

/*
 * Begins TLS with the server as a client that can verify keys of the type of "like" alone, so that a server with several
 * certificates shows the one for such a key; where it has none, as any client. sni: the name that it is asked for; NULL: none.
 * Whether anybody trusts the certificate is not looked at. Takes at most ten seconds. *ret is the server's public key, to be
 * freed. LB_E_SYSTEM, LB_E_TIMEOUT: nothing answers. LB_E_VALUE: no TLS came about.
 */
LB_MUST_USE int handshake(const struct address *to, const char *sni, EVP_PKEY *like, EVP_PKEY **ret, struct problem *p);

#endif
