/* Texts that real software signed: handshakes of libssl with itself. */
#include <CUnit/CUnit.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "model/scheme.h"
#include "recorder.h"
#include "texts.h"
#include "unit.h"

/* One handshake. What is 0 or NULL is left as libssl has it. */
struct meeting {
    const char *name;
    int version;
    enum who server, client; /* client 0: it has no certificate */
    const char *ciphers, *server_groups, *client_groups;
    const char *dh;      /* a group that libcrypto knows by name */
    bool staples;        /* the server sends an OCSP response along */
    bool raw_keys;       /* public keys in the place of certificates (RFC 7250); since OpenSSL 3.2 */
    bool cookie;         /* of DTLS */
    long mtu;            /* of DTLS; 0: no datagrams */
    unsigned texts_server, texts_client; /* what purposes its texts have; 0: none */
};

static int staple(SSL *ssl, void *arg)
{
    (void)arg;
    SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup("\x30\x03\x0a\x01\x06", 5), 5);
    return SSL_TLSEXT_ERR_OK;
}

static int make_cookie(SSL *ssl, unsigned char *cookie, unsigned *ret_len)
{
    (void)ssl;
    memcpy(cookie, "biscuit", 7);
    *ret_len = 7;
    return 1;
}

static int look_at_cookie(SSL *ssl, const unsigned char *cookie, unsigned len)
{
    (void)ssl;
    return len == 7 && memcmp(cookie, "biscuit", 7) == 0;
}

static int believe(int good, X509_STORE_CTX *store)
{
    (void)good;
    (void)store;
    return 1;
}

/* False: this libssl knows no raw public keys. */
static bool use_raw_keys(SSL_CTX *ctx)
{
#ifdef TLSEXT_cert_type_rpk
    static const unsigned char types[] = { TLSEXT_cert_type_rpk };

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, believe);
    return SSL_CTX_set1_client_cert_type(ctx, types, 1) > 0 && SSL_CTX_set1_server_cert_type(ctx, types, 1) > 0;
#else
    (void)ctx;
    (void)believe;
    return false;
#endif
}

static SSL_CTX *end(const struct meeting *m, bool is_server)
{
    const SSL_METHOD *method = m->mtu != 0 ? DTLS_method() : TLS_method();
    SSL_CTX *ctx = SSL_CTX_new_ex(recorder_libctx(), NULL, method);
    const char *groups = is_server ? m->server_groups : m->client_groups;
    enum who who = is_server ? m->server : m->client;
    /* Static RSA: the recorder does not decrypt. */
    bool decrypts = is_server && m->texts_server == 0 && m->version == TLS1_2_VERSION;

    CU_ASSERT_FATAL(ctx != NULL);
    SSL_CTX_set_security_level(ctx, 0);
    if (SSL_CTX_set_min_proto_version(ctx, m->version) <= 0 || SSL_CTX_set_max_proto_version(ctx, m->version) <= 0) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    if (who != 0)
        CU_ASSERT_FATAL(SSL_CTX_use_certificate(ctx, signer(who)->certificate) > 0 &&
                        SSL_CTX_use_PrivateKey(ctx, decrypts ? signer(who)->plain : signer(who)->recording) > 0);
    if (m->version == TLS1_3_VERSION && m->ciphers != NULL)
        CU_ASSERT_FATAL(SSL_CTX_set_ciphersuites(ctx, m->ciphers) > 0);
    if (m->version != TLS1_3_VERSION)
        CU_ASSERT_FATAL(SSL_CTX_set_cipher_list(ctx, m->ciphers == NULL ? "ALL" : m->ciphers) > 0);
    if (groups != NULL && SSL_CTX_set1_groups_list(ctx, groups) <= 0) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    if (is_server && m->client != 0)
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    CU_ASSERT_FATAL(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), signer(CA)->certificate) > 0);
    SSL_CTX_set_purpose(ctx, X509_PURPOSE_ANY);
    if (m->raw_keys && !use_raw_keys(ctx)) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    if (is_server && m->staples)
        SSL_CTX_set_tlsext_status_cb(ctx, staple);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"forms", 5);
    SSL_CTX_set_options(ctx, SSL_OP_ALLOW_CLIENT_RENEGOTIATION | (m->cookie ? SSL_OP_COOKIE_EXCHANGE : 0) |
                                 (m->mtu != 0 ? SSL_OP_NO_QUERY_MTU : 0));
    SSL_CTX_set_cookie_generate_cb(ctx, make_cookie);
    SSL_CTX_set_cookie_verify_cb(ctx, look_at_cookie);
    return ctx;
}

