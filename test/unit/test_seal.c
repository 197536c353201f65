/* seal.c and its kinds: the right secret opens, nothing else does, and no parameter costs more than it may. */
#include <argon2.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "guard/aead.h"
#include "guard/secret.h"
#include "seals/kek.h"
#include "unit.h"

static const uint8_t store[STORE_ID_SIZE] = { 1, 2, 3 };
static const uint8_t store_key[STORE_KEY_SIZE] = { 0x5e, 0xc4, 0xe7 };

static struct bytes text(const char *s)
{
    return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static const char credential[] = "a credential of more than 32 bytes, as from /dev/urandom";

static void clear(struct seal_record *s)
{
    free(s->params);
    free(s->wrapped);
}

static int unwrap(const struct seal_record *s, struct bytes secret, const uint8_t *id)
{
    uint8_t key[STORE_KEY_SIZE];
    int r;

    memset(key, 0xff, sizeof(key));
    r = seal_unwrap(id, s, secret, key);
    /* The store key, or nothing of it. */
    CU_ASSERT_EQUAL(memcmp(key, store_key, r == 0 ? sizeof(key) : 4) == 0, r == 0);
    return r;
}

static void credentials(void)
{
    struct seal_record s;

    OK(seal_wrap(store, SEAL_CREDENTIAL, "file", text(credential), store_key, &s));
    CU_ASSERT_EQUAL(s.kind, SEAL_CREDENTIAL);
    TEXT_IS(s.label, "file");
    CU_ASSERT(s.created > 1000000000);
    CU_ASSERT_EQUAL(s.id, 0);
    OK(unwrap(&s, text(credential), store));
    FAILS(unwrap(&s, text("another credential that has more than 32 bytes"), store), LB_E_SECRET);
    FAILS(unwrap(&s, text(""), store), LB_E_SECRET);
    clear(&s);
}

static void passphrases(void)
{
    struct seal_record s;

    OK(seal_wrap(store, SEAL_PASSPHRASE, "mine", text("8 bytes."), store_key, &s));
    OK(unwrap(&s, text("8 bytes."), store));
    FAILS(unwrap(&s, text("8 bytes,"), store), LB_E_SECRET);
    FAILS(unwrap(&s, text("8"), store), LB_E_SECRET);
    FAILS(unwrap(&s, text(""), store), LB_E_SECRET);
    clear(&s);
}

/* A seal as it was made when a passphrase of one byte was enough: whoever has one opens the store with it. */
static void old_short_passphrases(void)
{
    static uint8_t params[] = {
        0x01, 0x00, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x04, 0x97, 0x0c, 0xf5, 0x6a, 0xbc, 0xb8, 0x6f, 0x21, 0x9b, 0xf8, 0x7c,
        0x0c, 0xc3, 0x16, 0x11, 0x1b,
    };
    static uint8_t wrapped[] = {
        0x01, 0x15, 0x23, 0x76, 0x0c, 0x19, 0x48, 0xaf, 0x41, 0x38, 0xd8, 0x5e,
        0x7d, 0x77, 0xee, 0xb4, 0x46, 0xd6, 0x72, 0x93, 0x82, 0xd7, 0x53, 0x8a,
        0x60, 0xf4, 0x25, 0x5b, 0xd1, 0xb7, 0xce, 0x1c, 0x77, 0xfc, 0x6f, 0x58,
        0x58, 0x0c, 0x22, 0x47, 0xc1, 0xa8, 0x47, 0xf2, 0xe3, 0x09, 0x90, 0x4f,
        0x30, 0x4c, 0x07, 0x1e, 0xca, 0xde, 0x93, 0xab, 0x72, 0x21, 0x4e, 0x85,
        0x94,
    };
    const struct seal_record s = { .kind = SEAL_PASSPHRASE, .label = "old", .created = 1795939438,
                                   .params = params, .params_len = sizeof(params),
                                   .wrapped = wrapped, .wrapped_len = sizeof(wrapped) };

    OK(unwrap(&s, text("x"), store));
    FAILS(unwrap(&s, text("y"), store), LB_E_SECRET);
}

/* RFC 9106 4, second recommended option, and the derivation is the library's own. */
static void passphrase_costs(void)
{
    static const uint8_t head[] = { 1, 0, 0, 0, 3, 0, 1, 0, 0, 0, 0, 0, 4 };
    uint8_t params[64], params2[64], small[29] = { 1, 0, 0, 0, 2, 0, 0, 0, 64, 0, 0, 0, 4 }, kek[STORE_KEY_SIZE],
                                     expected[STORE_KEY_SIZE];
    size_t len = 0, len2 = 0;

    OK(kek_passphrase.new_params(params, sizeof(params), &len));
    OK(kek_passphrase.new_params(params2, sizeof(params2), &len2));
    CU_ASSERT_EQUAL(len, 29);
    CU_ASSERT(memcmp(params, head, sizeof(head)) == 0);
    CU_ASSERT(memcmp(params + 13, params2 + 13, 16) != 0);
    OK(kek_passphrase.derive(small, sizeof(small), text("secret"), kek));
    CU_ASSERT_EQUAL_FATAL(argon2id_hash_raw(2, 64, 4, "secret", 6, small + 13, 16, expected, sizeof(expected)), 0);
    CU_ASSERT(memcmp(kek, expected, sizeof(kek)) == 0);
}

static void parameters_are_capped(void)
{
    static const struct {
        const char *what;
        uint32_t t, m, lanes;
        int code;
    } costs[] = {
        { "least", 1, 8, 1, 0 },
        { "no time", 0, 64, 1, LB_E_DAMAGED },
        { "too much time", 65, 64, 1, LB_E_DAMAGED },
        { "all time", 0xffffffff, 64, 1, LB_E_DAMAGED },
        { "no memory", 1, 0, 1, LB_E_DAMAGED },
        { "too little memory", 1, 31, 4, LB_E_DAMAGED },
        { "too much memory", 1, 1024 * 1024 + 1, 1, LB_E_DAMAGED },
        { "all memory", 1, 0xffffffff, 1, LB_E_DAMAGED },
        { "no lanes", 1, 64, 0, LB_E_DAMAGED },
        { "too many lanes", 1, 1024, 65, LB_E_DAMAGED },
        { "all lanes", 1, 1024, 0xffffffff, LB_E_DAMAGED },
    };
    uint8_t kek[STORE_KEY_SIZE];

    for (size_t i = 0; i < COUNT(costs); i++) {
        uint8_t params[29] = { 0 };
        struct wire_writer w;

        wire_write(&w, params, sizeof(params));
        wire_put_u8(&w, 1);
        wire_put_u32(&w, costs[i].t);
        wire_put_u32(&w, costs[i].m);
        wire_put_u32(&w, costs[i].lanes);
        unit_check_code(kek_passphrase.derive(params, sizeof(params), text("x"), kek), costs[i].code, costs[i].what,
                        __FILE__, __LINE__);
    }
}

static void parameters_have_one_form(void)
{
    static const struct kek_derivation *const kinds[] = { &kek_passphrase, &kek_credential };
    uint8_t kek[STORE_KEY_SIZE];

    for (size_t i = 0; i < COUNT(kinds); i++) {
        uint8_t params[65] = { 0 };
        size_t len = 0;

        OK(kinds[i]->new_params(params, 64, &len));
        for (size_t cut = 0; cut < len; cut++)
            FAILS(kinds[i]->derive(params, cut, text(credential), kek), LB_E_DAMAGED);
        FAILS(kinds[i]->derive(params, len + 1, text(credential), kek), LB_E_DAMAGED);
        params[0] = 2;
        FAILS(kinds[i]->derive(params, len, text(credential), kek), LB_E_DAMAGED);
        FAILS(kinds[i]->new_params(params, len - 1, &len), LB_E_TOO_LONG);
    }
}

static void weak_secrets(void)
{
    struct seal_record s;

    FAILS(seal_wrap(store, SEAL_CREDENTIAL, "", text("only 31 bytes, which is too few"), store_key, &s),
          LB_E_WEAK_SECRET);
    CU_ASSERT_PTR_NULL(s.params);
    FAILS(seal_wrap(store, SEAL_PASSPHRASE, "", text(""), store_key, &s), LB_E_WEAK_SECRET);
    FAILS(seal_wrap(store, SEAL_PASSPHRASE, "", text("7 bytes"), store_key, &s), LB_E_WEAK_SECRET);
    CU_ASSERT_PTR_NULL(s.params);
    OK(seal_wrap(store, SEAL_CREDENTIAL, "", text("32 bytes, which is long enough.."), store_key, &s));
    clear(&s);
}

static void several_seals_wrap_one_key(void)
{
    struct seal_record a, b;

    OK(seal_wrap(store, SEAL_CREDENTIAL, "a", text(credential), store_key, &a));
    OK(seal_wrap(store, SEAL_CREDENTIAL, "b", text("another credential that has more than 32 bytes"), store_key, &b));
    OK(unwrap(&a, text(credential), store));
    OK(unwrap(&b, text("another credential that has more than 32 bytes"), store));
    FAILS(unwrap(&b, text(credential), store), LB_E_SECRET);
    clear(&a);
    clear(&b);
}

static void each_field_is_bound(void)
{
    static const uint8_t other[STORE_ID_SIZE] = { 1, 2, 4 };
    struct seal_record s, t;

    OK(seal_wrap(store, SEAL_CREDENTIAL, "label", text(credential), store_key, &s));
    FAILS(unwrap(&s, text(credential), other), LB_E_SECRET);
    t = s;
    t.kind = SEAL_PASSPHRASE;
    FAILS(unwrap(&t, text(credential), store), LB_E_DAMAGED);
    t.kind = SEAL_KIND_LAST + 1;
    FAILS(unwrap(&t, text(credential), store), LB_E_DAMAGED);
    t = s;
    t.label[0] = 'L';
    FAILS(unwrap(&t, text(credential), store), LB_E_SECRET);
    t = s;
    t.created++;
    FAILS(unwrap(&t, text(credential), store), LB_E_SECRET);
    for (size_t i = 1; i < s.params_len; i++) {
        s.params[i] ^= 1;
        FAILS(unwrap(&s, text(credential), store), LB_E_SECRET);
        s.params[i] ^= 1;
    }
    for (size_t i = 0; i < s.wrapped_len; i++) {
        s.wrapped[i] ^= 0x80;
        FAILS(unwrap(&s, text(credential), store), LB_E_SECRET);
        s.wrapped[i] ^= 0x80;
    }
    t = s;
    t.wrapped_len--;
    FAILS(unwrap(&t, text(credential), store), LB_E_DAMAGED);
    t = s;
    t.id = 99;
    OK(unwrap(&t, text(credential), store));
    clear(&s);
}

static void kinds(void)
{
    struct seal_record s;
    char label[LB_LABEL_MAX + 2];

    CU_ASSERT_PTR_EQUAL(seal_ops(SEAL_PASSPHRASE), &seal_passphrase);
    CU_ASSERT_PTR_EQUAL(seal_ops(SEAL_CREDENTIAL), &seal_credential);
    CU_ASSERT_PTR_NULL(seal_ops(0));
    CU_ASSERT_PTR_NULL(seal_ops(SEAL_KIND_LAST + 1));
    FAILS(seal_wrap(store, 0, "", text(credential), store_key, &s), LB_E_VALUE);
    memset(label, 'l', sizeof(label));
    label[LB_LABEL_MAX + 1] = '\0';
    FAILS(seal_wrap(store, SEAL_CREDENTIAL, label, text(credential), store_key, &s), LB_E_VALUE);
    label[LB_LABEL_MAX] = '\0';
    OK(seal_wrap(store, SEAL_CREDENTIAL, label, text(credential), store_key, &s));
    OK(unwrap(&s, text(credential), store));
    clear(&s);
}

/* Each row of the table wraps and unwraps, and refuses a wrong secret, one that is too short, and a changed record. */
static void each_kind(void)
{
    static const char other[] = "another secret that has more than 32 bytes";
    unsigned before = 0;

    for (const struct seal_kind *k = seal_kinds; k->number != 0; before = k->number, k++) {
        struct seal_record s, t;
        uint8_t *params;

        CU_ASSERT_PTR_EQUAL(seal_kind_find(k->number), k);
        TEXT_IS(seal_kind_name(k->number), k->name);
        CU_ASSERT(k->number > before && k->number <= SEAL_KIND_LAST);
        CU_ASSERT(strncmp(k->option, "--", 2) == 0 && k->help[0] != '\0');
        CU_ASSERT_EQUAL(k->value == NULL, k->source == SEAL_FROM_PROMPT);
        CU_ASSERT_EQUAL(seal_kind_unattended(k->number), k->unattended);
        /* Nobody is there to type, and what a person types can be guessed. */
        CU_ASSERT(k->source != SEAL_FROM_PROMPT || (!k->unattended && k->guessable));
        CU_ASSERT(seal_ops(k->number)->wrap != NULL && seal_ops(k->number)->unwrap != NULL);
        CU_ASSERT_EQUAL(seal_ops(k->number)->place != NULL, k->source == SEAL_FROM_PLACE);
        FAILS(seal_wrap(store, k->number, k->name, (struct bytes){ (const uint8_t *)credential, k->least_new - 1 }, store_key, &s),
              LB_E_WEAK_SECRET);
        OK(seal_wrap(store, k->number, k->name, text(credential), store_key, &s));
        CU_ASSERT_EQUAL(s.kind, k->number);
        CU_ASSERT_EQUAL(unwrap(&s, text(credential), store), SEAL_OPENED);
        FAILS(unwrap(&s, text(other), store), LB_E_SECRET);
        if (k->least_tried > 0)
            FAILS(unwrap(&s, (struct bytes){ (const uint8_t *)credential, k->least_tried - 1 }, store), LB_E_SECRET);
        /* The parameters begin with a version, and end with a salt. */
        params = s.params;
        params[s.params_len - 1] ^= 1;
        FAILS(unwrap(&s, text(credential), store), LB_E_SECRET);
        params[s.params_len - 1] ^= 1;
        params[0] ^= 0x80;
        FAILS(unwrap(&s, text(credential), store), LB_E_DAMAGED);
        params[0] ^= 0x80;
        t = s;
        t.params_len--;
        FAILS(unwrap(&t, text(credential), store), LB_E_DAMAGED);
        t = s;
        t.wrapped_len--;
        FAILS(unwrap(&t, text(credential), store), LB_E_DAMAGED);
        t = s;
        t.created++;
        FAILS(unwrap(&t, text(credential), store), LB_E_SECRET);
        OK(unwrap(&s, text(credential), store));
        clear(&s);
    }
    CU_ASSERT_EQUAL(before, SEAL_KIND_LAST);
    CU_ASSERT_PTR_NULL(seal_kind_find(SEAL_KIND_LAST + 1));
    CU_ASSERT_PTR_NULL(seal_kind_find(0));
    CU_ASSERT_FALSE(seal_kind_unattended(0));
    CU_ASSERT_PTR_EQUAL(seal_kind_from(SEAL_FROM_PROMPT), seal_kind_find(SEAL_PASSPHRASE));
    CU_ASSERT_PTR_EQUAL(seal_kind_from(SEAL_FROM_FILE), seal_kind_find(SEAL_CREDENTIAL));
}

/* As STORE.md has it, by other means: what is derived from the secret, and each field that is bound. */
static void a_credential_by_other_means(void)
{
    static const char info[] = "littlebox v1 credential";
    uint8_t kek[AEAD_KEY_SIZE], got[STORE_KEY_SIZE], aad[256];
    struct aead *a = NULL;
    struct seal_record s;
    struct wire_writer w;
    size_t len;

    OK(seal_wrap(store, SEAL_CREDENTIAL, "mine", text(credential), store_key, &s));
    CU_ASSERT_FATAL(s.params_len == 33 && s.params[0] == 1);
    OK(aead_new(&a));
    OK(aead_derive(a, text(credential), (struct bytes){ s.params + 1, 32 }, text(info), kek));
    wire_write(&w, aad, sizeof(aad));
    wire_put_str(&w, "littlebox v1 seal");
    wire_put_raw(&w, store, sizeof(store));
    wire_put_u8(&w, SEAL_CREDENTIAL);
    wire_put_str(&w, "mine");
    wire_put_u64(&w, s.created);
    wire_put_bytes(&w, s.params, s.params_len);
    OK(wire_written(&w, &len));
    OK(aead_open(a, kek, (struct bytes){ aad, len }, (struct bytes){ s.wrapped, s.wrapped_len }, got));
    CU_ASSERT(memcmp(got, store_key, sizeof(got)) == 0);
    aead_free(a);
    clear(&s);
}

static const struct unit_test tests[] = {
    { "a credential by other means", a_credential_by_other_means },
    { "credentials", credentials },
    { "passphrases", passphrases },
    { "old short passphrases open what they opened", old_short_passphrases },
    { "passphrase costs", passphrase_costs },
    { "parameters are capped", parameters_are_capped },
    { "parameters have one form", parameters_have_one_form },
    { "weak secrets", weak_secrets },
    { "several seals wrap one key", several_seals_wrap_one_key },
    { "each field is bound", each_field_is_bound },
    { "kinds", kinds },
    { "each kind of the table", each_kind },
    { NULL, NULL },
};
const struct unit_suite suite_seal = { "seal", tests };
