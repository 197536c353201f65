/* PKCS#1 v1.5 paddings of blocks that a token decrypted by raw RSA, taken off by libcrypto. */

/* The check by itself is a function that libcrypto calls deprecated. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "token/evp.h"

int p11_unpad_length(struct bytes block, uint8_t *out)
{
    return RSA_padding_check_PKCS1_type_2(out, (int)block.len, block.p, (int)block.len, (int)block.len);
}

/*
 * Makes a key of this modulus whose exponents are 1: what it decrypts stays what it is, but for the padding. So libcrypto
 * looks at the padding, and rejects as it does with its own keys. If the padding is bad, it answers with a text that
 * follows from what is decrypted. Here that is the block and not the ciphertext: nobody outside knows it.
 */
static EVP_PKEY *identity(EVP_PKEY *pub)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(/* libctx= */ NULL, "RSA", /* properties= */ NULL);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    BIGNUM *n = NULL;
    EVP_PKEY *key = NULL;

    if (ctx != NULL && bld != NULL && EVP_PKEY_get_bn_param(pub, OSSL_PKEY_PARAM_RSA_N, &n) > 0 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_uint(bld, OSSL_PKEY_PARAM_RSA_E, 1) &&
        OSSL_PARAM_BLD_push_uint(bld, OSSL_PKEY_PARAM_RSA_D, 1))
        params = OSSL_PARAM_BLD_to_param(bld);
    if (params == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
        key = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

bool p11_unpad(EVP_PKEY *pub, struct bytes block, uint8_t *out, size_t *len)
{
    EVP_PKEY *key = identity(pub);
    EVP_PKEY_CTX *ctx = key == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(/* libctx= */ NULL, key, /* properties= */ NULL);
    bool ok = ctx != NULL && EVP_PKEY_decrypt_init(ctx) > 0 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
              EVP_PKEY_decrypt(ctx, out, len, block.p, block.len) > 0;

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok;
}