static void use_dh(SSL_CTX *ctx, const char *group)
{
    EVP_PKEY_CTX *generator = EVP_PKEY_CTX_new_from_name(recorder_libctx(), "DH", NULL);
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0), OSSL_PARAM_END };
    EVP_PKEY *parameters = NULL;

    CU_ASSERT_FATAL(EVP_PKEY_paramgen_init(generator) > 0 && EVP_PKEY_CTX_set_params(generator, params) > 0 && EVP_PKEY_generate(generator, &parameters) > 0 &&
                    SSL_CTX_set0_tmp_dh_pkey(ctx, parameters) > 0);
    EVP_PKEY_CTX_free(generator);
}

struct pair {
    SSL_CTX *contexts[2];
    SSL *server, *client;
};

static BIO *pipe_of(void)
{
    BIO *b = BIO_new(BIO_s_mem());

    BIO_set_mem_eof_return(b, -1);
    return b;
}

/* False: they have nothing in common. */
static bool pair_new(const struct meeting *m, SSL_SESSION *session, struct pair *ret)
{
    BIO *up = pipe_of(), *down = pipe_of();

    ret->contexts[0] = end(m, true);
    ret->contexts[1] = end(m, false);
    if (ret->contexts[0] == NULL || ret->contexts[1] == NULL) {
        BIO_free(up);
        BIO_free(down);
        SSL_CTX_free(ret->contexts[0]);
        SSL_CTX_free(ret->contexts[1]);
        return false;
    }
    if (m->dh != NULL)
        use_dh(ret->contexts[0], m->dh);
    ret->server = SSL_new(ret->contexts[0]);
    ret->client = SSL_new(ret->contexts[1]);
    CU_ASSERT_FATAL(ret->server != NULL && ret->client != NULL && BIO_up_ref(up) && BIO_up_ref(down));
    SSL_set_bio(ret->server, up, down);
    SSL_set_bio(ret->client, down, up);
    if (m->mtu != 0) {
        (void)SSL_set_mtu(ret->server, m->mtu);
        (void)SSL_set_mtu(ret->client, m->mtu);
    }
    SSL_set_accept_state(ret->server);
    SSL_set_connect_state(ret->client);
    SSL_set_post_handshake_auth(ret->client, 1);
    if (m->staples)
        (void)SSL_set_tlsext_status_type(ret->client, TLSEXT_STATUSTYPE_ocsp);
    if (session != NULL)
        CU_ASSERT_FATAL(SSL_set_session(ret->client, session) > 0);
    return true;
}

static void pair_free(struct pair *p)
{
    SSL_free(p->server);
    SSL_free(p->client);
    SSL_CTX_free(p->contexts[0]);
    SSL_CTX_free(p->contexts[1]);
}

static bool shake(struct pair *p)
{
    int s = 0, c = 0;

    for (int i = 0; i < 40 && (s != 1 || c != 1); i++) {
        c = SSL_do_handshake(p->client);
        s = SSL_do_handshake(p->server);
    }
    return s == 1 && c == 1;
}

