/* DER SubjectPublicKeyInfo (RFC 5280 4.1.2.7), and libcrypto's key of one. */
#include "model/spki.h"

#include <limits.h>
#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "model/key_types.h"

/* RSAPublicKey (RFC 8017 A.1.1) */
typedef struct {
    ASN1_INTEGER *modulus, *exponent;
} RSA_NUMBERS;

/* clang-format off */
ASN1_SEQUENCE(SPKI) = {
    ASN1_SIMPLE(SPKI, algorithm, X509_ALGOR),
    ASN1_SIMPLE(SPKI, key, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(SPKI)

ASN1_SEQUENCE(RSA_NUMBERS) = {
    ASN1_SIMPLE(RSA_NUMBERS, modulus, ASN1_INTEGER),
    ASN1_SIMPLE(RSA_NUMBERS, exponent, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END(RSA_NUMBERS)
/* clang-format on */

/* The value of exactly these bytes, or NULL. */
static ASN1_VALUE *read_item(const uint8_t *der, size_t len, const ASN1_ITEM *item)
{
    const uint8_t *p = der;
    ASN1_VALUE *value = len > LONG_MAX ? NULL : ASN1_item_d2i(NULL, &p, (long)len, item);

    if (value != NULL && p == der + len)
        return value;
    ASN1_item_free(value, item);
    return NULL;
}

SPKI *spki_read(const uint8_t *der, size_t len)
{
    return (SPKI *)read_item(der, len, ASN1_ITEM_rptr(SPKI));
}

void spki_free(SPKI *s)
{
    ASN1_item_free((ASN1_VALUE *)s, ASN1_ITEM_rptr(SPKI));
}

static EVP_PKEY *make_key(OSSL_LIB_CTX *libctx, const char *algorithm, OSSL_PARAM params[])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, algorithm, /* properties= */ NULL);
    EVP_PKEY *key = NULL;

    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *spki_point(OSSL_LIB_CTX *libctx, const SPKI *s, const char *algorithm, const char *group)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)ASN1_STRING_get0_data(s->key),
                                          (size_t)ASN1_STRING_length(s->key)),
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
        OSSL_PARAM_construct_end(),
    };

    if (group[0] == '\0')
        params[1] = OSSL_PARAM_construct_end();
    return make_key(libctx, algorithm, params);
}

static EVP_PKEY *rsa_key(OSSL_LIB_CTX *libctx, const SPKI *s)
{
    RSA_NUMBERS *numbers = (RSA_NUMBERS *)read_item(ASN1_STRING_get0_data(s->key), (size_t)ASN1_STRING_length(s->key),
                                                    ASN1_ITEM_rptr(RSA_NUMBERS));
    BIGNUM *n = numbers == NULL ? NULL : ASN1_INTEGER_to_BN(numbers->modulus, NULL);
    BIGNUM *e = numbers == NULL ? NULL : ASN1_INTEGER_to_BN(numbers->exponent, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY *key = NULL;

    if (n == NULL || e == NULL || BN_is_negative(n) || BN_is_negative(e) || build == NULL ||
        !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) ||
        !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
        goto out;
    params = OSSL_PARAM_BLD_to_param(build);
    if (params != NULL)
        key = make_key(libctx, "RSA", params);
out:
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    ASN1_item_free((ASN1_VALUE *)numbers, ASN1_ITEM_rptr(RSA_NUMBERS));
    return key;
}

static bool has_unused_bits(const ASN1_BIT_STRING *bits)
{
#if OPENSSL_VERSION_MAJOR >= 4
    size_t len;
    int unused = 0;

    return !ASN1_BIT_STRING_get_length(bits, &len, &unused) || unused != 0;
#else
    return (bits->flags & 7) != 0;
#endif
}

/*
 * The key of an SPKI that is written in the one common way: RSA with its NULL (RFC 3279 2.3.1), a named curve and a point in
 * full (RFC 5480 2.1.1, 2.2), and no parameters elsewhere (RFC 8410 3). Other ways have details that only libcrypto's decoder
 * keeps.
 */
static EVP_PKEY *common_key(OSSL_LIB_CTX *libctx, const SPKI *s)
{
    const struct key_algorithm *algorithm;
    const ASN1_OBJECT *oid = NULL;
    const void *parameter = NULL;
    int type = V_ASN1_UNDEF, nid;
    char text[80] = "";

    X509_ALGOR_get0(&oid, &type, &parameter, s->algorithm);
    nid = OBJ_obj2nid(oid);
    if (has_unused_bits(s->key))
        return NULL;
    switch (nid) {
    case NID_rsaEncryption:
        return type == V_ASN1_NULL ? rsa_key(libctx, s) : NULL;
    case NID_X9_62_id_ecPublicKey:
        if (type != V_ASN1_OBJECT || OBJ_obj2nid(parameter) == NID_undef || ASN1_STRING_length(s->key) == 0 ||
            ASN1_STRING_get0_data(s->key)[0] != POINT_CONVERSION_UNCOMPRESSED)
            return NULL;
        return spki_point(libctx, s, "EC", OBJ_nid2sn(OBJ_obj2nid(parameter)));
    default:
        (void)OBJ_obj2txt(text, sizeof(text), oid, /* no_name= */ 1);
        algorithm = key_algorithm_by_oid(text);
        return algorithm != NULL && algorithm->point_size > 0 && type == V_ASN1_UNDEF
                   ? spki_point(libctx, s, algorithm->name, "")
                   : NULL;
    }
}

EVP_PKEY *spki_key(OSSL_LIB_CTX *libctx, const uint8_t *der, size_t len)
{
    const uint8_t *p = der;
    EVP_PKEY *key = NULL;
    SPKI *s;

    if (len > LONG_MAX)
        return NULL;
    ERR_set_mark();
    s = spki_read(der, len);
    if (s != NULL)
        key = common_key(libctx, s);
    spki_free(s);
    ERR_pop_to_mark();
    if (key != NULL)
        return key;
    key = d2i_PUBKEY_ex(NULL, &p, (long)len, libctx, NULL);
    if (key != NULL && p != der + len) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

/* Longest point in full: P-521's, and those of curves that a box does not hold. */
#define COORDINATE_MAX 72

/* Writing it */

int spki_ec_point(const EVP_PKEY *key, uint8_t **ret, size_t *ret_len)
{
    char group[80] = "", encoding[32] = "";
    uint8_t point[1 + 2 * COORDINATE_MAX];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group)),
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, encoding, sizeof(encoding)),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_end(),
    };

    *ret = NULL;
    if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_params(key, params) <= 0 || !OSSL_PARAM_modified(&params[2]) ||
        params[2].return_size == 0 || strcmp(encoding, OSSL_PKEY_EC_ENCODING_GROUP) != 0)
        return NID_undef;
    /* A point in short is left to libcrypto: before 3.0.8 it told of no other, whatever the key has. */
    if (point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return NID_undef;
    *ret_len = params[2].return_size;
    *ret = OPENSSL_memdup(point, *ret_len);
    return *ret == NULL ? NID_undef : OBJ_txt2nid(group);
}

