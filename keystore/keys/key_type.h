/* Key types by name: "ec:P-256", "rsa:3072", "rsa-pss:2048:sha256", "ed25519" ... */
#ifndef LB_KEYS_KEY_TYPE_H
#define LB_KEYS_KEY_TYPE_H

#include <openssl/evp.h>

#include "base/errors.h"
#include "model/limits.h"

/* What a person may type after --type, for usage and errors. */
#define KEYTYPE_LIST                                                                                                   \
    "ec:P-256 ec:P-384 ec:P-521 rsa:BITS rsa-pss:BITS[:DIGEST] (BITS: 2048 3072 4096; DIGEST: sha256 sha384 sha512) "  \
    "ed25519 ed448 x25519 x448 ml-dsa-{44,65,87} slh-dsa-{sha2,shake}-{128,192,256}{s,f}"
#define KEYTYPE_DEFAULT "ec:P-256"

/* LB_E_KEY_TYPE with text and hint when it is none that can be generated. Needs no libcrypto. */
LB_MUST_USE int keytype_check(const char *type, struct problem *p);
/* The names of all types that can be generated, one after the other from 0; false: there are no more. */
bool keytype_name(size_t i, char ret[LB_TYPE_MAX + 1]);
/*
 * The type that a person means: its name in any case and with any signs between its parts ("RSA-4096", "ML_DSA_65"), or
 * one that standards and tools have for it (model/key_words.c). LB_E_KEY_TYPE, with the nearest one in the hint, for all
 * that leaves a choice, such as "rsa". Needs no libcrypto.
 */
LB_MUST_USE int keytype_meant(const char *word, char ret[LB_TYPE_MAX + 1], struct problem *p);
/*
 * Do both halves belong together? Signs a text and verifies it, or, with a key that only agrees on secrets, does that
 * with another key, in both directions. LB_E_CRYPTO: they do not.
 */
LB_MUST_USE int keytype_pairwise(EVP_PKEY *key);
/* What a private key agrees on with a peer's public one, at most LB_SHARED_MAX bytes. False: libcrypto says why. */
LB_MUST_USE bool keytype_agree(EVP_PKEY *mine, EVP_PKEY *peer, unsigned char secret[LB_SHARED_MAX], size_t *ret_len);
/*
 * Generates a key of that type, with its pairwise consistency check. LB_E_KEY_TYPE, LB_E_CRYPTO; LB_E_NOMEM where the
 * secure heap is short. The text of p names the type.
 */
LB_MUST_USE int keytype_generate(const char *type, EVP_PKEY **ret, struct problem *p);
/*
 * The name of a key's type ("rsa:2600" for odd sizes too, "rsa-pss:4096:sha512" for a key restricted to a digest).
 * LB_E_KEY_TYPE: not one that a box holds: another algorithm, another curve, RSA below 2048 or above 16384 bits; p says
 * which and what would do.
 */
LB_MUST_USE int keytype_of(EVP_PKEY *key, char ret[LB_TYPE_MAX + 1], struct problem *p);

#endif
