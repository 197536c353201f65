/* model/key_types.c, keys/make_key.c: what is generated, how it is named, what is refused and with which words. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/make_key.h"
#include "keys/private_key_info.h"
#include "model/spki.h"
#include "unit.h"

/* Both halves are written as libcrypto writes them, and nothing is written behind the room that there is. */
static void check_written(const EVP_PKEY *key)
{
    PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(key);
    uint8_t *expected = NULL, *spki = NULL, *ours = malloc(LB_PRIVATE_MAX);
    int len = p8 == NULL ? -1 : i2d_PKCS8_PRIV_KEY_INFO(p8, &expected);
    size_t ours_len = 0;

    CU_ASSERT_FATAL(len > 0 && ours != NULL);
    OK(private_key_info(key, ours, LB_PRIVATE_MAX, &ours_len));
    CU_ASSERT(ours_len == (size_t)len && memcmp(ours, expected, ours_len) == 0);
    free(ours);
    ours = malloc((size_t)len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ours);
    OK(private_key_info(key, ours, (size_t)len, &ours_len));
    CU_ASSERT_EQUAL(private_key_info(key, ours, (size_t)len - 1, &ours_len), LB_E_TOO_LONG);
    OPENSSL_free(expected);
    expected = NULL;
    len = i2d_PUBKEY(key, &expected);
    CU_ASSERT(len > 0 && spki_of(key, &spki) == len && memcmp(spki, expected, (size_t)len) == 0);
    OPENSSL_free(expected);
    OPENSSL_free(spki);
    PKCS8_PRIV_KEY_INFO_free(p8);
    free(ours);
}

static void each_type_is_generated(void)
{
    static const struct {
        const char *type;
        const char *algorithm;
        int bits;
        bool slow;
    } types[] = {
        { "ec:P-256", "EC", 256, false },
        { "ec:P-384", "EC", 384, false },
        { "ec:P-521", "EC", 521, false },
        { "ed25519", "ED25519", 256, false },
        { "ed448", "ED448", 456, false },
        { "x25519", "X25519", 253, false },
        { "x448", "X448", 448, false },
        { "rsa:2048", "RSA", 2048, false },
        { "rsa-pss:2048", "RSA-PSS", 2048, false },
        { "rsa-pss:2048:sha384", "RSA-PSS", 2048, false },
        { "rsa:3072", "RSA", 3072, true },
        { "rsa:4096", "RSA", 4096, true },
        { "rsa-pss:3072:sha256", "RSA-PSS", 3072, true },
    };

    for (size_t i = 0; i < COUNT(types); i++) {
        EVP_PKEY *key = NULL;
        char name[LB_TYPE_MAX + 1];
        struct problem p;

        if (types[i].slow && unit_is_slow())
            continue;
        OK(keytype_check(types[i].type, &p));
        OK(keytype_generate(types[i].type, &key, &p));
        CU_ASSERT_PTR_NOT_NULL_FATAL(key);
        CU_ASSERT_TRUE(EVP_PKEY_is_a(key, types[i].algorithm));
        CU_ASSERT_EQUAL(EVP_PKEY_get_bits(key), types[i].bits);
        OK(keytype_of(key, name, &p));
        TEXT_IS(name, types[i].type);
        OK(keytype_pairwise(key));
        check_written(key);
        EVP_PKEY_free(key);
    }
}

/* Numbers that begin and end with zeros keep them; what is not written from numbers is written by libcrypto. */
static void private_halves_are_written(void)
{
    static const struct {
        const char *curve, *name, *value;
    } ways[] = {
        { "P-256", OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED },
        { "P-384", OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_HYBRID },
        { "P-521", OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT },
        { "brainpoolP256r1", OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED },
    };

    for (size_t i = 0; i < COUNT(ways); i++) {
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", ways[i].curve);

        CU_ASSERT_FATAL(key != NULL && EVP_PKEY_set_utf8_string_param(key, ways[i].name, ways[i].value) == 1);
        check_written(key);
        EVP_PKEY_free(key);
    }
    /* Some of them begin, and some of their points end, with a byte of zero. */
    for (unsigned i = 0; i < 1500; i++) {
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

        CU_ASSERT_PTR_NOT_NULL_FATAL(key);
        check_written(key);
        EVP_PKEY_free(key);
    }
}

