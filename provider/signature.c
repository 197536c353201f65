/* Signing, with all key types: the box is asked once, at the end. */
#include "signature.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

#include "client/operation.h"
#include "alg.h"
#include "digest.h"
#include "error.h"
#include "provctx.h"

#define TEXT_FIRST 4096

static void clear_operation(struct signature *s)
{
    if (s->check_owned)
        EVP_PKEY_CTX_free(s->check);
    EVP_MD_CTX_free(s->hash);
    OPENSSL_clear_free(s->text.p, s->text.size);
    s->check = NULL;
    s->check_owned = false;
    s->hash = NULL;
    s->text = (struct text){ NULL, 0, 0 };
    s->verifies = s->message = false;
}

struct signature *signature_new(struct provctx *prov, const struct sigalg *fixed)
{
    struct signature *s = OPENSSL_zalloc(sizeof(*s));

    if (s == NULL) {
        error_raise(prov, LB_E_NOMEM, "for a signature");
        return NULL;
    }
    s->prov = prov;
    s->fixed = fixed;
    return s;
}

void *signature_newctx(void *provctx, const char *propq)
{
    (void)propq; /* the public half's operations are fetched from our own library context */
    return signature_new(provctx, /* fixed= */ NULL);
}

void signature_freectx(void *ctx)
{
    struct signature *s = ctx;

    if (s == NULL)
        return;
    clear_operation(s);
    key_unref(s->key);
    OPENSSL_free(s);
}

static void text_forget(struct signature *s)
{
    OPENSSL_clear_free(s->text.p, s->text.size);
    s->text = (struct text){ NULL, 0, 0 };
}

static int text_append(struct signature *s, const void *data, size_t len)
{
    struct text *t = &s->text;
    size_t size = t->size == 0 ? TEXT_FIRST : t->size;
    uint8_t *p;

    if (len == 0)
        return 1;
    if (len > SIZE_MAX / 2 - t->len)
        return error_raise(s->prov, LB_E_TOO_LONG, "the text is too long");
    while (size < t->len + len)
        size *= 2;
    if (size != t->size) {
        p = OPENSSL_clear_realloc(t->p, t->size, size);
        if (p == NULL)
            return error_raise(s->prov, LB_E_NOMEM, "for a text of %zu bytes", t->len + len);
        t->p = p;
        t->size = size;
    }
    memcpy(t->p + t->len, data, len);
    t->len += len;
    return 1;
}

void *signature_dupctx(void *ctx)
{
    const struct signature *from = ctx;
    struct signature *s = signature_new(from->prov, from->fixed);

    if (s == NULL)
        return NULL;
    s->key = from->key == NULL ? NULL : key_ref(from->key);
    s->verifies = from->verifies;
    s->message = from->message;
    s->opts = from->opts;
    if (!text_append(s, from->text.p, from->text.len))
        goto out;
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
    signature_freectx(s);
    return NULL;
}

int signature_begin(struct signature *s, struct key *key, bool verifies, bool message)
{
    if (key == NULL)
        key = s->key;
    if (key == NULL || key_is_empty(key))
        return error_raise(s->prov, LB_E_NO_KEY, "no key is set for this signature");
    if (s->fixed != NULL && strcmp(s->fixed->family, key->alg->name) != 0)
        return error_raise(s->prov, LB_E_SCHEME, "%s is not made with a key of type %s", s->fixed->name,
                           key->alg->name);
    key_ref(key);
    clear_operation(s);
    key_unref(s->key);
    s->key = key;
    s->verifies = verifies;
    s->message = message;
    if (!verifies && !key->is_private)
        return error_raise(s->prov, LB_E_NO_KEY, "this is a public key, it has no private half to sign with");
    sigopts_init(key, s->fixed, &s->opts);
    return 1;
}

/* Beginning: nothing is asked of the box before the signature itself. */

int signature_sign_init(void *ctx, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    return signature_begin(s, key, /* verifies= */ false, /* message= */ false) &&
           sigopts_set(s->key, &s->opts, params);
}

int signature_sign_message_init(void *ctx, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    if (!signature_begin(s, key, /* verifies= */ false, /* message= */ true))
        return 0;
    s->opts.instance_fixed = true;
    return sigopts_set(s->key, &s->opts, params);
}

static bool hashes(const struct signature *s)
{
    return (s->key->alg->options & OPT_DIGEST) != 0;
}

