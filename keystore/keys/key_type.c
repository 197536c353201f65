/* Key types by name: generating them, naming them, and the check that both halves of a key belong together. */
#include "keys/key_type.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "guard/secret.h"
#include "model/scheme.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384

/* What can be generated. The algorithm is libcrypto's name; RSA-PSS may carry a digest behind its size. */
struct type {
    const char *name;
    const char *algorithm;
    const char *group;
    unsigned bits;
    bool restrictable;
};

static const struct type types[] = {
    { "ec:P-256", "EC", "P-256", 0, false },
    { "ec:P-384", "EC", "P-384", 0, false },
    { "ec:P-521", "EC", "P-521", 0, false },
    { "rsa:2048", "RSA", NULL, 2048, false },
    { "rsa:3072", "RSA", NULL, 3072, false },
    { "rsa:4096", "RSA", NULL, 4096, false },
    { "rsa-pss:2048", "RSA-PSS", NULL, 2048, true },
    { "rsa-pss:3072", "RSA-PSS", NULL, 3072, true },
    { "rsa-pss:4096", "RSA-PSS", NULL, 4096, true },
    { "ed25519", "ED25519", NULL, 0, false },
    { "ed448", "ED448", NULL, 0, false },
    { "x25519", "X25519", NULL, 0, false },
    { "x448", "X448", NULL, 0, false },
    { "ml-dsa-44", "ML-DSA-44", NULL, 0, false },
    { "ml-dsa-65", "ML-DSA-65", NULL, 0, false },
    { "ml-dsa-87", "ML-DSA-87", NULL, 0, false },
    { "slh-dsa-sha2-128s", "SLH-DSA-SHA2-128s", NULL, 0, false },
    { "slh-dsa-sha2-128f", "SLH-DSA-SHA2-128f", NULL, 0, false },
    { "slh-dsa-sha2-192s", "SLH-DSA-SHA2-192s", NULL, 0, false },
    { "slh-dsa-sha2-192f", "SLH-DSA-SHA2-192f", NULL, 0, false },
    { "slh-dsa-sha2-256s", "SLH-DSA-SHA2-256s", NULL, 0, false },
    { "slh-dsa-sha2-256f", "SLH-DSA-SHA2-256f", NULL, 0, false },
    { "slh-dsa-shake-128s", "SLH-DSA-SHAKE-128s", NULL, 0, false },
    { "slh-dsa-shake-128f", "SLH-DSA-SHAKE-128f", NULL, 0, false },
    { "slh-dsa-shake-192s", "SLH-DSA-SHAKE-192s", NULL, 0, false },
    { "slh-dsa-shake-192f", "SLH-DSA-SHAKE-192f", NULL, 0, false },
    { "slh-dsa-shake-256s", "SLH-DSA-SHAKE-256s", NULL, 0, false },
    { "slh-dsa-shake-256f", "SLH-DSA-SHAKE-256f", NULL, 0, false },
};

/* libcrypto's names of the curves that a box holds. */
static const struct {
    const char *group;
    const char *type;
} curves[] = {
    { "prime256v1", "ec:P-256" }, { "P-256", "ec:P-256" },     { "secp384r1", "ec:P-384" },
    { "P-384", "ec:P-384" },      { "secp521r1", "ec:P-521" }, { "P-521", "ec:P-521" },
};

/*
 * How digests are written in the name of a restricted RSA-PSS key. generate: also behind --type; others are only
 * imported.
 */
static const struct {
    const char *name;
    enum digest digest;
    bool generate;
} digests[] = {
    { "sha256", DIGEST_SHA256, true },          { "sha384", DIGEST_SHA384, true },
    { "sha512", DIGEST_SHA512, true },          { "sha1", DIGEST_SHA1, false },
    { "sha224", DIGEST_SHA224, false },         { "sha512-224", DIGEST_SHA512_224, false },
    { "sha512-256", DIGEST_SHA512_256, false },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The row of a type that can be generated, and the digest behind it (DIGEST_NONE: none), or NULL. */
static const struct type *find_type(const char *name, enum digest *ret_digest)
{
    *ret_digest = DIGEST_NONE;
    for (size_t i = 0; i < COUNT(types); i++) {
        size_t len = strlen(types[i].name);

        if (strncmp(name, types[i].name, len) != 0)
            continue;
        if (name[len] == '\0')
            return &types[i];
        for (size_t j = 0; name[len] == ':' && types[i].restrictable && j < COUNT(digests); j++) {
            if (digests[j].generate && strcmp(name + len + 1, digests[j].name) == 0) {
                *ret_digest = digests[j].digest;
                return &types[i];
            }
        }
    }
    return NULL;
}

bool keytype_name(size_t i, char ret[LB_TYPE_MAX + 1])
{
    for (size_t t = 0; t < COUNT(types); t++) {
        if (i-- == 0) {
            strcpy(ret, types[t].name);
            return true;
        }
        for (size_t d = 0; types[t].restrictable && d < COUNT(digests); d++) {
            if (digests[d].generate && i-- == 0) {
                snprintf(ret, LB_TYPE_MAX + 1, "%s:%s", types[t].name, digests[d].name);
                return true;
            }
        }
    }
    return false;
}

int keytype_check(const char *type, struct problem *p)
{
    enum digest digest;

    if (find_type(type, &digest) != NULL)
        return 0;
    problem_set(p, LB_E_KEY_TYPE, "unknown key type '%.64s'", type);
    problem_hint(p, "use one of: %s", KEYTYPE_LIST);
    return LB_E_KEY_TYPE;
}

/*
 * Restricts an RSA-PSS key to a digest, the same in MGF1, and to salts of at least its size, as TLS 1.3 uses them (RFC
 * 8446 4.2.3).
 */
static int restrict_pss(EVP_PKEY_CTX *ctx, enum digest digest)
{
    const char *name = digest_name(digest);
    int salt = (int)digest_size(digest);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_RSA_DIGEST, (char *)name, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, (char *)name, 0),
        OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &salt),
        OSSL_PARAM_construct_end(),
    };

    return EVP_PKEY_CTX_set_params(ctx, params);
}

