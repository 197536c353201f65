/* The matrix of TLS: each key type, by each scheme, in each version, as server and as client, in each load order. */
#include <openssl/err.h>
#include <openssl/provider.h>
#include <string.h>

#include "tlspair.h"
#include "types.h"

/*
 * Which keys of types.h sign by which scheme. A handshake by any other pairing must fail, and both is held against keys
 * of `default` first: that the table is right is not ours to say.
 */
static const struct scheme {
    const char *name;   /* of a list of signature algorithms */
    unsigned code;      /* on the wire */
    const char *type;   /* SSL_get_peer_signature_type_nid() */
    const char *digest; /* SSL_get_peer_signature_nid(); NULL: none */
    const char *keys12, *keys13;
} schemes[] = {
    { "RSA+SHA1", 0x0201, "rsaEncryption", "SHA1", "rsa", "" },
    { "RSA+SHA224", 0x0301, "rsaEncryption", "SHA224", "rsa", "" },
    { "rsa_pkcs1_sha256", 0x0401, "rsaEncryption", "SHA256", "rsa", "" },
    { "rsa_pkcs1_sha384", 0x0501, "rsaEncryption", "SHA384", "rsa", "" },
    { "rsa_pkcs1_sha512", 0x0601, "rsaEncryption", "SHA512", "rsa", "" },
    { "rsa_pss_rsae_sha256", 0x0804, "RSASSA-PSS", "SHA256", "rsa", "rsa" },
    { "rsa_pss_rsae_sha384", 0x0805, "RSASSA-PSS", "SHA384", "rsa", "rsa" },
    { "rsa_pss_rsae_sha512", 0x0806, "RSASSA-PSS", "SHA512", "rsa", "rsa" },
    { "rsa_pss_pss_sha256", 0x0809, "RSASSA-PSS", "SHA256", "pss pss256", "pss pss256" },
    { "rsa_pss_pss_sha384", 0x080a, "RSASSA-PSS", "SHA384", "pss", "pss" },
    { "rsa_pss_pss_sha512", 0x080b, "RSASSA-PSS", "SHA512", "pss", "pss" },
    /* From TLS 1.3 on, the curve is part of the scheme. */
    { "ECDSA+SHA1", 0x0203, "id-ecPublicKey", "SHA1", "p256 p384 p521", "" },
    { "ECDSA+SHA224", 0x0303, "id-ecPublicKey", "SHA224", "p256 p384 p521", "" },
    { "ecdsa_secp256r1_sha256", 0x0403, "id-ecPublicKey", "SHA256", "p256 p384 p521", "p256" },
    { "ecdsa_secp384r1_sha384", 0x0503, "id-ecPublicKey", "SHA384", "p256 p384 p521", "p384" },
    { "ecdsa_secp521r1_sha512", 0x0603, "id-ecPublicKey", "SHA512", "p256 p384 p521", "p521" },
    { "ed25519", 0x0807, "ED25519", NULL, "ed25519", "ed25519" },
    { "ed448", 0x0808, "ED448", NULL, "ed448", "ed448" },
    { "mldsa44", 0x0904, "ML-DSA-44", NULL, "", "mldsa44" },
    { "mldsa65", 0x0905, "ML-DSA-65", NULL, "", "mldsa65" },
    { "mldsa87", 0x0906, "ML-DSA-87", NULL, "", "mldsa87" },
};
#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

/* From OpenSSL 3.5 on; where the library has none, they and their schemes, which are the last, are left out. */
static const struct type ml_dsa[] = {
    { "mldsa44", "ml-dsa-44", "ML-DSA-44", NULL },
    { "mldsa65", "ml-dsa-65", "ML-DSA-65", NULL },
    { "mldsa87", "ml-dsa-87", "ML-DSA-87", NULL },
};
#define ML_DSAS (sizeof(ml_dsa) / sizeof(ml_dsa[0]))

static size_t type_count = TYPES, scheme_count = SCHEMES - ML_DSAS;

static const struct type *type_at(size_t i)
{
    return i < TYPES ? &types[i] : &ml_dsa[i - TYPES];
}

static void look_for_ml_dsa(void)
{
    EVP_SIGNATURE *found = EVP_SIGNATURE_fetch(contexts[0], ml_dsa[0].name, "provider=default");

    if (found == NULL) {
        printf("without ML-DSA, which %s does not have\n", OpenSSL_version(OPENSSL_VERSION));
        ERR_clear_error();
        return;
    }
    printf("with ML-DSA\n");
    EVP_SIGNATURE_free(found);
    for (size_t i = 0; i < ML_DSAS; i++)
        boxproc_create(&box, ml_dsa[i].key, ml_dsa[i].type);
    type_count += ML_DSAS;
    scheme_count += ML_DSAS;
}

