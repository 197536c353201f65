/*
 * What standards and others say that a private key gives, it gives in a box: each key of a vector is imported, and the
 * operation is asked of its handle.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "fips204.h"
#include "rfc6979.h"
#include "suite.h"
#include "vectorbox.h"
#include "vectors.h"
#include "wycheproof.h"

/* Ed25519 and Ed448 */

/* instance and context NULL: pure. */
static bool signs_as(EVP_PKEY *key, const char *instance, const char *context, const char *message,
                     const char *expected)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    uint8_t sig[LB_SIGNATURE_MAX];
    size_t len = sizeof(sig), text_len, expected_len, context_len = 0;
    uint8_t *text = vectors_hex(message, &text_len), *want = vectors_hex(expected, &expected_len);
    uint8_t *ctx_bytes = context == NULL ? NULL : vectors_hex(context, &context_len);
    OSSL_PARAM params[3] = { OSSL_PARAM_END, OSSL_PARAM_END, OSSL_PARAM_END };
    size_t n = 0;
    bool ok;

    if (instance != NULL)
        params[n++] = OSSL_PARAM_construct_utf8_string("instance", (char *)instance, 0);
    if (context_len > 0)
        params[n++] = OSSL_PARAM_construct_octet_string("context-string", ctx_bytes, context_len);
    ok = EVP_DigestSignInit_ex(md, &ctx, NULL, context_of(), NULL, key, NULL) > 0 &&
         (n == 0 || EVP_PKEY_CTX_set_params(ctx, params) > 0) && EVP_DigestSign(md, sig, &len, text, text_len) > 0 &&
         len == expected_len && memcmp(sig, want, len) == 0;
    free(ctx_bytes);
    free(want);
    free(text);
    EVP_MD_CTX_free(md);
    return ok;
}

/* Contexts and prehashed texts are of OpenSSL 3.2 and later: where there are none, the box says so. */
static void eddsa_vector(const char *name, EVP_PKEY *key, const char *instance, const char *context,
                         const char *message, const char *expected)
{
    bool plain = instance == NULL && (context == NULL || context[0] == '\0');
    bool older = OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;
    bool ok = signs_as(key, instance, context, message, expected);

    ran++;
    if (older && !plain) {
        CU_ASSERT(!ok && littlebox_says("does not sign in this way"));
    } else if (!ok) {
        vector_failed(name, ran);
    }
}

/* Secret and public key, public key, text, signature and text: a thousand, by the authors of Ed25519. */
static void ed25519_line(const char *label, const char *line, void *arg)
{
    char *copy = strdup(line), *rest = copy, *fields[4];
    EVP_PKEY *key;

    (void)label;
    (void)arg;
    for (size_t i = 0; i < 4; i++)
        fields[i] = strsep(&rest, ":");
    NEED(copy != NULL && fields[3] != NULL && strlen(fields[0]) == 128 && strlen(fields[3]) >= 128);
    fields[0][64] = '\0';
    fields[3][128] = '\0';
    key = in_box(raw_key("ED25519", fields[0]));
    eddsa_vector("Ed25519", key, NULL, NULL, fields[2], fields[3]);
    EVP_PKEY_free(key);
    free(copy);
}

static void test_ed25519(void)
{
    ran = 0;
    vectors_lines(VECTORS_PYTHON "Ed25519/sign.input", ed25519_line, NULL);
    CU_ASSERT_EQUAL(ran, 1024);
}

static void ed448_value(const char *label, const char *value, void *arg)
{
    struct fields *f = arg;
    EVP_PKEY *key;

    field_put(f, label, value);
    if (strcmp(label, "SIGNATURE") != 0)
        return;
    key = in_box(raw_key("ED448", field_get(f, "SECRET")));
    eddsa_vector("Ed448", key, NULL, field_get(f, "CONTEXT"), field_get(f, "MESSAGE"), value);
    EVP_PKEY_free(key);
    fields_clear(f);
}

static void test_ed448(void)
{
    struct fields f = { 0 };

    ran = 0;
    vectors_nist(VECTORS_PYTHON "Ed448/rfc8032.txt", ed448_value, &f);
    CU_ASSERT_EQUAL(ran, 9);
    fields_clear(&f);
}

/* RFC 8032 7.2 to 7.5, where also contexts and prehashed texts are. A vector begins with its name. */

