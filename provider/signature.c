/* Signatures, of all key types: made by the box, checked by `default` on the public half. */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

#include "alg.h"
#include "ask.h"
#include "dispatch.h"
#include "error.h"
#include "key.h"
#include "sigopts.h"

/*
 * One operation of a caller. While it signs, opts say how, and hash is there once the caller gave text in pieces. While
 * it verifies, the public half's own context does everything: check for a digest that the caller computed, hash for a
 * text.
 */
struct signature {
    struct provctx *prov;
    struct key *key;
    bool verifies;
    struct sigopts opts;
    EVP_MD_CTX *hash;
    EVP_PKEY_CTX *check; /* of its own when verifies a digest, else part of hash */
    bool check_owned;
};

static void clear_operation(struct signature *s)
{
    if (s->check_owned)
        EVP_PKEY_CTX_free(s->check);
    EVP_MD_CTX_free(s->hash);
    s->check = NULL;
    s->check_owned = false;
    s->hash = NULL;
    s->verifies = false;
}

static void *newctx(void *provctx, const char *propq)
{
    struct signature *s = OPENSSL_zalloc(sizeof(*s));

    (void)propq; /* the public half's operations are fetched from our own library context */
    if (s == NULL)
        error_raise(provctx, LB_E_NOMEM, "for a signature");
    else
        s->prov = provctx;
    return s;
}

static void freectx(void *ctx)
{
    struct signature *s = ctx;

    if (s == NULL)
        return;
    clear_operation(s);
    key_unref(s->key);
    OPENSSL_free(s);
}

static void *dupctx(void *ctx)
{
    const struct signature *from = ctx;
    struct signature *s = newctx(from->prov, NULL);

    if (s == NULL)
        return NULL;
    s->key = from->key == NULL ? NULL : key_ref(from->key);
    s->verifies = from->verifies;
    s->opts = from->opts;
    if (from->hash != NULL) {
        s->hash = EVP_MD_CTX_new();
        if (s->hash == NULL || !EVP_MD_CTX_copy_ex(s->hash, from->hash))
            goto out;
        s->check = EVP_MD_CTX_get_pkey_ctx(s->hash);
    } else if (from->check != NULL) {
        s->check = EVP_PKEY_CTX_dup(from->check);
        s->check_owned = true;
        if (s->check == NULL)
            goto out;
    }
    return s;
out:
    freectx(s);
    return NULL;
}

/* The key of an operation; key NULL: the one of the operation before. */
static int take_key(struct signature *s, struct key *key, bool verifies)
{
    if (key == NULL)
        key = s->key;
    if (key == NULL || key->pub == NULL)
        return error_raise(s->prov, LB_E_NO_KEY, "no key is set for this signature");
    key_ref(key);
    clear_operation(s);
    key_unref(s->key);
    s->key = key;
    s->verifies = verifies;
    if (!verifies && !key->is_private)
        return error_raise(s->prov, LB_E_NO_KEY, "this is a public key, it has no private half to sign with");
    sigopts_init(key, &s->opts);
    return 1;
}

/* Signing: nothing is asked of the box before the signature itself. */

static int sign_init(void *ctx, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    return take_key(s, key, /* verifies= */ false) && sigopts_set(s->key, &s->opts, params);
}

static int digest_sign_init(void *ctx, const char *mdname, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    if (!take_key(s, key, /* verifies= */ false) || !sigopts_set_digest(s->key, &s->opts, mdname) ||
        !sigopts_set(s->key, &s->opts, params))
        return 0;
    if ((s->key->alg->options & OPT_DIGEST) != 0 && s->opts.digest == DIGEST_NONE)
        return error_raise(s->prov, LB_E_SCHEME, "a digest is needed to sign a text with this key: use SHA2-256");
    s->opts.digest_fixed = true;
    return 1;
}

/* With sig NULL the caller asks how much room to bring. */
static int room_for(const struct signature *s, const unsigned char *sig, size_t size, size_t *ret_len)
{
    size_t need = (size_t)s->key->signature_size;

    if (sig == NULL)
        *ret_len = need;
    else if (size < need)
        return error_raise(s->prov, LB_E_TOO_LONG, "the signature may need %zu bytes, there is room for %zu", need,
                           size);
    return 1;
}

static int ask(const struct signature *s, struct msg_sign *m, enum sign_input input, const unsigned char *data,
               size_t len, unsigned char *sig, size_t size, size_t *ret_len)
{
    struct problem p;

    m->key = s->key->ref;
    m->input = (uint8_t)input;
    m->data = (struct bytes){ data, len };
    if (ask_sign(s->key->box, m, sig, size, ret_len, &p) != 0)
        return error_problem(s->prov, &p);
    return 1;
}

