/* TLS up to 1.2 with RSA key exchange: the server's key is in a box, which decrypts the client's premaster secret. */
#include <openssl/err.h>
#include <string.h>

#include "tlspair.h"
#include "types.h"

static const struct {
    const char *cipher;
    int oldest; /* version */
} ciphers[] = {
    { "AES128-SHA", TLS1_VERSION },
    { "AES256-SHA256", TLS1_2_VERSION },
    { "AES128-GCM-SHA256", TLS1_2_VERSION },
    { "AES256-GCM-SHA384", TLS1_2_VERSION },
};
#define CIPHERS (sizeof(ciphers) / sizeof(ciphers[0]))

/* client_signs: the client has a key of the box too, so that one connection decrypts and signs. */
static bool connects(SSL_CTX *server, SSL_CTX *client, int version, const char *cipher, uint64_t options,
                     bool client_signs)
{
    struct box_status before, after;
    struct tls_pair p;
    bool ok;

    tls_pair_new(&p, server, client, version, "box.example");
    NEED(SSL_set_min_proto_version(p.server, version) == 1);
    SSL_set_options(p.client, options);
    boxproc_status(&box, &before);
    ok = tls_connect(&p) && strcmp(SSL_get_cipher_name(p.client), cipher) == 0;
    boxproc_status(&box, &after);
    /* A decryption each, and of the server no signature. */
    ok = ok && after.decryptions - before.decryptions == 1 && p.client_saw.signatures == 0 &&
         after.signatures - before.signatures == (client_signs ? 1 : 0);
    if (!ok) {
        fprintf(stderr, "\nfailed: %s, version %x\n", cipher, (unsigned)version);
        ERR_print_errors_fp(stderr);
    }
    tls_pair_free(&p);
    return ok;
}

static void key_exchange(OSSL_LIB_CTX *libctx, const char *client_name)
{
    EVP_PKEY *key = load_key(libctx, "rsa"), *client_key = client_name == NULL ? NULL : load_key(libctx, client_name);
    X509 *cert = tls_certificate(libctx, key, "box.example");
    X509 *client_cert = client_key == NULL ? NULL : tls_certificate(libctx, client_key, "client.example");
    SSL_CTX *server = tls_ctx(libctx, TLS_server_method(), cert, key);
    SSL_CTX *client = tls_ctx(libctx, TLS_client_method(), client_cert, client_key);

    tls_trust(client, cert);
    if (client_cert != NULL)
        tls_trust(server, client_cert);
    for (size_t i = 0; i < CIPHERS; i++) {
        char list[64];

        /* Versions before TLS 1.2 are below what OpenSSL takes by itself. */
        snprintf(list, sizeof(list), "%s:@SECLEVEL=0", ciphers[i].cipher);
        NEED(SSL_CTX_set_cipher_list(server, list) == 1 && SSL_CTX_set_cipher_list(client, list) == 1);
        for (int version = ciphers[i].oldest; version <= TLS1_2_VERSION; version++)
            CU_ASSERT(connects(server, client, version, ciphers[i].cipher, 0, client_key != NULL));
        CU_ASSERT(connects(server, client, TLS1_2_VERSION, ciphers[i].cipher, SSL_OP_NO_EXTENDED_MASTER_SECRET,
                           client_key != NULL));
    }
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    X509_free(client_cert);
    X509_free(cert);
    EVP_PKEY_free(client_key);
    EVP_PKEY_free(key);
}

static void test_key_exchange(void)
{
    for (size_t c = 0; c < 2; c++)
        key_exchange(contexts[c], NULL);
}

static void test_client_too(void)
{
    key_exchange(contexts[0], "rsa");
    key_exchange(contexts[1], "p256");
}

/* Resumption needs the key no more. */
static void test_resumption(void)
{
    EVP_PKEY *key = load_key(contexts[0], "rsa");
    X509 *cert = tls_certificate(contexts[0], key, "box.example");
    SSL_CTX *server = tls_ctx(contexts[0], TLS_server_method(), cert, key);
    SSL_CTX *client = tls_ctx(contexts[0], TLS_client_method(), NULL, NULL);
    struct box_status before, after;
    SSL_SESSION *session;
    struct tls_pair p;

    tls_trust(client, cert);
    NEED(SSL_CTX_set_cipher_list(client, "AES128-GCM-SHA256") == 1);
    tls_pair_new(&p, server, client, TLS1_2_VERSION, "box.example");
    CU_ASSERT_FATAL(tls_connect(&p));
    session = SSL_get1_session(p.client);
    CU_ASSERT(SSL_shutdown(p.client) >= 0 && SSL_shutdown(p.server) >= 0);
    tls_pair_free(&p);
    boxproc_status(&box, &before);
    tls_pair_new(&p, server, client, TLS1_2_VERSION, "box.example");
    NEED(SSL_set_session(p.client, session) == 1);
    CU_ASSERT(tls_connect(&p));
    CU_ASSERT_EQUAL(SSL_session_reused(p.client), 1);
    boxproc_status(&box, &after);
    CU_ASSERT_EQUAL(after.decryptions, before.decryptions);
    CU_ASSERT_EQUAL(after.signatures, before.signatures);
    tls_pair_free(&p);
    SSL_SESSION_free(session);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    X509_free(cert);
    EVP_PKEY_free(key);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "a decryption each", test_key_exchange },
        { "and a signature of the client", test_client_too },
        { "resumption", test_resumption },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    status = run_suite("TLS with RSA", tests);
    types_end();
    return status;
}