static void rfc8032_vector(struct fields *f, const char *algorithm)
{
    const char *scheme = field_get(f, "scheme"), *context = field_get(f, "ctx"), *instance = NULL;
    EVP_PKEY *key;

    if (scheme == NULL || field_get(f, "sig") == NULL)
        return;
    if (strcmp(scheme, "Ed25519Ph") == 0)
        instance = "Ed25519ph";
    else if (strcmp(scheme, "Ed25519Ctx") == 0)
        instance = "Ed25519ctx";
    else if (strcmp(scheme, "Ed448Ph") == 0)
        instance = "Ed448ph";
    key = in_box(raw_key(algorithm, field_get(f, "sk")));
    eddsa_vector(scheme, key, instance, context, field_get(f, "msg"), field_get(f, "sig"));
    EVP_PKEY_free(key);
}

static void rfc8032_value(const char *label, const char *value, void *arg)
{
    struct fields *f = arg;

    if (strcmp(label, "name") == 0 || strcmp(label, "scheme") == 0) {
        if (field_get(f, "scheme") != NULL) {
            rfc8032_vector(f, strncmp(field_get(f, "scheme"), "Ed448", 5) == 0 ? "ED448" : "ED25519");
            fields_clear(f);
        }
    }
    if (strcmp(label, "name") == 0 || strcmp(label, "scheme") == 0 || strcmp(label, "sk") == 0 ||
        strcmp(label, "msg") == 0 || strcmp(label, "sig") == 0 || strcmp(label, "ctx") == 0)
        field_put(f, label, value);
}

static void test_rfc8032(void)
{
    static const char *const paths[] = { VECTORS_CIRCL "sign/ed25519/rfc8032_test.go",
                                         VECTORS_CIRCL "sign/ed448/rfc8032_test.go" };

    ran = 0;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct fields f = { 0 };

        vectors_go(paths[i], rfc8032_value, &f);
        if (field_get(&f, "scheme") != NULL)
            rfc8032_vector(&f, i == 0 ? "ED25519" : "ED448");
        fields_clear(&f);
    }
    CU_ASSERT_EQUAL(ran, 10 + 11);
}

/* Wycheproof's signatures that are good: the key is there too, and there is one signature of a text only. */
static void wycheproof_signature(const char *label, const char *value, void *arg)
{
    struct fields *f = arg;
    const char *curve;
    EVP_PKEY *key;

    if (strcmp(label, "curve") == 0 || strcmp(label, "sk") == 0 || strcmp(label, "msg") == 0 ||
        strcmp(label, "sig") == 0)
        field_put(f, label, value);
    curve = field_get(f, "curve");
    if (strcmp(label, "result") != 0 || strcmp(value, "valid") != 0 || curve == NULL)
        return;
    key = in_box(raw_key(strcmp(curve, "edwards448") == 0 ? "ED448" : "ED25519", field_get(f, "sk")));
    eddsa_vector("Wycheproof", key, NULL, NULL, field_get(f, "msg"), field_get(f, "sig"));
    EVP_PKEY_free(key);
}

static void test_wycheproof_eddsa(void)
{
    static const char *const paths[] = { VECTORS_CIRCL "sign/ed25519/testdata/wycheproof_Ed25519.json",
                                         VECTORS_CIRCL "sign/ed448/testdata/wycheproof_Ed448.json" };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct fields f = { 0 };

        ran = 0;
        vectors_json(paths[i], wycheproof_signature, &f);
        CU_ASSERT(ran > 10);
        fields_clear(&f);
    }
}

/* Key agreement */

static bool is_zero(const char *hex)
{
    return strspn(hex, "0") == strlen(hex);
}

/* A secret that is all zero must not be given (RFC 7748 6). */
static void montgomery(const char *algorithm, const char *private, const char *public, const char *shared)
{
    size_t len;
    uint8_t *bytes = vectors_hex(public, &len);
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key_ex(NULL, algorithm, NULL, bytes, len);
    EVP_PKEY *key;

    ran++;
    key = in_box(raw_key(algorithm, private));
    NEED(peer != NULL);
    if (agrees(context_of(), key, peer, shared) != (is_zero(shared) ? -1 : 1))
        vector_failed(algorithm, ran);
    ERR_clear_error();
    EVP_PKEY_free(key);
    EVP_PKEY_free(peer);
    free(bytes);
}

