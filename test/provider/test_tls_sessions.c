/* What a TLS connection does after its first handshake, with keys in a box: resumption, key update, renegotiation. */
#include <openssl/err.h>
#include <string.h>

#include "tlspair.h"
#include "types.h"

static uint64_t signatures(void)
{
    struct box_status s;

    boxproc_status(&box, &s);
    return s.signatures;
}

/* A server and a client, each with a key of the box, each of which wants the other's certificate. */
struct ends {
    EVP_PKEY *keys[2];
    X509 *certs[2];
    SSL_CTX *server, *client;
};

static void ends_begin(struct ends *e, OSSL_LIB_CTX *libctx, const char *server_key, const char *client_key)
{
    const char *const names[2] = { server_key, client_key };

    for (int i = 0; i < 2; i++) {
        e->keys[i] = load_key(libctx, names[i]);
        e->certs[i] = tls_certificate(libctx, e->keys[i], "box.example");
    }
    e->server = tls_ctx(libctx, TLS_server_method(), e->certs[0], e->keys[0]);
    e->client = tls_ctx(libctx, TLS_client_method(), e->certs[1], e->keys[1]);
    tls_trust(e->server, e->certs[1]);
    tls_trust(e->client, e->certs[0]);
    NEED(SSL_CTX_set_session_id_context(e->server, (const uint8_t *)"test", 4) == 1);
}

static void ends_end(struct ends *e)
{
    SSL_CTX_free(e->server);
    SSL_CTX_free(e->client);
    for (int i = 0; i < 2; i++) {
        X509_free(e->certs[i]);
        EVP_PKEY_free(e->keys[i]);
    }
}

/* What one end begins in the middle of a connection takes a few messages of the other to be through. */
static bool talk_on(struct tls_pair *p)
{
    return tls_talk(p) && tls_talk(p) && tls_talk(p);
}

/* Resumption */

static void resume(struct ends *e, int version)
{
    uint64_t before = signatures();
    SSL_SESSION *session;
    struct tls_pair p;

    tls_pair_new(&p, e->server, e->client, version, "box.example");
    CU_ASSERT_FATAL(tls_connect(&p));
    CU_ASSERT_EQUAL(SSL_session_reused(p.server) + SSL_session_reused(p.client), 0);
    CU_ASSERT_EQUAL(signatures() - before, 2);
    session = SSL_get1_session(p.client);
    CU_ASSERT_FATAL(session != NULL && SSL_SESSION_is_resumable(session) == 1);
    /* A session whose connection ends without an alert is not resumed. */
    CU_ASSERT(SSL_shutdown(p.client) >= 0 && SSL_shutdown(p.server) >= 0);
    tls_pair_free(&p);

    before = signatures();
    for (int i = 0; i < 3; i++) {
        tls_pair_new(&p, e->server, e->client, version, "box.example");
        NEED(SSL_set_session(p.client, session) == 1);
        CU_ASSERT(tls_connect(&p));
        CU_ASSERT_EQUAL(SSL_session_reused(p.server), 1);
        CU_ASSERT_EQUAL(SSL_session_reused(p.client), 1);
        CU_ASSERT_EQUAL(p.client_saw.signatures + p.server_saw.signatures, 0);
        SSL_SESSION_free(session);
        session = SSL_get1_session(p.client); /* a ticket of TLS 1.3 is for one use */
        CU_ASSERT(SSL_shutdown(p.client) >= 0 && SSL_shutdown(p.server) >= 0);
        tls_pair_free(&p);
    }
    CU_ASSERT_EQUAL(signatures() - before, 0);

    /* The session of another server is none: the box is asked again. */
    before = signatures();
    tls_pair_new(&p, e->server, e->client, version, "box.example");
    NEED(SSL_set_session(p.client, session) == 1 && SSL_set_session_id_context(p.server, (const uint8_t *)"x", 1) == 1);
    SSL_set_verify(p.server, SSL_VERIFY_NONE, NULL);
    CU_ASSERT(tls_connect(&p));
    CU_ASSERT_EQUAL(SSL_session_reused(p.server) + SSL_session_reused(p.client), 0);
    CU_ASSERT_EQUAL(signatures() - before, 1);
    tls_pair_free(&p);
    SSL_SESSION_free(session);
    ERR_clear_error();
}

static void test_resumption(void)
{
    static const struct {
        const char *what;
        int version;
        uint64_t options;
    } kinds[] = {
        { "tickets of TLS 1.2", TLS1_2_VERSION, 0 },
        { "session ids of TLS 1.2", TLS1_2_VERSION, SSL_OP_NO_TICKET },
        { "tickets of TLS 1.3", TLS1_3_VERSION, 0 },
        { "tickets of TLS 1.3 that the server keeps", TLS1_3_VERSION, SSL_OP_NO_TICKET },
    };
    static const char *const keys[][2] = { { "rsa", "p256" }, { "p384", "ed25519" }, { "ed448", "pss" } };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            unsigned failed = CU_get_number_of_failures();
            struct ends e;

            ends_begin(&e, contexts[(i + k) % 2], keys[i][0], keys[i][1]);
            SSL_CTX_set_options(e.server, kinds[k].options);
            resume(&e, kinds[k].version);
            ends_end(&e);
            if (CU_get_number_of_failures() != failed) {
                fprintf(stderr, "\nfailed: %s, keys %s and %s\n", kinds[k].what, keys[i][0], keys[i][1]);
                ERR_print_errors_fp(stderr);
            }
        }
    }
}

/* Key update */