static const struct order {
    const char *name;
    bool ctx_first; /* the SSL_CTX is there, and was used, before littlebox is loaded */
    bool first;     /* ctx_first: `default` is configured; else: littlebox is loaded before `default` */
} orders[] = {
    { "littlebox before default", false, true },
    { "default before littlebox", false, false },
    { "SSL_CTX before littlebox", true, true },
    { "SSL_CTX before littlebox, default by itself", true, false },
};
#define ORDERS (sizeof(orders) / sizeof(orders[0]))

enum role { SERVER, CLIENT, ROLES };
static const char *const role_names[ROLES] = { "server", "client" };

/* Both ends of the handshakes of one key; in each role, it is the other end that chooses the scheme. */
struct scene {
    OSSL_LIB_CTX *libctx;
    EVP_PKEY *peer_key; /* of `default`: the server's, where the client has the key that is tested */
    X509 *peer_cert;
    SSL_CTX *server[ROLES], *client[ROLES];
};

/* SHA-1 and SHA-224 are below what OpenSSL takes by itself. */
#define CIPHERS "DEFAULT:@SECLEVEL=0"

static void scene_begin(struct scene *s, OSSL_LIB_CTX *libctx)
{
    s->libctx = libctx;
    s->peer_key = EVP_PKEY_Q_keygen(libctx, NULL, "EC", "P-256");
    NEED(s->peer_key != NULL);
    s->peer_cert = tls_certificate(libctx, s->peer_key, "peer.example");
    for (int r = 0; r < ROLES; r++) {
        s->server[r] = tls_ctx(libctx, TLS_server_method(), s->peer_cert, r == CLIENT ? s->peer_key : NULL);
        s->client[r] = tls_ctx(libctx, TLS_client_method(), NULL, NULL);
        NEED(SSL_CTX_set_cipher_list(s->server[r], CIPHERS) == 1);
        NEED(SSL_CTX_set_cipher_list(s->client[r], CIPHERS) == 1);
    }
    tls_trust(s->client[CLIENT], s->peer_cert);
}

static void scene_use(struct scene *s, EVP_PKEY *key)
{
    X509 *cert = tls_certificate(s->libctx, key, "box.example");
    SSL_CTX *own[ROLES] = { s->server[SERVER], s->client[CLIENT] };

    for (int r = 0; r < ROLES; r++) {
        CU_ASSERT_EQUAL(SSL_CTX_use_certificate(own[r], cert), 1);
        CU_ASSERT_EQUAL(SSL_CTX_use_PrivateKey(own[r], key), 1);
        CU_ASSERT_EQUAL(SSL_CTX_check_private_key(own[r]), 1);
    }
    tls_trust(s->client[SERVER], cert);
    tls_trust(s->server[CLIENT], cert);
    X509_free(cert);
}

static void scene_end(struct scene *s)
{
    for (int r = 0; r < ROLES; r++) {
        SSL_CTX_free(s->server[r]);
        SSL_CTX_free(s->client[r]);
    }
    X509_free(s->peer_cert);
    EVP_PKEY_free(s->peer_key);
}

static uint64_t signatures(void)
{
    struct box_status s;

    boxproc_status(&box, &s);
    return s.signatures;
}

/* One cell of the matrix. by_box: the key is a handle, and its signatures are the box's. */
static bool cell(struct scene *s, enum role role, const char *name, const struct scheme *scheme, int version,
                 bool by_box)
{
    bool expected = in_list(version == TLS1_2_VERSION ? scheme->keys12 : scheme->keys13, name), ok;
    uint64_t before = signatures(), made;
    int type = NID_undef, digest = NID_undef;
    const struct tls_seen *seen;
    struct tls_pair p;
    SSL *peer;

    tls_pair_new(&p, s->server[role], s->client[role], version, NULL);
    peer = role == SERVER ? p.client : p.server;
    seen = role == SERVER ? &p.client_saw : &p.server_saw;
    if (role == SERVER)
        NEED(SSL_set1_sigalgs_list(peer, scheme->name) == 1);
    else
        NEED(SSL_set1_client_sigalgs_list(peer, scheme->name) == 1);
    ok = tls_connect(&p) == expected;
    made = signatures() - before;
    if (expected && ok) {
        ok = seen->signatures == 1 && seen->scheme == scheme->code &&
             SSL_get_peer_signature_type_nid(peer, &type) == 1 && type == OBJ_txt2nid(scheme->type) &&
             SSL_get_peer_signature_nid(peer, &digest) == 1 &&
             digest == (scheme->digest == NULL ? NID_undef : OBJ_txt2nid(scheme->digest));
    }
    ok = ok && made == (expected && by_box ? 1 : 0);
    if (!ok) {
        fprintf(stderr, "\n%s, %s key, TLS 1.%d, %s: %s; scheme %04x, type %d, digest %d, %u signed, %u the box\n",
                role_names[role], name, version - TLS1_VERSION, scheme->name,
                expected ? "should work" : "must not work", seen->scheme, type, digest, seen->signatures,
                (unsigned)made);
        ERR_print_errors_fp(stderr);
    }
    ERR_clear_error();
    tls_pair_free(&p);
    return ok;
}

