/* TLS handshakes of a server whose key is in a box: both load orders, 1.2 and 1.3, all kinds of key shares. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

#include "types.h"

static const char *const groups[] = { "P-256", "P-521", "X25519" };
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

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

static bool connect_once(SSL_CTX *server_ctx, SSL_CTX *client_ctx, const char *group, int version)
{
    SSL *server = SSL_new(server_ctx), *client = SSL_new(client_ctx);
    BIO *a = NULL, *b = NULL;
    bool ok;

    NEED(server != NULL && client != NULL && BIO_new_bio_pair(&a, 0, &b, 0) == 1);
    SSL_set_bio(server, a, a);
    SSL_set_bio(client, b, b);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    NEED(SSL_set1_groups_list(client, group) == 1 && SSL_set_min_proto_version(client, version) == 1 &&
         SSL_set_max_proto_version(client, version) == 1);
    ok = shake_hands(server, client) && SSL_version(client) == version && SSL_get_verify_result(client) == X509_V_OK;
    SSL_free(server);
    SSL_free(client);
    return ok;
}

static void handshakes(OSSL_LIB_CTX *libctx, const char *name)
{
    EVP_PKEY *key = load_key(libctx, name);
    X509 *cert = self_signed(libctx, key);
    SSL_CTX *server = SSL_CTX_new_ex(libctx, NULL, TLS_server_method());
    /* The client lives in the same context: its key shares are made there too. */
    SSL_CTX *client = SSL_CTX_new_ex(libctx, NULL, TLS_client_method());

    CU_ASSERT_EQUAL(SSL_CTX_use_certificate(server, cert), 1);
    CU_ASSERT_EQUAL(SSL_CTX_use_PrivateKey(server, key), 1);
    CU_ASSERT_EQUAL(SSL_CTX_check_private_key(server), 1);
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    NEED(X509_STORE_add_cert(SSL_CTX_get_cert_store(client), cert) == 1);
    for (size_t g = 0; g < GROUPS; g++) {
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            bool ok;

            /* In TLS 1.2 the group list also covers the certificate's curve (RFC 8422 5.1). */
            if (version == TLS1_2_VERSION && name[0] == 'p' && strncmp(name, "pss", 3) != 0 &&
                OPENSSL_strcasecmp(groups[g] + 2, name + 1) != 0)
                continue;
            ok = connect_once(server, client, groups[g], version);
            CU_ASSERT(ok);
            if (!ok) {
                fprintf(stderr, "\nfailed: %s, %s, version %x\n", name, groups[g], (unsigned)version);
                ERR_print_errors_fp(stderr);
            }
        }
    }
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void test_handshakes(void)
{
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < TYPES; i++)
            handshakes(contexts[c], types[i].key);
    }
}

/* One request to the box a handshake: no more. */
static void test_one_signature(void)
{
    EVP_PKEY *key = load_key(contexts[0], "p256");
    X509 *cert = self_signed(contexts[0], key);
    SSL_CTX *server = SSL_CTX_new_ex(contexts[0], NULL, TLS_server_method());
    SSL_CTX *client = SSL_CTX_new_ex(contexts[0], NULL, TLS_client_method());
    struct msg_status before, after;

    NEED(SSL_CTX_use_certificate(server, cert) == 1 && SSL_CTX_use_PrivateKey(server, key) == 1);
    NEED(X509_STORE_add_cert(SSL_CTX_get_cert_store(client), cert) == 1);
    boxproc_status(&box, &before);
    for (int i = 0; i < 10; i++)
        CU_ASSERT(connect_once(server, client, "P-256", i % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION));
    boxproc_status(&box, &after);
    CU_ASSERT_EQUAL(after.signatures - before.signatures, 10);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void test_wrong_certificate(void)
{
    EVP_PKEY *ec = load_key(contexts[0], "p256"), *rsa = load_key(contexts[0], "rsa"),
             *p384 = load_key(contexts[0], "p384");
    X509 *cert = self_signed(contexts[0], ec);
    SSL_CTX *ctx = SSL_CTX_new_ex(contexts[0], NULL, TLS_server_method());

    CU_ASSERT_EQUAL(X509_check_private_key(cert, rsa), 0);
    CU_ASSERT(error_says("key type mismatch"));
    NEED(SSL_CTX_use_certificate(ctx, cert) == 1);
    CU_ASSERT_EQUAL(SSL_CTX_use_PrivateKey(ctx, p384), 0);
    CU_ASSERT(error_says("key values mismatch"));
    SSL_CTX_free(ctx);
    X509_free(cert);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(p384);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "handshakes", test_handshakes },
        { "one signature each", test_one_signature },
        { "certificate of another key", test_wrong_certificate },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    status = run_suite("tls", tests);
    types_end();
    return status;
}