/* A key whose file has no point has it in ours; one without a private half has nothing to write. */
static void halves_that_are_missing(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), *pub = NULL;
    uint8_t with[200], without[200], *der = NULL;
    const uint8_t *at;
    size_t with_len = 0, len = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    OK(private_key_info(key, with, sizeof(with), &with_len));
    CU_ASSERT_EQUAL(EVP_PKEY_set_int_param(key, OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, 0), 1);
    OK(private_key_info(key, without, sizeof(without), &len));
    CU_ASSERT(len == with_len && memcmp(with, without, len) == 0);
    CU_ASSERT_FATAL(spki_of(key, &der) > 0);
    at = der;
    pub = d2i_PUBKEY(NULL, &at, 91);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pub);
    CU_ASSERT_EQUAL(private_key_info(pub, with, sizeof(with), &len), LB_E_CRYPTO);
    OPENSSL_free(der);
    EVP_PKEY_free(pub);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

static void words_that_mean_a_type(void)
{
    static const struct {
        const char *word;
        const char *type;
    } words[] = {
        { "ec:P-256", "ec:P-256" },     { "P-256", "ec:P-256" },         { "p256", "ec:P-256" },
        { "prime256v1", "ec:P-256" },   { "secp256r1", "ec:P-256" },     { "EC:prime256v1", "ec:P-256" },
        { "ecdsa-p256", "ec:P-256" },   { "nistp256", "ec:P-256" },      { "ecdsa-sha2-nistp256", "ec:P-256" },
        { "ES256", "ec:P-256" },        { "ec-256", "ec:P-256" },        { "secp384r1", "ec:P-384" },
        { "SECP384R1", "ec:P-384" },    { "P-384", "ec:P-384" },         { "secp521r1", "ec:P-521" },
        { "P521", "ec:P-521" },         { "ES512", "ec:P-521" },         { "RSA:2048", "rsa:2048" },
        { "rsa2048", "rsa:2048" },      { "RSA-4096", "rsa:4096" },      { "rsa_3072", "rsa:3072" },
        { "RSA-PSS:2048", "rsa-pss:2048" },
        { "rsapss-3072-SHA384", "rsa-pss:3072:sha384" },
        { "Ed25519", "ed25519" },       { "ED25519", "ed25519" },        { "ED448", "ed448" },
        { "X25519", "x25519" },         { "X448", "x448" },              { "ML-DSA-65", "ml-dsa-65" },
        { "mldsa44", "ml-dsa-44" },     { "SLH-DSA-SHAKE-128s", "slh-dsa-shake-128s" },
    };
    char type[LB_TYPE_MAX + 1];
    struct problem p;

    for (size_t i = 0; i < COUNT(words); i++) {
        OK(keytype_meant(words[i].word, type, &p));
        TEXT_IS(type, words[i].type);
    }
    for (size_t i = 0; keytype_name(i, type); i++) {
        char same[LB_TYPE_MAX + 1];

        OK(keytype_check(type, &p));
        OK(keytype_meant(type, same, &p));
        TEXT_IS(same, type);
    }
}

