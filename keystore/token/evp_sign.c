/* The token's provider: signatures, from libcrypto's form to Cryptoki's and back. */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "token/evp.h"

#define FN(ID, type, fn) { OSSL_FUNC_##ID, (void (*)(void))_Generic(&(fn), OSSL_FUNC_##type##_fn *: &(fn)) }
#define PREFIX_MAX 32
/* Longest r and s together: P-521. */
#define RAW_MAX (2 * 66)
#define RSA_BYTES_MAX (OPENSSL_RSA_MAX_MODULUS_BITS / 8)

struct signing {
    struct p11_key *key; /* a reference */
    int padding;
    char digest[40], mgf1[40];
    uint8_t prefix[PREFIX_MAX]; /* what stands before the digest in a DigestInfo (RFC 8017 9.2) */
    size_t prefix_len, digest_len;
    CK_RSA_PKCS_PSS_PARAMS pss;
    bool has_pss;
};

static void *new(void *provctx, const char *properties)
{
    struct signing *g = calloc(1, sizeof(*g));

    (void)provctx;
    (void)properties;
    if (g != NULL)
        g->padding = RSA_PKCS1_PADDING;
    return g;
}

static void free_signing(void *ctx)
{
    struct signing *g = ctx;

    if (g != NULL)
        p11_key_unref(g->key);
    free(g);
}

/*
 * Finds what stands before the digest in a DigestInfo. The DER ends with the digest, so the rest is the same for all
 * digests of a kind.
 */
static int make_prefix(struct signing *g, const EVP_MD *md)
{
    X509_SIG *info = X509_SIG_new();
    uint8_t zeros[EVP_MAX_MD_SIZE] = { 0 };
    unsigned char *der = NULL;
    X509_ALGOR *algorithm;
    ASN1_OCTET_STRING *digest;
    int len = -1, size = EVP_MD_get_size(md);

    g->prefix_len = 0;
    g->digest_len = (size_t)size;
    /* MD5-SHA1 is signed without a DigestInfo (RFC 2246 7.4.3). */
    if (EVP_MD_is_a(md, "MD5-SHA1")) {
        X509_SIG_free(info);
        return 1;
    }
    if (info != NULL) {
        X509_SIG_getm(info, &algorithm, &digest);
        if (X509_ALGOR_set0(algorithm, OBJ_nid2obj(EVP_MD_get_type(md)), V_ASN1_NULL, NULL) &&
            ASN1_OCTET_STRING_set(digest, zeros, size))
            len = i2d_X509_SIG(info, &der);
    }
    X509_SIG_free(info);
    if (len > size && (size_t)(len - size) <= PREFIX_MAX) {
        g->prefix_len = (size_t)(len - size);
        memcpy(g->prefix, der, g->prefix_len);
    }
    OPENSSL_free(der);
    return g->prefix_len > 0;
}

static int set_digest(struct signing *g, const char *name)
{
    EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
    int ok = md != NULL && strlen(name) < sizeof(g->digest);

    if (ok) {
        strcpy(g->digest, name);
        /* Only RSA needs a DigestInfo, and not every digest has a name in one. */
        ok = p11_key_algorithm(g->key)->family != KEY_FAMILY_RSA || make_prefix(g, md);
    }
    EVP_MD_free(md);
    return ok;
}

static int get_text(const OSSL_PARAM *p, char *ret, size_t size)
{
    return OSSL_PARAM_get_utf8_string(p, &ret, size);
}

static int set_padding(struct signing *g, const OSSL_PARAM *p)
{
    if (p->data_type == OSSL_PARAM_INTEGER)
        return OSSL_PARAM_get_int(p, &g->padding);
    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return 0;
    g->padding = strcmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0       ? RSA_PKCS1_PSS_PADDING
                 : strcmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0 ? RSA_PKCS1_PADDING
                                                                        : 0;
    return g->padding != 0;
}

/* keys/key_op.c gives the salt in bytes. */
static int set_salt(struct signing *g, const OSSL_PARAM *p)
{
    int len = -1;

    if (p->data_type == OSSL_PARAM_UTF8_STRING)
        len = atoi(p->data);
    else if (!OSSL_PARAM_get_int(p, &len))
        return 0;
    if (len < 0)
        return 0;
    g->pss.sLen = (CK_ULONG)len;
    return 1;
}

