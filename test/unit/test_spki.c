/* spki.c: every type of key, and input that is none; always what libcrypto's own decoder would say. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "spki.h"
#include "unit.h"

#define DER_MAX 1024

/* On a copy that ends where the input ends, so that a sanitizer sees any byte read behind it. */
static EVP_PKEY *of_copy(const uint8_t *der, size_t len)
{
    uint8_t *copy = malloc(len + 1);
    EVP_PKEY *key;

    CU_ASSERT_FATAL(copy != NULL);
    memcpy(copy + 1, der, len);
    key = spki_key(NULL, copy + 1, len);
    free(copy);
    return key;
}

/* What goes in is what comes out again. */
static void check_same(const uint8_t *der, size_t len)
{
    const uint8_t *p = der;
    EVP_PKEY *expected = d2i_PUBKEY(NULL, &p, (long)len), *key = of_copy(der, len);
    uint8_t *again = NULL;

    CU_ASSERT_FATAL(expected != NULL && key != NULL);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(key, expected), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_get_bits(key), EVP_PKEY_get_bits(expected));
    CU_ASSERT_EQUAL(EVP_PKEY_get_size(key), EVP_PKEY_get_size(expected));
    CU_ASSERT_STRING_EQUAL(EVP_PKEY_get0_type_name(key), EVP_PKEY_get0_type_name(expected));
    CU_ASSERT_EQUAL((size_t)i2d_PUBKEY(key, &again), len);
    CU_ASSERT(again != NULL && memcmp(again, der, len) == 0);
    OPENSSL_free(again);
    EVP_PKEY_free(key);
    EVP_PKEY_free(expected);
}

static EVP_PKEY *generate(const char *type, const OSSL_PARAM *params)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    CU_ASSERT_FATAL(EVP_PKEY_keygen_init(ctx) > 0 && EVP_PKEY_CTX_set_params(ctx, params) > 0 &&
                    EVP_PKEY_generate(ctx, &key) > 0);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static const struct {
    const char *type, *name, *value;
    size_t bits;
} kinds[] = {
    { "RSA", NULL, NULL, 1024 },
    { "RSA-PSS", OSSL_PKEY_PARAM_RSA_DIGEST, "SHA256", 1024 },
    { "EC", OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0 },
    { "EC", OSSL_PKEY_PARAM_GROUP_NAME, "P-384", 0 },
    { "EC", OSSL_PKEY_PARAM_GROUP_NAME, "P-521", 0 },
    { "EC", OSSL_PKEY_PARAM_GROUP_NAME, "brainpoolP256r1", 0 },
    { "ED25519", NULL, NULL, 0 },
    { "ED448", NULL, NULL, 0 },
    { "X25519", NULL, NULL, 0 },
    { "X448", NULL, NULL, 0 },
};

static size_t make_der(size_t kind, uint8_t der[DER_MAX])
{
    OSSL_PARAM params[3];
    size_t n = 0, bits = kinds[kind].bits;
    uint8_t *p = der;
    EVP_PKEY *key;
    int len;

    if (bits > 0)
        params[n++] = OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits);
    if (kinds[kind].name != NULL)
        params[n++] = OSSL_PARAM_construct_utf8_string(kinds[kind].name, (char *)kinds[kind].value, 0);
    params[n] = OSSL_PARAM_construct_end();
    key = generate(kinds[kind].type, params);
    len = i2d_PUBKEY(key, NULL);
    CU_ASSERT_FATAL(len > 0 && len <= DER_MAX && i2d_PUBKEY(key, &p) == len);
    EVP_PKEY_free(key);
    return (size_t)len;
}

static void all_types(void)
{
    uint8_t der[DER_MAX];

    for (size_t i = 0; i < COUNT(kinds); i++)
        check_same(der, make_der(i, der));
}

/* A point in short, and a curve in all its numbers: both are read, and kept as they are. */
static void uncommon_ways(void)
{
    static const struct {
        const char *name, *value;
    } ways[] = {
        { OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED },
        { OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT },
    };

    for (size_t i = 0; i < COUNT(ways); i++) {
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        uint8_t *der = NULL;
        int len;

        CU_ASSERT_FATAL(EVP_PKEY_set_utf8_string_param(key, ways[i].name, ways[i].value) == 1);
        len = i2d_PUBKEY(key, &der);
        CU_ASSERT_FATAL(len > 0);
        check_same(der, (size_t)len);
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
}

static void check_none(const uint8_t *der, size_t len)
{
    EVP_PKEY *key = of_copy(der, len);

    CU_ASSERT_PTR_NULL(key);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

static void cut_off_and_too_long(void)
{
    uint8_t der[DER_MAX + 1];

    for (size_t i = 0; i < COUNT(kinds); i++) {
        size_t len = make_der(i, der);

        for (size_t n = 0; n < len; n++)
            check_none(der, n);
        der[len] = 0;
        check_none(der, len + 1);
    }
}

/* Each byte is turned around: libcrypto's decoder and this one agree on what it is then, and that it is none. */
static void damaged(void)
{
    uint8_t der[DER_MAX];

    for (size_t i = 0; i < COUNT(kinds); i++) {
        size_t len = make_der(i, der);

        for (size_t at = 0; at < len; at++) {
            const uint8_t *p = der;
            EVP_PKEY *expected, *key;

            der[at] ^= 0xff;
            expected = d2i_PUBKEY(NULL, &p, (long)len);
            key = of_copy(der, len);
            CU_ASSERT_EQUAL(key != NULL, expected != NULL && p == der + len);
            CU_ASSERT(key == NULL || EVP_PKEY_eq(key, expected) == 1);
            EVP_PKEY_free(key);
            EVP_PKEY_free(expected);
            der[at] ^= 0xff;
        }
    }
    ERR_clear_error();
}

static const struct unit_test tests[] = {
    { "all types", all_types },
    { "in uncommon ways", uncommon_ways },
    { "cut off, too long", cut_off_and_too_long },
    { "damaged", damaged },
    { NULL, NULL },
};
const struct unit_suite suite_spki = { "spki", tests };
