/* What a private key does, through EVP: decrypt. Unpadding is done here, so that no caller sees what was padded. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "keys/key_op_priv.h"
#include "model/scheme.h"

/* Checks what needs no operation of the key. */
static int check(const struct livekey *k, const struct decrypt_request *m, struct problem *p)
{
    size_t size = (size_t)EVP_PKEY_get_size(k->key);

    if ((k->operations & KEY_DECRYPTS) == 0)
        return problem_set(p, LB_E_SCHEME, "a key of type %s does not decrypt", EVP_PKEY_get0_type_name(k->key));
    if (m->padding != PADDING_OAEP && (m->digest != DIGEST_NONE || m->mgf1_digest != DIGEST_NONE || m->label.len != 0))
        return problem_set(p, LB_E_SCHEME, "only OAEP has digests and a label");
    if (m->padding != PADDING_TLS && (m->client_version != 0 || m->negotiated_version != 0))
        return problem_set(p, LB_E_SCHEME, "only the padding of TLS has versions");
    if (m->padding == PADDING_TLS && m->client_version == 0)
        return problem_set(p, LB_E_SCHEME, "the padding of TLS needs the version that the client offered");
    if (m->data.len > size)
        return problem_set(p, LB_E_SCHEME, "%zu bytes are more than this key decrypts at once: %zu", m->data.len,
                           size);
    if (m->padding != PADDING_OAEP)
        return 0;
    if (m->digest == DIGEST_NONE || m->mgf1_digest == DIGEST_NONE)
        return problem_set(p, LB_E_SCHEME, "OAEP needs a digest and a mask digest");
    if (m->digest == DIGEST_MD5_SHA1 || m->mgf1_digest == DIGEST_MD5_SHA1)
        return problem_set(p, LB_E_SCHEME, "there is no OAEP with MD5-SHA1");
    return 0;
}

static bool set_label(EVP_PKEY_CTX *ctx, struct bytes label)
{
    void *copy;

    if (label.len == 0)
        return true;
    copy = OPENSSL_memdup(label.p, label.len);
    if (copy == NULL || EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)label.len) <= 0) {
        OPENSSL_free(copy);
        return false;
    }
    return true; /* the copy is now owned by ctx */
}

static bool set_options(EVP_PKEY_CTX *ctx, const struct decrypt_request *m)
{
    unsigned client = m->client_version, negotiated = m->negotiated_version;
    OSSL_PARAM versions[] = {
        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &client),
        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, &negotiated),
        OSSL_PARAM_construct_end(),
    };

    if (m->padding == PADDING_PKCS1)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
    if (m->padding == PADDING_TLS)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_WITH_TLS_PADDING) > 0 &&
               EVP_PKEY_CTX_set_params(ctx, versions) > 0;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(ctx, keyop_digest(m->digest)) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, keyop_digest(m->mgf1_digest)) > 0 && set_label(ctx, m->label);
}

int keyop_decrypt(struct livekey *k, const struct decrypt_request *m, uint8_t *plain, size_t size, size_t *ret_len,
                  struct problem *p)
{
    EVP_PKEY_CTX *ctx;
    size_t len = size;
    int r = check(k, m, p), decrypted;

    if (r != 0)
        return r;
    ctx = EVP_PKEY_CTX_new_from_pkey(/* libctx= */ NULL, k->key, /* properties= */ NULL);
    if (ctx == NULL || EVP_PKEY_decrypt_init(ctx) <= 0 || !set_options(ctx, m)) {
        EVP_PKEY_CTX_free(ctx);
        ERR_clear_error();
        return problem_set(p, LB_E_CRYPTO, "libcrypto does not decrypt with these options");
    }
    decrypted = EVP_PKEY_decrypt(ctx, plain, &len, m->data.p, m->data.len);
    EVP_PKEY_CTX_free(ctx);
    if (decrypted <= 0 && keyop_backend_problem(p))
        return p->code;
    /* Errors on the queue would tell a good padding from a bad one. A success may leave some too. */
    ERR_clear_error();
    if (decrypted <= 0 || len > size)
        return problem_set(p, LB_E_CRYPTO, "it was not encrypted for this key, or not in this way");
    *ret_len = len;
    return 0;
}