/* An octet each way, with what is under way besides. */
static void talk(struct pair *p)
{
    char byte = 0;

    for (int i = 0; i < 6; i++) {
        (void)SSL_write(p->server, "s", 1);
        (void)SSL_read(p->client, &byte, 1);
        (void)SSL_write(p->client, "c", 1);
        (void)SSL_read(p->server, &byte, 1);
    }
}

/* What was signed, by who signed it; each end has at least one text. */
static void keep(const struct meeting *m, const char *name)
{
    size_t count, server = 0, client = 0;
    const struct recorded *r = recorder_texts(&count);

    for (size_t i = 0; i < count; i++) {
        bool is_server = EVP_PKEY_eq(r[i].key, signer(m->server)->plain) == 1;
        int digest = digest_by_name(r[i].digest);

        texts_add(signer(is_server ? m->server : m->client), is_server ? m->texts_server : m->texts_client,
                  digest < 0 ? DIGEST_NONE : (unsigned)digest, r[i].text, r[i].len, name);
        is_server ? server++ : client++;
    }
    if (m->ciphers == NULL || strncmp(m->ciphers, "AES", 3) != 0)
        CU_ASSERT(server > 0);
    CU_ASSERT(m->client == 0 || client > 0);
}

/* False: this libssl cannot. */
static bool meet(const struct meeting *m)
{
    struct pair p;
    bool met;

    texts_forget();
    if (!pair_new(m, NULL, &p))
        return false;
    met = shake(&p);
    if (met)
        keep(m, m->name);
    pair_free(&p);
    ERR_clear_error();
    return met;
}

#define BOTH .texts_server = PURPOSE_TLS_SERVER, .texts_client = PURPOSE_TLS_CLIENT

static void tls13(void)
{
    static const struct meeting meetings[] = {
        { "tls13 rsa sha256", TLS1_3_VERSION, LEAF_RSA, CLIENT_RSA, "TLS_AES_128_GCM_SHA256", BOTH },
        { "tls13 rsa sha384", TLS1_3_VERSION, LEAF_RSA, CLIENT_EC, "TLS_AES_256_GCM_SHA384", BOTH },
        { "tls13 ec", TLS1_3_VERSION, LEAF_EC, CLIENT_ED25519, BOTH },
        { "tls13 ed25519", TLS1_3_VERSION, LEAF_ED25519, CLIENT_EC, BOTH },
        { "tls13 ed448", TLS1_3_VERSION, LEAF_ED448, 0, .texts_server = PURPOSE_TLS_SERVER },
        { "tls13 retry", TLS1_3_VERSION, LEAF_EC, CLIENT_EC, NULL, "P-384", "X25519:P-384", BOTH },
    };

    for (size_t i = 0; i < COUNT(meetings); i++)
        CU_ASSERT_TRUE(meet(&meetings[i]));
}

/* Post-handshake authentication, RFC 8446 4.6.2. */
static void tls13_later(void)
{
    static const struct meeting first = { "tls13", TLS1_3_VERSION, LEAF_EC, .texts_server = PURPOSE_TLS_SERVER };
    static const struct meeting then = { "tls13 later", TLS1_3_VERSION, LEAF_EC, CLIENT_EC, .texts_client = PURPOSE_TLS_CLIENT };
    struct pair p;

    CU_ASSERT_FATAL(pair_new(&first, NULL, &p) && SSL_use_certificate(p.client, signer(CLIENT_EC)->certificate) > 0 &&
                    SSL_use_PrivateKey(p.client, signer(CLIENT_EC)->recording) > 0 && shake(&p));
    texts_forget();
    SSL_set_verify(p.server, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL);
    CU_ASSERT_FATAL(SSL_verify_client_post_handshake(p.server) > 0);
    (void)SSL_do_handshake(p.server);
    talk(&p);
    CU_ASSERT_EQUAL(texts_keep(signer(CLIENT_EC), PURPOSE_TLS_CLIENT, then.name), 1);
    pair_free(&p);
}

