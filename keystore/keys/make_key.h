/* Keys: generating them, and the check that both halves of a key belong together. */
#ifndef LB_KEYS_MAKE_KEY_H
#define LB_KEYS_MAKE_KEY_H

#include "model/key_types.h"

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

#endif