static bool libcrypto_has(const char *algorithm)
{
    EVP_KEYMGMT *keymgmt;

    ERR_set_mark();
    keymgmt = EVP_KEYMGMT_fetch(/* libctx= */ NULL, algorithm, /* properties= */ NULL);
    ERR_pop_to_mark();
    EVP_KEYMGMT_free(keymgmt);
    return keymgmt != NULL;
}

static int refuse_libcrypto(const char *algorithm, struct problem *p)
{
    problem_set(p, LB_E_KEY_TYPE, "the box's libcrypto (OpenSSL %s) has no %s", OpenSSL_version(OPENSSL_VERSION_STRING),
                algorithm);
    problem_hint(p, "it is in OpenSSL 3.5 and later");
    return LB_E_KEY_TYPE;
}

static int generate(const struct type *type, enum digest digest, EVP_PKEY **ret)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(/* libctx= */ NULL, type->algorithm, /* properties= */ NULL);
    int r = LB_E_CRYPTO;

    *ret = NULL; /* libcrypto would fill a key that is there */
    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0)
        goto out;
    if (type->group != NULL && EVP_PKEY_CTX_set_group_name(ctx, type->group) <= 0)
        goto out;
    if (type->bits != 0 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)type->bits) <= 0)
        goto out;
    if (digest != DIGEST_NONE && restrict_pss(ctx, digest) <= 0)
        goto out;
    if (EVP_PKEY_generate(ctx, ret) > 0)
        r = 0;
out:
    EVP_PKEY_CTX_free(ctx);
    return r;
}

bool keytype_agree(EVP_PKEY *mine, EVP_PKEY *peer, unsigned char secret[LB_SHARED_MAX], size_t *ret_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(/* libctx= */ NULL, mine, /* properties= */ NULL);
    bool ok;

    *ret_len = LB_SHARED_MAX;
    ok = ctx != NULL && EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
         EVP_PKEY_derive(ctx, secret, ret_len) > 0;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* Another key agrees with the public half on what the private half agrees on with the other key. */
static int pairwise_agreement(EVP_PKEY *key)
{
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, EVP_PKEY_get0_type_name(key));
    unsigned char a[LB_SHARED_MAX], b[LB_SHARED_MAX];
    size_t a_len, b_len;
    int r = LB_E_CRYPTO;

    if (other != NULL && keytype_agree(key, other, a, &a_len) && keytype_agree(other, key, b, &b_len) && a_len == b_len &&
        CRYPTO_memcmp(a, b, a_len) == 0)
        r = 0;
    OPENSSL_cleanse(a, sizeof(a));
    OPENSSL_cleanse(b, sizeof(b));
    EVP_PKEY_free(other);
    return r;
}

static int pairwise_signature(EVP_PKEY *key)
{
    static const unsigned char text[] = "littlebox: do both halves of this key belong together?";
    EVP_MD_CTX *sign = EVP_MD_CTX_new(), *verify = EVP_MD_CTX_new();
    unsigned char *signature = NULL;
    char digest[64] = "";
    const char *md = NULL;
    size_t len = 0;
    int r = LB_E_CRYPTO;

    if (sign == NULL || verify == NULL)
        goto out;
    /* 2: the only digest that the key takes; for schemes over texts that is none, which libcrypto calls UNDEF or "". */
    if (EVP_PKEY_get_default_digest_name(key, digest, sizeof(digest)) > 0 && digest[0] != '\0' &&
        strcasecmp(digest, "UNDEF") != 0)
        md = digest;
    if (EVP_DigestSignInit_ex(sign, NULL, md, NULL, NULL, key, NULL) <= 0 ||
        EVP_DigestSign(sign, NULL, &len, text, sizeof(text)) <= 0)
        goto out;
    signature = OPENSSL_malloc(len);
    if (signature == NULL || EVP_DigestSign(sign, signature, &len, text, sizeof(text)) <= 0)
        goto out;
    if (EVP_DigestVerifyInit_ex(verify, NULL, md, NULL, NULL, key, NULL) > 0 &&
        EVP_DigestVerify(verify, signature, len, text, sizeof(text)) == 1)
        r = 0;
out:
    OPENSSL_free(signature);
    EVP_MD_CTX_free(sign);
    EVP_MD_CTX_free(verify);
    return r;
}

