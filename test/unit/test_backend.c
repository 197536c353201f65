/* backends/sealed.c: keys open with the record they were made with, and with no other. */
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "guard/aead.h"
#include "keys/make_key.h"
#include "store/bound.h"
#include "fixture.h"
#include "unit.h"

static const struct backend_ops *const ops = &backend_sealed_ops;

static struct version_record copy_version(const struct version_record *v)
{
    struct version_record copy = *v;

    copy.spki = malloc(v->spki_len);
    memcpy(copy.spki, v->spki, v->spki_len);
    copy.material = malloc(v->material_len);
    memcpy(copy.material, v->material, v->material_len);
    return copy;
}

static int open_it(void *b, const struct version_record *v, const struct grant *grants, size_t n)
{
    const struct key_record k = fixture_key_of(v, grants, n);
    EVP_PKEY *key = NULL;
    int r = ops->open(b, &k, v, &key);

    CU_ASSERT_EQUAL(key != NULL, r == 0 && v->state != STATE_DESTROYED);
    if (key != NULL)
        OK(keytype_pairwise(key));
    EVP_PKEY_free(key);
    return r;
}

static void made_and_opened(void)
{
    static const char *const types[] = { "ec:P-256", "ec:P-384",     "ec:P-521",
                                         "rsa:2048", "rsa-pss:2048", "rsa-pss:2048:sha256",
                                         "ed25519",  "ed448",        "x25519",
                                         "x448" };
    const uint8_t *store_key = NULL;
    struct fixture f;

    fixture_open(&f);
    for (size_t i = 0; i < COUNT(types); i++) {
        struct key_record k = fixture_make_key(&f, "web", types[i], 1, 2);
        struct version_record *v = &k.versions[0];
        EVP_PKEY *key = NULL;
        char name[LB_TYPE_MAX + 1];
        struct problem p;

        OK(open_it(f.backend, v, k.grants, 2));
        OK(ops->open(f.backend, &k, v, &key));
        OK(keytype_of(key, name, &p));
        TEXT_IS(name, types[i]);
        EVP_PKEY_free(key);
        key_record_clear(&k);
    }
    TEXT_IS(ops->name, "sealed");
    OK(backend_sealed_take(f.backend, &store_key));
    CU_ASSERT(memcmp(store_key, f.store_key, STORE_KEY_SIZE) == 0);
    backend_sealed_rest(f.backend);
    backend_sealed_free(NULL);
    fixture_close(&f);
}

/* Each change by itself, so that each field is known to be bound. */
static void each_field_is_bound(void)
{
    struct fixture f;
    struct key_record k;
    struct version_record v;
    struct grant grants[3];

    fixture_open(&f);
    k = fixture_make_key(&f, "web", "ed25519", 2, 2);
    v = copy_version(&k.versions[0]);
    memcpy(grants, k.grants, 2 * sizeof(grants[0]));
    grants[2] = (struct grant){ SUBJECT_GROUP, 99999, OP_SIGN };
    OK(open_it(f.backend, &v, grants, 2));
#define CHANGED(change, undo)                                                                                          \
    do {                                                                                                               \
        change;                                                                                                        \
        FAILS(open_it(f.backend, &v, grants, 2), LB_E_DAMAGED);                                                        \
        undo;                                                                                                          \
        OK(open_it(f.backend, &v, grants, 2));                                                                         \
    } while (0)
    CHANGED(v.key_id[0] ^= 1, v.key_id[0] ^= 1);
    CHANGED(v.name[0] = 'v', v.name[0] = 'w');
    CHANGED(v.name[3] = 's', v.name[3] = '\0');
    CHANGED(v.version = 2, v.version = 1);
    CHANGED(v.state = STATE_DEACTIVATED, v.state = STATE_ACTIVE);
    CHANGED(v.state = STATE_DESTROYED, v.state = STATE_ACTIVE);
    CHANGED(v.type[2] = '3', v.type[2] = '2');
    CHANGED(v.created++, v.created--);
    CHANGED(v.changed++, v.changed--);
    CHANGED(grants[0].kind = SUBJECT_GROUP, grants[0].kind = k.grants[0].kind);
    CHANGED(grants[0].id++, grants[0].id--);
    CHANGED(grants[0].ops = 3, grants[0].ops = OP_SIGN);
    CHANGED(v.spki_len--, v.spki_len++);
    CHANGED(v.material_len--, v.material_len++);
#undef CHANGED
    /* Fewer, more and no grants; grants of the same bytes at another place. */
    FAILS(open_it(f.backend, &v, grants, 1), LB_E_DAMAGED);
    FAILS(open_it(f.backend, &v, grants, 3), LB_E_DAMAGED);
    FAILS(open_it(f.backend, &v, NULL, 0), LB_E_DAMAGED);
    for (size_t i = 0; i < v.spki_len; i++) {
        v.spki[i] ^= 0x10;
        FAILS(open_it(f.backend, &v, grants, 2), LB_E_DAMAGED);
        v.spki[i] ^= 0x10;
    }
    for (size_t i = 0; i < v.material_len; i++) {
        v.material[i] ^= 0x04;
        FAILS(open_it(f.backend, &v, grants, 2), LB_E_DAMAGED);
        v.material[i] ^= 0x04;
    }
    /* The other version's material under this version's record, and the other way round. */
    {
        struct version_record mixed = k.versions[0];

        mixed.material = k.versions[1].material;
        mixed.material_len = k.versions[1].material_len;
        FAILS(open_it(f.backend, &mixed, grants, 2), LB_E_DAMAGED);
        mixed.material = NULL;
        FAILS(open_it(f.backend, &mixed, grants, 2), LB_E_DAMAGED);
    }
    version_record_clear(&v);
    key_record_clear(&k);
    fixture_close(&f);
}