/* RSAPublicKey, in memory for OPENSSL_free(). Its length, or -1. */
static int rsa_numbers_of(const EVP_PKEY *key, uint8_t **ret)
{
    BIGNUM *n = NULL, *e = NULL;
    RSA_NUMBERS numbers = { NULL, NULL };
    int len = -1;

    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) > 0 && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) > 0) {
        numbers.modulus = BN_to_ASN1_INTEGER(n, NULL);
        numbers.exponent = BN_to_ASN1_INTEGER(e, NULL);
    }
    if (numbers.modulus != NULL && numbers.exponent != NULL)
        len = ASN1_item_i2d((ASN1_VALUE *)&numbers, ret, ASN1_ITEM_rptr(RSA_NUMBERS));
    ASN1_INTEGER_free(numbers.modulus);
    ASN1_INTEGER_free(numbers.exponent);
    BN_free(n);
    BN_free(e);
    return len;
}

/* The bytes of a key that is nothing but them, likewise. */
static int raw_of(const EVP_PKEY *key, uint8_t **ret)
{
    size_t len = 0;

    if (EVP_PKEY_get_raw_public_key(key, NULL, &len) <= 0 || len == 0 || len > INT_MAX)
        return -1;
    *ret = OPENSSL_malloc(len);
    return *ret != NULL && EVP_PKEY_get_raw_public_key(key, *ret, &len) > 0 ? (int)len : -1;
}

/* The length of what common_key() reads back; -1: the key is of another type, or is written in another way. */
static int write_common(const EVP_PKEY *key, uint8_t **ret)
{
    const struct key_algorithm *algorithm = key_algorithm_of(key);
    X509_PUBKEY *spki = X509_PUBKEY_new();
    uint8_t *bits = NULL;
    size_t point_len = 0;
    int len = -1, bits_len = -1, type = V_ASN1_UNDEF, curve;
    void *parameter = NULL;

    if (spki == NULL || algorithm == NULL)
        goto out;
    if (algorithm->family == KEY_FAMILY_RSA) {
        type = V_ASN1_NULL;
        bits_len = rsa_numbers_of(key, &bits);
    } else if (algorithm->family == KEY_FAMILY_EC) {
        type = V_ASN1_OBJECT;
        curve = spki_ec_point(key, &bits, &point_len);
        parameter = curve == NID_undef ? NULL : OBJ_nid2obj(curve);
        bits_len = parameter == NULL ? -1 : (int)point_len;
    } else if (algorithm->point_size > 0) {
        bits_len = raw_of(key, &bits);
    }
    if (bits_len > 0 && X509_PUBKEY_set0_param(spki, OBJ_txt2obj(algorithm->oid, /* no_name= */ 1), type, parameter, bits,
                                               bits_len) > 0) {
        bits = NULL; /* now owned by spki */
        len = i2d_X509_PUBKEY(spki, ret);
    }
out:
    OPENSSL_free(bits);
    X509_PUBKEY_free(spki);
    return len;
}

