/* Key agreement: the box gives the shared secret, a KDF over it is worked out here by `default`. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <string.h>

#include "client/box.h"
#include "client/operation.h"
#include "alg.h"
#include "dispatch.h"
#include "error.h"
#include "key.h"
#include "provctx.h"

/* One operation of a caller. All but key and peer is for curves with options, those of ECDH. */
struct exchange {
    struct provctx *prov;
    struct key *key;
    unsigned char *peer; /* DER SubjectPublicKeyInfo, owned */
    size_t peer_len;
    int cofactor_mode; /* 0, 1, -1: not said. The curves of a box have cofactor 1, where that changes nothing */
    bool kdf;          /* X9.63 with all that follows */
    unsigned digest;   /* enum digest; DIGEST_NONE: not said yet */
    size_t out_len;
    unsigned char *ukm; /* owned; NULL: none, or an empty one, which is the same to the KDF */
    size_t ukm_len;
};

static void *newctx(void *provctx)
{
    struct exchange *x = OPENSSL_zalloc(sizeof(*x));

    if (x == NULL) {
        error_raise(provctx, LB_E_NOMEM, "for a key agreement");
        return NULL;
    }
    x->prov = provctx;
    x->cofactor_mode = -1;
    return x;
}

static void freectx(void *ctx)
{
    struct exchange *x = ctx;

    if (x == NULL)
        return;
    key_unref(x->key);
    OPENSSL_free(x->peer);
    OPENSSL_clear_free(x->ukm, x->ukm_len);
    OPENSSL_free(x);
}

static void *dupctx(void *ctx)
{
    const struct exchange *from = ctx;
    struct exchange *x = newctx(from->prov);

    if (x == NULL)
        return NULL;
    *x = *from;
    x->key = from->key == NULL ? NULL : key_ref(from->key);
    x->peer = from->peer == NULL ? NULL : OPENSSL_memdup(from->peer, from->peer_len);
    x->ukm = from->ukm == NULL ? NULL : OPENSSL_memdup(from->ukm, from->ukm_len);
    if ((x->peer == NULL) == (from->peer == NULL) && (x->ukm == NULL) == (from->ukm == NULL))
        return x;
    error_raise(from->prov, LB_E_NOMEM, "for a key agreement");
    freectx(x);
    return NULL;
}

/* Options */

static int get_text(const struct exchange *x, const OSSL_PARAM *p, const char **ret)
{
    if (OSSL_PARAM_get_utf8_string_ptr(p, ret) && *ret != NULL)
        return 1;
    return error_raise(x->prov, LB_E_VALUE, "option '%s' is not a text", p->key);
}

static int set_cofactor_mode(struct exchange *x, const OSSL_PARAM *p)
{
    int mode;

    if (!OSSL_PARAM_get_int(p, &mode) || mode < -1 || mode > 1)
        return error_raise(x->prov, LB_E_VALUE, "the cofactor mode is neither 0 nor 1 nor -1");
    x->cofactor_mode = mode;
    return 1;
}

static int set_kdf_type(struct exchange *x, const OSSL_PARAM *p)
{
    const char *name;

    if (!get_text(x, p, &name))
        return 0;
    if (name[0] != '\0' && strcmp(name, OSSL_KDF_NAME_X963KDF) != 0)
        return error_raise(x->prov, LB_E_SCHEME, "ECDH goes with no KDF or with %s, not with '%s'",
                           OSSL_KDF_NAME_X963KDF, name);
    x->kdf = name[0] != '\0';
    return 1;
}

static int set_kdf_digest(struct exchange *x, const OSSL_PARAM *p)
{
    const char *name;
    int digest;

    if (!get_text(x, p, &name))
        return 0;
    digest = digest_by_name(name);
    if (digest < 0)
        return error_raise(x->prov, LB_E_SCHEME,
                           "digest '%s' is none for the KDF: use SHA2-256 or another of the SHA-2 and SHA-3 family",
                           name);
    x->digest = (unsigned)digest;
    return 1;
}

static int set_kdf_len(struct exchange *x, const OSSL_PARAM *p)
{
    size_t len;

    if (!OSSL_PARAM_get_size_t(p, &len))
        return error_raise(x->prov, LB_E_VALUE, "the length of the KDF's output is not a number");
    x->out_len = len;
    return 1;
}

static int set_ukm(struct exchange *x, const OSSL_PARAM *p)
{
    void *ukm = NULL;
    size_t len = 0;

    if (!OSSL_PARAM_get_octet_string(p, &ukm, 0, &len))
        return error_raise(x->prov, LB_E_VALUE, "the KDF's user keying material is not a string of bytes");
    if (len == 0) {
        OPENSSL_free(ukm);
        ukm = NULL;
    }
    OPENSSL_clear_free(x->ukm, x->ukm_len);
    x->ukm = ukm;
    x->ukm_len = len;
    return 1;
}

static int set_nothing(struct exchange *x, const OSSL_PARAM *p)
{
    (void)x;
    (void)p;
    return 1;
}