static void rfc7748_value(const char *label, const char *value, void *arg)
{
    struct fields *f = arg;

    field_put(f, label, value);
    if (strcmp(label, "OUTPUT_U") != 0)
        return;
    montgomery(strlen(value) == 64 ? "X25519" : "X448", field_get(f, "INPUT_SCALAR"), field_get(f, "INPUT_U"), value);
}

static void test_rfc7748(void)
{
    struct fields f = { 0 };

    ran = 0;
    vectors_nist(VECTORS_PYTHON "X25519/rfc7748.txt", rfc7748_value, &f);
    vectors_nist(VECTORS_PYTHON "X448/rfc7748.txt", rfc7748_value, &f);
    CU_ASSERT_EQUAL(ran, 6);
    fields_clear(&f);
}

static void wycheproof_x25519(const char *label, const char *value, void *arg)
{
    struct fields *f = arg;

    if (strcmp(label, "public") == 0 || strcmp(label, "private") == 0 || strcmp(label, "shared") == 0)
        field_put(f, label, value);
    if (strcmp(label, "result") == 0)
        montgomery("X25519", field_get(f, "private"), field_get(f, "public"), field_get(f, "shared"));
}

static void test_wycheproof_x25519(void)
{
    struct fields f = { 0 };

    ran = 0;
    vectors_json(VECTORS_CIRCL "dh/x25519/testdata/wycheproof_kat.json", wycheproof_x25519, &f);
    CU_ASSERT_EQUAL(ran, 87);
    fields_clear(&f);
}

/* NIST CAVS: our key, theirs, the secret, and what is wrong with one of them (the number in "Result"). */
static void cavs_vector(const struct fields *f, const char *group)
{
    const char *result = field_get(f, "Result");
    int fault = atoi(strchr(result, '(') + 1);
    EVP_PKEY *mine = ec_key(group, field_get(f, "dsIUT"), field_get(f, "QsIUTx"), field_get(f, "QsIUTy"));
    EVP_PKEY *peer = ec_key(group, NULL, field_get(f, "QsCAVSx"), field_get(f, "QsCAVSy"));
    EVP_PKEY *key = NULL;
    struct problem p = { 0 };
    char name[32];
    int agreed;

    ran++;
    if (fault >= 5 && fault <= 7) {
        /* Our own key is none: either libcrypto says so, or the box does not take it. */
        snprintf(name, sizeof(name), "cavs-%u", ran);
        CU_ASSERT(mine == NULL || boxproc_try_import(&box, name, mine, &p) == LB_E_VALUE);
        goto out;
    }
    NEED(mine != NULL);
    key = in_box(mine);
    mine = NULL; /* freed by in_box() */
    if (fault == 1 || fault == 2) {
        CU_ASSERT(peer == NULL || agrees(context_of(), key, peer, field_get(f, "Z")) == -1);
        goto out;
    }
    NEED(peer != NULL);
    agreed = agrees(context_of(), key, peer, field_get(f, "Z"));
    /* 8: the secret was changed. */
    if (agreed != (fault == 8 ? 0 : 1))
        vector_failed(group, ran);
out:
    ERR_clear_error();
    EVP_PKEY_free(key);
    EVP_PKEY_free(mine);
    EVP_PKEY_free(peer);
}

static void cavs_value(const char *label, const char *value, void *arg)
{
    static const char *const sections[][2] = { { "EC - SHA256", "P-256" },
                                               { "ED - SHA384", "P-384" },
                                               { "EE - SHA512", "P-521" } };
    static const char *group;
    struct fields *f = arg;

    if (strcmp(label, "section") == 0) {
        group = NULL;
        for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
            group = strcmp(value, sections[i][0]) == 0 ? sections[i][1] : group;
        fields_clear(f);
    } else if (group != NULL) {
        field_put(f, label, value);
        if (strcmp(label, "Result") == 0)
            cavs_vector(f, group);
    }
}

static void test_ecdh(void)
{
    static const char *const paths[] = {
        VECTORS_PYTHON "ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax",
        VECTORS_PYTHON "ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_resp.fax",
    };

    ran = 0;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct fields f = { 0 };

        vectors_nist(paths[i], cavs_value, &f);
        fields_clear(&f);
    }
    CU_ASSERT_EQUAL(ran, 2 * 3 * 30);
}

/* RSA decryption */

struct rsa {
    struct fields fields;
    bool private;    /* what follows is of the private key */
    EVP_PKEY *key;   /* the handle; NULL: the key is smaller than a box takes */
    int padding;
    char digest[16], mgf1[16];
    char *message;
};