/* What leaves a choice, or is another algorithm, is never taken for one of ours: it is proposed at most. */
static void words_that_leave_a_choice(void)
{
    static const struct {
        const char *word;
        const char *proposed; /* NULL: the list of all */
    } words[] = {
        { "ec", "ec:P-256" },        { "EC", "ec:P-256" },        { "ECDSA", "ec:P-256" },
        { "rsa", "rsa:3072" },       { "RSA", "rsa:3072" },       { "RSA-PSS", "rsa-pss:3072" },
        { "rsa:1024", "rsa:3072" },  { "rsa:2408", "rsa:2048" },  { "eddsa", "ed25519" },
        { "ed2519", "ed25519" },     { "ec:P-265", "ec:P-256" },  { "dsa", "ec:P-256" },
        { "secp256k1", "ec:P-256" }, { "dilithium3", "ml-dsa-65" }, { "ml-dsa", "ml-dsa-65" },
        { "256", NULL },             { "frobnicate", NULL },      { "", NULL },
        { "-", NULL },
    };
    char type[LB_TYPE_MAX + 1], text[120];
    struct problem p;

    for (size_t i = 0; i < COUNT(words); i++) {
        FAILS(LB_E_KEY_TYPE, keytype_meant(words[i].word, type, &p));
        snprintf(text, sizeof(text), "unknown key type '%s'", words[i].word);
        TEXT_IS(p.text, text);
        if (words[i].proposed == NULL)
            snprintf(text, sizeof(text), "use one of: ec:P-256 ec:P-384");
        else
            snprintf(text, sizeof(text), "did you mean %s? All types: littlebox help create", words[i].proposed);
        TEXT_HAS(p.hint, text);
    }
}

static void types_that_are_none(void)
{
    static const char *const types[] = { "",
                                         "ec",
                                         "ec:",
                                         "ec:P-224",
                                         "ec:p-256",
                                         "ec:P-256:sha256",
                                         "rsa",
                                         "rsa:1024",
                                         "rsa:2049",
                                         "rsa:02048",
                                         "rsa:2048:sha256",
                                         "rsa-pss",
                                         "rsa-pss:2048:",
                                         "rsa-pss:2048:md5",
                                         "rsa-pss:2048:sha1",
                                         "rsa-pss:2048:sha256x",
                                         "ED25519",
                                         "ed25519:",
                                         "X25519",
                                         "x25519:",
                                         "x449",
                                         "dsa:2048",
                                         "ec:P-256 " };

    for (size_t i = 0; i < COUNT(types); i++) {
        EVP_PKEY *key = NULL;
        struct problem p;

        unit_check_code(keytype_check(types[i], &p), LB_E_KEY_TYPE, types[i], __FILE__, __LINE__);
        TEXT_HAS(p.text, "unknown key type '");
        TEXT_HAS(p.text, types[i]);
        TEXT_HAS(p.hint, "use one of: ec:P-256 ec:P-384 ec:P-521 rsa:BITS");
        TEXT_HAS(p.hint, "slh-dsa-{sha2,shake}");
        FAILS(keytype_generate(types[i], &key, &p), LB_E_KEY_TYPE);
        CU_ASSERT_PTR_NULL(key);
    }
}

static EVP_PKEY *generate_rsa(const char *algorithm, int bits, const char *digest)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
    EVP_PKEY *key = NULL;

    CU_ASSERT_FATAL(EVP_PKEY_keygen_init(ctx) > 0);
    CU_ASSERT_FATAL(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits) > 0);
    if (digest != NULL)
        CU_ASSERT_FATAL(EVP_PKEY_CTX_set_rsa_pss_keygen_md_name(ctx, digest, NULL) > 0);
    CU_ASSERT_FATAL(EVP_PKEY_generate(ctx, &key) > 0);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void foreign_keys_are_named(void)
{
    static const struct {
        const char *algorithm;
        int bits;
        const char *digest, *name;
    } keys[] = {
        { "RSA", 2056, NULL, "rsa:2056" },
        { "RSA-PSS", 2048, "SHA1", "rsa-pss:2048:sha1" },
        { "RSA-PSS", 2048, "SHA512-256", "rsa-pss:2048:sha512-256" },
    };
    struct problem p;

    for (size_t i = 0; i < COUNT(keys); i++) {
        EVP_PKEY *key = generate_rsa(keys[i].algorithm, keys[i].bits, keys[i].digest);
        char name[LB_TYPE_MAX + 1];

        OK(keytype_of(key, name, &p));
        TEXT_IS(name, keys[i].name);
        OK(keytype_pairwise(key));
        check_written(key);
        EVP_PKEY_free(key);
    }
}

