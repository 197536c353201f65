/* Digests of a provider. */
#ifndef LB_DIGEST_H
#define LB_DIGEST_H

#include <openssl/evp.h>

struct provctx;

/*
 * A digest from the private library context, fetched once, or from the program's FIPS provider. The caller's. NULL with an
 * error on the queue.
 */
EVP_MD *provider_digest(struct provctx *prov, unsigned digest);

#endif
