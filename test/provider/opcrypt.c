/* Rows of the table of operations that decrypt and agree on secrets; the other side is `default` alone. */
#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <stdlib.h>
#include <string.h>

#include "optable.h"

bool decrypt_texts(struct run *r)
{
    static const uint8_t text[] = "48 bytes, as long as the secret of RSA in TLS 1.";
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(r->libctx, r->key, NULL), *copy = NULL;
    EVP_PKEY_CTX *other = EVP_PKEY_CTX_new_from_pkey(NULL, r->plain, NULL);
    uint8_t *cipher = malloc(LB_PACKET_MAX), *plain = malloc(LB_PACKET_MAX);
    size_t cipher_len = LB_PACKET_MAX, len = 0;
    bool ok = EVP_PKEY_encrypt_init(other) > 0 && options_apply(r, other) &&
              EVP_PKEY_encrypt(other, cipher, &cipher_len, text, sizeof(text)) > 0;

    ok = ok && EVP_PKEY_decrypt_init(ctx) > 0 && options_apply(r, ctx) &&
         EVP_PKEY_decrypt(ctx, NULL, &len, cipher, cipher_len) > 0 && len >= sizeof(text) &&
         EVP_PKEY_decrypt(ctx, plain, &len, cipher, cipher_len) > 0 && len == sizeof(text) &&
         memcmp(plain, text, len) == 0;
    /* A copy has the options too. */
    copy = ok ? EVP_PKEY_CTX_dup(ctx) : NULL;
    len = LB_PACKET_MAX;
    ok = copy != NULL && EVP_PKEY_decrypt(copy, plain, &len, cipher, cipher_len) > 0 && len == sizeof(text) &&
         memcmp(plain, text, len) == 0;
    /* The handle encrypts too, as its public half does. */
    cipher_len = LB_PACKET_MAX;
    ok = ok && EVP_PKEY_encrypt_init(ctx) > 0 && options_apply(r, ctx) &&
         EVP_PKEY_encrypt(ctx, cipher, &cipher_len, text, sizeof(text)) > 0 && EVP_PKEY_decrypt_init(copy) > 0 &&
         options_apply(r, copy);
    len = LB_PACKET_MAX;
    ok = ok && EVP_PKEY_decrypt(copy, plain, &len, cipher, cipher_len) > 0 && len == sizeof(text) &&
         memcmp(plain, text, len) == 0;
    free(cipher);
    free(plain);
    EVP_PKEY_CTX_free(other);
    EVP_PKEY_CTX_free(copy);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* A fresh key of the same kind, in a context that does not know us. */
static EVP_PKEY *new_peer(const EVP_PKEY *like)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, EVP_PKEY_get0_type_name(like), NULL);
    char group[80] = "";
    EVP_PKEY *peer = NULL;

    NEED(EVP_PKEY_keygen_init(ctx) > 0);
    if (EVP_PKEY_get_group_name(like, group, sizeof(group), NULL) > 0)
        NEED(EVP_PKEY_CTX_set_group_name(ctx, group) > 0);
    NEED(EVP_PKEY_generate(ctx, &peer) > 0);
    EVP_PKEY_CTX_free(ctx);
    return peer;
}

static bool derive(const struct run *r, OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *peer, uint8_t *secret,
                   size_t *len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    size_t room = *len, need = 0;
    bool ok = EVP_PKEY_derive_init(ctx) > 0 && options_apply(r, ctx) && EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
              EVP_PKEY_derive(ctx, NULL, &need) > 0 && need > 0 && need <= room &&
              EVP_PKEY_derive(ctx, secret, len) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

bool derive_secrets(struct run *r)
{
    EVP_PKEY *peer = new_peer(r->plain), *stranger;
    uint8_t ours[256], theirs[256];
    size_t our_len = sizeof(ours), their_len = sizeof(theirs);
    bool ok = derive(r, r->libctx, r->key, peer, ours, &our_len) &&
              derive(r, NULL, peer, r->plain, theirs, &their_len) && our_len == their_len &&
              memcmp(ours, theirs, our_len) == 0;

    /* With another peer it is another secret. */
    stranger = new_peer(r->plain);
    our_len = sizeof(ours);
    ok = ok && derive(r, r->libctx, r->key, stranger, ours, &our_len) && memcmp(ours, theirs, our_len) != 0;
    EVP_PKEY_free(stranger);
    EVP_PKEY_free(peer);
    return ok;
}

/* CMS */

/* With a certificate of the key that somebody else signed: a key that agrees may not sign at all. */
static X509 *certificate(const struct run *r)
{
    EVP_PKEY *signer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_NAME_new();

    NEED(signer != NULL && cert != NULL && name != NULL &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"test", -1, -1, 0) &&
         X509_set_version(cert, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
         X509_gmtime_adj(X509_getm_notBefore(cert), -60) && X509_gmtime_adj(X509_getm_notAfter(cert), 3600) &&
         X509_set_subject_name(cert, name) && X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, r->plain) &&
         X509_sign(cert, signer, EVP_sha256()) > 0);
    X509_NAME_free(name);
    EVP_PKEY_free(signer);
    return cert;
}

bool decrypt_messages(struct run *r)
{
    static const char text[] = "a message to whoever has the key";
    X509 *cert = certificate(r);
    BIO *in = BIO_new_mem_buf(text, -1), *der = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms = CMS_encrypt(NULL, in, EVP_aes_128_cbc(), CMS_PARTIAL);
    CMS_RecipientInfo *to = CMS_add1_recipient_cert(cms, cert, CMS_KEY_PARAM);
    EVP_PKEY_CTX *ctx = to == NULL ? NULL : CMS_RecipientInfo_get0_pkey_ctx(to);
    CMS_ContentInfo *got = CMS_ContentInfo_new_ex(r->libctx, NULL);
    char *data = NULL;
    bool ok = ctx != NULL && options_apply(r, ctx) && CMS_final(cms, in, NULL, CMS_BINARY) == 1 &&
              i2d_CMS_bio(der, cms) == 1 && d2i_CMS_bio(der, &got) != NULL &&
              CMS_decrypt(got, r->key, cert, NULL, out, 0) == 1;

    ok = ok && BIO_get_mem_data(out, &data) == (long)strlen(text) && memcmp(data, text, strlen(text)) == 0;
    CMS_ContentInfo_free(got);
    CMS_ContentInfo_free(cms);
    BIO_free(out);
    BIO_free(der);
    BIO_free(in);
    X509_free(cert);
    return ok;
}
