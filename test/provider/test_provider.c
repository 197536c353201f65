/* Every key type in both load orders: loading, comparing, certificates, and that nothing private comes out. */
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

#include "types.h"

/* Loading */

static void check_loaded(OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *plain)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(key, plain), 1);
    CU_ASSERT(signs(libctx, key, plain));
    EVP_PKEY_free(key);
}

static void load_every_way(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    char *pem = handle_pem(key), file[] = "/tmp/littlebox-test-key-XXXXXX", uri[64];
    uint8_t *der = NULL;
    const uint8_t *p;
    OSSL_ENCODER_CTX *enc = OSSL_ENCODER_CTX_new_for_pkey(key, EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo", NULL);
    OSSL_DECODER_CTX *dec;
    PKCS8_PRIV_KEY_INFO *p8;
    size_t len = 0;
    EVP_PKEY *k = NULL;
    SSL_CTX *ssl;
    BIO *bio;
    int fd = mkstemp(file);

    CU_ASSERT(EVP_PKEY_is_a(key, t->name));
    CU_ASSERT_EQUAL(strncmp(pem, "-----BEGIN PRIVATE KEY-----\n", 28), 0);
    CU_ASSERT_STRING_EQUAL(pem + strlen(pem) - 26, "-----END PRIVATE KEY-----\n");
    check_loaded(libctx, load_pem(libctx, pem), plain);

    CU_ASSERT_EQUAL_FATAL(OSSL_ENCODER_to_data(enc, &der, &len), 1);
    p = der;
    check_loaded(libctx, d2i_AutoPrivateKey_ex(NULL, &p, (long)len, libctx, NULL), plain);
    CU_ASSERT_PTR_EQUAL(p, der + len);
    bio = BIO_new_mem_buf(der, (int)len);
    check_loaded(libctx, d2i_PrivateKey_ex_bio(bio, NULL, libctx, NULL), plain);
    BIO_free(bio);
    p = der;
    p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p8);
    check_loaded(libctx, EVP_PKCS82PKEY_ex(p8, libctx, NULL), plain);
    PKCS8_PRIV_KEY_INFO_free(p8);
    p = der;
    check_loaded(libctx, d2i_PrivateKey_ex(EVP_PKEY_get_base_id(plain), NULL, &p, (long)len, libctx, NULL), plain);
    p = der;
    dec = OSSL_DECODER_CTX_new_for_pkey(&k, "DER", NULL, t->name, EVP_PKEY_KEYPAIR, libctx, NULL);
    CU_ASSERT_EQUAL(OSSL_DECODER_from_data(dec, &p, &len), 1);
    check_loaded(libctx, k, plain);
    OSSL_DECODER_CTX_free(dec);

    CU_ASSERT_FATAL(fd >= 0 && write(fd, pem, strlen(pem)) == (ssize_t)strlen(pem) && close(fd) == 0);
    check_loaded(libctx, load_uri(libctx, file, OSSL_STORE_INFO_PKEY), plain);
    snprintf(uri, sizeof(uri), "file:%s", file);
    check_loaded(libctx, load_uri(libctx, uri, 0), plain);
    ssl = SSL_CTX_new_ex(libctx, NULL, TLS_server_method());
    /* SLH-DSA is none of TLS. */
    CU_ASSERT_EQUAL(SSL_CTX_use_PrivateKey_file(ssl, file, SSL_FILETYPE_PEM) == 1, strncmp(t->name, "SLH", 3) != 0);
    SSL_CTX_free(ssl);

    unlink(file);
    OSSL_ENCODER_CTX_free(enc);
    OPENSSL_free(der);
    OPENSSL_free(pem);
}

static void load_public(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    char uri[64];
    EVP_PKEY *pub;

    (void)key;
    snprintf(uri, sizeof(uri), "littlebox://default/%s;version=1", t->key);
    check_loaded(libctx, load_uri(libctx, uri, OSSL_STORE_INFO_PKEY), plain);
    pub = load_uri(libctx, uri, OSSL_STORE_INFO_PUBKEY);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pub);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(plain, pub), 1);
    CU_ASSERT(!signs(libctx, pub, plain));
    CU_ASSERT_PTR_NULL(load_uri(libctx, uri, OSSL_STORE_INFO_CERT));
    EVP_PKEY_free(pub);
}

