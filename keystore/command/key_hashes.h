/* The hashes by which a box may know a public key: one key has several encodings, and each its own hash. */
#ifndef LB_COMMAND_KEY_HASHES_H
#define LB_COMMAND_KEY_HASHES_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "model/limits.h"

/* As the file has it, and the forms in which a point may be written (X9.62 4.3.6). */
#define KEY_HASHES_MAX 4

struct key_hashes {
    uint8_t h[KEY_HASHES_MAX][LB_HASH_SIZE];
    size_t count;
};

/* LB_E_KEY_TYPE: no box holds a key like that, whatever its point (a curve written in numbers). LB_E_NOMEM. */
LB_MUST_USE int keyhashes_of(EVP_PKEY *key, struct key_hashes *ret, struct problem *p);
bool keyhashes_have(const struct key_hashes *all, const uint8_t hash[LB_HASH_SIZE]);

#endif