int signature_digest_sign_init(void *ctx, const char *mdname, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    if (!signature_begin(s, key, /* verifies= */ false, /* message= */ true) ||
        !sigopts_set_digest(s->key, &s->opts, mdname) || !sigopts_set(s->key, &s->opts, params))
        return 0;
    if (hashes(s) && s->opts.digest == DIGEST_NONE)
        return error_raise(s->prov, LB_E_SCHEME, "a digest is needed to sign a text with this key: use SHA2-256");
    s->opts.digest_fixed = true;
    return 1;
}

/* Signing */

/* With sig NULL the caller asks how much room to bring. */
static int room_for(const struct signature *s, const unsigned char *sig, size_t size, size_t *ret_len)
{
    size_t need;

    if (s->key == NULL)
        return error_raise(s->prov, LB_E_NO_KEY, "no key is set for this signature");
    need = (size_t)s->key->signature_size;
    if (sig == NULL)
        *ret_len = need;
    else if (size < need)
        return error_raise(s->prov, LB_E_TOO_LONG, "the signature may need %zu bytes, there is room for %zu", need,
                           size);
    return 1;
}

/* sig has room for the key's largest signature. */
static int ask(const struct signature *s, struct sign_request *m, enum sign_input input, const unsigned char *data,
               size_t len, unsigned char *sig, size_t *ret_len)
{
    struct problem p;

    m->key = s->key->ref;
    m->input = (uint8_t)input;
    m->data = (struct bytes){ data, len };
    if (operate_sign(s->key->box, m, sig, (size_t)s->key->signature_size, ret_len, &p) != 0)
        return error_problem(s->prov, &p);
    return 1;
}

/*
 * Finds which digest the caller's bytes are. Without a name, the length tells it for ECDSA, which signs the same whatever the
 * digest's name. PKCS#1 v1.5 signs bytes without a name too, without a DigestInfo.
 */
static int digest_of_input(const struct signature *s, struct sign_request *m, size_t len)
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

/* Refuses a digest for schemes that sign texts, but for the PH ones, which take it in place of the text. */
static int prehash_of_input(const struct signature *s, const struct sign_request *m, size_t len)
{
    if (m->scheme != SCHEME_ED25519PH && m->scheme != SCHEME_ED448PH)
        return error_raise(s->prov, LB_E_SCHEME, "%s signs whole texts, not digests: use EVP_DigestSign or -rawin",
                           s->key->alg->name);
    if (len != SCHEME_PH_SIZE)
        return error_raise(s->prov, LB_E_VALUE, "the digest for %s has %d bytes, not %zu: hash the text first",
                           scheme_name(m->scheme), SCHEME_PH_SIZE, len);
    return 1;
}

int signature_sign(void *ctx, unsigned char *sig, size_t *ret_len, size_t size, const unsigned char *tbs,
                   size_t tbs_len)
{
    struct signature *s = ctx;
    struct sign_request m;

    if (s->message)
        return signature_digest_sign(ctx, sig, ret_len, size, tbs, tbs_len);
    if (!room_for(s, sig, size, ret_len) || sig == NULL)
        return sig == NULL && s->key != NULL;
    return sigopts_to_request(s->key, &s->opts, &m) &&
           (hashes(s) ? digest_of_input(s, &m, tbs_len) : prehash_of_input(s, &m, tbs_len)) &&
           ask(s, &m, INPUT_DIGEST, tbs, tbs_len, sig, ret_len);
}

static int has_digest(const struct signature *s)
{
    if (!hashes(s))
        return error_raise(s->prov, LB_E_SCHEME, "%s signs the text itself, there is no digest to ask or set",
                           s->key->alg->name);
    if (s->opts.digest == DIGEST_NONE)
        return error_raise(s->prov, LB_E_SCHEME, "a digest is needed to sign a text with this key: use SHA2-256");
    return 1;
}

/* From now on the text is hashed here, and what there is of it first. */
static int hash_begin(struct signature *s)
{
    EVP_MD *md;
    bool ok;

    if (s->hash != NULL)
        return 1;
    if (!has_digest(s))
        return 0;
    md = provider_digest(s->prov, s->opts.digest);
    s->hash = EVP_MD_CTX_new();
    ok = md != NULL && s->hash != NULL && EVP_DigestInit_ex2(s->hash, md, NULL) &&
         EVP_DigestUpdate(s->hash, s->text.p, s->text.len);
    EVP_MD_free(md);
    text_forget(s);
    return ok;
}