static void expect_refusal(EVP_PKEY *key, const char *text, const char *hint)
{
    char name[LB_TYPE_MAX + 1];
    struct problem p;

    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    FAILS(keytype_of(key, name, &p), LB_E_KEY_TYPE);
    TEXT_IS(p.text, text);
    TEXT_IS(p.hint, hint);
    EVP_PKEY_free(key);
}

/* A P-256 key that spells its curve out. */
static EVP_PKEY *generate_explicit(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL, *read = NULL;
    unsigned char *der = NULL;
    const unsigned char *at;
    int len;

    CU_ASSERT_FATAL(EVP_PKEY_keygen_init(ctx) > 0);
    CU_ASSERT_FATAL(EVP_PKEY_CTX_set_group_name(ctx, "P-256") > 0);
    CU_ASSERT_FATAL(EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_EXPLICIT_CURVE) > 0);
    CU_ASSERT_FATAL(EVP_PKEY_generate(ctx, &key) > 0);
    len = i2d_PrivateKey(key, &der);
    at = der;
    read = d2i_AutoPrivateKey(NULL, &at, len);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
    return read;
}

static EVP_PKEY *generate_sm2(void)
{
    return EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
}

/* The halves of two keys in one. */
static void halves_that_do_not_belong_together(void)
{
    static const char *const algorithms[] = { "X25519", "X448", "ED25519", "ED448" };

    for (size_t i = 0; i < COUNT(algorithms); i++) {
        EVP_PKEY *a = EVP_PKEY_Q_keygen(NULL, NULL, algorithms[i]), *b = EVP_PKEY_Q_keygen(NULL, NULL, algorithms[i]);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithms[i], NULL);
        EVP_PKEY *mixed = NULL;
        uint8_t private[64], public[64];
        size_t private_len = sizeof(private), public_len = sizeof(public);
        OSSL_PARAM params[3] = { OSSL_PARAM_END, OSSL_PARAM_END, OSSL_PARAM_END };

        CU_ASSERT_FATAL(EVP_PKEY_get_raw_private_key(a, private, &private_len) > 0);
        CU_ASSERT_FATAL(EVP_PKEY_get_raw_public_key(b, public, &public_len) > 0);
        params[0] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, private, private_len);
        params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, public, public_len);
        CU_ASSERT_FATAL(EVP_PKEY_fromdata_init(ctx) > 0);
        CU_ASSERT_FATAL(EVP_PKEY_fromdata(ctx, &mixed, EVP_PKEY_KEYPAIR, params) > 0);
        OK(keytype_pairwise(a));
        FAILS(keytype_pairwise(mixed), LB_E_CRYPTO);
        EVP_PKEY_free(mixed);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(b);
        EVP_PKEY_free(a);
    }
}

static void refusals_have_texts(void)
{
    expect_refusal(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"),
                   "EC keys on the curve secp256k1 are not held by a box", "P-256, P-384 and P-521 are");
    expect_refusal(generate_sm2(), "keys of the algorithm SM2 are not held by a box",
                   "RSA, RSA-PSS, EC on P-256, P-384 and P-521, Ed25519, Ed448, X25519, X448, ML-DSA and SLH-DSA are");
    expect_refusal(generate_rsa("RSA", 1024, NULL), "RSA keys of 1024 bits are not held by a box",
                   "from 2048 to 16384 bits are");
    expect_refusal(generate_rsa("RSA-PSS", 2040, NULL), "RSA keys of 2040 bits are not held by a box",
                   "from 2048 to 16384 bits are");
    expect_refusal(generate_explicit(), "the EC key writes out its curve instead of naming it",
                   "RFC 5480 forbids it: convert the key with 'openssl ec -param_enc named_curve'");
}