static const struct option {
    const char *name;
    int (*set)(struct exchange *x, const OSSL_PARAM *p);
} options[] = {
    { OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, set_cofactor_mode },
    { OSSL_EXCHANGE_PARAM_KDF_TYPE, set_kdf_type },
    { OSSL_EXCHANGE_PARAM_KDF_DIGEST, set_kdf_digest },
    { OSSL_EXCHANGE_PARAM_KDF_DIGEST_PROPS, set_nothing },
    { OSSL_EXCHANGE_PARAM_KDF_OUTLEN, set_kdf_len },
    { OSSL_EXCHANGE_PARAM_KDF_UKM, set_ukm },
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static int set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
    struct exchange *x = ctx;

    for (const OSSL_PARAM *p = params; p != NULL && p->key != NULL; p++) {
        size_t i = 0;

        while (i < OPTIONS && strcmp(options[i].name, p->key) != 0)
            i++;
        if (i == OPTIONS)
            return error_raise(x->prov, LB_E_SCHEME, "key agreement has no option '%s'", p->key);
        if (!options[i].set(x, p))
            return 0;
    }
    return 1;
}

/* The caller's mode, or the key's if the caller set none. */
static int cofactor_mode(const struct exchange *x)
{
    int mode = x->cofactor_mode;

    if (mode == -1 && x->key != NULL)
        (void)EVP_PKEY_get_int_param(key_public(x->key), OSSL_PKEY_PARAM_USE_COFACTOR_ECDH, &mode);
    return mode == 1;
}

static int get_ctx_params(void *ctx, OSSL_PARAM params[])
{
    const struct exchange *x = ctx;
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE);

    if (p != NULL && !OSSL_PARAM_set_int(p, cofactor_mode(x)))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
    if (p != NULL && !OSSL_PARAM_set_utf8_string(p, x->kdf ? OSSL_KDF_NAME_X963KDF : ""))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST);
    if (p != NULL && !OSSL_PARAM_set_utf8_string(p, x->digest == DIGEST_NONE ? "" : digest_name(x->digest)))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
    if (p != NULL && !OSSL_PARAM_set_size_t(p, x->out_len))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_UKM);
    return p == NULL || OSSL_PARAM_set_octet_ptr(p, x->ukm, x->ukm_len);
}

static const OSSL_PARAM *settable_ctx_params(void *ctx, void *provctx)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST_PROPS, NULL, 0),
        OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
        OSSL_PARAM_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provctx;
    return types;
}

static const OSSL_PARAM *gettable_ctx_params(void *ctx, void *provctx)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
        OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
        OSSL_PARAM_DEFN(OSSL_EXCHANGE_PARAM_KDF_UKM, OSSL_PARAM_OCTET_PTR, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provctx;
    return types;
}

/* Keys: nothing is asked of the box before the secret itself */

static int take_key(struct exchange *x, struct key *key)
{
    if (key == NULL || key_is_empty(key))
        return error_raise(x->prov, LB_E_NO_KEY, "no key is set for this key agreement");
    if (!key->is_private)
        return error_raise(x->prov, LB_E_NO_KEY, "this is a public key, it has no private half to derive with");
    key_ref(key);
    key_unref(x->key);
    x->key = key;
    x->cofactor_mode = -1;
    x->kdf = false;
    return 1;
}

static int init(void *ctx, void *key, const OSSL_PARAM params[])
{
    return take_key(ctx, key) && set_ctx_params(ctx, params);
}

static int init_without_options(void *ctx, void *key, const OSSL_PARAM params[])
{
    (void)params; /* as `default` does for these types */
    return take_key(ctx, key);
}

/* Writes the peer's public key as a box takes it, with the curve by its name. The caller's key may have it otherwise. */
static int encode_peer(const struct key *mine, EVP_PKEY *peer, unsigned char **ret)
{
    EVP_PKEY *named = EVP_PKEY_new();
    unsigned char *point = NULL;
    size_t len;
    int der_len = -1;

    if ((mine->alg->options & OPT_CURVES) == 0) {
        der_len = i2d_PUBKEY(peer, ret);
        goto out;
    }
    len = EVP_PKEY_get1_encoded_public_key(peer, &point);
    if (named != NULL && len > 0 && EVP_PKEY_copy_parameters(named, key_public(mine)) > 0 &&
        EVP_PKEY_set1_encoded_public_key(named, point, len) > 0)
        der_len = i2d_PUBKEY(named, ret);
out:
    OPENSSL_free(point);
    EVP_PKEY_free(named);
    return der_len;
}

