/* aead.c against published vectors, every changed bit refused, and what is bound to a version's material. */
#include <stdlib.h>
#include <string.h>

#include "guard/aead.h"
#include "store/bound.h"
#include "unit.h"

static struct aead *new_aead(void)
{
    struct aead *a = NULL;

    OK(aead_new(&a));
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    return a;
}

/* The GCM specification's test cases 13 and 14: all zeros, behind our version byte. */
static void gcm_vectors(void)
{
    static const uint8_t empty[29] = { 1,    0,    0,    0,    0,    0,    0,    0,    0,    0,
                                       0,    0,    0,    0x53, 0x0f, 0x8a, 0xfb, 0xc7, 0x45, 0x36,
                                       0xb9, 0xa9, 0x63, 0xb4, 0xf1, 0xc4, 0xcb, 0x73, 0x8b };
    static const uint8_t zeros[45] = { 1,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
                                       0,    0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5,
                                       0xd3, 0xba, 0xf3, 0x9d, 0x18, 0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b,
                                       0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19 };
    static const uint8_t key[AEAD_KEY_SIZE];
    struct aead *a = new_aead();
    uint8_t text[16];

    OK(aead_open(a, key, (struct bytes){ NULL, 0 }, (struct bytes){ empty, sizeof(empty) }, text));
    memset(text, 0xff, sizeof(text));
    OK(aead_open(a, key, (struct bytes){ NULL, 0 }, (struct bytes){ zeros, sizeof(zeros) }, text));
    for (size_t i = 0; i < sizeof(text); i++)
        CU_ASSERT_EQUAL(text[i], 0);
    aead_free(a);
}

/* RFC 5869, A.1, the first 32 of its 42 bytes. */
static void hkdf_vector(void)
{
    static const uint8_t expected[AEAD_KEY_SIZE] = { 0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f,
                                                     0x64, 0xd0, 0x36, 0x2f, 0x2a, 0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a,
                                                     0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56, 0xec, 0xc4, 0xc5, 0xbf };
    uint8_t ikm[22], salt[13], info[10], key[AEAD_KEY_SIZE];
    struct aead *a = new_aead();

    memset(ikm, 0x0b, sizeof(ikm));
    for (size_t i = 0; i < sizeof(salt); i++)
        salt[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(info); i++)
        info[i] = (uint8_t)(0xf0 + i);
    OK(aead_derive(a, (struct bytes){ ikm, sizeof(ikm) }, (struct bytes){ salt, sizeof(salt) },
                   (struct bytes){ info, sizeof(info) }, key));
    CU_ASSERT(memcmp(key, expected, sizeof(key)) == 0);
    aead_free(a);
}

