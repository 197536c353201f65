/* The name of the type that a key of libcrypto's has. */
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "model/key_types.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384

static int name_ec(EVP_PKEY *key, char *ret, struct problem *p)
{
    char group[80] = "", curves[KEYTYPE_LIST_MAX];
    const struct key_type *type;
    size_t len;
    int explicit_curve = 0;

    (void)EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_curve);
    if (explicit_curve) {
        problem_set(p, LB_E_KEY_TYPE, "the EC key writes out its curve instead of naming it");
        problem_hint(p, "RFC 5480 forbids it: convert the key with 'openssl ec -param_enc named_curve'");
        return LB_E_KEY_TYPE;
    }
    if (EVP_PKEY_get_group_name(key, group, sizeof(group), &len) <= 0)
        group[0] = '\0';
    type = keytype_of_group(group);
    if (type != NULL) {
        strcpy(ret, type->name);
        return 0;
    }
    problem_set(p, LB_E_KEY_TYPE, "EC keys on the curve %s are not held by a box",
                group[0] == '\0' ? "(unnamed)" : group);
    problem_hint(p, "%s are", keytype_curves(curves));
    return LB_E_KEY_TYPE;
}

static int check_bits(EVP_PKEY *key, struct problem *p)
{
    int bits = EVP_PKEY_get_bits(key);

    if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX)
        return 0;
    problem_set(p, LB_E_KEY_TYPE, "RSA keys of %d bits are not held by a box", bits);
    problem_hint(p, "from %d to %d bits are", RSA_BITS_MIN, RSA_BITS_MAX);
    return LB_E_KEY_TYPE;
}

static int name_rsa(const struct key_algorithm *a, EVP_PKEY *key, char *ret, struct problem *p)
{
    int r = check_bits(key, p);

    if (r == 0)
        snprintf(ret, LB_TYPE_MAX + 1, "%s:%d", a->type, EVP_PKEY_get_bits(key));
    return r;
}

/* The digest that an RSA-PSS key is restricted to; DIGEST_NONE: none. One that is not written is SHA-1 (RFC 4055 3.1). */
static enum digest pss_digest(EVP_PKEY *key)
{
    char name[64] = "SHA1";
    int salt = 0, digest;

    /* libcrypto tells the salt of every restricted key, and of no other. It tells the digest if that is not the default. */
    if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &salt) <= 0)
        return DIGEST_NONE;
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_RSA_DIGEST, name, sizeof(name), NULL) <= 0)
        strcpy(name, "SHA1");
    digest = digest_by_name(name);
    return digest < 0 ? DIGEST_NONE : (enum digest)digest;
}

static int name_rsa_pss(const struct key_algorithm *a, EVP_PKEY *key, char *ret, struct problem *p)
{
    enum digest digest = pss_digest(key);
    const char *suffix = keytype_digest_name(digest);
    int r = check_bits(key, p);

    if (r == 0)
        snprintf(ret, LB_TYPE_MAX + 1, "%s:%d%s%s", a->type, EVP_PKEY_get_bits(key), suffix == NULL ? "" : ":",
                 suffix == NULL ? "" : suffix);
    return r;
}

int keytype_of(EVP_PKEY *key, char ret[LB_TYPE_MAX + 1], struct problem *p)
{
    const struct key_algorithm *a = key_algorithm_of(key);
    const char *name = EVP_PKEY_get0_type_name(key);
    char families[KEYTYPE_LIST_MAX];

    if (a == NULL) {
        problem_set(p, LB_E_KEY_TYPE, "keys of the algorithm %s are not held by a box", name == NULL ? "?" : name);
        problem_hint(p, "%s are", keytype_families(families));
        return LB_E_KEY_TYPE;
    }
    switch (a->family) {
    case KEY_FAMILY_RSA:
        return name_rsa(a, key, ret, p);
    case KEY_FAMILY_RSA_PSS:
        return name_rsa_pss(a, key, ret, p);
    case KEY_FAMILY_EC:
        return name_ec(key, ret, p);
    default: /* those without parameters: the algorithm is the type */
        strcpy(ret, a->type);
        return 0;
    }
}
