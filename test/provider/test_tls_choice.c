/* How a TLS program comes by its key: certificates and keys in each order, wrong pairs, several keys, SNI. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

#include "tlspair.h"
#include "types.h"

/* Certificate and key, put together in each way that libssl has. */

struct pair {
    X509 *cert;
    EVP_PKEY *key;
};

static int ctx_cert_first(SSL_CTX *ctx, const struct pair *p)
{
    return SSL_CTX_use_certificate(ctx, p->cert) == 1 && SSL_CTX_use_PrivateKey(ctx, p->key) == 1 &&
           SSL_CTX_check_private_key(ctx) == 1;
}

static int ctx_key_first(SSL_CTX *ctx, const struct pair *p)
{
    return SSL_CTX_use_PrivateKey(ctx, p->key) == 1 && SSL_CTX_use_certificate(ctx, p->cert) == 1 &&
           SSL_CTX_check_private_key(ctx) == 1;
}

static int ctx_both(SSL_CTX *ctx, const struct pair *p)
{
    return SSL_CTX_use_cert_and_key(ctx, p->cert, p->key, NULL, 1) == 1 && SSL_CTX_check_private_key(ctx) == 1;
}

static int ssl_cert_first(SSL_CTX *ctx, const struct pair *p)
{
    SSL *ssl = SSL_new(ctx);
    int ok = SSL_use_certificate(ssl, p->cert) == 1 && SSL_use_PrivateKey(ssl, p->key) == 1 &&
             SSL_check_private_key(ssl) == 1;

    SSL_free(ssl);
    return ok;
}

static int ssl_key_first(SSL_CTX *ctx, const struct pair *p)
{
    SSL *ssl = SSL_new(ctx);
    int ok = SSL_use_PrivateKey(ssl, p->key) == 1 && SSL_use_certificate(ssl, p->cert) == 1 &&
             SSL_check_private_key(ssl) == 1;

    SSL_free(ssl);
    return ok;
}

static int ssl_both(SSL_CTX *ctx, const struct pair *p)
{
    SSL *ssl = SSL_new(ctx);
    int ok = SSL_use_cert_and_key(ssl, p->cert, p->key, NULL, 1) == 1 && SSL_check_private_key(ssl) == 1;

    SSL_free(ssl);
    return ok;
}

static int x509_check(SSL_CTX *ctx, const struct pair *p)
{
    (void)ctx;
    return X509_check_private_key(p->cert, p->key) == 1;
}

static int eq_key_first(SSL_CTX *ctx, const struct pair *p)
{
    (void)ctx;
    return EVP_PKEY_eq(p->key, X509_get0_pubkey(p->cert)) == 1;
}

static int eq_cert_first(SSL_CTX *ctx, const struct pair *p)
{
    (void)ctx;
    return EVP_PKEY_eq(X509_get0_pubkey(p->cert), p->key) == 1;
}

/* Files, as most servers have them. */
static int files(SSL_CTX *ctx, const struct pair *p, int key_type)
{
    char cert[] = "/tmp/littlebox-test-cert-XXXXXX", key[] = "/tmp/littlebox-test-key-XXXXXX";
    FILE *c = fdopen(mkstemp(cert), "w"), *k = fdopen(mkstemp(key), "w");
    int ok;

    NEED(c != NULL && k != NULL && PEM_write_X509(c, p->cert) == 1);
    if (key_type == SSL_FILETYPE_PEM)
        NEED(PEM_write_PrivateKey(k, p->key, NULL, NULL, 0, NULL, NULL) == 1);
    else
        NEED(i2d_PKCS8PrivateKey_fp(k, p->key, NULL, NULL, 0, NULL, NULL) == 1);
    NEED(fclose(c) == 0 && fclose(k) == 0);
    ok = SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 && SSL_CTX_use_PrivateKey_file(ctx, key, key_type) == 1 &&
         SSL_CTX_check_private_key(ctx) == 1;
    unlink(cert);
    unlink(key);
    return ok;
}

static int pem_files(SSL_CTX *ctx, const struct pair *p)
{
    return files(ctx, p, SSL_FILETYPE_PEM);
}

static int der_files(SSL_CTX *ctx, const struct pair *p)
{
    return files(ctx, p, SSL_FILETYPE_ASN1);
}

