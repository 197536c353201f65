/* A secret at rest: encrypted under a key that is spread over 16 KiB of random bytes, as ssh-agent keeps its keys. */
#ifndef LB_GUARD_SHIELD_H
#define LB_GUARD_SHIELD_H

#include <stdint.h>

#include "base/errors.h"
#include "guard/aead.h"

/*
 * What a shield is good for: whoever reads memory in pieces, with errors, or a page at a time gets nothing, since one wrong or
 * missing bit of 16 KiB gives another key. Such reads are one past the end of a buffer, a page in swap or in an image of the
 * disk, memory that was cold or that a neighbouring row disturbs, a slow leak through the processor. The secret rests under new
 * random bytes each time, so what was read before is worth nothing.
 *
 * What a shield is not good for: whoever reads all memory of the process at one moment has the random bytes too, and whoever runs
 * code in the process unshields as we do. The secret is in the clear while it is at work.
 *
 * Why not memfd_secret(2), which hides pages from the rest of the kernel: Debian 12's kernel has it switched off, it keeps the
 * whole machine from hibernating, it takes the kernel's large pages apart, it does not reach libcrypto's secure heap, and it does
 * nothing against a process that reads its own memory too far. Since tracing is closed, it would add protection against root
 * alone, who has other ways.
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
/* Shields a copy of secret (SHIELD_SECRET_SIZE bytes) afresh. LB_E_CRYPTO: the secret from before still rests there. */
LB_MUST_USE int shield_put(struct shield *s, const uint8_t *secret);
/* ret: SHIELD_SECRET_SIZE bytes of secret memory. LB_E_CRYPTO, LB_E_DAMAGED. */
LB_MUST_USE int shield_get(struct shield *s, uint8_t *ret);
/* The bytes that secret_alloc() locks for one. */
size_t shield_memory(void);

/*
 * Does what shield_get() does, with a copy of the SHIELD_AREA_SIZE bytes in memory: for tests that look into a process. key is
 * AEAD_KEY_SIZE bytes of secret memory to work in. LB_E_CRYPTO, LB_E_DAMAGED.
 */
LB_MUST_USE int shield_read(const struct aead *a, const uint8_t *area, uint8_t *key, uint8_t *ret);

#endif
