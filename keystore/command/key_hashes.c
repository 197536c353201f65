/* The hashes by which a box may know a public key: one key has several encodings, and each its own hash. */
#include "command/key_hashes.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/x509.h>
#include <string.h>

/* Longest coordinate in bytes, P-521; and longest AlgorithmIdentifier of a curve that is looked at. */
#define COORDINATE_MAX 66
#define ALGORITHM_MAX 512

static bool add_hash(struct key_hashes *all, const uint8_t *der, size_t len)
{
    bool ok = EVP_Digest(der, len, all->h[all->count], NULL, EVP_sha256(), NULL) > 0;

    all->count += ok;
    return ok;
}

/* A DER header of a length below 65536. */
static size_t put_header(uint8_t *to, uint8_t tag, size_t len)
{
    size_t n = 0;

    to[n++] = tag;
    if (len >= 256)
        to[n++] = 0x82;
    else if (len >= 128)
        to[n++] = 0x81;
    if (len >= 256)
        to[n++] = (uint8_t)(len >> 8);
    to[n++] = (uint8_t)len;
    return n;
}

/* SubjectPublicKeyInfo (RFC 5280 4.1): SEQUENCE { algorithm, BIT STRING point }. */
static bool add_point(struct key_hashes *all, const uint8_t *algorithm, size_t algorithm_len, const uint8_t *point, size_t len)
{
    uint8_t bits[8], head[8], der[ALGORITHM_MAX + 2 * COORDINATE_MAX + 32];
    size_t bits_len = put_header(bits, V_ASN1_BIT_STRING, len + 1), at;

    bits[bits_len++] = 0; /* unused bits */
    at = put_header(head, V_ASN1_CONSTRUCTED | V_ASN1_SEQUENCE, algorithm_len + bits_len + len);
    memcpy(der, head, at);
    memcpy(der + at, algorithm, algorithm_len);
    at += algorithm_len;
    memcpy(der + at, bits, bits_len);
    at += bits_len;
    memcpy(der + at, point, len);
    return add_hash(all, der, at + len);
}

static bool get_coordinate(const EVP_PKEY *key, const char *name, uint8_t *ret, size_t size)
{
    BIGNUM *n = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, name, &n) > 0 && BN_bn2binpad(n, ret, (int)size) == (int)size;

    BN_free(n);
    return ok;
}

/* The AlgorithmIdentifier in a SubjectPublicKeyInfo, header and all. */
static bool find_algorithm(const uint8_t *der, size_t len, const uint8_t **ret, size_t *ret_len)
{
    const uint8_t *at = der, *end = der + len;
    int tag, class;
    long n;

    if ((ASN1_get_object(&at, &n, &tag, &class, end - at) & 0x80) != 0)
        return false;
    *ret = at;
    if ((ASN1_get_object(&at, &n, &tag, &class, end - at) & 0x80) != 0)
        return false;
    *ret_len = (size_t)(at + n - *ret);
    return *ret_len <= ALGORITHM_MAX;
}

/* A point may be written in three forms (X9.62 4.3.6): 02 or 03, x; 04, x, y; 06 or 07, x, y. */
static bool add_forms(struct key_hashes *all, const EVP_PKEY *key, const uint8_t *der, size_t len)
{
    size_t size = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8, algorithm_len;
    uint8_t point[1 + 2 * COORDINATE_MAX];
    const uint8_t *algorithm;
    uint8_t odd;

    if (size == 0 || size > COORDINATE_MAX || !find_algorithm(der, len, &algorithm, &algorithm_len) ||
        !get_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, point + 1, size) ||
        !get_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, point + 1 + size, size))
        return false;
    odd = point[2 * size] & 1;
    point[0] = 4;
    if (!add_point(all, algorithm, algorithm_len, point, 1 + 2 * size))
        return false;
    point[0] = 2 + odd;
    if (!add_point(all, algorithm, algorithm_len, point, 1 + size))
        return false;
    point[0] = 6 + odd;
    return add_point(all, algorithm, algorithm_len, point, 1 + 2 * size);
}

bool keyhashes_of(EVP_PKEY *key, struct key_hashes *ret)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    bool ok;

    ret->count = 0;
    ok = len > 0 && add_hash(ret, der, (size_t)len);
    if (ok && EVP_PKEY_is_a(key, "EC"))
        ok = add_forms(ret, key, der, (size_t)len);
    OPENSSL_free(der);
    return ok;
}

bool keyhashes_have(const struct key_hashes *all, const uint8_t hash[LB_HASH_SIZE])
{
    for (size_t i = 0; i < all->count; i++) {
        if (memcmp(all->h[i], hash, LB_HASH_SIZE) == 0)
            return true;
    }
    return false;
}
