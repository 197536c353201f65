/* The store key and its seals: each seal wraps the same store key in a way of its own. */
#ifndef LB_SEALS_SEAL_H
#define LB_SEALS_SEAL_H

#include <stdint.h>

#include "base/errors.h"
#include "model/limits.h"
#include "model/seal_kinds.h"
#include "store/store.h"

#define STORE_KEY_SIZE 32

/* One try to open a seal. All is the caller's. */
struct seal_try {
    const uint8_t *store_id; /* STORE_ID_SIZE bytes */
    const struct seal_record *seal;
    struct bytes secret;     /* empty: what a SEAL_FROM_PLACE kind finds by itself */
};

/* What unwrap() and seal_unwrap() answer, beside errors. */
enum seal_answer {
    SEAL_OPENED = 0,
    /*
     * The secret is right but not enough: it is one of several shares. No kind answers so today. A wrong secret is
     * LB_E_SECRET.
     */
    SEAL_MORE = 1
};

/*
 * What a kind of seal does. Any number of threads may call all functions. A kind fills the record where it says so. It
 * binds all of the record but its number to the wrapped key (seals/kek.h does that), so that a changed row does not open.
 */
struct seal_ops {
    /*
     * Wraps the store key (STORE_KEY_SIZE bytes of secret memory) under the secret, which has the row's least size. Sets
     * params and wrapped of ret, by malloc(); the caller frees them, also on failure. Kind, label and date of ret are there
     * already.
     */
    int (*wrap)(const uint8_t *store_id, struct bytes secret, const uint8_t *store_key, struct seal_record *ret);
    /*
     * Puts the store key into store_key, STORE_KEY_SIZE bytes of secret memory. Returns an enum seal_answer, or
     * LB_E_SECRET, LB_E_DAMAGED (the record has not the form that wrap() gives it), LB_E_NOMEM, LB_E_CRYPTO, LB_E_SYSTEM
     * (nothing is at the seal's place). A kind whose secret is words of a person refuses a changed row's costs before it
     * pays them.
     */
    int (*unwrap)(const struct seal_try *t, uint8_t *store_key);
    /* Only of SEAL_FROM_PLACE, else NULL: the place of this seal, for people. LB_E_DAMAGED. */
    int (*place)(const struct seal_record *seal, char ret[LB_PATH_TEXT_MAX + 1]);
};

/* seal_passphrase: Argon2id, RFC 9106. seal_credential: HKDF-SHA256, RFC 5869. */
#define SEAL_OPS(number, NAME, name, ...) extern const struct seal_ops seal_##name;
SEAL_KINDS(SEAL_OPS, )
#undef SEAL_OPS

/* NULL for an unknown kind. */
const struct seal_ops *seal_ops(unsigned kind);

/*
 * Wraps store_key under the secret: fills params and wrapped of ret (freed with seal_records_free() or free()), kind, label,
 * created; id 0. LB_E_WEAK_SECRET, LB_E_VALUE (no such kind, or the label is too long), or what the kind says.
 */
LB_MUST_USE int seal_wrap(const uint8_t store_id[STORE_ID_SIZE], unsigned kind, const char *label, struct bytes secret,
                          const uint8_t *store_key, struct seal_record *ret);

/*
 * Opens one seal into store_key: SEAL_OPENED, SEAL_MORE or an error. LB_E_SECRET: wrong secret (or a changed record: GCM
 * cannot tell them apart). LB_E_DAMAGED: no such kind, or the record has not its form.
 */
LB_MUST_USE int seal_unwrap(const uint8_t store_id[STORE_ID_SIZE], const struct seal_record *seal, struct bytes secret,
                            uint8_t *store_key);

/* The place from which a seal gets its secret by itself, for people; "" if the kind is given its secret. */
void seal_place(const struct seal_record *seal, char ret[LB_PATH_TEXT_MAX + 1]);

#endif