/*
 * Which digest the caller's bytes are. ECDSA signs them the same whatever their name is, so a length is as good as a
 * name where no name was given; PKCS#1 v1.5 signs nameless bytes too, without a DigestInfo.
 */
static int digest_of_input(const struct signature *s, struct msg_sign *m, size_t len)
{
    static const unsigned by_size[] = { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_SHA224, DIGEST_SHA1 };

    for (size_t i = 0;
         m->scheme == SCHEME_ECDSA && m->digest == DIGEST_NONE && i < sizeof(by_size) / sizeof(by_size[0]); i++) {
        if (digest_size(by_size[i]) == len)
            m->digest = (uint8_t)by_size[i];
    }
    if (m->digest == DIGEST_NONE && m->scheme == SCHEME_RSA_PKCS1) {
        if (len + 11 <= (size_t)s->key->signature_size)
            return 1;
        return error_raise(s->prov, LB_E_TOO_LONG,
                           "%zu bytes do not fit a PKCS#1 signature of this key: sign a digest, "
                           "as with -pkeyopt digest:sha256",
                           len);
    }
    if (m->digest == DIGEST_NONE)
        return error_raise(s->prov, LB_E_VALUE,
                           "%zu bytes are the length of no digest: hash the text first, or let it be "
                           "hashed (openssl dgst, openssl pkeyutl -rawin)",
                           len);
    if (digest_size(m->digest) != len)
        return error_raise(s->prov, LB_E_VALUE, "a %s digest has %zu bytes, not %zu: hash the text first",
                           digest_name(m->digest), digest_size(m->digest), len);
    return 1;
}

static int sign(void *ctx, unsigned char *sig, size_t *ret_len, size_t size, const unsigned char *tbs, size_t tbs_len)
{
    struct signature *s = ctx;
    struct msg_sign m;

    if (!room_for(s, sig, size, ret_len) || sig == NULL)
        return sig == NULL;
    if ((s->key->alg->options & OPT_DIGEST) == 0)
        return error_raise(s->prov, LB_E_SCHEME, "%s signs whole texts, not digests: use EVP_DigestSign or -rawin",
                           s->key->alg->name);
    return sigopts_to_request(s->key, &s->opts, &m) && digest_of_input(s, &m, tbs_len) &&
           ask(s, &m, INPUT_DIGEST, tbs, tbs_len, sig, size, ret_len);
}

static int hash_begin(struct signature *s)
{
    const EVP_MD *md;

    if (s->hash != NULL)
        return 1;
    if ((s->key->alg->options & OPT_DIGEST) == 0)
        return error_raise(s->prov, LB_E_SCHEME, "%s takes its text in one piece: use EVP_DigestSign",
                           s->key->alg->name);
    md = provider_digest(s->prov, s->opts.digest);
    s->hash = EVP_MD_CTX_new();
    return md != NULL && s->hash != NULL && EVP_DigestInit_ex2(s->hash, md, NULL);
}

static int digest_sign_update(void *ctx, const unsigned char *data, size_t len)
{
    struct signature *s = ctx;

    return hash_begin(s) && EVP_DigestUpdate(s->hash, data, len);
}

static int digest_sign_final(void *ctx, unsigned char *sig, size_t *ret_len, size_t size)
{
    struct signature *s = ctx;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct msg_sign m;

    if (!room_for(s, sig, size, ret_len) || sig == NULL)
        return sig == NULL;
    return hash_begin(s) && EVP_DigestFinal_ex(s->hash, digest, &len) && sigopts_to_request(s->key, &s->opts, &m) &&
           ask(s, &m, INPUT_DIGEST, digest, len, sig, size, ret_len);
}

/* The whole text at once, as libssl has it: the box sees what it signs, if it is not too long for a request. */
static int digest_sign(void *ctx, unsigned char *sig, size_t *ret_len, size_t size, const unsigned char *tbs,
                       size_t tbs_len)
{
    struct signature *s = ctx;
    struct msg_sign m;

    if (!room_for(s, sig, size, ret_len) || sig == NULL)
        return sig == NULL;
    if (s->hash == NULL && tbs_len <= LB_TEXT_MAX)
        return sigopts_to_request(s->key, &s->opts, &m) && ask(s, &m, INPUT_TEXT, tbs, tbs_len, sig, size, ret_len);
    if ((s->key->alg->options & OPT_DIGEST) == 0)
        return error_raise(s->prov, LB_E_TOO_LONG,
                           "%s signs a text as a whole, and a box takes %d bytes at most, not %zu", s->key->alg->name,
                           LB_TEXT_MAX, tbs_len);
    return digest_sign_update(ctx, tbs, tbs_len) && digest_sign_final(ctx, sig, ret_len, size);
}