int keytype_pairwise(EVP_PKEY *key)
{
    bool signs = !EVP_PKEY_is_a(key, "X25519") && !EVP_PKEY_is_a(key, "X448");

    return signs ? pairwise_signature(key) : pairwise_agreement(key);
}

int keytype_generate(const char *type, EVP_PKEY **ret, struct problem *p)
{
    enum digest digest;
    const struct type *row = find_type(type, &digest);
    int r;

    if (row == NULL)
        return keytype_check(type, p);
    if (!libcrypto_has(row->algorithm))
        return refuse_libcrypto(row->algorithm, p);
    r = generate(row, digest, ret);
    if (r != 0 && secret_heap_is_short()) {
        problem_set(p, LB_E_NOMEM, "there is too little locked memory left to make a key of type %s", type);
        problem_hint(p, "try again when less is under way, or raise the limit on locked memory: LimitMEMLOCK= in the unit, ulimit -l");
        return LB_E_NOMEM;
    }
    if (r != 0)
        return problem_set(p, r, "libcrypto could not generate a key of type %s", type);
    r = keytype_pairwise(*ret);
    if (r != 0) {
        EVP_PKEY_free(*ret);
        *ret = NULL;
        problem_set(p, r, "the halves of the new key of type %s do not belong together", type);
        problem_hint(p, "do not trust this machine or its libcrypto with keys");
    }
    return r;
}

/* Naming what is there */

static int name_ec(EVP_PKEY *key, char *ret, struct problem *p)
{
    char group[80] = "";
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
    for (size_t i = 0; i < COUNT(curves); i++) {
        if (strcasecmp(group, curves[i].group) == 0) {
            strcpy(ret, curves[i].type);
            return 0;
        }
    }
    problem_set(p, LB_E_KEY_TYPE, "EC keys on the curve %s are not held by a box",
                group[0] == '\0' ? "(unnamed)" : group);
    problem_hint(p, "P-256, P-384 and P-521 are");
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

static int name_rsa(EVP_PKEY *key, char *ret, struct problem *p)
{
    int r = check_bits(key, p);

    if (r == 0)
        snprintf(ret, LB_TYPE_MAX + 1, "rsa:%d", EVP_PKEY_get_bits(key));
    return r;
}

/* The digest that an RSA-PSS key is restricted to; DIGEST_NONE: none. RFC 4055 3.1: without a word, it is SHA-1. */
static enum digest pss_digest(EVP_PKEY *key)
{
    char name[64] = "SHA1";
    int salt = 0, digest;

    /* libcrypto answers these for restricted keys alone, the salt always, the digest when it is not the default. */
    if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &salt) <= 0)
        return DIGEST_NONE;
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_RSA_DIGEST, name, sizeof(name), NULL) <= 0)
        strcpy(name, "SHA1");
    digest = digest_by_name(name);
    return digest < 0 ? DIGEST_NONE : (enum digest)digest;
}

static int name_rsa_pss(EVP_PKEY *key, char *ret, struct problem *p)
{
    enum digest digest = pss_digest(key);
    const char *suffix = NULL;
    int r = check_bits(key, p);

    for (size_t i = 0; i < COUNT(digests); i++) {
        if (digests[i].digest == digest)
            suffix = digests[i].name;
    }
    if (r == 0)
        snprintf(ret, LB_TYPE_MAX + 1, "rsa-pss:%d%s%s", EVP_PKEY_get_bits(key), suffix == NULL ? "" : ":",
                 suffix == NULL ? "" : suffix);
    return r;
}

int keytype_of(EVP_PKEY *key, char ret[LB_TYPE_MAX + 1], struct problem *p)
{
    static const struct {
        const char *algorithm;
        int (*name)(EVP_PKEY *key, char *ret, struct problem *p);
    } families[] = {
        { "EC", name_ec },
        { "RSA", name_rsa },
        { "RSA-PSS", name_rsa_pss },
    };
    const char *algorithm = EVP_PKEY_get0_type_name(key);

    for (size_t i = 0; i < COUNT(families); i++) {
        if (EVP_PKEY_is_a(key, families[i].algorithm))
            return families[i].name(key, ret, p);
    }
    /* Those without parameters: the algorithm is the type. */
    for (size_t i = 0; i < COUNT(types); i++) {
        if (types[i].group == NULL && types[i].bits == 0 && EVP_PKEY_is_a(key, types[i].algorithm)) {
            strcpy(ret, types[i].name);
            return 0;
        }
    }
    problem_set(p, LB_E_KEY_TYPE, "keys of the algorithm %s are not held by a box",
                algorithm == NULL ? "?" : algorithm);
    problem_hint(p, "RSA, RSA-PSS, EC on P-256, P-384 and P-521, Ed25519, Ed448, X25519, X448, ML-DSA and SLH-DSA are");
    return LB_E_KEY_TYPE;
}
