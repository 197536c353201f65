/* The hashes by which a box may know a public key: one key has several encodings, and each its own hash. */
#include "command/key_hashes.h"

#include <openssl/core_names.h>
#include <openssl/x509.h>
#include <string.h>

static const char *const point_forms[] = { "uncompressed", "compressed", "hybrid" };
#define FORMS (sizeof(point_forms) / sizeof(point_forms[0]))
_Static_assert(FORMS + 1 == KEY_HASHES_MAX, "one for each form, and the file's");

static bool add_hash(struct key_hashes *all, const EVP_PKEY *key)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, all->h[all->count], NULL, EVP_sha256(), NULL) > 0;

    OPENSSL_free(der);
    all->count += ok;
    return ok;
}

bool keyhashes_of(EVP_PKEY *key, struct key_hashes *ret)
{
    EVP_PKEY *other;
    bool ok;

    ret->count = 0;
    ok = add_hash(ret, key);
    if (!ok || !EVP_PKEY_is_a(key, "EC"))
        return ok;
    other = EVP_PKEY_dup(key);
    for (size_t i = 0; ok && i < FORMS; i++)
        ok = other != NULL &&
             EVP_PKEY_set_utf8_string_param(other, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, point_forms[i]) > 0 &&
             add_hash(ret, other);
    EVP_PKEY_free(other);
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