/* As STORE.md has it, by other means: each version of each key is sealed under a key of its own. */
static void keys_are_derived(void)
{
    static const char label[] = "littlebox v1 key";
    struct aead *a = NULL;
    struct fixture f;

    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 2, 1);
    OK(aead_new(&a));
    for (uint32_t version = 1; version <= 2; version++) {
        const struct version_record *v = &f.keys[0].versions[version - 1];
        uint8_t info[64], key[AEAD_KEY_SIZE], plain[256], *aad = NULL;
        struct wire_writer w;
        size_t len, aad_len;

        wire_write(&w, info, sizeof(info));
        wire_put_raw(&w, label, sizeof(label) - 1);
        wire_put_raw(&w, f.id, sizeof(f.id));
        wire_put_raw(&w, v->key_id, sizeof(v->key_id));
        wire_put_u32(&w, version);
        OK(wire_written(&w, &len));
        OK(aead_derive(a, (struct bytes){ f.store_key, sizeof(f.store_key) }, (struct bytes){ NULL, 0 },
                       (struct bytes){ info, len }, key));
        OK(bound_data(f.id, &f.keys[0], v, &aad, &aad_len));
        CU_ASSERT_FATAL(v->material_len <= sizeof(plain));
        OK(aead_open(a, key, (struct bytes){ aad, aad_len }, (struct bytes){ v->material, v->material_len }, plain));
        free(aad);
    }
    aead_free(a);
    fixture_close(&f);
}

/* plain sealed under that record, as nobody but a box can: does it open? */
static int open_sealed(struct fixture *f, const struct version_record *v, struct bytes plain)
{
    struct version_record copy = copy_version(v);
    const struct key_record k = fixture_key_of(&copy, NULL, 0);
    int r;

    free(copy.material);
    copy.material = NULL;
    OK(backend_sealed_put(f->backend, &k, &copy, plain));
    r = open_it(f->backend, &copy, NULL, 0);
    /* Without making a key of it the halves cannot be compared: that is told when it is used. */
    if (plain.len == 0 || v->state == STATE_DESTROYED)
        CU_ASSERT_EQUAL(ops->check(f->backend, &k, &copy), r);
    version_record_clear(&copy);
    return r;
}

