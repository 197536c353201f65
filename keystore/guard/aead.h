/* AES-256-GCM and HKDF-SHA256 as the store uses them: one form of sealed bytes, one derivation. */
#ifndef LB_GUARD_AEAD_H
#define LB_GUARD_AEAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"

#define AEAD_KEY_SIZE 32
/* What sealing adds: version byte, nonce, tag (STORE.md). */
#define AEAD_OVERHEAD (1 + 12 + 16)

/* The algorithms, fetched once: a fetch costs more than sealing a key. Thread-safe to use. */
struct aead;

/* LB_E_CRYPTO: no provider has AES-256-GCM or HKDF. */
LB_MUST_USE int aead_new(struct aead **ret);
/* NULL is fine. */
void aead_free(struct aead *a);

/*
 * Seals text, which may be empty, under key (AEAD_KEY_SIZE bytes) and a fresh random nonce (NIST SP 800-38D 8.2.2). aad is the
 * associated data. sealed has room for text.len + AEAD_OVERHEAD bytes, and all of them are written. LB_E_CRYPTO.
 */
LB_MUST_USE int aead_seal(const struct aead *a, const uint8_t *key, struct bytes aad, struct bytes text,
                          uint8_t *sealed);

/*
 * Opens what aead_seal() made, into text, which has sealed.len - AEAD_OVERHEAD bytes. LB_E_DAMAGED: sealed is too short, has
 * another version byte, or does not authenticate; text is wiped. LB_E_CRYPTO.
 */
LB_MUST_USE int aead_open(const struct aead *a, const uint8_t *key, struct bytes aad, struct bytes sealed,
                          uint8_t *text);

/* HKDF-SHA256 (RFC 5869) to AEAD_KEY_SIZE bytes; salt may be empty. LB_E_CRYPTO. */
LB_MUST_USE int aead_derive(const struct aead *a, struct bytes secret, struct bytes salt, struct bytes info,
                            uint8_t *ret_key);

#endif