/* The handle file keeps what was asked for: a version that was named, a box that was named. */
static void handle_keeps_uri(void)
{
    static const char *const uris[] = { "littlebox:p256", "littlebox:p256;version=1", "littlebox://default/p256" };

    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        EVP_PKEY *key = load_uri(contexts[0], uris[i], 0), *again;
        char *pem, *twice, uri[LB_URI_MAX + 1];

        CU_ASSERT_PTR_NOT_NULL_FATAL(key);
        pem = handle_pem(key);
        handle_uri(pem, uri);
        CU_ASSERT_STRING_EQUAL(uri, uris[i]);
        again = load_pem(contexts[0], pem);
        CU_ASSERT_PTR_NOT_NULL_FATAL(again);
        twice = handle_pem(again);
        CU_ASSERT_STRING_EQUAL(pem, twice);
        OPENSSL_free(twice);
        OPENSSL_free(pem);
        EVP_PKEY_free(again);
        EVP_PKEY_free(key);
    }
}

static void list_box(void)
{
    static const char *const uris[] = { "littlebox:", "littlebox://default/" };

    for (size_t u = 0; u < 2; u++) {
        OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uris[u], contexts[0], NULL, NULL, NULL, NULL, NULL, NULL);
        size_t seen = 0;

        CU_ASSERT_PTR_NOT_NULL_FATAL(store);
        while (!OSSL_STORE_eof(store)) {
            OSSL_STORE_INFO *info = OSSL_STORE_load(store);
            const char *name;
            EVP_PKEY *key;

            CU_ASSERT_PTR_NOT_NULL_FATAL(info);
            CU_ASSERT_EQUAL_FATAL(OSSL_STORE_INFO_get_type(info), OSSL_STORE_INFO_NAME);
            name = OSSL_STORE_INFO_get0_NAME(info);
            CU_ASSERT_EQUAL(strncmp(name, uris[u], strlen(uris[u])), 0);
            key = load_uri(contexts[0], name, 0);
            CU_ASSERT_PTR_NOT_NULL(key);
            EVP_PKEY_free(key);
            OSSL_STORE_INFO_free(info);
            seen++;
        }
        CU_ASSERT_EQUAL(seen, ALL_TYPES);
        OSSL_STORE_close(store);
    }
}

/* Comparing, describing, certificates */

static void compare(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    /* In the same context too, where libcrypto could choose either provider. */
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(plain, &der);
    const uint8_t *p = der;
    EVP_PKEY *same = d2i_PUBKEY_ex(NULL, &p, len, libctx, NULL), *copy = EVP_PKEY_dup(key);
    EVP_PKEY *other = load_key(libctx, strcmp(t->key, "p256") == 0 ? "p384" : "p256");
    int bits = 0, plain_bits = 0;

    CU_ASSERT_EQUAL(EVP_PKEY_eq(key, plain), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(plain, key), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(key, same), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(same, key), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(copy, key), 1);
    CU_ASSERT_NOT_EQUAL(EVP_PKEY_eq(key, other), 1);
    CU_ASSERT_NOT_EQUAL(EVP_PKEY_eq(other, same), 1);
    CU_ASSERT(EVP_PKEY_parameters_eq(key, same) != 0);
    CU_ASSERT(signs(libctx, copy, plain));
    CU_ASSERT_EQUAL(EVP_PKEY_get_size(key), EVP_PKEY_get_size(plain));
    CU_ASSERT_EQUAL(EVP_PKEY_get_security_bits(key), EVP_PKEY_get_security_bits(plain));
    CU_ASSERT_EQUAL(EVP_PKEY_get_base_id(key), EVP_PKEY_get_base_id(plain));
    CU_ASSERT(EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_BITS, &bits) > 0);
    CU_ASSERT(EVP_PKEY_get_int_param(plain, OSSL_PKEY_PARAM_BITS, &plain_bits) > 0);
    CU_ASSERT_EQUAL(bits, plain_bits);
    EVP_PKEY_free(other);
    EVP_PKEY_free(copy);
    EVP_PKEY_free(same);
    OPENSSL_free(der);
}

