/* shield.c: what rests comes back, each time under other random bytes, and not if one bit of them is wrong. */
#include <stdlib.h>
#include <string.h>

#include "guard/secret.h"
#include "guard/shield.h"
#include "unit.h"

static const uint8_t secret[SHIELD_SECRET_SIZE] = "thirty-two bytes of a store key";

static void it_comes_back(void)
{
    uint8_t *got = secret_alloc(SHIELD_SECRET_SIZE);
    struct shield *s = NULL;
    struct aead *a = NULL;

    OK(aead_new(&a));
    OK(shield_new(a, &s));
    FAILS(shield_get(s, got), LB_E_DAMAGED);
    for (unsigned i = 0; i < 3; i++) {
        OK(shield_put(s, secret));
        memset(got, 0, SHIELD_SECRET_SIZE);
        OK(shield_get(s, got));
        CU_ASSERT(memcmp(got, secret, sizeof(secret)) == 0);
        OK(shield_get(s, got));
        CU_ASSERT(memcmp(got, secret, sizeof(secret)) == 0);
    }
    shield_free(s);
    shield_free(NULL);
    aead_free(a);
    secret_free(got, SHIELD_SECRET_SIZE);
}

/* Of opaque struct shield, the areas. */
struct seen {
    const struct aead *aead;
    uint8_t *area, *spare, *key;
};

static bool all_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

static void each_time_anew_and_nothing_left(void)
{
    uint8_t *first = malloc(SHIELD_AREA_SIZE);
    struct shield *s = NULL;
    struct seen *seen;
    struct aead *a = NULL;
    unsigned same = 0;

    OK(aead_new(&a));
    OK(shield_new(a, &s));
    seen = (struct seen *)s;
    OK(shield_put(s, secret));
    CU_ASSERT_PTR_NULL(memmem(seen->area, SHIELD_AREA_SIZE, secret, sizeof(secret)));
    memcpy(first, seen->area, SHIELD_AREA_SIZE);
    CU_ASSERT(all_zero(seen->spare, SHIELD_AREA_SIZE));
    CU_ASSERT(all_zero(seen->key, AEAD_KEY_SIZE));
    OK(shield_put(s, secret));
    CU_ASSERT(all_zero(seen->spare, SHIELD_AREA_SIZE));
    CU_ASSERT(all_zero(seen->key, AEAD_KEY_SIZE));
    for (size_t i = 0; i < SHIELD_PREKEY_SIZE; i++)
        same += first[i] == seen->area[i];
    CU_ASSERT(same < SHIELD_PREKEY_SIZE / 64); /* one in 256, by chance */
    shield_free(s);
    aead_free(a);
    free(first);
}

static void every_bit_counts(void)
{
    uint8_t *got = secret_alloc(SHIELD_SECRET_SIZE), *key = secret_alloc(AEAD_KEY_SIZE);
    uint8_t *copy = malloc(SHIELD_AREA_SIZE);
    struct shield *s = NULL;
    struct aead *a = NULL;

    OK(aead_new(&a));
    OK(shield_new(a, &s));
    OK(shield_put(s, secret));
    memcpy(copy, ((struct seen *)s)->area, SHIELD_AREA_SIZE);
    OK(shield_read(a, copy, key, got));
    CU_ASSERT(memcmp(got, secret, sizeof(secret)) == 0);
    CU_ASSERT(all_zero(key, AEAD_KEY_SIZE));
    for (size_t i = 0; i < SHIELD_AREA_SIZE; i += i < SHIELD_AREA_SIZE - 100 ? 61 : 1) {
        copy[i] ^= (uint8_t)(1 << i % 8);
        FAILS(shield_read(a, copy, key, got), LB_E_DAMAGED);
        CU_ASSERT(all_zero(got, SHIELD_SECRET_SIZE));
        copy[i] ^= (uint8_t)(1 << i % 8);
    }
    OK(shield_read(a, copy, key, got));
    shield_free(s);
    aead_free(a);
    free(copy);
    secret_free(got, SHIELD_SECRET_SIZE);
    secret_free(key, AEAD_KEY_SIZE);
}

static const struct unit_test tests[] = {
    { "it comes back", it_comes_back },
    { "each time anew, and nothing is left", each_time_anew_and_nothing_left },
    { "every bit counts", every_bit_counts },
    { NULL, NULL },
};
const struct unit_suite suite_shield = { "shield", tests };