static EVP_PKEY *rsa_key(const struct fields *f)
{
    static const char *const names[][2] = {
        { "Modulus", OSSL_PKEY_PARAM_RSA_N },          { "Public exponent", OSSL_PKEY_PARAM_RSA_E },
        { "Exponent", OSSL_PKEY_PARAM_RSA_D },         { "Prime 1", OSSL_PKEY_PARAM_RSA_FACTOR1 },
        { "Prime 2", OSSL_PKEY_PARAM_RSA_FACTOR2 },    { "Prime exponent 1", OSSL_PKEY_PARAM_RSA_EXPONENT1 },
        { "Prime exponent 2", OSSL_PKEY_PARAM_RSA_EXPONENT2 }, { "Coefficient", OSSL_PKEY_PARAM_RSA_COEFFICIENT1 },
    };
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *numbers[8] = { NULL };
    OSSL_PARAM *params;
    EVP_PKEY *key = NULL;

    for (size_t i = 0; i < 8; i++) {
        const char *value = field_get(f, names[i][0]);

        NEED(value != NULL && BN_hex2bn(&numbers[i], value) > 0 &&
             OSSL_PARAM_BLD_push_BN(bld, names[i][1], numbers[i]));
    }
    params = OSSL_PARAM_BLD_to_param(bld);
    NEED(params != NULL && EVP_PKEY_fromdata_init(ctx) > 0 &&
         EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) > 0);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_BLD_free(bld);
    for (size_t i = 0; i < 8; i++)
        BN_free(numbers[i]);
    return key;
}

static bool decrypts_as(EVP_PKEY *key, int padding, const char *digest, const char *mgf1, const char *label,
                        const char *ciphertext, const uint8_t *expected, size_t expected_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(context_of(), key, NULL);
    size_t sealed_len, len = 0, label_len = 0;
    uint8_t *sealed = vectors_hex(ciphertext, &sealed_len), *opened;
    uint8_t *label_bytes = label == NULL ? NULL : vectors_hex(label, &label_len);
    bool ok = EVP_PKEY_decrypt_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) > 0 &&
              (digest[0] == '\0' || EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest, NULL) > 0) &&
              (mgf1[0] == '\0' || EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf1, NULL) > 0) &&
              (label == NULL ||
               EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_memdup(label_bytes, label_len), (int)label_len) > 0) &&
              EVP_PKEY_decrypt(ctx, NULL, &len, sealed, sealed_len) > 0;

    opened = malloc(len + 1);
    ok = ok && EVP_PKEY_decrypt(ctx, opened, &len, sealed, sealed_len) > 0 && len == expected_len &&
         memcmp(opened, expected, len) == 0;
    free(opened);
    free(label_bytes);
    free(sealed);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static void rsa_take_key(struct rsa *r)
{
    EVP_PKEY *key = rsa_key(&r->fields);

    EVP_PKEY_free(r->key);
    r->key = NULL;
    if (EVP_PKEY_get_bits(key) >= 2048) {
        r->key = in_box(key);
        return;
    }
    EVP_PKEY_free(key);
}

static void rsa_value(const char *label, const char *value, void *arg)
{
    struct rsa *r = arg;
    uint8_t *message;
    size_t len;

    if (strcmp(label, "remark") == 0) {
        const char *alg = strstr(value, "alg="), *mgf1 = strstr(value, "mgf1=");

        if (strncmp(value, "Private key", 11) == 0)
            r->private = true;
        if (strncmp(value, "Public key", 10) == 0)
            r->private = false;
        if (alg != NULL && mgf1 != NULL && sscanf(alg, "alg=%15s mgf1=%15s", r->digest, r->mgf1) != 2)
            CU_FAIL("digests of a vector");
        return;
    }
    if (r->private && strcmp(label, "Message") != 0 && strcmp(label, "Seed") != 0 && strcmp(label, "Encryption") != 0)
        field_put(&r->fields, label, value);
    if (strcmp(label, "Coefficient") == 0) {
        rsa_take_key(r);
        fields_clear(&r->fields);
        r->private = false;
    }
    if (strcmp(label, "Message") == 0) {
        free(r->message);
        r->message = strdup(value);
    }
    if (strcmp(label, "Encryption") != 0 || r->key == NULL)
        return;
    ran++;
    message = vectors_hex(r->message, &len);
    if (!decrypts_as(r->key, r->padding, r->digest, r->mgf1, NULL, value, message, len))
        vector_failed(r->padding == RSA_PKCS1_PADDING ? "PKCS#1 v1.5" : r->digest, ran);
    free(message);
}

