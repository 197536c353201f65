/* DER PrivateKeyInfo (RFC 5208 5): how a private key is sealed, and sent to a box. */
#include "keys/private_key_info.h"

#include <limits.h>
#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "model/key_types.h"
#include "model/spki.h"

/* The longest private number or string of a key that is written here: P-521's. */
#define OCTETS_MAX 72

/* ECPrivateKey (RFC 5915 3). Its curve is in the AlgorithmIdentifier outside. */
typedef struct {
    ASN1_INTEGER *version;
    ASN1_OCTET_STRING *number;
    ASN1_BIT_STRING *point;
} EC_PRIVATE;

/* clang-format off */
ASN1_SEQUENCE(EC_PRIVATE) = {
    ASN1_SIMPLE(EC_PRIVATE, version, ASN1_INTEGER),
    ASN1_SIMPLE(EC_PRIVATE, number, ASN1_OCTET_STRING),
    ASN1_EXP(EC_PRIVATE, point, ASN1_BIT_STRING, 1),
} static_ASN1_SEQUENCE_END(EC_PRIVATE)
/* clang-format on */

static bool set_bits(ASN1_BIT_STRING *bits, const uint8_t *p, size_t len)
{
#if OPENSSL_VERSION_MAJOR >= 4
    return ASN1_BIT_STRING_set1(bits, p, len, /* unused_bits= */ 0) > 0;
#else
    if (len > INT_MAX || ASN1_STRING_set(bits, p, (int)len) <= 0)
        return false;
    /* All bits count: else zeros at the end would be left out. */
    bits->flags = (bits->flags & ~(long)7) | ASN1_STRING_FLAG_BITS_LEFT;
    return true;
#endif
}

static void free_octets(ASN1_OCTET_STRING *octets)
{
    if (octets != NULL)
        OPENSSL_cleanse((void *)ASN1_STRING_get0_data(octets), (size_t)ASN1_STRING_length(octets));
    ASN1_OCTET_STRING_free(octets);
}

/* The private number of a key of EC, as long as the order of its curve. NULL: it gives out none. */
static ASN1_OCTET_STRING *number_of(const EVP_PKEY *key)
{
    uint8_t octets[OCTETS_MAX];
    int size = (EVP_PKEY_get_bits(key) + 7) / 8;
    ASN1_OCTET_STRING *ret = ASN1_OCTET_STRING_new();
    BIGNUM *number = NULL;

    if (ret == NULL || size <= 0 || size > OCTETS_MAX || EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) <= 0 ||
        BN_bn2binpad(number, octets, size) != size || ASN1_OCTET_STRING_set(ret, octets, size) <= 0) {
        free_octets(ret);
        ret = NULL;
    }
    OPENSSL_cleanse(octets, sizeof(octets));
    BN_clear_free(number);
    return ret;
}

/* What a PrivateKeyInfo holds of a key of EC, in memory for OPENSSL_clear_free(), and the curve. Its length, or -1. */
static int ec_octets(const EVP_PKEY *key, uint8_t **ret, int *ret_curve)
{
    EC_PRIVATE parts = { ASN1_INTEGER_new(), number_of(key), ASN1_BIT_STRING_new() };
    uint8_t *point = NULL;
    size_t point_len = 0;
    int len = -1;

    *ret_curve = spki_ec_point(key, &point, &point_len);
    if (*ret_curve != NID_undef && parts.version != NULL && parts.number != NULL && parts.point != NULL &&
        ASN1_INTEGER_set(parts.version, 1) > 0 && set_bits(parts.point, point, point_len))
        len = ASN1_item_i2d((ASN1_VALUE *)&parts, ret, ASN1_ITEM_rptr(EC_PRIVATE));
    OPENSSL_free(point);
    ASN1_INTEGER_free(parts.version);
    free_octets(parts.number);
    ASN1_BIT_STRING_free(parts.point);
    return len;
}

/* The same of a key of RFC 8410: its bytes as an OCTET STRING (7). */
static int raw_octets(const EVP_PKEY *key, uint8_t **ret)
{
    uint8_t octets[OCTETS_MAX];
    size_t octets_len = sizeof(octets);
    ASN1_OCTET_STRING *string = ASN1_OCTET_STRING_new();
    int len = -1;

    if (string != NULL && EVP_PKEY_get_raw_private_key(key, octets, &octets_len) > 0 &&
        ASN1_OCTET_STRING_set(string, octets, (int)octets_len) > 0)
        len = i2d_ASN1_OCTET_STRING(string, ret);
    free_octets(string);
    OPENSSL_cleanse(octets, sizeof(octets));
    return len;
}

/* NULL: the key is of another type. */
static PKCS8_PRIV_KEY_INFO *made_of_numbers(const EVP_PKEY *key)
{
    const struct key_algorithm *algorithm = key_algorithm_of(key);
    PKCS8_PRIV_KEY_INFO *p8 = NULL;
    uint8_t *octets = NULL;
    int len = -1, type = V_ASN1_UNDEF, curve;
    void *parameter = NULL;

    if (algorithm == NULL)
        return NULL;
    if (algorithm->family == KEY_FAMILY_EC) {
        len = ec_octets(key, &octets, &curve);
        type = V_ASN1_OBJECT;
        parameter = OBJ_nid2obj(curve);
    } else if (algorithm->point_size > 0) {
        len = raw_octets(key, &octets);
    }
    if (len > 0)
        p8 = PKCS8_PRIV_KEY_INFO_new();
    if (p8 != NULL && PKCS8_pkey_set0(p8, OBJ_txt2obj(algorithm->oid, /* no_name= */ 1), /* version= */ 0, type, parameter,
                                      octets, len) > 0)
        return p8;
    OPENSSL_clear_free(octets, len > 0 ? (size_t)len : 0);
    PKCS8_PRIV_KEY_INFO_free(p8);
    return NULL;
}

int private_key_info(const EVP_PKEY *key, uint8_t *into, size_t room, size_t *ret_len)
{
    PKCS8_PRIV_KEY_INFO *p8;
    int len, r = LB_E_CRYPTO;

    ERR_set_mark();
    p8 = made_of_numbers(key);
    ERR_pop_to_mark();
    if (p8 == NULL)
        p8 = EVP_PKEY2PKCS8(key);
    len = p8 == NULL ? -1 : i2d_PKCS8_PRIV_KEY_INFO(p8, NULL);
    if (len > 0) {
        *ret_len = (size_t)len;
        r = *ret_len > room ? LB_E_TOO_LONG : 0;
    }
    if (r == 0 && i2d_PKCS8_PRIV_KEY_INFO(p8, &into) != len)
        r = LB_E_CRYPTO;
    /* Wipes the octets. */
    PKCS8_PRIV_KEY_INFO_free(p8);
    return r;
}