/* Verifying: a context of `default` on the public half, which the caller's options go to. */

static int verify_init(void *ctx, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    if (!take_key(s, key, /* verifies= */ true))
        return 0;
    s->check = EVP_PKEY_CTX_new_from_pkey(s->prov->libctx, s->key->pub, NULL);
    s->check_owned = true;
    return s->check != NULL && EVP_PKEY_verify_init_ex(s->check, params) > 0;
}

static int verify(void *ctx, const unsigned char *sig, size_t sig_len, const unsigned char *tbs, size_t tbs_len)
{
    struct signature *s = ctx;

    return s->check == NULL ? 0 : EVP_PKEY_verify(s->check, sig, sig_len, tbs, tbs_len);
}

static int verify_recover_init(void *ctx, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    if (!take_key(s, key, /* verifies= */ true))
        return 0;
    s->check = EVP_PKEY_CTX_new_from_pkey(s->prov->libctx, s->key->pub, NULL);
    s->check_owned = true;
    return s->check != NULL && EVP_PKEY_verify_recover_init_ex(s->check, params) > 0;
}

static int verify_recover(void *ctx, unsigned char *rout, size_t *ret_len, size_t size, const unsigned char *sig,
                          size_t sig_len)
{
    struct signature *s = ctx;

    *ret_len = size;
    return s->check == NULL ? 0 : EVP_PKEY_verify_recover(s->check, rout, ret_len, sig, sig_len);
}

static int digest_verify_init(void *ctx, const char *mdname, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    if (!take_key(s, key, /* verifies= */ true))
        return 0;
    s->hash = EVP_MD_CTX_new();
    return s->hash != NULL &&
           EVP_DigestVerifyInit_ex(s->hash, &s->check, mdname, s->prov->libctx, NULL, s->key->pub, params) > 0;
}

static int digest_verify_update(void *ctx, const unsigned char *data, size_t len)
{
    struct signature *s = ctx;

    return s->hash == NULL ? 0 : EVP_DigestVerifyUpdate(s->hash, data, len);
}

static int digest_verify_final(void *ctx, const unsigned char *sig, size_t len)
{
    struct signature *s = ctx;

    return s->hash == NULL ? 0 : EVP_DigestVerifyFinal(s->hash, sig, len);
}

static int digest_verify(void *ctx, const unsigned char *sig, size_t sig_len, const unsigned char *tbs, size_t tbs_len)
{
    struct signature *s = ctx;

    return s->hash == NULL ? 0 : EVP_DigestVerify(s->hash, sig, sig_len, tbs, tbs_len);
}

/* Options */

/* The DER AlgorithmIdentifier of the signature, as `default` would write it for the same options. */
static int get_algorithm_id(const struct signature *s, OSSL_PARAM *wanted)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *check = NULL;
    struct sigopts_storage storage;
    OSSL_PARAM options[SIGOPTS_PARAMS], answer[] = { *wanted, OSSL_PARAM_END };
    const char *digest = s->opts.digest == DIGEST_NONE ? NULL : digest_name(s->opts.digest);
    int ok = 0;

    if (md == NULL || !sigopts_to_params(s->key, &s->opts, &storage, options) ||
        EVP_DigestVerifyInit_ex(md, &check, digest, s->prov->libctx, NULL, s->key->pub, NULL) <= 0)
        goto out;
    if (options[0].key != NULL && EVP_PKEY_CTX_set_params(check, options) <= 0)
        goto out;
    if (EVP_PKEY_CTX_get_params(check, answer) <= 0)
        goto out;
    wanted->return_size = answer[0].return_size;
    ok = 1;
out:
    EVP_MD_CTX_free(md);
    return ok;
}

static int get_ctx_params(void *ctx, OSSL_PARAM params[])
{
    struct signature *s = ctx;
    OSSL_PARAM *id;

    if (s->key == NULL)
        return 0;
    if (s->check != NULL)
        return EVP_PKEY_CTX_get_params(s->check, params) > 0;
    id = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    if (id != NULL && !get_algorithm_id(s, id))
        return 0;
    return sigopts_get(s->key, &s->opts, params);
}

static int set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    if (s->key == NULL)
        return 0;
    if (s->check != NULL)
        return params == NULL || EVP_PKEY_CTX_set_params(s->check, params) > 0;
    return sigopts_set(s->key, &s->opts, params);
}

