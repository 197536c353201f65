/* A worker signs with the key that it loaded, whenever the box rolls over: each with the certificate of before and of after. */
#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tlspair.h"
#include "types.h"

enum { BEFORE, BETWEEN, AHEAD, AFTER, WORKERS };

/* When each worker loaded its key, and which version that is. */
static const struct {
    const char *what;
    bool version_next;
    int version;
} workers[WORKERS] = {
    [BEFORE] = { "loaded before", false, 1 },
    [BETWEEN] = { "loaded once there was a next version", false, 1 },
    [AHEAD] = { "loaded that next version", true, 2 },
    [AFTER] = { "loaded after", false, 2 },
};

static EVP_PKEY *load(OSSL_LIB_CTX *libctx, const char *name, int worker)
{
    char uri[64];
    EVP_PKEY *key;

    snprintf(uri, sizeof(uri), workers[worker].version_next ? "littlebox:%s;version=next" : "littlebox:%s", name);
    key = load_uri(libctx, uri, OSSL_STORE_INFO_PKEY);
    NEED(key != NULL);
    return key;
}

/* Of that key, by an authority: what is not active signs no certificate, not even its own. */
static X509 *certificate(OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *authority)
{
    X509 *x = X509_new_ex(libctx, NULL);
    X509_NAME *name = X509_NAME_new(), *issuer = X509_NAME_new();

    NEED(x != NULL && X509_set_version(x, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), 7) == 1);
    NEED(X509_gmtime_adj(X509_getm_notBefore(x), -60) != NULL && X509_gmtime_adj(X509_getm_notAfter(x), 3600) != NULL);
    NEED(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"box.example", -1, -1, 0) == 1);
    NEED(X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_ASC, (const uint8_t *)"authority", -1, -1, 0) == 1);
    NEED(X509_set_subject_name(x, name) == 1 && X509_set_issuer_name(x, issuer) == 1 && X509_set_pubkey(x, key) == 1);
    NEED(X509_sign(x, authority, EVP_sha256()) > 0);
    X509_NAME_free(name);
    X509_NAME_free(issuer);
    return x;
}

/* A server with this pair: OpenSSL takes it if they fit. Then the client gets a signature that fits, of the key in the certificate. */
static bool serves(OSSL_LIB_CTX *libctx, X509 *cert, EVP_PKEY *key, int version)
{
    SSL_CTX *server = SSL_CTX_new_ex(libctx, NULL, TLS_server_method()), *client = tls_ctx(libctx, TLS_client_method(), NULL, NULL);
    struct tls_pair p;
    bool done = false;

    NEED(server != NULL);
    tls_trust(client, cert);
    X509_STORE_set_flags(SSL_CTX_get_cert_store(client), X509_V_FLAG_PARTIAL_CHAIN);
    if (SSL_CTX_use_certificate(server, cert) == 1 && SSL_CTX_use_PrivateKey(server, key) == 1 &&
        SSL_CTX_check_private_key(server) == 1) {
        tls_pair_new(&p, server, client, version, "box.example");
        done = tls_connect(&p);
        CU_ASSERT(!done || EVP_PKEY_eq(X509_get0_pubkey(SSL_get0_peer_certificate(p.client)), X509_get0_pubkey(cert)) == 1);
        tls_pair_free(&p);
    }
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    return done;
}

/* Every worker with both certificates; signs: which versions do. */
static void look(OSSL_LIB_CTX *libctx, EVP_PKEY *const keys[WORKERS], X509 *const certs[2], const bool signs[2], const char *when)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

    for (int w = 0; w < WORKERS; w++) {
        for (int c = 0; keys[w] != NULL && c < 2; c++) {
            bool expected = workers[w].version == c + 1 && signs[c];

            for (size_t v = 0; v < sizeof(versions) / sizeof(versions[0]); v++) {
                bool serving = serves(libctx, certs[c], keys[w], versions[v]);

                if (serving != expected)
                    fprintf(stderr, "\n%s: %s, with the certificate of version %d: it %s\n", when, workers[w].what, c + 1,
                            serving ? "serves" : "does not serve"), ERR_print_errors_fp(stderr);
                CU_ASSERT_EQUAL(serving, expected);
            }
        }
    }
    ERR_clear_error();
}

static void roll_over(OSSL_LIB_CTX *libctx, const char *name, const char *type)
{
    static const bool first[2] = { true, false }, both[2] = { true, true }, second[2] = { false, true };
    EVP_PKEY *keys[WORKERS] = { NULL }, *authority = plain_key(libctx, "ec:P-256");
    X509 *certs[2];

    boxproc_create(&box, name, type);
    keys[BEFORE] = load(libctx, name, BEFORE);
    boxproc_roll(&box, name);
    keys[BETWEEN] = load(libctx, name, BETWEEN);
    keys[AHEAD] = load(libctx, name, AHEAD);
    certs[0] = certificate(libctx, keys[BEFORE], authority);
    certs[1] = certificate(libctx, keys[AHEAD], authority);
    look(libctx, keys, certs, first, "before it is active");
    boxproc_activate(&box, name, 3600);
    keys[AFTER] = load(libctx, name, AFTER);
    look(libctx, keys, certs, both, "while the version before drains");
    boxproc_deactivate(&box, name, 1);
    look(libctx, keys, certs, second, "after that");
    for (int i = 0; i < WORKERS; i++)
        EVP_PKEY_free(keys[i]);
    X509_free(certs[0]);
    X509_free(certs[1]);
    EVP_PKEY_free(authority);
}

static void test_workers(void)
{
    static const char *const keys[][2] = { { "rolls", "ec:P-256" }, { "rolls-rsa", "rsa:2048" }, { "rolls-pss", "rsa-pss:2048:sha256" } };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        roll_over(contexts[i % 2], keys[i][0], keys[i][1]);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "workers that loaded their keys at different times", test_workers },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    status = run_suite("tls roll", tests);
    types_end();
    return status;
}