static const struct way {
    const char *name;
    int (*join)(SSL_CTX *ctx, const struct pair *p);
    bool configures; /* the SSL_CTX can serve with it */
} ways[] = {
    { "SSL_CTX, certificate first", ctx_cert_first, true },
    { "SSL_CTX, key first", ctx_key_first, true },
    { "SSL_CTX, both at once", ctx_both, true },
    { "SSL_CTX, files in PEM", pem_files, true },
    { "SSL_CTX, key file in DER", der_files, true },
    { "SSL, certificate first", ssl_cert_first, false },
    { "SSL, key first", ssl_key_first, false },
    { "SSL, both at once", ssl_both, false },
    { "X509_check_private_key", x509_check, false },
    { "EVP_PKEY_eq, key first", eq_key_first, false },
    { "EVP_PKEY_eq, certificate first", eq_cert_first, false },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* The first version of TLS that has a scheme for keys of this type; from none on: SLH-DSA. */
static int first_version(const struct type *t)
{
    if (strncmp(t->name, "SLH-DSA", 7) == 0)
        return TLS1_3_VERSION + 1;
    return strncmp(t->name, "ML-DSA", 6) == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

/* The right pair goes together in each way, and serves. */
static void right_pair(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    struct pair p = { tls_certificate(libctx, key, "box.example"), key };
    SSL_CTX *client = tls_ctx(libctx, TLS_client_method(), NULL, NULL);

    (void)plain;
    tls_trust(client, p.cert);
    for (size_t i = 0; i < WAYS && first_version(t) <= TLS1_3_VERSION; i++) {
        SSL_CTX *ctx = tls_ctx(libctx, TLS_server_method(), NULL, NULL);
        bool ok = ways[i].join(ctx, &p) == 1;

        for (int version = first_version(t); ok && ways[i].configures && version <= TLS1_3_VERSION; version++) {
            struct tls_pair tls;

            tls_pair_new(&tls, ctx, client, version, "box.example");
            ok = tls_connect(&tls);
            tls_pair_free(&tls);
        }
        CU_ASSERT(ok);
        if (!ok)
            fprintf(stderr, "\nfailed: %s\n", ways[i].name);
        SSL_CTX_free(ctx);
    }
    SSL_CTX_free(client);
    X509_free(p.cert);
}

static void test_right_pairs(void)
{
    each(right_pair);
}

/* The last error, as a program that prints one error shows it. */
static unsigned long refusal(SSL_CTX *ctx, const struct way *way, const struct pair *p)
{
    ERR_clear_error();
    CU_ASSERT_EQUAL(way->join(ctx, p), 0);
    return ERR_peek_last_error();
}

/*
 * A wrong pair is refused in each way, by the same words as where the key is a key of `default`: the certificate is of
 * another key of the same type, or of another type.
 */
static void wrong_pair(OSSL_LIB_CTX *libctx, const struct pair *by_default, const struct pair *by_box, const char *what)
{
    for (size_t i = 0; i < WAYS; i++) {
        SSL_CTX *a = tls_ctx(libctx, TLS_server_method(), NULL, NULL);
        SSL_CTX *b = tls_ctx(libctx, TLS_server_method(), NULL, NULL);
        unsigned long expected = refusal(a, &ways[i], by_default), got = refusal(b, &ways[i], by_box);

        CU_ASSERT_EQUAL(got, expected);
        if (got != expected) {
            fprintf(stderr, "\nfailed: %s, key %s: default says %s, littlebox %s\n", ways[i].name, what,
                    ERR_reason_error_string(expected), ERR_reason_error_string(got));
            ERR_print_errors_fp(stderr);
        }
        SSL_CTX_free(b);
        SSL_CTX_free(a);
    }
    ERR_clear_error();
}

static void test_wrong_pairs(void)
{
    for (size_t c = 0; c < 2; c++) {
        X509 *certs[TYPES];

        for (size_t i = 0; i < TYPES; i++) {
            EVP_PKEY *other = plain_key(contexts[c], types[i].type);

            certs[i] = tls_certificate(contexts[c], other, "other.example");
            EVP_PKEY_free(other);
        }
        for (size_t i = 0; i < TYPES; i++) {
            EVP_PKEY *plain = plain_key(contexts[c], types[i].type), *handle = load_key(contexts[c], types[i].key);

            for (size_t j = 0; j < TYPES; j++) {
                struct pair by_default = { certs[j], plain }, by_box = { certs[j], handle };

                wrong_pair(contexts[c], &by_default, &by_box, types[i].key);
            }
            EVP_PKEY_free(handle);
            EVP_PKEY_free(plain);
        }
        for (size_t i = 0; i < TYPES; i++)
            X509_free(certs[i]);
    }
}

/* Keys of several types in one SSL_CTX: the client's list chooses. */
static void test_several_keys(void)
{
    static const struct {
        const char *key, *list, *name; /* each a name of its own, or they would be each other's issuers */
    } keys[] = {
        { "rsa", "rsa_pss_rsae_sha256", "rsa.example" },        { "pss", "rsa_pss_pss_sha256", "pss.example" },
        { "p256", "ecdsa_secp256r1_sha256", "p256.example" },   { "ed25519", "ed25519", "ed25519.example" },
        { "ed448", "ed448", "ed448.example" },
    };
#define KEYS (sizeof(keys) / sizeof(keys[0]))

    for (size_t c = 0; c < 2; c++) {
        SSL_CTX *server = tls_ctx(contexts[c], TLS_server_method(), NULL, NULL);
        SSL_CTX *client = tls_ctx(contexts[c], TLS_client_method(), NULL, NULL);
        X509 *certs[KEYS];

        for (size_t i = 0; i < KEYS; i++) {
            EVP_PKEY *key = load_key(contexts[c], keys[i].key);

            certs[i] = tls_certificate(contexts[c], key, keys[i].name);
            CU_ASSERT_EQUAL(SSL_CTX_use_cert_and_key(server, certs[i], key, NULL, 1), 1);
            tls_trust(client, certs[i]);
            EVP_PKEY_free(key);
        }
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            for (size_t i = 0; i < KEYS; i++) {
                struct tls_pair p;

                bool ok;

                tls_pair_new(&p, server, client, version, keys[i].name);
                NEED(SSL_set1_sigalgs_list(p.client, keys[i].list) == 1);
                ok = tls_connect(&p) && X509_cmp(SSL_get0_peer_certificate(p.client), certs[i]) == 0;
                CU_ASSERT(ok);
                if (!ok) {
                    fprintf(stderr, "\nfailed: TLS 1.%d, %s\n", version - TLS1_VERSION, keys[i].list);
                    ERR_print_errors_fp(stderr);
                }
                tls_pair_free(&p);
            }
        }
        for (size_t i = 0; i < KEYS; i++)
            X509_free(certs[i]);
        SSL_CTX_free(client);
        SSL_CTX_free(server);
    }
}

/* SNI: twenty names, each with a key of its own, of all types that a box has */
#define HOSTS 20

struct host {
    char name[32];
    struct pair pair;
    SSL_CTX *ctx;
};

static struct host *host_of(struct host *hosts, const char *name)
{
    for (int i = 0; i < HOSTS; i++) {
        if (name != NULL && strcmp(name, hosts[i].name) == 0)
            return &hosts[i];
    }
    return NULL;
}

/* The two ways of servers: another SSL_CTX for the connection, or certificate and key put into it. */

static int switch_ctx(SSL *ssl, int *alert, void *arg)
{
    struct host *h = host_of(arg, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));

    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return h != NULL && SSL_set_SSL_CTX(ssl, h->ctx) != NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int set_pair(SSL *ssl, int *alert, void *arg)
{
    struct host *h = host_of(arg, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));

    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return h != NULL && SSL_use_cert_and_key(ssl, h->pair.cert, h->pair.key, NULL, 1) == 1 &&
                   SSL_check_private_key(ssl) == 1
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Certificates are looked up after the names: the same for clients, and for servers that have it done late. */
static int set_pair_late(SSL *ssl, void *arg)
{
    int alert;

    return set_pair(ssl, &alert, arg) == SSL_TLSEXT_ERR_OK;
}

static void ask_for(struct host *hosts, SSL_CTX *server, SSL_CTX *client, int version, const char *name)
{
    struct host *h = host_of(hosts, name);
    struct tls_pair p;
    bool ok;

    tls_pair_new(&p, server, client, version, name);
    ok = tls_connect(&p) == (h != NULL);
    if (h != NULL && ok)
        ok = X509_cmp(SSL_get0_peer_certificate(p.client), h->pair.cert) == 0;
    CU_ASSERT(ok);
    if (!ok) {
        fprintf(stderr, "\nfailed: %s, TLS 1.%d\n", name == NULL ? "no name" : name, version - TLS1_VERSION);
        ERR_print_errors_fp(stderr);
    }
    ERR_clear_error();
    tls_pair_free(&p);
}

static void sni(OSSL_LIB_CTX *libctx)
{
    SSL_CTX *servers[3], *client = tls_ctx(libctx, TLS_client_method(), NULL, NULL);
    struct host hosts[HOSTS];

    for (int i = 0; i < 3; i++)
        servers[i] = tls_ctx(libctx, TLS_server_method(), NULL, NULL);
    for (int i = 0; i < HOSTS; i++) {
        struct host *h = &hosts[i];
        char key[32];

        snprintf(h->name, sizeof(h->name), "host%d.example", i);
        snprintf(key, sizeof(key), "host%d", i);
        h->pair.key = load_key(libctx, key);
        h->pair.cert = tls_certificate(libctx, h->pair.key, h->name);
        h->ctx = tls_ctx(libctx, TLS_server_method(), h->pair.cert, h->pair.key);
        tls_trust(client, h->pair.cert);
    }
    SSL_CTX_set_tlsext_servername_callback(servers[0], switch_ctx);
    SSL_CTX_set_tlsext_servername_callback(servers[1], set_pair);
    SSL_CTX_set_cert_cb(servers[2], set_pair_late, hosts);
    for (int i = 0; i < 2; i++)
        SSL_CTX_set_tlsext_servername_arg(servers[i], hosts);
    for (int s = 0; s < 3; s++) {
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            for (int i = 0; i < HOSTS; i++)
                ask_for(hosts, servers[s], client, version, hosts[(i * 7) % HOSTS].name);
            ask_for(hosts, servers[s], client, version, "nobody.example");
        }
    }
    for (int i = 0; i < HOSTS; i++) {
        SSL_CTX_free(hosts[i].ctx);
        X509_free(hosts[i].pair.cert);
        EVP_PKEY_free(hosts[i].pair.key);
    }
    for (int i = 0; i < 3; i++)
        SSL_CTX_free(servers[i]);
    SSL_CTX_free(client);
}

