/* TLS 1.2 with RSA key exchange: the server's key is in a box, which decrypts the client's premaster secret. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

#include "types.h"

static X509 *self_signed(OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    X509 *cert = X509_new_ex(libctx, NULL);
    X509_NAME *name = X509_NAME_new();
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    NEED(X509_set_version(cert, 2) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1));
    NEED(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"test", -1, -1, 0));
    NEED(X509_set_subject_name(cert, name) && X509_set_issuer_name(cert, name));
    NEED(X509_gmtime_adj(X509_getm_notBefore(cert), 0) && X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    NEED(X509_set_pubkey(cert, key) == 1);
    NEED(EVP_DigestSignInit_ex(md, NULL, NULL, libctx, NULL, key, NULL) > 0 && X509_sign_ctx(cert, md) > 0);
    EVP_MD_CTX_free(md);
    X509_NAME_free(name);
    return cert;
}

/* Lets both ends talk over memory until neither has anything to say. */
static bool shake_hands(SSL *server, SSL *client)
{
    int s = 0, c = 0;

    for (int i = 0; i < 20 && (s != 1 || c != 1); i++) {
        c = SSL_do_handshake(client);
        if (c != 1 && SSL_get_error(client, c) != SSL_ERROR_WANT_READ)
            return false;
        s = SSL_do_handshake(server);
        if (s != 1 && SSL_get_error(server, s) != SSL_ERROR_WANT_READ)
            return false;
    }
    return s == 1 && c == 1;
}

/* Both ends over memory, with RSA key exchange: a decryption each, and no signature. */
static void tls_once(OSSL_LIB_CTX *libctx)
{
    EVP_PKEY *key = load_key(libctx, "rsa");
    X509 *cert = self_signed(libctx, key);
    SSL_CTX *server_ctx = SSL_CTX_new_ex(libctx, NULL, TLS_server_method());
    SSL_CTX *client_ctx = SSL_CTX_new_ex(libctx, NULL, TLS_client_method());
    SSL *server, *client;
    BIO *a = NULL, *b = NULL;
    struct msg_status before, after;

    NEED(SSL_CTX_use_certificate(server_ctx, cert) == 1 && SSL_CTX_use_PrivateKey(server_ctx, key) == 1);
    NEED(SSL_CTX_set_max_proto_version(server_ctx, TLS1_2_VERSION) == 1);
    NEED(SSL_CTX_set_cipher_list(server_ctx, "AES128-SHA") == 1);
    NEED(SSL_CTX_set_cipher_list(client_ctx, "AES128-SHA") == 1);
    SSL_CTX_set_verify(client_ctx, SSL_VERIFY_PEER, NULL);
    NEED(X509_STORE_add_cert(SSL_CTX_get_cert_store(client_ctx), cert) == 1);
    server = SSL_new(server_ctx);
    client = SSL_new(client_ctx);
    NEED(BIO_new_bio_pair(&a, 0, &b, 0) == 1);
    SSL_set_bio(server, a, a);
    SSL_set_bio(client, b, b);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    boxproc_status(&box, &before);
    CU_ASSERT(shake_hands(server, client));
    boxproc_status(&box, &after);
    CU_ASSERT_EQUAL(after.decryptions - before.decryptions, 1);
    CU_ASSERT_EQUAL(after.signatures, before.signatures);
    CU_ASSERT_EQUAL(SSL_version(client), TLS1_2_VERSION);
    CU_ASSERT_STRING_EQUAL(SSL_get_cipher_name(client), "AES128-SHA");
    CU_ASSERT_EQUAL(SSL_get_verify_result(client), X509_V_OK);
    SSL_free(server);
    SSL_free(client);
    SSL_CTX_free(client_ctx);
    SSL_CTX_free(server_ctx);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void test_tls(void)
{
    for (size_t c = 0; c < 2; c++)
        tls_once(contexts[c]);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "a decryption each", test_tls },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    status = run_suite("TLS with RSA", tests);
    types_end();
    return status;
}
