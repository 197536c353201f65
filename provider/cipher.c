/* Decryption, by the box; and encryption, by `default` on the public half. */
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "client/operation.h"
#include "alg.h"
#include "cipheropts.h"
#include "dispatch.h"
#include "error.h"
#include "key.h"
#include "provctx.h"

/* One operation of a caller. While it encrypts, the public half's own context does everything, options too. */
struct cipher {
    struct provctx *prov;
    struct key *key;
    struct cipheropts opts;
    EVP_PKEY_CTX *encrypt; /* NULL: it decrypts */
};

static void *newctx(void *provctx)
{
    struct cipher *c = OPENSSL_zalloc(sizeof(*c));

    if (c == NULL) {
        error_raise(provctx, LB_E_NOMEM, "for a decryption");
        return NULL;
    }
    c->prov = provctx;
    cipheropts_init(&c->opts);
    return c;
}

static void freectx(void *ctx)
{
    struct cipher *c = ctx;

    if (c == NULL)
        return;
    EVP_PKEY_CTX_free(c->encrypt);
    cipheropts_clear(&c->opts);
    key_unref(c->key);
    OPENSSL_free(c);
}

static void *dupctx(void *ctx)
{
    const struct cipher *from = ctx;
    struct cipher *c = newctx(from->prov);

    if (c == NULL)
        return NULL;
    c->key = from->key == NULL ? NULL : key_ref(from->key);
    if (!cipheropts_copy(from->prov, &from->opts, &c->opts))
        goto out;
    if (from->encrypt != NULL) {
        c->encrypt = EVP_PKEY_CTX_dup(from->encrypt);
        if (c->encrypt == NULL)
            goto out;
    }
    return c;
out:
    freectx(c);
    return NULL;
}

static int take_key(struct cipher *c, struct key *key)
{
    if (key == NULL || key_is_empty(key))
        return error_raise(c->prov, LB_E_NO_KEY, "no key is set for this decryption");
    key_ref(key);
    key_unref(c->key);
    c->key = key;
    EVP_PKEY_CTX_free(c->encrypt);
    c->encrypt = NULL;
    cipheropts_clear(&c->opts);
    if ((key->alg->options & OPT_PSS_ONLY) != 0)
        return error_raise(c->prov, LB_E_SCHEME, "an RSA-PSS key is for signatures: it neither encrypts nor decrypts");
    return 1;
}

/* Decrypting: nothing is asked of the box before the decryption itself. */

static int decrypt_init(void *ctx, void *key, const OSSL_PARAM params[])
{
    struct cipher *c = ctx;

    if (!take_key(c, key))
        return 0;
    if (!c->key->is_private)
        return error_raise(c->prov, LB_E_NO_KEY, "this is a public key, it has no private half to decrypt with");
    return cipheropts_set(c->prov, &c->opts, params);
}

/* out NULL: the caller asks how much room to bring. The answer is that of `default`. */
static int decrypt(void *ctx, unsigned char *out, size_t *ret_len, size_t size, const unsigned char *in, size_t len)
{
    const struct cipher *c = ctx;
    struct decrypt_request m;
    struct problem p;
    size_t need;

    if (c->key == NULL || c->encrypt != NULL)
        return error_raise(c->prov, LB_E_NO_KEY, "no key is set for this decryption");
    need = c->opts.padding == PADDING_TLS ? LB_TLS_PREMASTER : (size_t)c->key->signature_size;
    if (out == NULL) {
        *ret_len = need;
        return 1;
    }
    if (size < need)
        return error_raise(c->prov, LB_E_TOO_LONG, "the plaintext may need %zu bytes, there is room for %zu", need,
                           size);
    if (!cipheropts_to_request(c->prov, &c->opts, &m))
        return 0;
    if (len > (size_t)c->key->signature_size)
        return error_raise(c->prov, LB_E_TOO_LONG, "%zu bytes are more than this key decrypts at once: %d", len,
                           c->key->signature_size);
    m.key = c->key->ref;
    m.data = (struct bytes){ in, len };
    return operate_decrypt(c->key->box, &m, out, need, ret_len, &p) == 0 ? 1 : error_problem(c->prov, &p);
}

/* Encrypting */

static int encrypt_init(void *ctx, void *key, const OSSL_PARAM params[])
{
    struct cipher *c = ctx;

    if (!take_key(c, key))
        return 0;
    c->encrypt = EVP_PKEY_CTX_new_from_pkey(c->prov->libctx, key_public(c->key), NULL);
    return c->encrypt != NULL && EVP_PKEY_encrypt_init_ex(c->encrypt, params) > 0;
}

static int encrypt(void *ctx, unsigned char *out, size_t *ret_len, size_t size, const unsigned char *in, size_t len)
{
    const struct cipher *c = ctx;

    *ret_len = size;
    return c->encrypt == NULL ? 0 : EVP_PKEY_encrypt(c->encrypt, out, ret_len, in, len);
}

/* Options */

static int get_ctx_params(void *ctx, OSSL_PARAM params[])
{
    const struct cipher *c = ctx;

    if (c->encrypt != NULL)
        return EVP_PKEY_CTX_get_params(c->encrypt, params) > 0;
    return cipheropts_get(&c->opts, params);
}

static int set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
    struct cipher *c = ctx;

    if (c->encrypt != NULL)
        return params == NULL || EVP_PKEY_CTX_set_params(c->encrypt, params) > 0;
    return cipheropts_set(c->prov, &c->opts, params);
}

static const OSSL_PARAM *gettable_ctx_params(void *ctx, void *provctx)
{
    (void)ctx;
    (void)provctx;
    return cipheropts_gettable;
}

static const OSSL_PARAM *settable_ctx_params(void *ctx, void *provctx)
{
    (void)ctx;
    (void)provctx;
    return cipheropts_settable;
}

const OSSL_DISPATCH cipher_functions[] = {
    LB_FN(ASYM_CIPHER_NEWCTX, asym_cipher_newctx, newctx),
    LB_FN(ASYM_CIPHER_FREECTX, asym_cipher_freectx, freectx),
    LB_FN(ASYM_CIPHER_DUPCTX, asym_cipher_dupctx, dupctx),
    LB_FN(ASYM_CIPHER_ENCRYPT_INIT, asym_cipher_encrypt_init, encrypt_init),
    LB_FN(ASYM_CIPHER_ENCRYPT, asym_cipher_encrypt, encrypt),
    LB_FN(ASYM_CIPHER_DECRYPT_INIT, asym_cipher_decrypt_init, decrypt_init),
    LB_FN(ASYM_CIPHER_DECRYPT, asym_cipher_decrypt, decrypt),
    LB_FN(ASYM_CIPHER_GET_CTX_PARAMS, asym_cipher_get_ctx_params, get_ctx_params),
    LB_FN(ASYM_CIPHER_GETTABLE_CTX_PARAMS, asym_cipher_gettable_ctx_params, gettable_ctx_params),
    LB_FN(ASYM_CIPHER_SET_CTX_PARAMS, asym_cipher_set_ctx_params, set_ctx_params),
    LB_FN(ASYM_CIPHER_SETTABLE_CTX_PARAMS, asym_cipher_settable_ctx_params, settable_ctx_params),
    LB_FN_END,
};