/* 1 when the key signs with PSS over this digest and a salt of that many bytes. */
static int signs(EVP_PKEY *key, const char *digest, int salt)
{
    unsigned char signature[512];
    size_t len = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx;
    int r = EVP_DigestSignInit_ex(ctx, &pctx, digest, NULL, NULL, key, NULL) > 0 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt) > 0 &&
            EVP_DigestSign(ctx, signature, &len, (const unsigned char *)"text", 4) > 0;

    EVP_MD_CTX_free(ctx);
    return r;
}

static void restrictions_restrict(void)
{
    EVP_PKEY *key = NULL;
    struct problem p;

    OK(keytype_generate("rsa-pss:2048:sha384", &key, &p));
    CU_ASSERT_EQUAL(signs(key, "SHA384", 48), 1);
    CU_ASSERT_EQUAL(signs(key, "SHA384", 47), 0);
    CU_ASSERT_EQUAL(signs(key, "SHA256", 48), 0);
    EVP_PKEY_free(key);
    OK(keytype_generate("rsa-pss:2048", &key, &p));
    CU_ASSERT_EQUAL(signs(key, "SHA256", 32), 1);
    CU_ASSERT_EQUAL(signs(key, "SHA512", 20), 1);
    EVP_PKEY_free(key);
}

/* Keys are made in the secure heap. Where that is full it is an error that says so, and the next one is made again. */
static void the_secure_heap_is_full(void)
{
    static const size_t lefts[] = { 0, 1024, 1536 };
    static void *blocks[64 << 10];
    EVP_PKEY *key = NULL;
    struct problem p;

    for (size_t i = 0; i < COUNT(lefts); i++) {
        size_t count = 0, left = 0;

        /* All of it, and then as much less. */
        while (count < COUNT(blocks) && (blocks[count] = OPENSSL_secure_malloc(512)) != NULL)
            count++;
        CU_ASSERT_FATAL(count < COUNT(blocks));
        for (; left < lefts[i]; left += 512)
            OPENSSL_secure_free(blocks[--count]);
        FAILS(LB_E_NOMEM, keytype_generate("rsa:4096", &key, &p));
        TEXT_IS(p.text, "there is too little locked memory left to make a key of type rsa:4096");
        TEXT_HAS(p.hint, "raise the limit on locked memory");
        CU_ASSERT_PTR_NULL(key);
        while (count > 0)
            OPENSSL_secure_free(blocks[--count]);
    }
    OK(keytype_generate("ec:P-256", &key, &p));
    EVP_PKEY_free(key);
}

/* Counts the types that a list in short stands for, "ml-dsa-{44,65,87}"; each must be one that is made, of that family. */
static size_t expand(const char *list, enum key_family family)
{
    const char *open = strchr(list, '{'), *close = open == NULL ? NULL : strchr(open, '}');
    const struct key_type *type;
    enum digest digest;
    size_t count = 0;
    char one[100];

    if (open == NULL) {
        type = keytype_find(list, &digest);
        CU_ASSERT_FATAL(type != NULL);
        CU_ASSERT(type->algorithm->family == family);
        return 1;
    }
    CU_ASSERT_FATAL(close != NULL);
    for (const char *at = open; at != close; at += strcspn(at, ",}")) {
        at++;
        snprintf(one, sizeof(one), "%.*s%.*s%s", (int)(open - list), list, (int)strcspn(at, ",}"), at, close + 1);
        count += expand(one, family);
    }
    return count;
}

static void lists_in_short_name_every_type(void)
{
    for (size_t i = 0; i < KEY_ALGORITHM_COUNT; i++) {
        const struct key_algorithm *a = &key_algorithms[i];
        size_t count = 0;

        for (size_t k = 0; k < KEY_ALGORITHM_COUNT; k++)
            count += key_algorithms[k].family == a->family;
        if (a->short_list != NULL) {
            CU_ASSERT_EQUAL(expand(a->short_list, a->family), count);
        }
    }
}

