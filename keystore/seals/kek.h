/*
 * Wrapping under a key-encryption key, for kinds of seals whose secret becomes one: AES-256-GCM, with the store's id and all of
 * the seal's record but its number as associated data (STORE.md).
 */
#ifndef LB_SEALS_KEK_H
#define LB_SEALS_KEK_H

#include "seals/seal.h"

/* Parameters are at most so many bytes. */
#define KEK_PARAMS_MAX 1024

/*
 * How a secret becomes the key. params: what the derivation needs besides the secret (salt, costs). It is stored with the
 * seal.
 */
struct kek_derivation {
    /* Fresh parameters into buf, *ret_len bytes of at most size. LB_E_CRYPTO, LB_E_TOO_LONG. */
    int (*new_params)(uint8_t *buf, size_t size, size_t *ret_len);
    /* kek is 32 bytes of secret memory. Bad parameters are LB_E_DAMAGED, before any memory is allocated for them. */
    int (*derive)(const uint8_t *params, size_t params_len, struct bytes secret, uint8_t *kek);
};

/* For tests: the derivations of the two kinds that wrap with a derivation alone. */
extern const struct kek_derivation kek_passphrase;
extern const struct kek_derivation kek_credential;

/* wrap() of such a kind: makes new parameters, and wraps the store key under the key that they and the secret give. */
LB_MUST_USE int kek_wrap(const struct kek_derivation *d, const uint8_t *store_id, struct bytes secret,
                         const uint8_t *store_key, struct seal_record *ret);
/* The same with the parameters that ret has already. */
LB_MUST_USE int kek_wrap_with(const struct kek_derivation *d, const uint8_t *store_id, struct bytes secret,
                              const uint8_t *store_key, struct seal_record *ret);
/* unwrap() of such a kind: it is never SEAL_MORE. */
LB_MUST_USE int kek_unwrap(const struct kek_derivation *d, const struct seal_try *t, uint8_t *store_key);

#endif
