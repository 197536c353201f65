/* Keys: generating them, and the check that both halves of a key belong together. */
#include "keys/make_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>
#include <strings.h>

#include "guard/secret.h"
#include "model/scheme.h"

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

static int refuse_libcrypto(const struct key_algorithm *a, struct problem *p)
{
    problem_set(p, LB_E_KEY_TYPE, "the box's libcrypto (OpenSSL %s) has no %s", OpenSSL_version(OPENSSL_VERSION_STRING),
                a->name);
    problem_hint(p, "it is in OpenSSL %s and later", a->since);
    return LB_E_KEY_TYPE;
}

static int generate(const struct key_type *type, enum digest digest, EVP_PKEY **ret)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(/* libctx= */ NULL, type->algorithm->name, /* properties= */ NULL);
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

/*
 * Checks the halves against each other with another key. Our private half with its public half gives the same secret as its
 * private half with our public half.
 */
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
    /* The only digest that the key takes, or the usual one. Schemes over texts have none, which is "UNDEF" or "". */
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
    const struct key_algorithm *a = key_algorithm_of(key);

    return a == NULL || (a->operations & KEY_SIGNS) != 0 ? pairwise_signature(key) : pairwise_agreement(key);
}

int keytype_generate(const char *type, EVP_PKEY **ret, struct problem *p)
{
    enum digest digest;
    const struct key_type *row = keytype_find(type, &digest);
    int r;

    if (row == NULL)
        return keytype_check(type, p);
    if (!libcrypto_has(row->algorithm->name))
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