int signature_sign_update(void *ctx, const unsigned char *data, size_t len)
{
    struct signature *s = ctx;

    if (s->key == NULL)
        return error_raise(s->prov, LB_E_NO_KEY, "no key is set for this signature");
    if (hashes(s) && !has_digest(s))
        return 0;
    /* Whole, as long as it may be, so that the box sees what it signs. */
    if (!hashes(s) || (s->hash == NULL && len <= LB_TEXT_MAX - s->text.len))
        return text_append(s, data, len);
    return hash_begin(s) && EVP_DigestUpdate(s->hash, data, len);
}

int signature_sign_final(void *ctx, unsigned char *sig, size_t *ret_len, size_t size)
{
    struct signature *s = ctx;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct sign_request m;

    if (!room_for(s, sig, size, ret_len) || sig == NULL)
        return sig == NULL && s->key != NULL;
    if (!sigopts_to_request(s->key, &s->opts, &m))
        return 0;
    if (s->hash == NULL)
        return (!hashes(s) || has_digest(s)) && ask(s, &m, INPUT_TEXT, s->text.p, s->text.len, sig, ret_len);
    return EVP_DigestFinal_ex(s->hash, digest, &len) &&
           ask(s, &m, INPUT_DIGEST, digest, len, sig, ret_len);
}

/* Signs a whole text, as libssl does, so that the box sees what it signs. A long text is hashed here if the scheme hashes. */
int signature_digest_sign(void *ctx, unsigned char *sig, size_t *ret_len, size_t size, const unsigned char *tbs,
                          size_t tbs_len)
{
    struct signature *s = ctx;
    struct sign_request m;

    if (!room_for(s, sig, size, ret_len) || sig == NULL)
        return sig == NULL && s->key != NULL;
    if (s->hash == NULL && s->text.len == 0 && (tbs_len <= LB_TEXT_MAX || !hashes(s)))
        return sigopts_to_request(s->key, &s->opts, &m) && ask(s, &m, INPUT_TEXT, tbs, tbs_len, sig, ret_len);
    return signature_sign_update(ctx, tbs, tbs_len) && signature_sign_final(ctx, sig, ret_len, size);
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
        EVP_DigestVerifyInit_ex(md, &check, digest, s->prov->libctx, NULL, key_public(s->key), NULL) <= 0)
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

int signature_get_ctx_params(void *ctx, OSSL_PARAM params[])
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

int signature_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    if (s->key == NULL)
        return 0;
    if (s->check != NULL)
        return params == NULL || EVP_PKEY_CTX_set_params(s->check, params) > 0;
    return sigopts_set(s->key, &s->opts, params);
}

const OSSL_PARAM *signature_gettable_ctx_params(void *ctx, void *provctx)
{
    const struct signature *s = ctx;

    (void)provctx;
    if (s != NULL && s->check != NULL)
        return EVP_PKEY_CTX_gettable_params(s->check);
    return sigopts_gettable(s == NULL ? NULL : s->key);
}

const OSSL_PARAM *signature_settable_ctx_params(void *ctx, void *provctx)
{
    const struct signature *s = ctx;

    (void)provctx;
    if (s != NULL && s->check != NULL)
        return EVP_PKEY_CTX_settable_params(s->check);
    return s == NULL ? sigopts_settable(NULL, NULL) : sigopts_settable(s->key, &s->opts);
}

int signature_get_ctx_md_params(void *ctx, OSSL_PARAM params[])
{
    struct signature *s = ctx;

    return s->key != NULL && (s->verifies || hash_begin(s)) && s->hash != NULL &&
           EVP_MD_CTX_get_params(s->hash, params);
}

int signature_set_ctx_md_params(void *ctx, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    return s->key != NULL && (s->verifies || hash_begin(s)) && s->hash != NULL &&
           EVP_MD_CTX_set_params(s->hash, params);
}

const OSSL_PARAM *signature_gettable_ctx_md_params(void *ctx)
{
    struct signature *s = ctx;

    return s->hash == NULL ? NULL : EVP_MD_CTX_gettable_params(s->hash);
}

const OSSL_PARAM *signature_settable_ctx_md_params(void *ctx)
{
    struct signature *s = ctx;

    return s->hash == NULL ? NULL : EVP_MD_CTX_settable_params(s->hash);
}