static void test_sni(void)
{
    for (int i = 0; i < HOSTS; i++) {
        char key[32];

        snprintf(key, sizeof(key), "host%d", i);
        boxproc_create(&box, key, types[(size_t)i % TYPES].type);
    }
    for (size_t c = 0; c < 2; c++)
        sni(contexts[c]);
}

/* A client that brings its key when it is asked for. */
static int bring_pair(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    const struct pair *p = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    *cert = p->cert;
    *key = p->key;
    return X509_up_ref(p->cert) == 1 && EVP_PKEY_up_ref(p->key) == 1;
}

static void client_brings(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    struct pair mine = { NULL, key };
    SSL_CTX *server, *client;

    (void)plain;
    if (first_version(t) > TLS1_3_VERSION)
        return;
    mine.cert = tls_certificate(libctx, key, "box.example");
    server = tls_ctx(libctx, TLS_server_method(), mine.cert, key);
    client = tls_ctx(libctx, TLS_client_method(), NULL, NULL);
    tls_trust(server, mine.cert);
    tls_trust(client, mine.cert);
    SSL_CTX_set_client_cert_cb(client, bring_pair);
    SSL_CTX_set_app_data(client, &mine);
    for (int version = first_version(t); version <= TLS1_3_VERSION; version++) {
        struct tls_pair p;

        tls_pair_new(&p, server, client, version, "box.example");
        CU_ASSERT(tls_connect(&p));
        CU_ASSERT_EQUAL(p.server_saw.signatures, 1);
        tls_pair_free(&p);
    }
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    X509_free(mine.cert);
}

static void test_client_callback(void)
{
    each(client_brings);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "certificate and key", test_right_pairs },
        { "certificate of another key", test_wrong_pairs },
        { "several keys", test_several_keys },
        { "SNI with twenty keys", test_sni },
        { "the client's callback", test_client_callback },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    status = run_suite("tls choice", tests);
    types_end();
    return status;
}