static const OSSL_PARAM *gettable_ctx_params(void *ctx, void *provctx)
{
    const struct signature *s = ctx;

    (void)provctx;
    return sigopts_gettable(s == NULL ? NULL : s->key);
}

static const OSSL_PARAM *settable_ctx_params(void *ctx, void *provctx)
{
    const struct signature *s = ctx;

    (void)provctx;
    return s == NULL ? sigopts_settable(NULL, NULL) : sigopts_settable(s->key, &s->opts);
}

/* Options of the digest itself go to the digest that hashes here. */

static int get_ctx_md_params(void *ctx, OSSL_PARAM params[])
{
    struct signature *s = ctx;

    return s->key != NULL && (s->verifies || hash_begin(s)) && s->hash != NULL &&
           EVP_MD_CTX_get_params(s->hash, params);
}

static int set_ctx_md_params(void *ctx, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    return s->key != NULL && (s->verifies || hash_begin(s)) && s->hash != NULL &&
           EVP_MD_CTX_set_params(s->hash, params);
}

static const OSSL_PARAM *gettable_ctx_md_params(void *ctx)
{
    struct signature *s = ctx;

    return s->hash == NULL ? NULL : EVP_MD_CTX_gettable_params(s->hash);
}

static const OSSL_PARAM *settable_ctx_md_params(void *ctx)
{
    struct signature *s = ctx;

    return s->hash == NULL ? NULL : EVP_MD_CTX_settable_params(s->hash);
}

const OSSL_DISPATCH signature_functions[] = {
    LB_FN(SIGNATURE_NEWCTX, signature_newctx, newctx),
    LB_FN(SIGNATURE_FREECTX, signature_freectx, freectx),
    LB_FN(SIGNATURE_DUPCTX, signature_dupctx, dupctx),
    LB_FN(SIGNATURE_SIGN_INIT, signature_sign_init, sign_init),
    LB_FN(SIGNATURE_SIGN, signature_sign, sign),
    LB_FN(SIGNATURE_VERIFY_INIT, signature_verify_init, verify_init),
    LB_FN(SIGNATURE_VERIFY, signature_verify, verify),
    LB_FN(SIGNATURE_VERIFY_RECOVER_INIT, signature_verify_recover_init, verify_recover_init),
    LB_FN(SIGNATURE_VERIFY_RECOVER, signature_verify_recover, verify_recover),
    LB_FN(SIGNATURE_DIGEST_SIGN_INIT, signature_digest_sign_init, digest_sign_init),
    LB_FN(SIGNATURE_DIGEST_SIGN_UPDATE, signature_digest_sign_update, digest_sign_update),
    LB_FN(SIGNATURE_DIGEST_SIGN_FINAL, signature_digest_sign_final, digest_sign_final),
    LB_FN(SIGNATURE_DIGEST_SIGN, signature_digest_sign, digest_sign),
    LB_FN(SIGNATURE_DIGEST_VERIFY_INIT, signature_digest_verify_init, digest_verify_init),
    LB_FN(SIGNATURE_DIGEST_VERIFY_UPDATE, signature_digest_verify_update, digest_verify_update),
    LB_FN(SIGNATURE_DIGEST_VERIFY_FINAL, signature_digest_verify_final, digest_verify_final),
    LB_FN(SIGNATURE_DIGEST_VERIFY, signature_digest_verify, digest_verify),
    LB_FN(SIGNATURE_GET_CTX_PARAMS, signature_get_ctx_params, get_ctx_params),
    LB_FN(SIGNATURE_GETTABLE_CTX_PARAMS, signature_gettable_ctx_params, gettable_ctx_params),
    LB_FN(SIGNATURE_SET_CTX_PARAMS, signature_set_ctx_params, set_ctx_params),
    LB_FN(SIGNATURE_SETTABLE_CTX_PARAMS, signature_settable_ctx_params, settable_ctx_params),
    LB_FN(SIGNATURE_GET_CTX_MD_PARAMS, signature_get_ctx_md_params, get_ctx_md_params),
    LB_FN(SIGNATURE_GETTABLE_CTX_MD_PARAMS, signature_gettable_ctx_md_params, gettable_ctx_md_params),
    LB_FN(SIGNATURE_SET_CTX_MD_PARAMS, signature_set_ctx_md_params, set_ctx_md_params),
    LB_FN(SIGNATURE_SETTABLE_CTX_MD_PARAMS, signature_settable_ctx_md_params, settable_ctx_md_params),
    LB_FN_END,
};