/* What is sealed authenticates, and is not what the row says. */
static void sealed_and_wrong(void)
{
    uint8_t plain[LB_PRIVATE_MAX];
    struct version_record v, other;
    struct fixture f;
    size_t len;

    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 2, 0);
    v = f.keys[0].versions[0];
    other = f.keys[0].versions[1];
    OK(backend_sealed_get(f.backend, &f.keys[0], &v, plain, &len));
    OK(open_sealed(&f, &v, (struct bytes){ plain, len }));
    FAILS(open_sealed(&f, &other, (struct bytes){ plain, len }), LB_E_DAMAGED);
    FAILS(open_sealed(&f, &v, (struct bytes){ plain, len - 1 }), LB_E_DAMAGED);
    FAILS(open_sealed(&f, &v, (struct bytes){ plain, 0 }), LB_E_DAMAGED);
    v.state = STATE_DESTROYED;
    OK(open_sealed(&f, &v, (struct bytes){ plain, 0 }));
    FAILS(open_sealed(&f, &v, (struct bytes){ plain, len }), LB_E_DAMAGED);
    fixture_close(&f);
}

static void another_store_opens_nothing(void)
{
    struct fixture f;
    struct key_record k;
    struct backend_sealed *other = NULL;
    uint8_t id[STORE_ID_SIZE], key[STORE_KEY_SIZE];

    fixture_open(&f);
    k = fixture_make_key(&f, "web", "ed25519", 1, 0);
    memcpy(id, f.id, sizeof(id));
    memcpy(key, f.store_key, sizeof(key));
    id[15] ^= 1;
    OK(backend_sealed_new(id, key, &other));
    FAILS(open_it(other, &k.versions[0], NULL, 0), LB_E_DAMAGED);
    backend_sealed_free(other);
    id[15] ^= 1;
    key[31] ^= 1;
    OK(backend_sealed_new(id, key, &other));
    FAILS(open_it(other, &k.versions[0], NULL, 0), LB_E_DAMAGED);
    backend_sealed_free(other);
    key_record_clear(&k);
    fixture_close(&f);
}

static void rebinding(void)
{
    struct fixture f;
    struct key_record k;
    struct version_record v;
    struct grant more[3];

    fixture_open(&f);
    k = fixture_make_key(&f, "web", "ec:P-256", 1, 2);
    memcpy(more, k.grants, 2 * sizeof(more[0]));
    more[2] = (struct grant){ SUBJECT_GROUP, 5000, OP_SIGN };
    v = copy_version(&k.versions[0]);
    v.state = STATE_DEACTIVATED;
    v.changed += 10;
    OK(fixture_rebind(&f, &k.versions[0], k.grants, 2, &v, more, 3));
    OK(open_it(f.backend, &v, more, 3));
    FAILS(open_it(f.backend, &v, k.grants, 2), LB_E_DAMAGED);
    CU_ASSERT(memcmp(v.material, k.versions[0].material, 20) != 0);
    /* The old one is as it was. */
    OK(open_it(f.backend, &k.versions[0], k.grants, 2));
    version_record_clear(&v);
    /* A shallow copy shares its material with the old record, which keeps it. */
    v = k.versions[0];
    v.changed += 11;
    OK(fixture_rebind(&f, &k.versions[0], k.grants, 2, &v, NULL, 0));
    OK(open_it(f.backend, &v, NULL, 0));
    OK(open_it(f.backend, &k.versions[0], k.grants, 2));
    free(v.material);
    /* From a record that is not whole nothing is taken over, and the new one is not touched. */
    v = copy_version(&k.versions[0]);
    k.versions[0].created++;
    FAILS(fixture_rebind(&f, &k.versions[0], k.grants, 2, &v, NULL, 0), LB_E_DAMAGED);
    CU_ASSERT(v.material_len == k.versions[0].material_len &&
              memcmp(v.material, k.versions[0].material, v.material_len) == 0);
    version_record_clear(&v);
    key_record_clear(&k);
    fixture_close(&f);
}

