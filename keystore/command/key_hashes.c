/* The hashes by which a box may know a public key: one key has several encodings, and each its own hash. */
#include "command/key_hashes.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <string.h>

#include "model/key_types.h"
#include "model/spki.h"

/* Longest coordinate in bytes: P-521. */
#define COORDINATE_MAX 66

static bool add_hash(struct key_hashes *all, const uint8_t *der, size_t len)
{
    bool ok = EVP_Digest(der, len, all->h[all->count], NULL, EVP_sha256(), NULL) > 0;

    all->count += ok;
    return ok;
}

/* The SubjectPublicKeyInfo (RFC 5480 2) of a point that is encoded already: making a key of it would take ten times as long. */
static bool add_point(struct key_hashes *all, int curve, const uint8_t *point, size_t len)
{
    X509_PUBKEY *spki = X509_PUBKEY_new();
    uint8_t *copy = OPENSSL_memdup(point, len), *der = NULL;
    int n = 0;
    bool ok;

    if (spki != NULL && copy != NULL &&
        X509_PUBKEY_set0_param(spki, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT, OBJ_nid2obj(curve), copy, (int)len)) {
        copy = NULL; /* now owned by spki */
        n = i2d_X509_PUBKEY(spki, &der);
    }
    ok = n > 0 && add_hash(all, der, (size_t)n);
    OPENSSL_free(der);
    OPENSSL_free(copy);
    X509_PUBKEY_free(spki);
    return ok;
}

static bool get_coordinate(const EVP_PKEY *key, const char *name, uint8_t *ret, size_t size)
{
    BIGNUM *n = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, name, &n) > 0 && BN_bn2binpad(n, ret, (int)size) == (int)size;

    BN_free(n);
    return ok;
}

/* In full: that is how nearly all keys have it. Coordinates by themselves take two more questions. */
static bool get_point(const EVP_PKEY *key, uint8_t *ret, size_t size)
{
    uint8_t *point = NULL;
    size_t len = 0;
    bool ok = spki_ec_point(key, &point, &len) != NID_undef && len == 1 + 2 * size;

    if (ok)
        memcpy(ret, point, len);
    else
        ok = get_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, ret + 1, size) &&
             get_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, ret + 1 + size, size);
    ret[0] = 4;
    OPENSSL_free(point);
    return ok;
}

/* A point may be written in three forms (X9.62 4.3.6): 02 or 03, x; 04, x, y; 06 or 07, x, y. */
static bool add_forms(struct key_hashes *all, const EVP_PKEY *key, const struct key_type *type)
{
    size_t size = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
    int curve = OBJ_txt2nid(type->group_name);
    uint8_t point[1 + 2 * COORDINATE_MAX];
    uint8_t odd;

    if (size > COORDINATE_MAX || curve == NID_undef || !get_point(key, point, size))
        return false;
    odd = point[2 * size] & 1;
    if (!add_point(all, curve, point, 1 + 2 * size))
        return false;
    point[0] = 2 + odd;
    if (!add_point(all, curve, point, 1 + size))
        return false;
    point[0] = 6 + odd;
    return add_point(all, curve, point, 1 + 2 * size);
}

/* The row of a key's curve. NULL: the key is on none. */
static const struct key_type *curve_of(const EVP_PKEY *key)
{
    char group[64];

    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) > 0 ? keytype_of_group(group)
                                                                                                    : NULL;
}

int keyhashes_of(EVP_PKEY *key, struct key_hashes *ret, struct problem *p)
{
    const struct key_type *type = curve_of(key);
    char name[LB_TYPE_MAX + 1];
    uint8_t *der = NULL;
    int len, r = keytype_of(key, name, p);
    bool ok;

    if (r != 0)
        return r;
    ret->count = 0;
    len = spki_of(key, &der);
    ok = len > 0 && add_hash(ret, der, (size_t)len);
    if (ok && type != NULL)
        ok = add_forms(ret, key, type);
    OPENSSL_free(der);
    return ok ? 0 : problem_set(p, LB_E_NOMEM, "out of memory");
}

bool keyhashes_have(const struct key_hashes *all, const uint8_t hash[LB_HASH_SIZE])
{
    for (size_t i = 0; i < all->count; i++) {
        if (memcmp(all->h[i], hash, LB_HASH_SIZE) == 0)
            return true;
    }
    return false;
}
