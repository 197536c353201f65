/* Rows of the table of operations that decrypt and agree on secrets; the other side is `default` alone. */
#include <openssl/cms.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <string.h>

#include "optable.h"

static bool encrypt(const struct run *r, const char *text, uint8_t *ret, size_t *ret_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, r->plain, NULL);
    bool ok = EVP_PKEY_encrypt_init(ctx) > 0 && options_apply(r, ctx) &&
              EVP_PKEY_encrypt(ctx, ret, ret_len, (const uint8_t *)text, strlen(text)) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

bool decrypt_texts(struct run *r)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(r->libctx, r->key, NULL), *copy = NULL;
    uint8_t sealed[256], opened[256];
    size_t sealed_len = sizeof(sealed), len = sizeof(opened);
    bool ok = encrypt(r, "a text", sealed, &sealed_len) && EVP_PKEY_decrypt_init(ctx) > 0 && options_apply(r, ctx) &&
              EVP_PKEY_decrypt(ctx, opened, &len, sealed, sealed_len) > 0 && len == 6 && memcmp(opened, "a text", 6) == 0;

    /* A copy has the options too. */
    copy = ok ? EVP_PKEY_CTX_dup(ctx) : NULL;
    len = sizeof(opened);
    ok = copy != NULL && encrypt(r, "another", sealed, &sealed_len) &&
         EVP_PKEY_decrypt(copy, opened, &len, sealed, sealed_len) > 0 && len == 7 && memcmp(opened, "another", 7) == 0;
    EVP_PKEY_CTX_free(copy);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* Both sides of an agreement have the options. */
static bool derive(OSSL_LIB_CTX *libctx, const struct run *r, EVP_PKEY *mine, EVP_PKEY *peer, uint8_t *ret, size_t *len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, mine, NULL);
    bool ok = EVP_PKEY_derive_init(ctx) > 0 && options_apply(r, ctx) && EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
              EVP_PKEY_derive(ctx, ret, len) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

bool derive_secrets(struct run *r)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, r->plain, NULL);
    EVP_PKEY *other = NULL, *other_public = NULL;
    uint8_t a[256], b[256];
    size_t a_len = sizeof(a), b_len = sizeof(b);
    bool ok;

    NEED(EVP_PKEY_keygen_init(ctx) > 0 && EVP_PKEY_generate(ctx, &other) > 0);
    other_public = plain_public(other);
    ok = derive(r->libctx, r, r->key, other_public, a, &a_len) && derive(NULL, r, other, r->plain, b, &b_len) &&
         a_len == b_len && a_len > 0 && memcmp(a, b, a_len) == 0;
    EVP_PKEY_free(other_public);
    EVP_PKEY_free(other);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* A certificate of the run's key, as one who does not know us reads it. */
static X509 *certificate(struct run *r)
{
    X509 *cert = X509_new_ex(r->libctx, NULL), *read = NULL;
    X509_NAME *name = X509_NAME_new();
    unsigned char *der = NULL;
    const unsigned char *at;
    int len;

    NEED(cert != NULL && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"test", -1, -1, 0) == 1);
    NEED(X509_set_version(cert, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
         X509_gmtime_adj(X509_getm_notBefore(cert), -60) && X509_gmtime_adj(X509_getm_notAfter(cert), 3600) &&
         X509_set_subject_name(cert, name) && X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, r->key) &&
         X509_sign(cert, r->key, EVP_sha256()) > 0);
    len = i2d_X509(cert, &der);
    at = der;
    NEED(len > 0 && (read = d2i_X509(NULL, &at, len)) != NULL);
    OPENSSL_free(der);
    X509_NAME_free(name);
    X509_free(cert);
    return read;
}

static bool is_message(BIO *got)
{
    char *text = NULL;
    long len = BIO_get_mem_data(got, &text);

    return len == 9 && memcmp(text, "a message", 9) == 0;
}

static bool decrypt_cms(struct run *r, X509 *cert)
{
    BIO *in = BIO_new_mem_buf("a message", -1), *der = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms = CMS_encrypt_ex(NULL, NULL, EVP_aes_128_cbc(), CMS_PARTIAL | CMS_BINARY, NULL, NULL);
    CMS_RecipientInfo *recipient = CMS_add1_recipient_cert(cms, cert, CMS_KEY_PARAM);
    CMS_ContentInfo *got = CMS_ContentInfo_new_ex(r->libctx, NULL);
    bool ok = recipient != NULL && options_apply(r, CMS_RecipientInfo_get0_pkey_ctx(recipient)) &&
              CMS_final(cms, in, NULL, CMS_BINARY) == 1 && i2d_CMS_bio(der, cms) == 1 &&
              d2i_CMS_bio(der, &got) != NULL && CMS_decrypt(got, r->key, cert, NULL, out, 0) == 1 && is_message(out);

    CMS_ContentInfo_free(got);
    CMS_ContentInfo_free(cms);
    BIO_free(out);
    BIO_free(der);
    BIO_free(in);
    return ok;
}

/* S/MIME as it was before CMS: RSA with PKCS#1 v1.5. */
static bool decrypt_pkcs7(struct run *r, X509 *cert)
{
    BIO *in = BIO_new_mem_buf("a message", -1), *out = BIO_new(BIO_s_mem());
    STACK_OF(X509) *certs = sk_X509_new_null();
    PKCS7 *p7;
    bool ok;

    NEED(sk_X509_push(certs, cert) > 0);
    p7 = PKCS7_encrypt_ex(certs, in, EVP_aes_128_cbc(), PKCS7_BINARY, r->libctx, NULL);
    ok = p7 != NULL && PKCS7_decrypt(p7, r->key, cert, out, 0) == 1 && is_message(out);
    PKCS7_free(p7);
    sk_X509_free(certs);
    BIO_free(out);
    BIO_free(in);
    return ok;
}

bool decrypt_messages(struct run *r)
{
    X509 *cert = certificate(r);
    bool ok = decrypt_cms(r, cert);

    if (ok && EVP_PKEY_is_a(r->key, "RSA") && r->first)
        ok = decrypt_pkcs7(r, cert);
    X509_free(cert);
    return ok;
}