static void each_changed_bit_is_refused(void)
{
    static const uint8_t key[AEAD_KEY_SIZE] = { 1 };
    uint8_t aad[] = "what is bound", sealed[10 + AEAD_OVERHEAD], text[10];
    struct bytes bound = { aad, sizeof(aad) }, whole = { sealed, sizeof(sealed) };
    struct aead *a = new_aead();

    OK(aead_seal(a, key, bound, (struct bytes){ (const uint8_t *)"0123456789", 10 }, sealed));
    OK(aead_open(a, key, bound, whole, text));
    CU_ASSERT(memcmp(text, "0123456789", 10) == 0);
    for (size_t i = 0; i < sizeof(sealed) * 8; i++) {
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
        memset(text, 0xff, sizeof(text));
        FAILS(aead_open(a, key, bound, whole, text), LB_E_DAMAGED);
        /* Nothing of a text that does not authenticate is given out. */
        CU_ASSERT(memcmp(text, "0123456789", 4) != 0);
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < sizeof(aad) * 8; i++) {
        aad[i / 8] ^= (uint8_t)(1 << i % 8);
        FAILS(aead_open(a, key, bound, whole, text), LB_E_DAMAGED);
        aad[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t len = 0; len < sizeof(sealed); len++)
        FAILS(aead_open(a, key, bound, (struct bytes){ sealed, len }, text), LB_E_DAMAGED);
    OK(aead_open(a, key, bound, whole, text));
    aead_free(a);
}

static void nonces_are_fresh(void)
{
    static const uint8_t key[AEAD_KEY_SIZE];
    uint8_t one[AEAD_OVERHEAD], two[AEAD_OVERHEAD];
    struct aead *a = new_aead();

    OK(aead_seal(a, key, (struct bytes){ NULL, 0 }, (struct bytes){ NULL, 0 }, one));
    OK(aead_seal(a, key, (struct bytes){ NULL, 0 }, (struct bytes){ NULL, 0 }, two));
    CU_ASSERT(memcmp(one + 1, two + 1, 12) != 0);
    aead_free(a);
    aead_free(NULL);
}

static struct bytes bound_of(const uint8_t *id, const struct key_record *k)
{
    struct bytes b = { NULL, 0 };
    uint8_t *aad = NULL;

    OK(bound_data(id, k, &k->versions[0], &aad, &b.len));
    b.p = aad;
    return b;
}

static struct bytes bound(const uint8_t *id, const struct version_record *v, const struct grant *grants, size_t count)
{
    const struct key_record k = { .grants = (struct grant *)grants, .grant_count = count,
                                  .versions = (struct version_record *)v, .version_count = 1 };

    return bound_of(id, &k);
}

/* Each field for itself, whatever else keeps a changed row from opening: another one gives other bytes. */
static void every_field_is_bound(void)
{
    static uint8_t spki[] = { 1, 2, 3 }, other_spki[] = { 1, 2, 4 };
    static const uint8_t id[STORE_ID_SIZE] = { 1 }, other_id[STORE_ID_SIZE] = { 2 };
    const struct version_record v = { .key_id = { 9 },  .name = "web",   .version = 1,  .state = STATE_ACTIVE,
                                      .type = "ed25519", .created = 5,    .changed = 6,  .spki = spki,
                                      .spki_len = sizeof(spki) };
    const struct grant grants[] = { { SUBJECT_USER, 33, OP_SIGN }, { SUBJECT_GROUP, 34, OP_SIGN } };
    struct version_record other[13];
    /* What is bound of the key as a whole: former names, policies of other kinds, and the form itself. */
    static uint8_t entry[] = { 0x7f, 0, 0, 1, 'x' };
    const struct {
        char *former;
        uint8_t *others;
        size_t others_len;
        bool old_form;
    } whole[] = { { (char[]){ "old" }, NULL, 0, false }, { NULL, entry, sizeof(entry), false }, { NULL, NULL, 0, true } };
    struct grant changed[6][2];
    struct bytes base = bound(id, &v, grants, 2), got;

    for (size_t i = 0; i < COUNT(other); i++)
        other[i] = v;
    other[0].key_id[KEY_ID_SIZE - 1] = 1;
    strcpy(other[1].name, "wob");
    other[2].version = 2;
    other[3].state = STATE_DEACTIVATED;
    strcpy(other[4].type, "ed448");
    other[5].created = 6;
    other[6].changed = 7;
    other[7].spki = other_spki;
    other[8].spki_len = 2;
    other[9].version = 0x01000001;
    other[10].destroy_at = 7;
    other[11].state_before = STATE_ACTIVE;
    other[12].destroy_at = 8;
    for (size_t i = 0; i < COUNT(other); i++) {
        got = bound(id, &other[i], grants, 2);
        CU_ASSERT(got.len != base.len || memcmp(got.p, base.p, got.len) != 0);
        free((void *)got.p);
    }
    for (size_t i = 0; i < COUNT(whole); i++) {
        struct key_record k = { .grants = (struct grant *)grants, .grant_count = 2, .former = whole[i].former,
                                .others = whole[i].others, .others_len = whole[i].others_len,
                                .old_form = whole[i].old_form, .versions = (struct version_record *)&v, .version_count = 1 };

        got = bound_of(id, &k);
        CU_ASSERT(got.len != base.len || memcmp(got.p, base.p, got.len) != 0);
        free((void *)got.p);
    }
    for (size_t i = 0; i < COUNT(changed); i++)
        memcpy(changed[i], grants, sizeof(grants));
    changed[0][0].kind = SUBJECT_GROUP;
    changed[1][0].id = 0;
    changed[2][0].ops = OP_ALL;
    changed[3][1].kind = SUBJECT_USER;
    changed[4][1].id = 35;
    changed[5][1].ops = OP_DECRYPT;
    for (size_t i = 0; i < COUNT(changed); i++) {
        got = bound(id, &v, changed[i], 2);
        CU_ASSERT(got.len != base.len || memcmp(got.p, base.p, got.len) != 0);
        free((void *)got.p);
    }
    for (size_t i = 0; i < 2; i++) {
        got = bound(id, &v, grants, i);
        CU_ASSERT(got.len != base.len);
        free((void *)got.p);
    }
    got = bound(other_id, &v, grants, 2);
    CU_ASSERT(memcmp(got.p, base.p, base.len) != 0);
    free((void *)got.p);
    free((void *)base.p);
}

static const struct unit_test tests[] = {
    { "every field is bound", every_field_is_bound },
    { "GCM vectors", gcm_vectors },
    { "HKDF vector", hkdf_vector },
    { "each changed bit is refused", each_changed_bit_is_refused },
    { "nonces are fresh", nonces_are_fresh },
    { NULL, NULL },
};
const struct unit_suite suite_aead = { "aead", tests };