static int set_params(void *ctx, const OSSL_PARAM params[])
{
    struct signing *g = ctx;
    const OSSL_PARAM *p;
    char name[40];

    if (params == NULL)
        return 1;
    g->has_pss = false;
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST);
    if (p != NULL && (!get_text(p, name, sizeof(name)) || !set_digest(g, name)))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    if (p != NULL && !set_padding(g, p))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    if (p != NULL && !get_text(p, g->mgf1, sizeof(g->mgf1)))
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    return p == NULL || set_salt(g, p);
}

static const OSSL_PARAM *rsa_settable(void *ctx, void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provctx;
    return params;
}

static const OSSL_PARAM *ecdsa_settable(void *ctx, void *provctx)
{
    static const OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0), OSSL_PARAM_END };

    (void)ctx;
    (void)provctx;
    return params;
}

/* keydata NULL: the same key again. */
static int sign_init(void *ctx, void *keydata, const OSSL_PARAM params[])
{
    struct signing *g = ctx;
    const struct p11_keydata *d = keydata;

    if (g == NULL || (d == NULL && g->key == NULL) || (d != NULL && d->key == NULL))
        return 0;
    if (d != NULL) {
        p11_key_unref(g->key);
        g->key = p11_key_ref(d->key);
    }
    return set_params(g, params);
}

/* Has sig room for a signature? If not, *len is the size of one. sig NULL only asks for that. */
static int fits(const struct signing *g, const unsigned char *sig, size_t *len, size_t size)
{
    size_t most = (size_t)EVP_PKEY_get_size(p11_key_public(g->key));

    if (sig == NULL || size < most) {
        *len = most;
        return sig == NULL ? -1 : 0;
    }
    return 1;
}

static int sign_with(const struct signing *g, CK_MECHANISM *m, struct bytes in, uint8_t *out, size_t len)
{
    struct problem p = { 0 };

    if (p11_key_sign(g->key, m, in, out, len, &p) != 0)
        return p11_evp_failed(&p);
    return 1;
}

/* RSA */

static int pss(struct signing *g)
{
    struct problem p = { 0 };
    CK_MECHANISM_TYPE mgf_hash;
    CK_RSA_PKCS_MGF_TYPE ignored;
    const char *mgf1 = g->mgf1[0] == '\0' ? g->digest : g->mgf1;

    if (g->has_pss)
        return 1;
    if (!p11_evp_digest(g->digest, &g->pss.hashAlg, &ignored) || !p11_evp_digest(mgf1, &mgf_hash, &g->pss.mgf)) {
        problem_set(&p, LB_E_SCHEME, "PKCS#11 has no RSA-PSS with %s and MGF1 with %s", g->digest, mgf1);
        return p11_evp_failed(&p);
    }
    g->has_pss = true;
    return 1;
}

/*
 * Pads here if the token lists raw RSA but no PSS, as TPMs above all do. Nobody outside can ask for raw RSA. If the token
 * has neither, the error is about PSS.
 */
static int pss_sign(struct signing *g, struct bytes digest, uint8_t *sig, size_t len)
{
    CK_MECHANISM whole = { CKM_RSA_PKCS_PSS, &g->pss, sizeof(g->pss) }, raw = { CKM_RSA_X_509, NULL, 0 };
    const char *mgf1 = g->mgf1[0] == '\0' ? g->digest : g->mgf1;
    struct problem p = { 0 }, raw_p = { 0 };
    uint8_t block[RSA_BYTES_MAX];
    int r;

    if (!pss(g))
        return 0;
    r = p11_key_sign(g->key, &whole, digest, sig, len, &p);
    if (r == 0)
        return 1;
    if (r != LB_E_SCHEME || len > sizeof(block))
        return p11_evp_failed(&p);
    if (!p11_pss_pad(p11_key_public(g->key), g->digest, mgf1, g->pss.sLen, digest, block))
        return 0;
    r = p11_key_sign(g->key, &raw, (struct bytes){ block, len }, sig, len, &raw_p);
    return r == 0 ? 1 : p11_evp_failed(r == LB_E_SCHEME ? &p : &raw_p);
}