int spki_of(const EVP_PKEY *key, uint8_t **ret)
{
    int len;

    *ret = NULL;
    ERR_set_mark();
    len = write_common(key, ret);
    ERR_pop_to_mark();
    return len > 0 ? len : i2d_PUBKEY(key, ret);
}

/* Writing it in another way */

/* Writes the point of an EC key into s, in full. */
static bool set_whole_point(SPKI *s, const EVP_PKEY *key)
{
    uint8_t point[1 + 2 * COORDINATE_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
    BIGNUM *x = NULL, *y = NULL;
    int size = (EVP_PKEY_get_bits(key) + 7) / 8;
    bool ok;

    ok = size > 0 && size <= COORDINATE_MAX && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) > 0 &&
         EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) > 0 && BN_bn2binpad(x, point + 1, size) == size &&
         BN_bn2binpad(y, point + 1 + size, size) == size && ASN1_STRING_set(s->key, point, 1 + 2 * size) > 0;
    BN_free(x);
    BN_free(y);
    return ok;
}

/* What differs from the common way. */
enum way { WAY_COMMON, WAY_POINT, WAY_NULL };

static enum way way_of(const SPKI *s)
{
    const ASN1_OBJECT *oid = NULL;
    const void *parameter = NULL;
    int type = V_ASN1_UNDEF;

    X509_ALGOR_get0(&oid, &type, &parameter, s->algorithm);
    switch (OBJ_obj2nid(oid)) {
    case NID_X9_62_id_ecPublicKey:
        return type == V_ASN1_OBJECT && ASN1_STRING_length(s->key) > 0 &&
                       ASN1_STRING_get0_data(s->key)[0] != POINT_CONVERSION_UNCOMPRESSED
                   ? WAY_POINT
                   : WAY_COMMON;
    case NID_rsaEncryption:
        return type == V_ASN1_UNDEF ? WAY_NULL : WAY_COMMON;
    default:
        return WAY_COMMON;
    }
}

static bool change_way(SPKI *s, enum way way, const uint8_t *der, size_t len)
{
    EVP_PKEY *key;
    bool ok;

    if (way == WAY_NULL)
        return X509_ALGOR_set0(s->algorithm, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL) > 0;
    key = spki_key(NULL, der, len);
    ok = key != NULL && set_whole_point(s, key);
    EVP_PKEY_free(key);
    return ok;
}

bool spki_common(const uint8_t *der, size_t len, uint8_t **ret, size_t *ret_len)
{
    uint8_t *common = NULL;
    SPKI *s;
    enum way way;
    bool ok = true;
    int n;

    *ret = NULL;
    *ret_len = 0;
    ERR_set_mark();
    s = spki_read(der, len);
    way = s == NULL ? WAY_COMMON : way_of(s);
    if (way != WAY_COMMON) {
        n = change_way(s, way, der, len) ? ASN1_item_i2d((ASN1_VALUE *)s, &common, ASN1_ITEM_rptr(SPKI)) : -1;
        ok = n > 0 && (*ret = malloc((size_t)n)) != NULL;
        if (ok) {
            memcpy(*ret, common, (size_t)n);
            *ret_len = (size_t)n;
        }
    }
    OPENSSL_free(common);
    spki_free(s);
    ERR_pop_to_mark();
    return ok;
}

static bool same_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

bool spki_same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    uint8_t *x = NULL, *y = NULL;
    size_t x_len = 0, y_len = 0;
    bool same;

    if (same_bytes(a, a_len, b, b_len))
        return true;
    same = spki_common(a, a_len, &x, &x_len) && spki_common(b, b_len, &y, &y_len) && (x != NULL || y != NULL) &&
           same_bytes(x == NULL ? a : x, x == NULL ? a_len : x_len, y == NULL ? b : y, y == NULL ? b_len : y_len);
    free(x);
    free(y);
    return same;
}

bool spki_hash(const uint8_t *der, size_t len, uint8_t ret[32])
{
    uint8_t *common;
    size_t common_len;
    bool ok = spki_common(der, len, &common, &common_len);

    if (ok && common == NULL)
        ok = EVP_Digest(der, len, ret, NULL, EVP_sha256(), NULL) > 0;
    else if (ok)
        ok = EVP_Digest(common, common_len, ret, NULL, EVP_sha256(), NULL) > 0;
    free(common);
    return ok;
}
