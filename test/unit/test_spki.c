/* spki.c: every type of key, and input that is none; always what libcrypto's own decoder would say. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "model/spki.h"
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
    CU_ASSERT_EQUAL((size_t)spki_of(key, &again), len);
    CU_ASSERT(again != NULL && memcmp(again, der, len) == 0);
    OPENSSL_free(again);
    CU_ASSERT_EQUAL((size_t)spki_of(expected, &again), len);
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

/* Of a key of EC; form is of OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT. Its length. */
static size_t point_in_form(EVP_PKEY *key, const char *form, uint8_t der[DER_MAX])
{
    uint8_t *p = der;
    int len;

    CU_ASSERT_FATAL(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, form) == 1);
    len = i2d_PUBKEY(key, NULL);
    CU_ASSERT_FATAL(len > 0 && len <= DER_MAX && i2d_PUBKEY(key, &p) == len);
    return (size_t)len;
}

static bool hash_is_same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    uint8_t x[32], y[32];

    CU_ASSERT_TRUE(spki_hash(a, a_len, x));
    CU_ASSERT_TRUE(spki_hash(b, b_len, y));
    return memcmp(x, y, sizeof(x)) == 0;
}

/* A point in full, in short, or in both at once is one point; another point is not, nor is its mirror. */
static void same_points(void)
{
    static const char *const curves[] = { "P-256", "P-384", "P-521" };
    static const char *const forms[] = { "uncompressed", "compressed", "hybrid" };
    uint8_t a[DER_MAX], b[DER_MAX], other[DER_MAX], *common;
    size_t common_len;

    for (size_t c = 0; c < COUNT(curves); c++) {
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[c]), *stranger = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[c]);
        size_t whole = point_in_form(key, forms[0], a);

        CU_ASSERT_TRUE(spki_common(a, whole, &common, &common_len));
        CU_ASSERT_PTR_NULL(common);
        for (size_t f = 0; f < COUNT(forms); f++) {
            size_t len = point_in_form(key, forms[f], b), other_len = point_in_form(stranger, forms[f], other);

            CU_ASSERT_EQUAL(whole == len && memcmp(a, b, len) == 0, f == 0);
            CU_ASSERT_TRUE(spki_same(a, whole, b, len));
            CU_ASSERT_TRUE(spki_same(b, len, a, whole));
            CU_ASSERT_TRUE(hash_is_same(a, whole, b, len));
            CU_ASSERT_FALSE(spki_same(a, whole, other, other_len));
            CU_ASSERT_FALSE(hash_is_same(a, whole, other, other_len));
            if (f == 0)
                continue;
            CU_ASSERT_TRUE(spki_common(b, len, &common, &common_len));
            CU_ASSERT(common != NULL && common_len == whole && memcmp(common, a, whole) == 0);
            free(common);
        }
        /* The point with the other y, of which only one bit of the short form tells. */
        (void)point_in_form(key, "compressed", b);
        b[i2d_PUBKEY(key, NULL) - (EVP_PKEY_get_bits(key) + 7) / 8 - 1] ^= 1;
        CU_ASSERT_FALSE(spki_same(a, whole, b, (size_t)i2d_PUBKEY(key, NULL)));
        EVP_PKEY_free(stranger);
        EVP_PKEY_free(key);
    }
}

/* The NULL of an RSA key's algorithm may be left out. */
static void same_numbers(void)
{
    uint8_t with[DER_MAX], without[DER_MAX], *common;
    size_t len = make_der(0, with), common_len, n = 0;

    /* SEQUENCE of 3 bytes' head, SEQUENCE { OID of 11 bytes, NULL of 2 }. */
    CU_ASSERT_FATAL(with[1] == 0x81 && with[4] == 13 && with[16] == 5 && with[17] == 0);
    for (size_t i = 0; i < len; i++) {
        if (i != 16 && i != 17)
            without[n++] = with[i];
    }
    without[2] = (uint8_t)(without[2] - 2);
    without[4] = 11;
    CU_ASSERT_TRUE(spki_same(with, len, without, n));
    CU_ASSERT_TRUE(hash_is_same(with, len, without, n));
    CU_ASSERT_TRUE(spki_common(without, n, &common, &common_len));
    CU_ASSERT(common != NULL && common_len == len && memcmp(common, with, len) == 0);
    free(common);
}

/* What is no key is nothing but itself, and leaves libcrypto's queue as it was. */
static void same_nonsense(void)
{
    uint8_t der[DER_MAX], damaged[DER_MAX], hash[32];
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    size_t len = point_in_form(key, "compressed", der);

    memcpy(damaged, der, len);
    damaged[len - 33] = 5; /* no form of a point */
    ERR_clear_error();
    CU_ASSERT_TRUE(spki_same(damaged, len, damaged, len));
    CU_ASSERT_TRUE(spki_same(der, 0, der, 0));
    CU_ASSERT_FALSE(spki_same(der, len, damaged, len));
    CU_ASSERT_FALSE(spki_same(damaged, len, der, len));
    CU_ASSERT_FALSE(spki_same(der, len, der, len - 1));
    CU_ASSERT_FALSE(spki_same(der, len, der, 0));
    CU_ASSERT_FALSE(spki_hash(damaged, len, hash));
    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
    EVP_PKEY_free(key);
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
    { "same points", same_points },
    { "same numbers", same_numbers },
    { "same nonsense", same_nonsense },
    { "cut off, too long", cut_off_and_too_long },
    { "damaged", damaged },
    { NULL, NULL },
};
const struct unit_suite suite_spki = { "spki", tests };