static void rsa_file(const char *path, int padding)
{
    struct rsa r = { .padding = padding };
    unsigned before = ran;

    vectors_rsa(path, rsa_value, &r);
    /* A file of which nothing was found would prove nothing. */
    if (ran == before)
        vector_failed(path, 0);
    EVP_PKEY_free(r.key);
    free(r.message);
    fields_clear(&r.fields);
}

static void test_rsa(void)
{
    static const char *const digests[] = { "sha1", "sha224", "sha256", "sha384", "sha512" };

    ran = 0;
    rsa_file(VECTORS_PYTHON "RSA/pkcs1v15crypt-vectors.txt", RSA_PKCS1_PADDING);
    rsa_file(VECTORS_PYTHON "RSA/pkcs-1v2-1d2-vec/oaep-vect.txt", RSA_PKCS1_OAEP_PADDING);
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < 5; j++) {
            char path[200];

            snprintf(path, sizeof(path), VECTORS_PYTHON "RSA/oaep-custom/oaep-%s-%s.txt", digests[i], digests[j]);
            /* That pair is in the file of the standard. */
            if (i + j > 0)
                rsa_file(path, RSA_PKCS1_OAEP_PADDING);
        }
    }
}

/* The key as PKCS#8, in hexadecimal. */
static void label_value(const char *label, const char *value, void *arg)
{
    struct fields *f = arg;
    const unsigned char *at;
    EVP_PKEY *key;
    uint8_t *der;
    size_t len;

    field_put(f, label, value);
    if (strcmp(label, "Output") != 0)
        return;
    ran++;
    der = vectors_hex(field_get(f, "KEY"), &len);
    at = der;
    key = in_box(d2i_AutoPrivateKey(NULL, &at, (long)len));
    free(der);
    /* The text is in quotes. */
    NEED(value[0] == '"' && strlen(value) > 2);
    if (!decrypts_as(key, RSA_PKCS1_OAEP_PADDING, field_get(f, "OAEPDigest"), "", field_get(f, "OAEPLabel"),
                     field_get(f, "Input"), (const uint8_t *)value + 1, strlen(value) - 2))
        vector_failed("OAEP with a label", ran);
    EVP_PKEY_free(key);
}

static void test_rsa_label(void)
{
    struct fields f = { 0 };

    ran = 0;
    vectors_nist(VECTORS_PYTHON "RSA/oaep-label.txt", label_value, &f);
    CU_ASSERT(ran > 0);
    fields_clear(&f);
}

/* RFC 6979 */

/* r and s as a signature. */
static size_t rfc6979_der(const struct rfc6979_signature *v, uint8_t ret[256])
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = NULL, *s = NULL;
    unsigned char *at = ret;
    int len;

    NEED(BN_hex2bn(&r, v->r) > 0 && BN_hex2bn(&s, v->s) > 0 && ECDSA_SIG_set0(sig, r, s));
    len = i2d_ECDSA_SIG(sig, NULL);
    NEED(len > 0 && len <= 256 && i2d_ECDSA_SIG(sig, &at) == len);
    ECDSA_SIG_free(sig);
    return (size_t)len;
}

static void rfc6979_vector(EVP_PKEY *key, EVP_PKEY *plain, const struct rfc6979_signature *v)
{
    bool older = OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    unsigned type = 1;
    OSSL_PARAM params[] = { OSSL_PARAM_construct_uint("nonce-type", &type), OSSL_PARAM_END };
    uint8_t want[256], sig[256];
    size_t want_len = rfc6979_der(v, want), len = sizeof(sig), text_len = strlen(v->message);
    bool ok;

    ran++;
    /* What the table says verifies, so it is whole. */
    CU_ASSERT(verify_text(plain, v->digest, v->message, text_len, want, want_len));
    ok = EVP_DigestSignInit_ex(md, &ctx, v->digest, context_of(), NULL, key, NULL) > 0 &&
         EVP_PKEY_CTX_set_params(ctx, params) > 0 &&
         EVP_DigestSign(md, sig, &len, (const uint8_t *)v->message, text_len) > 0;
    if (older) {
        /* This libcrypto has no deterministic nonces, and the box says so. */
        CU_ASSERT(!ok);
        CU_ASSERT(littlebox_says("does not sign in this way"));
    } else if (!ok || len != want_len || memcmp(sig, want, len) != 0) {
        vector_failed(v->group, ran);
    }
    EVP_MD_CTX_free(md);
}