static int rsa_sign(void *ctx, unsigned char *sig, size_t *len, size_t size, const unsigned char *tbs, size_t tbs_len)
{
    struct signing *g = ctx;
    int room = fits(g, sig, len, size);
    size_t most = *len = (size_t)EVP_PKEY_get_size(p11_key_public(g->key));
    uint8_t info[PREFIX_MAX + EVP_MAX_MD_SIZE];
    CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };

    if (room <= 0)
        return room < 0;
    if (g->padding == RSA_PKCS1_PSS_PADDING)
        return pss_sign(g, (struct bytes){ tbs, tbs_len }, sig, most);
    if (g->digest[0] == '\0' || g->prefix_len == 0)
        return sign_with(g, &m, (struct bytes){ tbs, tbs_len }, sig, most);
    if (tbs_len != g->digest_len)
        return 0;
    memcpy(info, g->prefix, g->prefix_len);
    memcpy(info + g->prefix_len, tbs, tbs_len);
    return sign_with(g, &m, (struct bytes){ info, g->prefix_len + tbs_len }, sig, most);
}

/* ECDSA: from Cryptoki's r and s side by side to the DER of RFC 3279 2.2.3. */

static int encode(const uint8_t *raw, size_t half, unsigned char *sig, size_t *len)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)half, NULL), *s = BN_bin2bn(raw + half, (int)half, NULL);
    int n = -1;

    if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s)) {
        r = s = NULL; /* now owned by pair */
        n = i2d_ECDSA_SIG(pair, &sig);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    *len = n < 0 ? 0 : (size_t)n;
    return n > 0;
}

static int ecdsa_sign(void *ctx, unsigned char *sig, size_t *len, size_t size, const unsigned char *tbs, size_t tbs_len)
{
    struct signing *g = ctx;
    int room = fits(g, sig, len, size);
    size_t half = ((size_t)EVP_PKEY_get_bits(p11_key_public(g->key)) + 7) / 8;
    CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
    uint8_t raw[RAW_MAX];

    if (room <= 0)
        return room < 0;
    if (2 * half > sizeof(raw))
        return 0;
    /* FIPS 186-5 6.4.1 takes the leftmost bits. Some tokens refuse longer digests instead. */
    if (tbs_len > half)
        tbs_len = half;
    return sign_with(g, &m, (struct bytes){ tbs, tbs_len }, raw, 2 * half) && encode(raw, half, sig, len);
}

/* EdDSA: the whole text */

static int eddsa_init(void *ctx, const char *digest, void *keydata, const OSSL_PARAM params[])
{
    if (digest != NULL && digest[0] != '\0')
        return 0;
    return sign_init(ctx, keydata, params);
}

static int eddsa_sign(void *ctx, unsigned char *sig, size_t *len, size_t size, const unsigned char *tbs, size_t tbs_len)
{
    struct signing *g = ctx;
    int room = fits(g, sig, len, size);
    size_t most = *len = (size_t)EVP_PKEY_get_size(p11_key_public(g->key));
    CK_MECHANISM m = { CKM_EDDSA, NULL, 0 };

    return room <= 0 ? room < 0 : sign_with(g, &m, (struct bytes){ tbs, tbs_len }, sig, most);
}

const OSSL_DISPATCH p11_rsa_signature[] = {
    FN(SIGNATURE_NEWCTX, signature_newctx, new),
    FN(SIGNATURE_FREECTX, signature_freectx, free_signing),
    FN(SIGNATURE_SIGN_INIT, signature_sign_init, sign_init),
    FN(SIGNATURE_SIGN, signature_sign, rsa_sign),
    FN(SIGNATURE_SET_CTX_PARAMS, signature_set_ctx_params, set_params),
    FN(SIGNATURE_SETTABLE_CTX_PARAMS, signature_settable_ctx_params, rsa_settable),
    { 0, NULL },
};

const OSSL_DISPATCH p11_ecdsa_signature[] = {
    FN(SIGNATURE_NEWCTX, signature_newctx, new),
    FN(SIGNATURE_FREECTX, signature_freectx, free_signing),
    FN(SIGNATURE_SIGN_INIT, signature_sign_init, sign_init),
    FN(SIGNATURE_SIGN, signature_sign, ecdsa_sign),
    FN(SIGNATURE_SET_CTX_PARAMS, signature_set_ctx_params, set_params),
    FN(SIGNATURE_SETTABLE_CTX_PARAMS, signature_settable_ctx_params, ecdsa_settable),
    { 0, NULL },
};

const OSSL_DISPATCH p11_eddsa_signature[] = {
    FN(SIGNATURE_NEWCTX, signature_newctx, new),
    FN(SIGNATURE_FREECTX, signature_freectx, free_signing),
    FN(SIGNATURE_DIGEST_SIGN_INIT, signature_digest_sign_init, eddsa_init),
    FN(SIGNATURE_DIGEST_SIGN, signature_digest_sign, eddsa_sign),
    { 0, NULL },
};
