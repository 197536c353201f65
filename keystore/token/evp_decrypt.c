/* The token's provider: RSA decryption. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "guard/secret.h"
#include "model/limits.h"
#include "token/evp.h"

#define FN(ID, type, fn) { OSSL_FUNC_##ID, (void (*)(void))_Generic(&(fn), OSSL_FUNC_##type##_fn *: &(fn)) }

struct decryption {
    struct p11_key *key; /* a reference */
    int padding;
    char digest[40], mgf1[40];
    uint8_t *label;
    size_t label_len;
    unsigned client_version, negotiated_version;
};

static void *decryption_new(void *provctx)
{
    struct decryption *c = calloc(1, sizeof(*c));

    (void)provctx;
    if (c != NULL)
        c->padding = RSA_PKCS1_PADDING;
    return c;
}

static void decryption_free(void *ctx)
{
    struct decryption *c = ctx;

    if (c == NULL)
        return;
    p11_key_unref(c->key);
    OPENSSL_free(c->label);
    free(c);
}

static int set_padding(struct decryption *c, const OSSL_PARAM *p)
{
    if (p->data_type == OSSL_PARAM_INTEGER)
        return OSSL_PARAM_get_int(p, &c->padding);
    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return 0;
    c->padding = strcmp(p->data, OSSL_PKEY_RSA_PAD_MODE_OAEP) == 0      ? RSA_PKCS1_OAEP_PADDING
                 : strcmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0 ? RSA_PKCS1_PADDING
                                                                        : 0;
    return c->padding != 0;
}

static int set_label(struct decryption *c, const OSSL_PARAM *p)
{
    void *label = NULL;

    if (!OSSL_PARAM_get_octet_string(p, &label, 0, &c->label_len))
        return 0;
    OPENSSL_free(c->label);
    c->label = label;
    return 1;
}

static int get_text(const OSSL_PARAM *p, char *ret, size_t size)
{
    return OSSL_PARAM_get_utf8_string(p, &ret, size);
}

static int set_params(void *ctx, const OSSL_PARAM params[])
{
    struct decryption *c = ctx;
    const OSSL_PARAM *p;

    if (params == NULL)
        return 1;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
    if (p != NULL && !set_padding(c, p))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST);
    if (p != NULL && !get_text(p, c->digest, sizeof(c->digest)))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST);
    if (p != NULL && !get_text(p, c->mgf1, sizeof(c->mgf1)))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);
    if (p != NULL && !set_label(c, p))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION);
    if (p != NULL && !OSSL_PARAM_get_uint(p, &c->client_version))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION);
    return p == NULL || OSSL_PARAM_get_uint(p, &c->negotiated_version);
}

static const OSSL_PARAM *settable(void *ctx, void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
        OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provctx;
    return params;
}

static int decrypt_init(void *ctx, void *keydata, const OSSL_PARAM params[])
{
    struct decryption *c = ctx;
    const struct p11_keydata *d = keydata;

    if (c == NULL || d == NULL || d->key == NULL)
        return 0;
    p11_key_unref(c->key);
    c->key = p11_key_ref(d->key);
    return set_params(c, params);
}

/* 0xff if they are the same, else 0; without a branch. */
static uint8_t same(unsigned a, unsigned b)
{
    unsigned d = a ^ b;

    return (uint8_t)(((d | (0u - d)) >> (sizeof(d) * 8 - 1)) - 1);
}

/*
 * Makes the block that raw RSA makes of the ciphertext, as long as the modulus. The token looks at no padding, so its
 * answer tells nothing of one.
 */
static int raw(struct decryption *c, struct bytes in, uint8_t *block, size_t size, struct problem *p)
{
    CK_MECHANISM m = { CKM_RSA_X_509, NULL, 0 };
    size_t len = 0;
    int r = p11_key_decrypt(c->key, &m, in, block, size, &len, p);

    /* Some tokens leave out the leading zeros of a number. */
    if (r == 0 && len < size) {
        memmove(block + size - len, block, len);
        memset(block, 0, size - len);
    }
    return r;
}

/* The token does no raw RSA, or not with this key or ciphertext. Then it is asked to take the padding off as well. */
static bool is_no_answer(int r)
{
    return r == LB_E_SCHEME || r == LB_E_CRYPTO || r == LB_E_TOKEN;
}

/*
 * RFC 5246 7.4.7.1: gives the premaster secret, or 48 random bytes if anything is wrong with it. Nothing depends on which
 * of the two it is: the random bytes are made in each case, before the token is asked.
 */
