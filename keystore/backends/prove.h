/* Does a key on a token belong to its public half? To prove it, the key does once what its object may do. */
#ifndef LB_BACKENDS_PROVE_H
#define LB_BACKENDS_PROVE_H

#include "token/key.h"

/*
 * key is p11_evp() of the object of that name with that public half. What the object may do is what CKA_SIGN, CKA_DECRYPT,
 * CKA_DERIVE and CKA_ALLOWED_MECHANISMS say (PKCS#11 2.40, 4.9 and 4.4); where they say nothing it is tried. A signature is
 * verified, a ciphertext made, and a peer's secret agreed on, with the public half and libcrypto alone.
 *
 * LB_E_PUBLIC_KEY: they do not belong together. LB_E_SCHEME: the object may do nothing that a box does, p says what it may.
 * Otherwise the failure of the token, of what it was asked first.
 */
LB_MUST_USE int p11_prove(struct p11_token *t, const struct p11_name *name, const uint8_t *spki, size_t spki_len,
                          EVP_PKEY *key, struct problem *p);

#endif