static void lists_are_made_from_the_table(void)
{
    char list[KEYTYPE_LIST_MAX];

    TEXT_IS(keytype_list(list),
            "ec:P-256 ec:P-384 ec:P-521 rsa:BITS rsa-pss:BITS[:DIGEST] (BITS: 2048 3072 4096; DIGEST: sha256 sha384 sha512) "
            "ed25519 ed448 x25519 x448 ml-dsa-{44,65,87} slh-dsa-{sha2,shake}-{128,192,256}{s,f}");
    TEXT_IS(keytype_curves(list), "P-256, P-384 and P-521");
    TEXT_IS(keytype_families(list), "RSA, RSA-PSS, EC on P-256, P-384 and P-521, Ed25519, Ed448, X25519, X448, ML-DSA and "
                                    "SLH-DSA");
}

/* What code takes for granted of the rows. */
static void rows_hold_together(void)
{
    const struct key_type *type;
    enum digest digest;

    for (unsigned number = 1; number <= KEY_ALGORITHM_COUNT; number++) {
        const struct key_algorithm *a = key_algorithm_by_number(number);

        CU_ASSERT_FATAL(a != NULL);
        CU_ASSERT_PTR_EQUAL(a, &key_algorithms[a->row]);
        CU_ASSERT_PTR_EQUAL(key_algorithm_by_oid(a->oid), a);
        CU_ASSERT_PTR_EQUAL(key_algorithm_by_type(a->type), a);
        /* What signs has schemes and a proof; what does nothing else agrees on secrets. */
        CU_ASSERT_EQUAL((a->operations & KEY_SIGNS) != 0, a->schemes != 0);
        CU_ASSERT_EQUAL(a->schemes != 0, a->proof_scheme != 0);
        CU_ASSERT(a->schemes == 0 ? a->operations == KEY_DERIVES : (a->schemes & 1u << a->proof_scheme) != 0);
        CU_ASSERT_EQUAL(a->token_curve != NULL, a->point_size != 0);
    }
    CU_ASSERT_PTR_NULL(key_algorithm_by_number(0));
    CU_ASSERT_PTR_NULL(key_algorithm_by_number(KEY_ALGORITHM_COUNT + 1));
    for (size_t i = 0; (type = keytype_row(i)) != NULL; i++) {
        CU_ASSERT_PTR_EQUAL(keytype_find(type->name, &digest), type);
        CU_ASSERT_PTR_EQUAL(key_algorithm_by_type(type->name), type->algorithm);
        CU_ASSERT_EQUAL(type->group != NULL, type->algorithm->family == KEY_FAMILY_EC);
        CU_ASSERT_EQUAL(type->group != NULL, type->group_name != NULL);
        CU_ASSERT(strlen(type->name) <= LB_TYPE_MAX);
        if (type->group != NULL) {
            CU_ASSERT_PTR_EQUAL(keytype_of_group(type->group_name), type);
        }
    }
}

static const struct unit_test tests[] = {
    { "private halves are written", private_halves_are_written }, { "halves that are missing", halves_that_are_missing },
    { "each type is generated", each_type_is_generated }, { "types that are none", types_that_are_none },
    { "the secure heap is full", the_secure_heap_is_full },
    { "words that mean a type", words_that_mean_a_type }, { "words that leave a choice", words_that_leave_a_choice },
    { "foreign keys are named", foreign_keys_are_named }, { "refusals have texts", refusals_have_texts },
    { "restrictions restrict", restrictions_restrict },   { "halves of two keys", halves_that_do_not_belong_together },
    { "rows hold together", rows_hold_together },         { "lists in short", lists_in_short_name_every_type },
    { "lists for people", lists_are_made_from_the_table },
    { NULL, NULL },
};
const struct unit_suite suite_keytype = { "keytype", tests };