static void public_outputs(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    BIO *a = BIO_new(BIO_s_mem()), *b = BIO_new(BIO_s_mem());
    char *pa = NULL, *pb = NULL;
    OSSL_PARAM *params = NULL;
    long la, lb;

    (void)libctx;
    (void)t;
    CU_ASSERT_EQUAL(PEM_write_bio_PUBKEY(a, key), 1);
    CU_ASSERT_EQUAL(PEM_write_bio_PUBKEY(b, plain), 1);
    CU_ASSERT(EVP_PKEY_print_public(a, key, 0, NULL) > 0);
    CU_ASSERT(EVP_PKEY_print_public(b, plain, 0, NULL) > 0);
    la = BIO_get_mem_data(a, &pa);
    lb = BIO_get_mem_data(b, &pb);
    CU_ASSERT(la == lb && memcmp(pa, pb, (size_t)la) == 0);
    CU_ASSERT(EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params) > 0);
    OSSL_PARAM_free(params);
    BIO_free(a);
    BIO_free(b);
}

static void certificate(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    X509 *cert = X509_new_ex(libctx, NULL);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    X509_REQ *req = X509_REQ_new_ex(libctx, NULL);

    CU_ASSERT(X509_set_version(cert, 2) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1));
    CU_ASSERT(X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(cert), 3600) != NULL);
    CU_ASSERT_EQUAL(X509_set_pubkey(cert, key), 1);
    CU_ASSERT(EVP_DigestSignInit_ex(md, NULL, NULL, libctx, NULL, key, NULL) > 0);
    CU_ASSERT(X509_sign_ctx(cert, md) > 0);
    CU_ASSERT_EQUAL(X509_verify(cert, plain), 1);
    CU_ASSERT_EQUAL(X509_verify(cert, key), 1);
    CU_ASSERT_EQUAL(X509_check_private_key(cert, key), 1);
    CU_ASSERT(X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 && X509_REQ_set_pubkey(req, key) == 1);
    CU_ASSERT(X509_REQ_sign(req, key, t->digests == NULL ? NULL : EVP_sha256()) > 0);
    CU_ASSERT_EQUAL(X509_REQ_verify(req, plain), 1);
    X509_REQ_free(req);
    EVP_MD_CTX_free(md);
    X509_free(cert);
}

/* Nothing private comes out, by whatever way. */

/* text: what the provider says; NULL: OpenSSL knows no such structure of this type and asks no provider. */
static void encodes_nothing(EVP_PKEY *key, const char *format, const char *structure, bool with_cipher,
                            const char *text)
{
    OSSL_ENCODER_CTX *enc = OSSL_ENCODER_CTX_new_for_pkey(key, EVP_PKEY_KEYPAIR, format, structure, NULL);
    uint8_t *data = NULL;
    size_t len = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(enc);
    if (with_cipher) {
        CU_ASSERT(OSSL_ENCODER_CTX_set_cipher(enc, "AES-256-CBC", NULL) > 0);
        CU_ASSERT(OSSL_ENCODER_CTX_set_passphrase(enc, (const unsigned char *)"secret", 6) > 0);
    }
    ERR_clear_error();
    CU_ASSERT_NOT_EQUAL(OSSL_ENCODER_to_data(enc, &data, &len), 1);
    CU_ASSERT_PTR_NULL(data);
    CU_ASSERT(text == NULL ? ERR_peek_error() == 0 : littlebox_says(text));
    OPENSSL_free(data);
    OSSL_ENCODER_CTX_free(enc);
}