static void test_key_update(void)
{
    static const struct {
        bool by_server;
        int kind;
        unsigned server_gets, client_gets;
    } cases[] = {
        { true, SSL_KEY_UPDATE_NOT_REQUESTED, 0, 1 },
        { true, SSL_KEY_UPDATE_REQUESTED, 1, 1 },
        { false, SSL_KEY_UPDATE_NOT_REQUESTED, 1, 0 },
        { false, SSL_KEY_UPDATE_REQUESTED, 1, 1 },
    };

    for (size_t c = 0; c < 2; c++) {
        struct tls_pair p;
        struct ends e;
        uint64_t before;

        ends_begin(&e, contexts[c], "ed25519", "rsa");
        tls_pair_new(&p, e.server, e.client, TLS1_3_VERSION, "box.example");
        CU_ASSERT_FATAL(tls_connect(&p));
        before = signatures();
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            SSL *by = cases[i].by_server ? p.server : p.client;

            p.server_saw.key_updates = 0;
            p.client_saw.key_updates = 0;
            CU_ASSERT_EQUAL(SSL_key_update(by, cases[i].kind), 1);
            CU_ASSERT_EQUAL(SSL_do_handshake(by), 1);
            CU_ASSERT(talk_on(&p));
            CU_ASSERT_EQUAL(p.server_saw.key_updates, cases[i].server_gets);
            CU_ASSERT_EQUAL(p.client_saw.key_updates, cases[i].client_gets);
        }
        CU_ASSERT_EQUAL(signatures() - before, 0);
        tls_pair_free(&p);
        ends_end(&e);
    }
}

/* A client of TLS 1.3 that is asked who it is after the handshake. */
static void test_late_client(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        struct tls_pair p;
        struct ends e;
        uint64_t before;

        ends_begin(&e, contexts[i % 2], "p256", types[i].key);
        SSL_CTX_set_post_handshake_auth(e.client, 1);
        tls_pair_new(&p, e.server, e.client, TLS1_3_VERSION, "box.example");
        SSL_set_verify(p.server, SSL_VERIFY_NONE, NULL);
        CU_ASSERT_FATAL(tls_connect(&p));
        CU_ASSERT_EQUAL(p.server_saw.signatures, 0);
        SSL_set_verify(p.server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        before = signatures();
        CU_ASSERT_EQUAL(SSL_verify_client_post_handshake(p.server), 1);
        CU_ASSERT_EQUAL(SSL_do_handshake(p.server), 1);
        CU_ASSERT(talk_on(&p));
        CU_ASSERT_EQUAL(p.server_saw.signatures, 1);
        CU_ASSERT_EQUAL(signatures() - before, 1);
        CU_ASSERT_EQUAL(SSL_get_verify_result(p.server), X509_V_OK);
        CU_ASSERT(SSL_get0_peer_certificate(p.server) != NULL &&
                  X509_cmp(SSL_get0_peer_certificate(p.server), e.certs[1]) == 0);
        tls_pair_free(&p);
        ends_end(&e);
    }
}

/* Renegotiation */

static void test_renegotiation(void)
{
    static const struct {
        const char *what;
        bool by_server, abbreviated;
        uint64_t options;
        unsigned signatures; /* by both ends; none: it is refused, or the session is resumed */
        unsigned finished;
    } cases[] = {
        { "by the server", true, false, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION, 2, 1 },
        { "by the server, with the session that there is", true, true, 0, 0, 1 },
        { "by the client", false, false, SSL_OP_ALLOW_CLIENT_RENEGOTIATION, 2, 1 },
        { "by the client, with the session that there is", false, true, SSL_OP_ALLOW_CLIENT_RENEGOTIATION, 0, 1 },
        { "by the client, which is not allowed to", false, false, 0, 0, 0 },
        { "by the server, which is not allowed to", true, false, SSL_OP_NO_RENEGOTIATION, 0, 0 },
    };

    for (size_t n = 0; n < TYPES * sizeof(cases) / sizeof(cases[0]); n++) {
        const struct type *t = &types[n % TYPES];
        size_t i = n / TYPES;
        unsigned failed = CU_get_number_of_failures();
        struct tls_pair p;
        struct ends e;
        uint64_t before;
        SSL *by;

        ends_begin(&e, contexts[n % 2], t->key, types[(n + 3) % TYPES].key);
        SSL_CTX_set_options(e.server, cases[i].options);
        tls_pair_new(&p, e.server, e.client, TLS1_2_VERSION, "box.example");
        CU_ASSERT_FATAL(tls_connect(&p));
        by = cases[i].by_server ? p.server : p.client;
        before = signatures();
        CU_ASSERT_EQUAL(cases[i].abbreviated ? SSL_renegotiate_abbreviated(by) : SSL_renegotiate(by),
                        (cases[i].options & SSL_OP_NO_RENEGOTIATION) == 0);
        SSL_do_handshake(by);
        CU_ASSERT_EQUAL(talk_on(&p), cases[i].finished != 0 || cases[i].by_server);
        CU_ASSERT_EQUAL(p.client_saw.finished, 1 + cases[i].finished);
        CU_ASSERT_EQUAL(p.server_saw.finished, 1 + cases[i].finished);
        CU_ASSERT_EQUAL(p.client_saw.signatures + p.server_saw.signatures, 2 + cases[i].signatures);
        CU_ASSERT_EQUAL(signatures() - before, cases[i].signatures);
        if (CU_get_number_of_failures() != failed) {
            fprintf(stderr, "\nfailed: %s, %s\n", cases[i].what, t->key);
            ERR_print_errors_fp(stderr);
        }
        ERR_clear_error();
        tls_pair_free(&p);
        ends_end(&e);
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "resumption", test_resumption },
        { "key update", test_key_update },
        { "a client is asked late", test_late_client },
        { "renegotiation", test_renegotiation },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    status = run_suite("tls sessions", tests);
    types_end();
    return status;
}
