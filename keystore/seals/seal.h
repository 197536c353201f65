/* The store key and its seals: each seal wraps the same store key under a secret of its own. */
#ifndef LB_SEALS_SEAL_H
#define LB_SEALS_SEAL_H

#include <stdint.h>

#include "base/errors.h"
#include "store/store.h"

#define STORE_KEY_SIZE 32

/* Least bytes of a credential: it is hashed, not stretched, so it must be random. */
#define CREDENTIAL_MIN 32
/*
 * Least bytes of a new passphrase, as in every revision of NIST SP 800-63B. It keeps out what is a slip or a placeholder,
 * and says nothing of the strength of what is longer. Seals that were made with shorter ones open with them still.
 */
#define PASSPHRASE_MIN 8
#define PASSPHRASE_ADVICE "take several words that nobody guesses, 15 characters or more: whoever steals the store may try for years"

/*
 * One kind of seal: how its secret becomes a key-encryption key. Kinds differ in this only; wrapping is the same for
 * all. params: what derivation needs besides the secret (salt, costs), made by new_params() and stored with the seal.
 */
struct seal_kind_ops {
    uint8_t kind;
    size_t new_min;    /* bytes of a secret that a seal is made with */
    size_t secret_min; /* bytes of one that is tried */
    /* Fresh parameters into buf (size at least 64), *ret_len bytes. */
    int (*new_params)(uint8_t *buf, size_t size, size_t *ret_len);
    /* kek is 32 bytes of secret memory. Bad parameters are LB_E_DAMAGED, before any memory is allocated for them. */
    int (*derive)(const uint8_t *params, size_t params_len, struct bytes secret, uint8_t *kek);
};

extern const struct seal_kind_ops seal_passphrase; /* Argon2id, RFC 9106 4, second recommended option */
extern const struct seal_kind_ops seal_credential; /* HKDF-SHA256, RFC 5869, over a random file */

/* NULL for an unknown kind. */
const struct seal_kind_ops *seal_ops(unsigned kind);

/*
 * Wraps store_key (STORE_KEY_SIZE bytes) under the secret: fills params and wrapped of ret (freed with
 * seal_records_free or free()), kind, label, created; id 0. AES-256-GCM with kind, label, created, params and store id
 * as associated data. LB_E_WEAK_SECRET,
 * LB_E_VALUE (no such kind, or the label is too long).
 */
LB_MUST_USE int seal_wrap(const uint8_t store_id[STORE_ID_SIZE], unsigned kind, const char *label, struct bytes secret,
                          const uint8_t *store_key, struct seal_record *ret);

/* Opens one seal into store_key. LB_E_SECRET: wrong secret (or a changed record: GCM cannot tell them apart). */
LB_MUST_USE int seal_unwrap(const uint8_t store_id[STORE_ID_SIZE], const struct seal_record *seal, struct bytes secret,
                            uint8_t *store_key);

#endif
