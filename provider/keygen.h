/* Makes keys where a program asks OpenSSL to generate one: the box makes them, the program gets a handle. */
#ifndef LB_KEYGEN_H
#define LB_KEYGEN_H

#include <openssl/core.h>

#include "alg.h"

struct provctx;

/*
 * The functions of a key generation as provider-keymgmt(7) has them. A selection without a key (EVP_PKEY_paramgen)
 * makes domain parameters, for types that have them, and asks no box. On failure there is no key, neither in this
 * process nor, as far as it can be known, in the box; NULL or 0, with the reason on the queue.
 */
void *keygen_init(struct provctx *prov, const struct alg *alg, int selection, const OSSL_PARAM params[]);
int keygen_set_params(void *genctx, const OSSL_PARAM params[]);
/* templ: a struct key whose domain parameters the new one gets. */
int keygen_set_template(void *genctx, void *templ);
/* A struct key. */
void *keygen(void *genctx, OSSL_CALLBACK *callback, void *arg);
void keygen_cleanup(void *genctx);

#endif