/* Every curve that some OpenSSL agrees on in TLS 1.2; those that each of them has. */
static void tls12_curves(void)
{
    static const struct {
        const char *name;
        bool always;
    } curves[] = {
        { "sect163k1", false }, { "sect163r1", false }, { "sect163r2", false }, { "sect193r1", false }, { "sect193r2", false },
        { "sect233k1", false }, { "sect233r1", false }, { "sect239k1", false }, { "sect283k1", false }, { "sect283r1", false },
        { "sect409k1", false }, { "sect409r1", false }, { "sect571k1", false }, { "sect571r1", false }, { "secp160k1", false },
        { "secp160r1", false }, { "secp160r2", false }, { "secp192k1", false }, { "prime192v1", false }, { "secp224k1", false },
        { "secp224r1", false }, { "secp256k1", false }, { "P-256", true },      { "P-384", true },      { "P-521", true },
        { "brainpoolP256r1", false }, { "brainpoolP384r1", false }, { "brainpoolP512r1", false }, { "X25519", true }, { "X448", true },
    };
    char name[64];

    for (size_t i = 0; i < COUNT(curves); i++) {
        struct meeting m = { name, TLS1_2_VERSION, LEAF_RSA, .ciphers = "ECDHE", .server_groups = curves[i].name,
                             .client_groups = curves[i].name, .texts_server = PURPOSE_TLS_SERVER };
        bool met;

        snprintf(name, sizeof(name), "tls12 %s", curves[i].name);
        met = meet(&m);
        CU_ASSERT(met || !curves[i].always);
        if (!met)
            printf("(no %s) ", name);
    }
}

static void tls12_dh(void)
{
    static const char *const groups[] = { "modp_1536", "modp_2048", "modp_3072", "ffdhe2048", "ffdhe4096", "ffdhe8192" };
    char name[64];

    for (size_t i = 0; i < COUNT(groups); i++) {
        struct meeting m = { name, TLS1_2_VERSION, LEAF_RSA, .ciphers = "DHE-RSA-AES128-GCM-SHA256", .dh = groups[i],
                             .texts_server = PURPOSE_TLS_SERVER };

        snprintf(name, sizeof(name), "tls12 dh %s", groups[i]);
        CU_ASSERT_TRUE(meet(&m));
    }
}

static void tls12_clients(void)
{
    static const struct meeting meetings[] = {
        { "tls12 client rsa", TLS1_2_VERSION, LEAF_RSA, CLIENT_RSA, "ECDHE-RSA-AES128-GCM-SHA256", BOTH },
        { "tls12 client ec", TLS1_2_VERSION, LEAF_EC, CLIENT_EC, "ECDHE-ECDSA-AES256-GCM-SHA384", BOTH },
        { "tls12 client ed25519", TLS1_2_VERSION, LEAF_ED25519, CLIENT_ED25519, BOTH },
        { "tls12 client ed448", TLS1_2_VERSION, LEAF_ED448, CLIENT_RSA, BOTH },
        { "tls12 client dh", TLS1_2_VERSION, LEAF_RSA, CLIENT_RSA, "DHE-RSA-AES128-GCM-SHA256", .dh = "ffdhe2048", BOTH },
        { "tls12 client rsa exchange", TLS1_2_VERSION, LEAF_RSA, CLIENT_EC, "AES128-SHA", .texts_client = PURPOSE_TLS_CLIENT },
        { "tls12 client staple", TLS1_2_VERSION, LEAF_RSA, CLIENT_EC, "ECDHE", .staples = true, BOTH },
    };

    for (size_t i = 0; i < COUNT(meetings); i++)
        CU_ASSERT_TRUE(meet(&meetings[i]));
}

