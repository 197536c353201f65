/* A secret at rest: encrypted under a key that is spread over 16 KiB of random bytes, as ssh-agent keeps its keys. */
#include "guard/shield.h"

#include <openssl/rand.h>
#include <stdlib.h>

#include "guard/secret.h"

#define LABEL "littlebox v1 shield"

struct shield {
    const struct aead *aead;
    uint8_t *area, *spare; /* secret memory: what rests, and where the next one is made */
    uint8_t *key;          /* secret memory, wiped between calls */
};

int shield_new(const struct aead *a, struct shield **ret)
{
    struct shield *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return LB_E_NOMEM;
    s->aead = a;
    s->area = secret_alloc(SHIELD_AREA_SIZE);
    s->spare = secret_alloc(SHIELD_AREA_SIZE);
    s->key = secret_alloc(AEAD_KEY_SIZE);
    if (s->area == NULL || s->spare == NULL || s->key == NULL) {
        shield_free(s);
        return LB_E_NOMEM;
    }
    *ret = s;
    return 0;
}

void shield_free(struct shield *s)
{
    if (s == NULL)
        return;
    secret_free(s->area, SHIELD_AREA_SIZE);
    secret_free(s->spare, SHIELD_AREA_SIZE);
    secret_free(s->key, AEAD_KEY_SIZE);
    free(s);
}

size_t shield_memory(void)
{
    return 2 * secret_locks(SHIELD_AREA_SIZE) + secret_locks(AEAD_KEY_SIZE);
}

static int derive(const struct aead *a, const uint8_t *area, uint8_t *key)
{
    return aead_derive(a, (struct bytes){ area, SHIELD_PREKEY_SIZE }, (struct bytes){ NULL, 0 },
                       (struct bytes){ (const uint8_t *)LABEL, sizeof(LABEL) - 1 }, key);
}

int shield_put(struct shield *s, const uint8_t *secret)
{
    uint8_t *old = s->area;
    int r = RAND_priv_bytes(s->spare, SHIELD_PREKEY_SIZE) > 0 ? 0 : LB_E_CRYPTO;

    if (r == 0)
        r = derive(s->aead, s->spare, s->key);
    if (r == 0)
        r = aead_seal(s->aead, s->key, (struct bytes){ NULL, 0 }, (struct bytes){ secret, SHIELD_SECRET_SIZE },
                      s->spare + SHIELD_PREKEY_SIZE);
    if (r == 0) {
        s->area = s->spare;
        s->spare = old;
    }
    secret_wipe(s->spare, SHIELD_AREA_SIZE);
    secret_wipe(s->key, AEAD_KEY_SIZE);
    return r;
}

int shield_read(const struct aead *a, const uint8_t *area, uint8_t *key, uint8_t *ret)
{
    int r = derive(a, area, key);

    if (r == 0)
        r = aead_open(a, key, (struct bytes){ NULL, 0 },
                      (struct bytes){ area + SHIELD_PREKEY_SIZE, SHIELD_SECRET_SIZE + AEAD_OVERHEAD }, ret);
    secret_wipe(key, AEAD_KEY_SIZE);
    return r;
}

int shield_get(struct shield *s, uint8_t *ret)
{
    return shield_read(s->aead, s->area, s->key, ret);
}