static int set_peer(void *ctx, void *key)
{
    struct exchange *x = ctx;
    const struct key *peer = key;
    EVP_PKEY *mine, *theirs;
    unsigned char *der = NULL;
    int len;

    if (x->key == NULL || peer == NULL || key_is_empty(peer) || !peer->has_public || peer->alg != x->key->alg)
        return error_raise(x->prov, LB_E_NO_KEY, "the other side's key is missing or of another type");
    mine = key_public(x->key);
    theirs = key_public(peer);
    if (mine == NULL || theirs == NULL)
        return error_raise(x->prov, LB_E_NOMEM, "for the public halves of a key agreement");
    ERR_set_mark();
    if (EVP_PKEY_parameters_eq(mine, theirs) == 0) {
        ERR_pop_to_mark();
        return error_raise(x->prov, LB_E_SCHEME, "the other side's key is on another curve than this one");
    }
    len = encode_peer(x->key, theirs, &der);
    ERR_pop_to_mark();
    if (len <= 0 || len > LB_SPKI_MAX) {
        OPENSSL_free(der);
        return error_raise(x->prov, LB_E_VALUE, "the other side's public key cannot be written for the box");
    }
    OPENSSL_free(x->peer);
    x->peer = der;
    x->peer_len = (size_t)len;
    return 1;
}

/* Deriving */

/* X9.63 4.3: the secret and the caller's shared information into a key of the length that the caller wants. */
static int derive_kdf(const struct exchange *x, unsigned char *shared, size_t shared_len, unsigned char *ret)
{
    EVP_KDF *kdf = EVP_KDF_fetch(x->prov->libctx, OSSL_KDF_NAME_X963KDF, NULL);
    EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)digest_name(x->digest), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared, shared_len),
        x->ukm == NULL ? OSSL_PARAM_construct_end()
                       : OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, x->ukm, x->ukm_len),
        OSSL_PARAM_construct_end(),
    };
    int ok = ctx != NULL && EVP_KDF_derive(ctx, ret, x->out_len, params) > 0;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok;
}

static int ask(const struct exchange *x, unsigned char *shared, size_t size)
{
    struct derive_request m = { .key = x->key->ref, .peer = { x->peer, x->peer_len } };
    struct problem p;
    size_t len = 0;

    if (operate_derive(x->key->box, &m, shared, size, &len, &p) != 0)
        return error_problem(x->prov, &p);
    return len == size ? 1
                       : error_raise(x->prov, LB_E_VALUE, "box '%s' sent a secret of %zu bytes, not %zu",
                                     box_name(x->key->box), len, size);
}

/* secret NULL: the caller asks how much room to bring. */
static int derive(void *ctx, unsigned char *secret, size_t *ret_len, size_t size)
{
    const struct exchange *x = ctx;
    unsigned char shared[LB_SHARED_MAX];
    size_t shared_len, need;
    int ok;

    if (x->key == NULL || x->peer == NULL)
        return error_raise(x->prov, LB_E_NO_KEY, "key agreement needs a key and the other side's key");
    shared_len = ((size_t)x->key->bits + 7) / 8;
    need = x->kdf ? x->out_len : shared_len;
    if (secret == NULL) {
        *ret_len = need;
        return 1;
    }
    if (shared_len > sizeof(shared))
        return error_raise(x->prov, LB_E_KEY_TYPE, "a key of %d bits agrees on nothing here", x->key->bits);
    /* An ECDH secret is cut off where there is less room, as `default` does: callers may count on it. */
    if (!x->kdf && size < need && (x->key->alg->options & OPT_CURVES) != 0)
        need = size;
    if (size < need)
        return error_raise(x->prov, LB_E_TOO_LONG, "the secret has %zu bytes, there is room for %zu", need, size);
    if (x->kdf && (x->digest == DIGEST_NONE || x->out_len == 0))
        return error_raise(x->prov, LB_E_SCHEME, "the KDF needs a digest and the length of its output");
    ok = ask(x, shared, shared_len);
    if (ok && x->kdf)
        ok = derive_kdf(x, shared, shared_len, secret);
    else if (ok)
        memcpy(secret, shared, need);
    OPENSSL_cleanse(shared, sizeof(shared));
    if (ok)
        *ret_len = need;
    return ok;
}

#define FUNCTIONS(init_function)                          \
    LB_FN(KEYEXCH_NEWCTX, keyexch_newctx, newctx),        \
    LB_FN(KEYEXCH_FREECTX, keyexch_freectx, freectx),     \
    LB_FN(KEYEXCH_DUPCTX, keyexch_dupctx, dupctx),        \
    LB_FN(KEYEXCH_INIT, keyexch_init, init_function),     \
    LB_FN(KEYEXCH_SET_PEER, keyexch_set_peer, set_peer),  \
    LB_FN(KEYEXCH_DERIVE, keyexch_derive, derive)

const OSSL_DISPATCH exchange_ecdh[] = {
    FUNCTIONS(init),
    LB_FN(KEYEXCH_SET_CTX_PARAMS, keyexch_set_ctx_params, set_ctx_params),
    LB_FN(KEYEXCH_SETTABLE_CTX_PARAMS, keyexch_settable_ctx_params, settable_ctx_params),
    LB_FN(KEYEXCH_GET_CTX_PARAMS, keyexch_get_ctx_params, get_ctx_params),
    LB_FN(KEYEXCH_GETTABLE_CTX_PARAMS, keyexch_gettable_ctx_params, gettable_ctx_params),
    LB_FN_END,
};

/* X25519 and X448 have no options. */
const OSSL_DISPATCH exchange_ecx[] = {
    FUNCTIONS(init_without_options),
    LB_FN_END,
};