static void raw_keys(void)
{
    static const struct meeting meetings[] = {
        { "tls12 raw keys", TLS1_2_VERSION, LEAF_EC, CLIENT_EC, .raw_keys = true, BOTH },
        { "tls13 raw keys", TLS1_3_VERSION, LEAF_EC, CLIENT_EC, .raw_keys = true, BOTH },
        { "dtls12 raw keys", DTLS1_2_VERSION, LEAF_EC, CLIENT_EC, .raw_keys = true, .mtu = 1400, BOTH },
    };

    for (size_t i = 0; i < COUNT(meetings); i++) {
        bool met = meet(&meetings[i]);

        CU_ASSERT(met || OPENSSL_VERSION_NUMBER < 0x30200000L);
        if (!met)
            printf("(no %s) ", meetings[i].name);
    }
}

/* What is resumed is not signed; what is renegotiated is. */
static void tls12_again(void)
{
    static const struct meeting m = { "tls12 again", TLS1_2_VERSION, LEAF_RSA, CLIENT_EC, "ECDHE-RSA-AES128-GCM-SHA256", BOTH };
    struct pair p, q;
    SSL_SESSION *session;
    size_t count;

    CU_ASSERT_FATAL(pair_new(&m, NULL, &p) && shake(&p));
    talk(&p);
    texts_forget();
    session = SSL_get1_session(p.client);
    SSL_CTX_free(p.contexts[1]);
    CU_ASSERT_FATAL(SSL_CTX_up_ref(p.contexts[0]));
    p.contexts[1] = p.contexts[0];
    /* The same server, whose ticket it is. */
    CU_ASSERT_FATAL(pair_new(&m, session, &q));
    SSL_free(q.server);
    q.server = SSL_new(p.contexts[0]);
    BIO_up_ref(SSL_get_wbio(q.client));
    BIO_up_ref(SSL_get_rbio(q.client));
    SSL_set_bio(q.server, SSL_get_wbio(q.client), SSL_get_rbio(q.client));
    SSL_set_accept_state(q.server);
    CU_ASSERT_TRUE(shake(&q) && SSL_session_reused(q.server));
    (void)recorder_texts(&count);
    CU_ASSERT_EQUAL(count, 0);
    pair_free(&q);
    CU_ASSERT_TRUE(SSL_renegotiate(p.client) > 0);
    (void)SSL_do_handshake(p.client);
    talk(&p);
    keep(&m, m.name);
    SSL_SESSION_free(session);
    pair_free(&p);
}

/* TLS 1.0 and 1.1 over MD5-SHA1 are no form. With ECDSA they sign over SHA-1 what TLS 1.2 signs as a server. */
static void older(void)
{
    static const struct meeting meetings[] = {
        { "tls11 rsa", TLS1_1_VERSION, LEAF_RSA, CLIENT_RSA, "ECDHE-RSA-AES128-SHA", .texts_server = 0 },
        { "tls11 ec", TLS1_1_VERSION, LEAF_EC, CLIENT_EC, "ECDHE-ECDSA-AES128-SHA", .texts_server = PURPOSE_TLS_SERVER },
    };

    for (size_t i = 0; i < COUNT(meetings); i++) {
        if (!meet(&meetings[i]))
            printf("(no %s) ", meetings[i].name);
    }
}

void texts_of_tls(void)
{
    tls13();
    tls13_later();
    tls12_curves();
    tls12_dh();
    tls12_clients();
    tls12_again();
    raw_keys();
    older();
}

void texts_of_datagrams(void)
{
    static const struct meeting meetings[] = {
        { "dtls12 rsa", DTLS1_2_VERSION, LEAF_RSA, CLIENT_RSA, .mtu = 1400, BOTH },
        { "dtls12 cookie", DTLS1_2_VERSION, LEAF_EC, CLIENT_EC, .mtu = 1400, .cookie = true, BOTH },
        { "dtls12 fragments", DTLS1_2_VERSION, LEAF_EC, CLIENT_ED25519, .mtu = 256, BOTH },
    };

    for (size_t i = 0; i < COUNT(meetings); i++)
        CU_ASSERT_TRUE(meet(&meetings[i]));
}
