/* A secret at rest: encrypted under a key that is spread over 16 KiB of random bytes, as ssh-agent keeps its keys. */
#ifndef LB_GUARD_SHIELD_H
#define LB_GUARD_SHIELD_H

#include <stdint.h>

#include "base/errors.h"
#include "guard/aead.h"

/*
 * What it buys: whoever reads memory in pieces, with errors, or a page at a time has nothing. A read past the end of a
 * buffer, a page in swap or in an image of the disk, memory that was cold or that a neighbouring row disturbs, a slow
 * leak through the processor: one wrong or missing bit of 16 KiB gives another key. Each time that the secret rests it
 * does so under new random bytes, so that what was read before is worth nothing.
 *
 * What it does not buy: whoever reads all memory of the process at one moment has the random bytes too, and whoever runs
 * code in it unshields as we do. And the secret is in the clear while it is at work.
 *
 * Not memfd_secret(2), which would hide the pages from the rest of the kernel: Debian 12's has it switched off, it keeps
 * the whole machine from hibernating, it takes the kernel's large pages apart, it does not reach libcrypto's secure
 * heap, and it does nothing against a process that reads its own memory too far. With tracing closed, what it adds is
 * against root, who has other ways.
 */
#define SHIELD_SECRET_SIZE 32
#define SHIELD_PREKEY_SIZE 16384
/* random bytes | the secret, sealed (guard/aead.h) under HKDF-SHA256 of them */
#define SHIELD_AREA_SIZE (SHIELD_PREKEY_SIZE + SHIELD_SECRET_SIZE + AEAD_OVERHEAD)

/* Holds one secret. Used by one thread at a time. */
struct shield;

/* Empty; a stays the caller's, and outlives it. LB_E_NOMEM. */
LB_MUST_USE int shield_new(const struct aead *a, struct shield **ret);
/* Wipes; NULL is fine. */
void shield_free(struct shield *s);
/* Shields a copy of secret (SHIELD_SECRET_SIZE bytes) afresh. LB_E_CRYPTO: what rested there before still does. */
LB_MUST_USE int shield_put(struct shield *s, const uint8_t *secret);
/* ret: SHIELD_SECRET_SIZE bytes of secret memory. LB_E_CRYPTO, LB_E_DAMAGED. */
LB_MUST_USE int shield_get(struct shield *s, uint8_t *ret);
/* The bytes that secret_alloc() locks for one. */
size_t shield_memory(void);

/*
 * What shield_get() does, from a copy of the bytes in memory (SHIELD_AREA_SIZE); key: AEAD_KEY_SIZE bytes of secret
 * memory to work in. For tests that look into a process. LB_E_CRYPTO, LB_E_DAMAGED.
 */
LB_MUST_USE int shield_read(const struct aead *a, const uint8_t *area, uint8_t *key, uint8_t *ret);

#endif