static void tombstones(void)
{
    struct fixture f;
    struct key_record k;
    struct version_record v, w;

    fixture_open(&f);
    k = fixture_make_key(&f, "web", "ed25519", 1, 0);
    v = copy_version(&k.versions[0]);
    v.state = STATE_DESTROYED;
    OK(fixture_rebind(&f, &k.versions[0], NULL, 0, &v, NULL, 0));
    CU_ASSERT(v.material_len < 32);
    OK(open_it(f.backend, &v, NULL, 0));
    v.changed++;
    FAILS(open_it(f.backend, &v, NULL, 0), LB_E_DAMAGED);
    v.changed--;
    /* There is no way back. */
    w = copy_version(&v);
    w.state = STATE_ACTIVE;
    FAILS(open_it(f.backend, &w, NULL, 0), LB_E_DAMAGED);
    FAILS(fixture_rebind(&f, &v, NULL, 0, &w, NULL, 0), LB_E_DESTROYED);
    version_record_clear(&w);
    /* A tombstone can be bound anew, and what is damaged can be destroyed. */
    w = copy_version(&v);
    w.changed += 5;
    OK(fixture_rebind(&f, &v, NULL, 0, &w, k.grants, 0));
    OK(open_it(f.backend, &w, NULL, 0));
    version_record_clear(&w);
    k.versions[0].material[20] ^= 1;
    w = copy_version(&k.versions[0]);
    w.state = STATE_DESTROYED;
    OK(fixture_rebind(&f, &k.versions[0], NULL, 0, &w, NULL, 0));
    OK(open_it(f.backend, &w, NULL, 0));
    version_record_clear(&w);
    version_record_clear(&v);
    key_record_clear(&k);
    fixture_close(&f);
}

/* The associated data of two different records must differ, wherever the bytes of a field end. */
static void associated_data_is_injective(void)
{
    static const uint8_t id[STORE_ID_SIZE], other[STORE_ID_SIZE] = { 1 };
    struct version_record a = { .name = "ab", .type = "c", .spki = (uint8_t *)"de", .spki_len = 2 };
    struct version_record b = { .name = "a", .type = "bc", .spki = (uint8_t *)"de", .spki_len = 2 };
    const struct key_record ka = fixture_key_of(&a, NULL, 0), kb = fixture_key_of(&b, NULL, 0),
                            many = fixture_key_of(&b, NULL, LB_GRANTS_MAX + 1);
    uint8_t *x = NULL, *y = NULL;
    size_t xlen = 0, ylen = 0;

    OK(bound_data(id, &ka, &a, &x, &xlen));
    OK(bound_data(id, &kb, &b, &y, &ylen));
    CU_ASSERT(xlen != ylen || memcmp(x, y, xlen) != 0);
    free(x);
    OK(bound_data(other, &kb, &b, &x, &xlen));
    CU_ASSERT(xlen == ylen && memcmp(x, y, xlen) != 0);
    free(x);
    free(y);
    a.spki_len = LB_SPKI_MAX + 1;
    FAILS(bound_data(id, &ka, &a, &x, &xlen), LB_E_TOO_LONG);
    FAILS(bound_data(id, &many, &b, &x, &xlen), LB_E_TOO_LONG);
}

/* Imports */

static uint8_t *pkcs8_of(EVP_PKEY *key, size_t *ret_len)
{
    PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(key);
    uint8_t *der = NULL;
    int len = i2d_PKCS8_PRIV_KEY_INFO(p8, &der);

    CU_ASSERT_FATAL(len > 0);
    PKCS8_PRIV_KEY_INFO_free(p8);
    *ret_len = (size_t)len;
    return der;
}

static struct version_record new_version(void)
{
    return (struct version_record){
        .key_id = { 9 }, .name = "web", .version = 1, .state = STATE_ACTIVE, .created = 5, .changed = 5
    };
}

static void keys_are_imported(void)
{
    static const char *const types[] = { "ec:P-256", "ec:P-384",     "ec:P-521",
                                         "rsa:2048", "rsa-pss:2048", "rsa-pss:2048:sha512",
                                         "ed25519",  "ed448" };
    struct fixture f;

    fixture_open(&f);
    for (size_t i = 0; i < COUNT(types); i++) {
        struct version_record v = new_version();
        const struct key_record k = fixture_key_of(&v, NULL, 0);
        EVP_PKEY *key = NULL, *got = NULL;
        struct problem p;
        size_t len;
        uint8_t *der;

        OK(keytype_generate(types[i], &key, &p));
        der = pkcs8_of(key, &len);
        OK(ops->import(f.backend, (struct bytes){ der, len }, &k, &v, &got, &p));
        TEXT_IS(v.type, types[i]);
        CU_ASSERT_EQUAL(EVP_PKEY_eq(key, got), 1);
        OK(open_it(f.backend, &v, NULL, 0));
        EVP_PKEY_free(got);
        EVP_PKEY_free(key);
        OPENSSL_free(der);
        version_record_clear(&v);
    }
    fixture_close(&f);
}

