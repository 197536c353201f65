/* Verifying: a context of `default` on the public half, which the caller's options go to. */
#include "error.h"
#include "provctx.h"
#include "signature.h"

static int own_check(struct signature *s, struct key *key, bool message)
{
    if (!signature_begin(s, key, /* verifies= */ true, message))
        return 0;
    s->check = EVP_PKEY_CTX_new_from_pkey(s->prov->libctx, key_public(s->key), NULL);
    s->check_owned = true;
    return s->check != NULL;
}

#ifdef OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT
static const char *algorithm_name(const struct signature *s)
{
    return s->fixed != NULL ? s->fixed->name : s->key->alg->signature;
}

/* Begins with the algorithm of the same name of `default`. */
static int begin_by_name(struct signature *s,
                         int (*init)(EVP_PKEY_CTX *ctx, EVP_SIGNATURE *algorithm, const OSSL_PARAM params[]),
                         const OSSL_PARAM params[])
{
    EVP_SIGNATURE *algorithm = EVP_SIGNATURE_fetch(s->prov->libctx, algorithm_name(s), NULL);
    int ok = algorithm != NULL && init(s->check, algorithm, params) > 0;

    EVP_SIGNATURE_free(algorithm);
    return ok;
}

int signature_verify_message_init(void *ctx, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    return own_check(s, key, /* message= */ true) && begin_by_name(s, EVP_PKEY_verify_message_init, params);
}

int signature_verify_message_update(void *ctx, const unsigned char *data, size_t len)
{
    struct signature *s = ctx;

    return s->check == NULL ? 0 : EVP_PKEY_verify_message_update(s->check, data, len);
}

int signature_verify_message_final(void *ctx)
{
    struct signature *s = ctx;

    return s->check == NULL ? 0 : EVP_PKEY_verify_message_final(s->check);
}

static int begin_verify(struct signature *s, const OSSL_PARAM params[])
{
    if (s->fixed == NULL)
        return EVP_PKEY_verify_init_ex(s->check, params) > 0;
    return begin_by_name(s, EVP_PKEY_verify_init_ex2, params);
}
#else
static int begin_verify(struct signature *s, const OSSL_PARAM params[])
{
    return EVP_PKEY_verify_init_ex(s->check, params) > 0;
}
#endif

int signature_verify_init(void *ctx, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    return own_check(s, key, /* message= */ false) && begin_verify(s, params);
}

int signature_verify(void *ctx, const unsigned char *sig, size_t sig_len, const unsigned char *tbs, size_t tbs_len)
{
    struct signature *s = ctx;

    return s->check == NULL ? 0 : EVP_PKEY_verify(s->check, sig, sig_len, tbs, tbs_len);
}

int signature_verify_recover_init(void *ctx, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    if (!own_check(s, key, /* message= */ false))
        return 0;
#ifdef OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT
    if (s->fixed != NULL)
        return begin_by_name(s, EVP_PKEY_verify_recover_init_ex2, params);
#endif
    return EVP_PKEY_verify_recover_init_ex(s->check, params) > 0;
}

int signature_verify_recover(void *ctx, unsigned char *rout, size_t *ret_len, size_t size, const unsigned char *sig,
                             size_t sig_len)
{
    struct signature *s = ctx;

    *ret_len = size;
    return s->check == NULL ? 0 : EVP_PKEY_verify_recover(s->check, rout, ret_len, sig, sig_len);
}

int signature_digest_verify_init(void *ctx, const char *mdname, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    if (!signature_begin(s, key, /* verifies= */ true, /* message= */ true))
        return 0;
    s->hash = EVP_MD_CTX_new();
    return s->hash != NULL &&
           EVP_DigestVerifyInit_ex(s->hash, &s->check, mdname, s->prov->libctx, NULL, key_public(s->key), params) > 0;
}

int signature_digest_verify_update(void *ctx, const unsigned char *data, size_t len)
{
    struct signature *s = ctx;

    return s->hash == NULL ? 0 : EVP_DigestVerifyUpdate(s->hash, data, len);
}

int signature_digest_verify_final(void *ctx, const unsigned char *sig, size_t len)
{
    struct signature *s = ctx;

    return s->hash == NULL ? 0 : EVP_DigestVerifyFinal(s->hash, sig, len);
}

int signature_digest_verify(void *ctx, const unsigned char *sig, size_t sig_len, const unsigned char *tbs,
                            size_t tbs_len)
{
    struct signature *s = ctx;

    return s->hash == NULL ? 0 : EVP_DigestVerify(s->hash, sig, sig_len, tbs, tbs_len);
}