/* All cells of one key; how many there were that should work. */
static unsigned cells(struct scene *s, const char *name, bool by_box)
{
    unsigned worked = 0;

    for (int role = 0; role < ROLES; role++) {
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            for (size_t i = 0; i < scheme_count; i++) {
                CU_ASSERT(cell(s, (enum role)role, name, &schemes[i], version, by_box));
                worked += in_list(version == TLS1_2_VERSION ? schemes[i].keys12 : schemes[i].keys13, name);
            }
        }
    }
    return worked;
}

static void test_table(void)
{
    for (size_t i = 0; i < type_count; i++) {
        OSSL_LIB_CTX *libctx = new_libctx_without(box.dir, /* default_configured= */ true);
        EVP_PKEY *key = plain_key(libctx, type_at(i)->type);
        struct scene s;

        scene_begin(&s, libctx);
        scene_use(&s, key);
        CU_ASSERT(cells(&s, type_at(i)->key, /* by_box= */ false) > 0);
        scene_end(&s);
        EVP_PKEY_free(key);
        OSSL_LIB_CTX_free(libctx);
    }
}

/* A handshake before littlebox is there: what libssl and libcrypto keep from it is of `default`. */
static void use_before(struct scene *s)
{
    struct tls_pair p;

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        tls_pair_new(&p, s->server[CLIENT], s->client[CLIENT], version, NULL);
        CU_ASSERT(tls_connect(&p));
        tls_pair_free(&p);
    }
}

static void matrix(const struct order *order, const char *name)
{
    unsigned failed = CU_get_number_of_failures();
    OSSL_PROVIDER *littlebox = NULL;
    OSSL_LIB_CTX *libctx = order->ctx_first ? new_libctx_without(box.dir, /* default_configured= */ order->first)
                                            : new_libctx(box.dir, /* littlebox_first= */ order->first, "");
    EVP_PKEY *key;
    struct scene s;

    scene_begin(&s, libctx);
    if (order->ctx_first) {
        use_before(&s);
        littlebox = OSSL_PROVIDER_load(libctx, "littlebox");
        NEED(littlebox != NULL);
    }
    key = load_key(libctx, name);
    scene_use(&s, key);
    CU_ASSERT(cells(&s, name, /* by_box= */ true) > 0);
    scene_end(&s);
    EVP_PKEY_free(key);
    OSSL_PROVIDER_unload(littlebox);
    OSSL_LIB_CTX_free(libctx);
    if (CU_get_number_of_failures() != failed)
        fprintf(stderr, "failed for %s: %s\n", name, order->name);
}

static void test_matrix(void)
{
    for (size_t o = 0; o < ORDERS; o++) {
        for (size_t i = 0; i < type_count; i++)
            matrix(&orders[o], type_at(i)->key);
    }
}

/* Both ends authenticate with a key of a box: two signatures, by two keys, each combination of types once. */
static void test_both(void)
{
    for (size_t i = 0; i < type_count * type_count; i++) {
        const char *server_name = type_at(i / type_count)->key, *client_name = type_at(i % type_count)->key;
        bool old = i / type_count < TYPES && i % type_count < TYPES; /* both types are in TLS 1.2 */
        OSSL_LIB_CTX *libctx = contexts[i % 2];
        EVP_PKEY *server_key = load_key(libctx, server_name), *client_key = load_key(libctx, client_name);
        X509 *server_cert = tls_certificate(libctx, server_key, "server.example");
        X509 *client_cert = tls_certificate(libctx, client_key, "client.example");
        SSL_CTX *server = tls_ctx(libctx, TLS_server_method(), server_cert, server_key);
        SSL_CTX *client = tls_ctx(libctx, TLS_client_method(), client_cert, client_key);

        tls_trust(server, client_cert);
        tls_trust(client, server_cert);
        for (int version = old ? TLS1_2_VERSION : TLS1_3_VERSION; version <= TLS1_3_VERSION; version++) {
            uint64_t before = signatures();
            struct tls_pair p;
            bool ok;

            tls_pair_new(&p, server, client, version, "server.example");
            ok = tls_connect(&p) && p.server_saw.signatures == 1 && p.client_saw.signatures == 1 &&
                 signatures() - before == 2;
            CU_ASSERT(ok);
            if (!ok) {
                fprintf(stderr, "\nfailed: server %s, client %s, TLS 1.%d\n", server_name, client_name,
                        version - TLS1_VERSION);
                ERR_print_errors_fp(stderr);
            }
            tls_pair_free(&p);
        }
        SSL_CTX_free(client);
        SSL_CTX_free(server);
        X509_free(client_cert);
        X509_free(server_cert);
        EVP_PKEY_free(client_key);
        EVP_PKEY_free(server_key);
    }
}