/* Structures of a private key besides PrivateKeyInfo, and the types that OpenSSL writes so. */
static const struct {
    const char *name;
    const char *types; /* each between spaces */
} structures[] = {
    { "EncryptedPrivateKeyInfo", " RSA RSA-PSS EC ED25519 ED448 ML-DSA-44 SLH-DSA-SHA2-128f " },
    { "pkcs1", " RSA RSA-PSS " },
    { "X9.62", " EC " },
};

static void nothing_private(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    static const char *const formats[] = { "PEM", "DER" };
    static const char *const secrets[] = { OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1,
                                           OSSL_PKEY_PARAM_PRIV_KEY };
    OSSL_PARAM *params = NULL;
    BIO *mem = BIO_new(BIO_s_mem());
    BIGNUM *bn = NULL;
    uint8_t raw[64];
    size_t len = sizeof(raw);
    char type[32];

    (void)libctx;
    snprintf(type, sizeof(type), " %s ", t->name);
    for (size_t f = 0; f < 2; f++) {
        for (size_t s = 0; s < sizeof(structures) / sizeof(structures[0]); s++) {
            const char *text = strstr(structures[s].types, type) != NULL ? "cannot be exported" : NULL;

            encodes_nothing(key, formats[f], structures[s].name, /* with_cipher= */ false, text);
            encodes_nothing(key, formats[f], structures[s].name, /* with_cipher= */ true, text);
        }
        encodes_nothing(key, formats[f], "PrivateKeyInfo", /* with_cipher= */ true, "is not encrypted");
        encodes_nothing(key, formats[f], "type-specific", /* with_cipher= */ true,
                        strstr(" RSA EC ", type) != NULL ? "is not encrypted" : NULL);
    }
    if (strcmp(t->name, "RSA") == 0) {
        encodes_nothing(key, "MSBLOB", NULL, /* with_cipher= */ false, "cannot be exported");
        encodes_nothing(key, "PVK", NULL, /* with_cipher= */ false, "cannot be exported");
    }

    CU_ASSERT(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params) <= 0);
    CU_ASSERT(littlebox_says("cannot be exported"));
    /* ML-DSA and SLH-DSA have no traditional form that libcrypto would ask for. */
    CU_ASSERT(PEM_write_bio_PrivateKey_traditional(mem, key, NULL, NULL, 0, NULL, NULL) <= 0);
    CU_ASSERT(strstr(t->name, "-DSA") != NULL ? error_says("unsupported public key type")
                                              : littlebox_says("cannot be exported"));
    CU_ASSERT(PEM_write_bio_PKCS8PrivateKey(mem, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL) <= 0);
    CU_ASSERT(littlebox_says("is not encrypted"));
    CU_ASSERT_EQUAL(BIO_pending(mem), 0);
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        OSSL_PARAM asked[] = { OSSL_PARAM_octet_string(secrets[i], raw, sizeof(raw)), OSSL_PARAM_END };

        /* They are merely absent, as those of a public key are: nothing is said of that. */
        ERR_clear_error();
        CU_ASSERT(EVP_PKEY_get_bn_param(key, secrets[i], &bn) <= 0);
        CU_ASSERT(EVP_PKEY_get_octet_string_param(key, secrets[i], raw, sizeof(raw), &len) <= 0);
        CU_ASSERT_EQUAL(EVP_PKEY_get_params(key, asked), EVP_PKEY_get_params(plain, asked));
        CU_ASSERT(!OSSL_PARAM_modified(&asked[0]));
        CU_ASSERT_EQUAL(ERR_peek_error(), 0);
    }
    CU_ASSERT(EVP_PKEY_get_raw_private_key(key, raw, &len) <= 0);
    CU_ASSERT(littlebox_says("cannot be exported"));
    BN_free(bn);
    BIO_free(mem);
}

/* EVP_PKEY_check is a look into the box. */
static void check_key(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);

    (void)t;
    (void)plain;
    CU_ASSERT_EQUAL(EVP_PKEY_public_check(ctx), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_private_check(ctx), 1);
    EVP_PKEY_CTX_free(ctx);
}

static void test_loading(void)
{
    each(load_every_way);
    each(load_public);
}