static void expect_refusal(struct fixture *f, const uint8_t *der, size_t len, int code, const char *text)
{
    struct version_record v = new_version();
    const struct key_record k = fixture_key_of(&v, NULL, 0);
    EVP_PKEY *key = NULL;
    struct problem p = { 0 };

    FAILS(ops->import(f->backend, (struct bytes){ der, len }, &k, &v, &key, &p), code);
    TEXT_HAS(p.text, text);
    CU_ASSERT_PTR_NULL(key);
    CU_ASSERT_PTR_NULL(v.spki);
    CU_ASSERT_PTR_NULL(v.material);
}

/* The private number of one P-256 key with the public point of another. */
static EVP_PKEY *mismatched(void)
{
    EVP_PKEY *a = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), *b = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    unsigned char point[200];
    size_t len = 0;
    BIGNUM *d = NULL;
    OSSL_PARAM *params;

    CU_ASSERT_FATAL(EVP_PKEY_get_bn_param(a, OSSL_PKEY_PARAM_PRIV_KEY, &d));
    CU_ASSERT_FATAL(EVP_PKEY_get_octet_string_param(b, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len));
    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d);
    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, len);
    params = OSSL_PARAM_BLD_to_param(bld);
    CU_ASSERT_FATAL(EVP_PKEY_fromdata_init(ctx) > 0 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) > 0);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    EVP_PKEY_CTX_free(ctx);
    BN_clear_free(d);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
    return key;
}

static void imports_are_refused(void)
{
    struct fixture f;
    EVP_PKEY *key;
    uint8_t *der, *longer;
    size_t len;

    fixture_open(&f);
    key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    der = pkcs8_of(key, &len);
    longer = malloc(len + 1);
    memcpy(longer, der, len);
    longer[len] = 0;
    expect_refusal(&f, longer, len + 1, LB_E_VALUE, "the key to import is not a DER PrivateKeyInfo");
    for (size_t cut = 0; cut < len; cut++)
        expect_refusal(&f, longer, cut, LB_E_VALUE, "is not a DER PrivateKeyInfo");
    /* The OID of Ed25519 becomes one that nobody knows. */
    longer[11] ^= 0x20;
    expect_refusal(&f, longer, len, LB_E_KEY_TYPE, "libcrypto does not understand the key to import");
    free(longer);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    der = pkcs8_of(key, &len);
    expect_refusal(&f, der, len, LB_E_KEY_TYPE, "keys of the algorithm SM2 are not held by a box");
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
    der = pkcs8_of(key, &len);
    expect_refusal(&f, der, len, LB_E_KEY_TYPE, "EC keys on the curve secp256k1 are not held by a box");
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    key = mismatched();
    der = pkcs8_of(key, &len);
    expect_refusal(&f, der, len, LB_E_VALUE, "the halves of the key to import do not belong together");
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    fixture_close(&f);
}

static void creation_is_refused(void)
{
    struct fixture f;
    struct version_record v = new_version();
    const struct key_record k = fixture_key_of(&v, NULL, 0);
    EVP_PKEY *key = NULL;
    struct problem p;

    fixture_open(&f);
    strcpy(v.type, "rsa:512");
    FAILS(ops->create(f.backend, &k, &v, &key, &p), LB_E_KEY_TYPE);
    TEXT_IS(p.text, "unknown key type 'rsa:512'");
    CU_ASSERT(key == NULL && v.spki == NULL && v.material == NULL);
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    { "made and opened", made_and_opened },
    { "each field is bound", each_field_is_bound },
    { "keys are derived", keys_are_derived },
    { "sealed and wrong", sealed_and_wrong },
    { "another store opens nothing", another_store_opens_nothing },
    { "rebinding", rebinding },
    { "tombstones", tombstones },
    { "associated data is injective", associated_data_is_injective },
    { "keys are imported", keys_are_imported },
    { "imports are refused", imports_are_refused },
    { "creation is refused", creation_is_refused },
    { NULL, NULL },
};
const struct unit_suite suite_backend = { "backend", tests };