/* One connection of a pair of SSL_CTXs with one key of a box. */
static bool connects(SSL_CTX *server, SSL_CTX *client, int version, const char *group)
{
    uint64_t before = signatures();
    struct tls_pair p;
    bool ok;

    tls_pair_new(&p, server, client, version, "box.example");
    NEED(group == NULL || SSL_set1_groups_list(p.client, group) == 1);
    ok = tls_connect(&p) && signatures() - before == 1;
    if (!ok) {
        fprintf(stderr, "\nfailed: TLS 1.%d, %s\n", version - TLS1_VERSION, group == NULL ? "any group" : group);
        ERR_print_errors_fp(stderr);
    }
    tls_pair_free(&p);
    return ok;
}

/* The key shares are none of our business, though our key managers have the names of their types. */
static void test_groups(void)
{
    static const struct {
        const char *name;
        int from;
    } groups[] = {
        { "P-256", TLS1_2_VERSION },  { "P-384", TLS1_2_VERSION }, { "P-521", TLS1_2_VERSION },
        { "X25519", TLS1_2_VERSION }, { "X448", TLS1_2_VERSION },  { "ffdhe2048", TLS1_3_VERSION },
    };

    for (size_t c = 0; c < 2; c++) {
        EVP_PKEY *key = load_key(contexts[c], "rsa");
        X509 *cert = tls_certificate(contexts[c], key, "box.example");
        SSL_CTX *server = tls_ctx(contexts[c], TLS_server_method(), cert, key);
        SSL_CTX *client = tls_ctx(contexts[c], TLS_client_method(), NULL, NULL);

        tls_trust(client, cert);
        NEED(SSL_CTX_set1_groups_list(server, "P-256:P-384:P-521:X25519:X448:ffdhe2048") == 1);
        for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
            for (int version = groups[g].from; version <= TLS1_3_VERSION; version++)
                CU_ASSERT(connects(server, client, version, groups[g].name));
        }
        /* Finite-field Diffie-Hellman of TLS 1.2 is signed by the same key. */
        NEED(SSL_CTX_set_cipher_list(client, "DHE-RSA-AES128-GCM-SHA256") == 1 && SSL_CTX_set_dh_auto(server, 1) == 1);
        CU_ASSERT(connects(server, client, TLS1_2_VERSION, NULL));
        SSL_CTX_free(client);
        SSL_CTX_free(server);
        X509_free(cert);
        EVP_PKEY_free(key);
    }
}

/* TLS 1.0 and 1.1 know no schemes: RSA signs MD5 and SHA-1 together, ECDSA signs SHA-1. */
static void test_older(void)
{
    static const char *const keys[] = { "rsa", "p256" };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        EVP_PKEY *key = load_key(contexts[i], keys[i]);
        struct scene s;

        scene_begin(&s, contexts[i]);
        scene_use(&s, key);
        for (int role = 0; role < ROLES; role++) {
            NEED(SSL_CTX_set_min_proto_version(s.server[role], TLS1_VERSION) == 1);
            for (int version = TLS1_VERSION; version <= TLS1_1_VERSION; version++) {
                uint64_t before = signatures();
                struct tls_pair p;

                tls_pair_new(&p, s.server[role], s.client[role], version, NULL);
                CU_ASSERT(tls_connect(&p));
                CU_ASSERT_EQUAL(signatures() - before, 1);
                tls_pair_free(&p);
            }
        }
        scene_end(&s);
        EVP_PKEY_free(key);
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "the table, with keys of default", test_table },
        { "the table, with keys of a box", test_matrix },
        { "both ends", test_both },
        { "groups", test_groups },
        { "TLS 1.0 and 1.1", test_older },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    look_for_ml_dsa();
    status = run_suite("tls", tests);
    types_end();
    return status;
}