static int decrypt_tls(struct decryption *c, unsigned char *out, struct bytes in)
{
    size_t size = (size_t)EVP_PKEY_get_size(p11_key_public(c->key)), len = 0;
    uint8_t random[LB_TLS_PREMASTER], good, version;
    uint8_t *plain = OPENSSL_secure_zalloc(size), *block = OPENSSL_secure_zalloc(size);
    CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
    struct problem p = { 0 };
    int r = LB_E_NOMEM;

    if (plain == NULL || block == NULL || RAND_priv_bytes(random, sizeof(random)) <= 0)
        goto out;
    r = raw(c, in, block, size, &p);
    if (r == 0)
        len = (size_t)p11_unpad_length((struct bytes){ block, size }, plain);
    else if (is_no_answer(r))
        r = p11_key_decrypt(c->key, &m, in, plain, size, &len, &p);
    good = (uint8_t)(same((unsigned)-r, 0) & same((unsigned)len, LB_TLS_PREMASTER));
    version = (uint8_t)(same(plain[0], c->client_version >> 8) & same(plain[1], c->client_version & 0xff));
    if (c->negotiated_version != 0)
        version |= (uint8_t)(same(plain[0], c->negotiated_version >> 8) & same(plain[1], c->negotiated_version & 0xff));
    good &= version;
    for (size_t i = 0; i < sizeof(random); i++)
        out[i] = (uint8_t)((plain[i] & good) | (random[i] & ~good));
    OPENSSL_cleanse(random, sizeof(random));
out:
    OPENSSL_secure_clear_free(plain, size);
    OPENSSL_secure_clear_free(block, size);
    return r == 0 || r == LB_E_CRYPTO ? 1 : r == LB_E_NOMEM ? 0 : p11_evp_failed(&p);
}

static int decrypt_pkcs1(struct decryption *c, unsigned char *out, size_t *out_len, size_t out_size, struct bytes in)
{
    size_t size = (size_t)EVP_PKEY_get_size(p11_key_public(c->key));
    uint8_t *block = OPENSSL_secure_zalloc(size);
    CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
    struct problem p = { 0 };
    int r = block == NULL ? LB_E_NOMEM : raw(c, in, block, size, &p), ok = 0;

    if (r == 0) {
        *out_len = out_size;
        ok = p11_unpad(p11_key_public(c->key), (struct bytes){ block, size }, out, out_len);
    } else if (is_no_answer(r)) {
        r = p11_key_decrypt(c->key, &m, in, out, out_size, out_len, &p);
        ok = r == 0;
    }
    OPENSSL_secure_clear_free(block, size);
    /* Nobody is told what was wrong with the ciphertext. */
    return r == 0 || r == LB_E_CRYPTO || r == LB_E_NOMEM ? ok : p11_evp_failed(&p);
}

static int oaep(const struct decryption *c, CK_RSA_PKCS_OAEP_PARAMS *ret)
{
    const char *digest = c->digest[0] == '\0' ? "SHA1" : c->digest, *mgf1 = c->mgf1[0] == '\0' ? digest : c->mgf1;
    CK_MECHANISM_TYPE mgf_hash;
    CK_RSA_PKCS_MGF_TYPE ignored;
    struct problem p = { 0 };

    *ret = (CK_RSA_PKCS_OAEP_PARAMS){ .source = CKZ_DATA_SPECIFIED, .pSourceData = c->label,
                                      .ulSourceDataLen = c->label_len };
    if (p11_evp_digest(digest, &ret->hashAlg, &ignored) && p11_evp_digest(mgf1, &mgf_hash, &ret->mgf))
        return 1;
    problem_set(&p, LB_E_SCHEME, "PKCS#11 has no OAEP with %s and MGF1 with %s", digest, mgf1);
    return p11_evp_failed(&p);
}

static int decrypt(void *ctx, unsigned char *out, size_t *out_len, size_t out_size, const unsigned char *in,
                   size_t in_len)
{
    struct decryption *c = ctx;
    bool tls = c->padding == RSA_PKCS1_WITH_TLS_PADDING;
    size_t size = (size_t)EVP_PKEY_get_size(p11_key_public(c->key));
    struct bytes ciphertext = { in, in_len };
    CK_RSA_PKCS_OAEP_PARAMS params;
    CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &params, sizeof(params) };
    struct problem p = { 0 };
    int r;

    if (out == NULL) {
        *out_len = tls ? LB_TLS_PREMASTER : size;
        return 1;
    }
    if (out_size < (tls ? LB_TLS_PREMASTER : size))
        return 0;
    if (tls) {
        *out_len = LB_TLS_PREMASTER;
        return decrypt_tls(c, out, ciphertext);
    }
    if (c->padding == RSA_PKCS1_PADDING)
        return decrypt_pkcs1(c, out, out_len, out_size, ciphertext);
    if (c->padding != RSA_PKCS1_OAEP_PADDING || !oaep(c, &params))
        return 0;
    r = p11_key_decrypt(c->key, &m, ciphertext, out, out_size, out_len, &p);
    return r == 0 ? 1 : r == LB_E_CRYPTO ? 0 : p11_evp_failed(&p);
}

const OSSL_DISPATCH p11_rsa_cipher[] = {
    FN(ASYM_CIPHER_NEWCTX, asym_cipher_newctx, decryption_new),
    FN(ASYM_CIPHER_FREECTX, asym_cipher_freectx, decryption_free),
    FN(ASYM_CIPHER_DECRYPT_INIT, asym_cipher_decrypt_init, decrypt_init),
    FN(ASYM_CIPHER_DECRYPT, asym_cipher_decrypt, decrypt),
    FN(ASYM_CIPHER_SET_CTX_PARAMS, asym_cipher_set_ctx_params, set_params),
    FN(ASYM_CIPHER_SETTABLE_CTX_PARAMS, asym_cipher_settable_ctx_params, settable),
    { 0, NULL },
};