static void test_rfc6979(void)
{
    ran = 0;
    for (const struct rfc6979_key *k = rfc6979_keys; k->group != NULL; k++) {
        EVP_PKEY *key = in_box(ec_private_key(k->group, k->d)), *plain = plain_public(key);

        for (const struct rfc6979_signature *v = rfc6979_signatures; v->group != NULL; v++) {
            if (strcmp(v->group, k->group) == 0)
                rfc6979_vector(key, plain, v);
        }
        EVP_PKEY_free(plain);
        EVP_PKEY_free(key);
    }
    CU_ASSERT_EQUAL(ran, 30);
}

/* FIPS 204 */

static bool has_hash(const uint8_t *data, size_t len, const char *expected)
{
    uint8_t hash[32];
    size_t want_len;
    uint8_t *want = vectors_hex(expected, &want_len);
    bool same = EVP_Q_digest(NULL, "SHA256", NULL, data, len, hash, NULL) > 0 && want_len == sizeof(hash) &&
                memcmp(hash, want, sizeof(hash)) == 0;

    free(want);
    return same;
}

/* A key from its seed; its public half is the one of the vector. */
static EVP_PKEY *ml_dsa_key(const struct fips204_signature *v)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, v->algorithm, NULL);
    size_t seed_len, public_len = 0;
    uint8_t *seed = vectors_hex(v->seed, &seed_len), public[4096];
    OSSL_PARAM params[] = { OSSL_PARAM_construct_octet_string("seed", seed, seed_len), OSSL_PARAM_END };
    EVP_PKEY *key = NULL;

    NEED(ctx != NULL && EVP_PKEY_fromdata_init(ctx) > 0 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) > 0);
    public_len = sizeof(public);
    NEED(EVP_PKEY_get_raw_public_key(key, public, &public_len) > 0);
    CU_ASSERT(has_hash(public, public_len, v->public_hash));
    free(seed);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void fips204_vector(const struct fips204_signature *v)
{
    EVP_PKEY *key = in_box(ml_dsa_key(v));
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    size_t text_len, context_len, len = LB_SIGNATURE_MAX;
    uint8_t *text = vectors_hex(v->message, &text_len), *context = vectors_hex(v->context, &context_len);
    uint8_t *sig = malloc(len);
    int deterministic = 1;
    OSSL_PARAM params[] = { OSSL_PARAM_construct_octet_string("context-string", context, context_len),
                            OSSL_PARAM_construct_int("deterministic", &deterministic), OSSL_PARAM_END };

    ran++;
    if (EVP_DigestSignInit_ex(md, &ctx, NULL, context_of(), NULL, key, NULL) <= 0 ||
        EVP_PKEY_CTX_set_params(ctx, params) <= 0 || EVP_DigestSign(md, sig, &len, text, text_len) <= 0 ||
        !has_hash(sig, len, v->hash))
        vector_failed(v->algorithm, ran);
    free(sig);
    free(context);
    free(text);
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
}

/* libcrypto has ML-DSA from 3.5 on. */
static void test_fips204(void)
{
    bool older = OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 5;

    ran = 0;
    for (const struct fips204_signature *v = fips204_signatures; v->algorithm != NULL && !older; v++)
        fips204_vector(v);
    CU_ASSERT_EQUAL(ran, older ? 0 : 12);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "Ed25519", test_ed25519 },
        { "Ed448", test_ed448 },
        { "RFC 8032, contexts and prehashed texts", test_rfc8032 },
        { "Wycheproof, EdDSA", test_wycheproof_eddsa },
        { "RFC 6979", test_rfc6979 },
        { "RFC 7748", test_rfc7748 },
        { "FIPS 204", test_fips204 },
        { "Wycheproof, X25519", test_wycheproof_x25519 },
        { "CAVS, ECDH", test_ecdh },
        { "RSA decryption", test_rsa },
        { "RSA decryption with a label", test_rsa_label },
        CU_TEST_INFO_NULL,
    };
    int status;

    vectorbox_begin();
    status = run_suite("vectors", tests);
    if (wycheproof_installed() && run_suite("Wycheproof", wycheproof_tests) != 0)
        status = 1;
    vectorbox_end();
    return status;
}