/* A key of the same type and curve, made elsewhere. */
static EVP_PKEY *another(const struct type *t, EVP_PKEY *plain)
{
    char group[80];

    if (EVP_PKEY_is_a(plain, "EC") && EVP_PKEY_get_group_name(plain, group, sizeof(group), NULL))
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", group);
    if (EVP_PKEY_is_a(plain, "RSA") || EVP_PKEY_is_a(plain, "RSA-PSS"))
        return NULL;
    return EVP_PKEY_Q_keygen(NULL, NULL, t->name);
}

/* The certificate of the key that was loaded last, of one before, and of another key; how one is written is its own. */
static void compare_latest(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(plain, &der);
    EVP_PKEY *certified[4], *last = load_key(libctx, t->key), *other = another(t, plain);
    const size_t count = sizeof(certified) / sizeof(certified[0]);

    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = der;

        certified[i] = d2i_PUBKEY_ex(NULL, &p, len, libctx, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(certified[i]);
    }
    CU_ASSERT_EQUAL(EVP_PKEY_eq(certified[0], last), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(certified[1], key), 1);
    if (other != NULL) {
        CU_ASSERT_NOT_EQUAL(EVP_PKEY_eq(other, last), 1);
        CU_ASSERT_NOT_EQUAL(EVP_PKEY_eq(last, other), 1);
    }
    if (EVP_PKEY_is_a(last, "EC")) {
        CU_ASSERT(EVP_PKEY_set_utf8_string_param(last, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed") > 0);
        CU_ASSERT_EQUAL(EVP_PKEY_get_ec_point_conv_form(last), POINT_CONVERSION_COMPRESSED);
        CU_ASSERT_EQUAL(EVP_PKEY_get_ec_point_conv_form(key), POINT_CONVERSION_UNCOMPRESSED);
    }
    CU_ASSERT_EQUAL(EVP_PKEY_eq(certified[0], last), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(certified[2], last), 1);
    CU_ASSERT(signs(libctx, last, certified[2]));
    EVP_PKEY_free(last);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(certified[3], key), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(certified[0], key), 1);
    for (size_t i = 0; i < count; i++)
        EVP_PKEY_free(certified[i]);
    EVP_PKEY_free(other);
    OPENSSL_free(der);
}

static void test_public_half(void)
{
    each(compare);
    each(compare_latest);
    each(public_outputs);
    each(certificate);
    each(check_key);
}

static void test_nothing_private(void)
{
    each(nothing_private);
}

/* Keys of one type, each loaded from the box: the same one twice, and two. */
static void two_of_a_type(void)
{
    static const char *const twins[][2] = { { "p256", "twin-p256" }, { "ed25519", "twin-ed25519" } };
    static const char *const kinds[] = { "ec:P-256", "ed25519" };

    for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++) {
        boxproc_create(&box, twins[i][1], kinds[i]);
        for (size_t c = 0; c < 2; c++) {
            EVP_PKEY *key = load_key(contexts[c], twins[i][0]), *again = load_key(contexts[c], twins[i][0]);
            EVP_PKEY *twin = load_key(contexts[c], twins[i][1]), *plain = plain_public(twin);

            CU_ASSERT_EQUAL(EVP_PKEY_eq(key, again), 1);
            CU_ASSERT_NOT_EQUAL(EVP_PKEY_eq(key, twin), 1);
            CU_ASSERT_NOT_EQUAL(EVP_PKEY_eq(plain, key), 1);
            CU_ASSERT_EQUAL(EVP_PKEY_eq(plain, twin), 1);
            CU_ASSERT(signs(contexts[c], twin, plain));
            EVP_PKEY_free(plain);
            EVP_PKEY_free(twin);
            EVP_PKEY_free(again);
            EVP_PKEY_free(key);
        }
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "loading", test_loading },
        { "handle keeps the URI", handle_keeps_uri },
        { "listing a box", list_box },
        { "public half", test_public_half },
        { "nothing private comes out", test_nothing_private },
        { "two keys of a type", two_of_a_type },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    status = run_suite("provider", tests);
    types_end();
    return status;
}
