/* AES-256-GCM and HKDF-SHA256 as the store uses them: one form of sealed bytes, one derivation. */
#include "guard/aead.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdlib.h>

#define AEAD_VERSION 1
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define HEAD_SIZE (1 + NONCE_SIZE)

struct aead {
    EVP_CIPHER *cipher;
    EVP_KDF *hkdf;
};

int aead_new(struct aead **ret)
{
    struct aead *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return LB_E_NOMEM;
    a->cipher = EVP_CIPHER_fetch(/* libctx= */ NULL, "AES-256-GCM", /* properties= */ NULL);
    a->hkdf = EVP_KDF_fetch(/* libctx= */ NULL, "HKDF", /* properties= */ NULL);
    if (a->cipher == NULL || a->hkdf == NULL) {
        aead_free(a);
        return LB_E_CRYPTO;
    }
    *ret = a;
    return 0;
}

void aead_free(struct aead *a)
{
    if (a == NULL)
        return;
    EVP_CIPHER_free(a->cipher);
    EVP_KDF_free(a->hkdf);
    free(a);
}

/* version byte | nonce | ciphertext | tag */
int aead_seal(const struct aead *a, const uint8_t *key, struct bytes aad, struct bytes text, uint8_t *sealed)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *nonce = sealed + 1, *out = sealed + HEAD_SIZE;
    int n, r = LB_E_CRYPTO;

    sealed[0] = AEAD_VERSION;
    if (ctx == NULL || RAND_bytes(nonce, NONCE_SIZE) != 1)
        goto out;
    if (!EVP_EncryptInit_ex2(ctx, a->cipher, key, nonce, /* params= */ NULL) ||
        !EVP_EncryptUpdate(ctx, NULL, &n, aad.p, (int)aad.len))
        goto out;
    if (text.len > 0 && !EVP_EncryptUpdate(ctx, out, &n, text.p, (int)text.len))
        goto out;
    if (!EVP_EncryptFinal_ex(ctx, out + text.len, &n) ||
        !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, out + text.len))
        goto out;
    r = 0;
out:
    EVP_CIPHER_CTX_free(ctx);
    return r;
}

int aead_open(const struct aead *a, const uint8_t *key, struct bytes aad, struct bytes sealed, uint8_t *text)
{
    EVP_CIPHER_CTX *ctx = NULL;
    uint8_t tag[TAG_SIZE];
    struct wire_reader reader;
    struct bytes nonce, body, end;
    int n, r = LB_E_CRYPTO;

    if (sealed.len < AEAD_OVERHEAD)
        return LB_E_DAMAGED;
    wire_read(&reader, sealed.p, sealed.len);
    if (wire_get_u8(&reader) != AEAD_VERSION)
        return LB_E_DAMAGED;
    nonce = wire_get_raw(&reader, NONCE_SIZE);
    body = wire_get_raw(&reader, sealed.len - AEAD_OVERHEAD);
    end = wire_get_raw(&reader, TAG_SIZE);
    for (size_t i = 0; i < TAG_SIZE; i++)
        tag[i] = end.p[i];
    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL)
        return LB_E_CRYPTO;
    if (!EVP_DecryptInit_ex2(ctx, a->cipher, key, nonce.p, /* params= */ NULL) ||
        !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) ||
        !EVP_DecryptUpdate(ctx, NULL, &n, aad.p, (int)aad.len))
        goto out;
    if (body.len > 0 && !EVP_DecryptUpdate(ctx, text, &n, body.p, (int)body.len))
        goto out;
    /* This call checks the tag. It writes nothing: GCM gives all bytes in the update. */
    r = EVP_DecryptFinal_ex(ctx, tag, &n) > 0 ? 0 : LB_E_DAMAGED;
out:
    EVP_CIPHER_CTX_free(ctx);
    if (r != 0 && body.len > 0)
        OPENSSL_cleanse(text, body.len);
    return r;
}

int aead_derive(const struct aead *a, struct bytes secret, struct bytes salt, struct bytes info, uint8_t *ret_key)
{
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(a->hkdf);
    OSSL_PARAM params[5], *p = params;
    int r = LB_E_CRYPTO;

    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0);
    *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret.p, secret.len);
    *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info.p, info.len);
    if (salt.len > 0)
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt.p, salt.len);
    *p = OSSL_PARAM_construct_end();
    if (ctx != NULL && EVP_KDF_derive(ctx, ret_key, AEAD_KEY_SIZE, params) > 0)
        r = 0;
    EVP_KDF_CTX_free(ctx);
    return r;
}
