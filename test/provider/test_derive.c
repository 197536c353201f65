/* Key agreement with handles: `default` on the other side comes to the same secret; and what is refused. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto.h"
#include "suite.h"

static const struct type {
    const char *key, *type; /* in the box */
    const char *algorithm, *group;
    size_t size; /* of the secret */
} types[] = {
    { "p256", "ec:P-256", "EC", "P-256", 32 },   { "p384", "ec:P-384", "EC", "P-384", 48 },
    { "p521", "ec:P-521", "EC", "P-521", 66 },   { "x25519", "x25519", "X25519", NULL, 32 },
    { "x448", "x448", "X448", NULL, 56 },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static struct boxproc box;
static OSSL_LIB_CTX *contexts[2]; /* littlebox first, default first */

static EVP_PKEY *generate(OSSL_LIB_CTX *libctx, const struct type *t)
{
    EVP_PKEY *key = t->group != NULL ? EVP_PKEY_Q_keygen(libctx, NULL, t->algorithm, t->group)
                                     : EVP_PKEY_Q_keygen(libctx, NULL, t->algorithm);

    NEED(key != NULL);
    return key;
}

static EVP_PKEY_CTX *begin(OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);

    NEED(ctx != NULL && EVP_PKEY_derive_init(ctx) > 0);
    return ctx;
}

/* What EVP_PKEY_derive() says, or EVP_PKEY_derive_set_peer() if that fails. */
static int derive(OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *peer, uint8_t ret[LB_SHARED_MAX], size_t *ret_len)
{
    EVP_PKEY_CTX *ctx = begin(libctx, key);
    int r = EVP_PKEY_derive_set_peer(ctx, peer);

    *ret_len = LB_SHARED_MAX;
    if (r > 0)
        r = EVP_PKEY_derive(ctx, ret, ret_len);
    EVP_PKEY_CTX_free(ctx);
    return r;
}

static void agree(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key)
{
    EVP_PKEY *other = generate(NULL, t), *other_public = plain_public(other), *mine = plain_public(key);
    EVP_PKEY_CTX *ctx = begin(libctx, key);
    uint8_t a[LB_SHARED_MAX], b[LB_SHARED_MAX];
    size_t a_len, b_len, room = 0;

    CU_ASSERT_EQUAL(derive(libctx, key, other_public, a, &a_len), 1);
    CU_ASSERT_EQUAL(derive(NULL, other, mine, b, &b_len), 1);
    CU_ASSERT_EQUAL(a_len, t->size);
    CU_ASSERT(a_len == b_len && memcmp(a, b, a_len) == 0);
    CU_ASSERT(EVP_PKEY_derive_set_peer(ctx, other_public) > 0);
    CU_ASSERT(EVP_PKEY_derive(ctx, NULL, &room) > 0);
    CU_ASSERT_EQUAL(room, t->size);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(mine);
    EVP_PKEY_free(other_public);
    EVP_PKEY_free(other);
}

static void test_every_type(void)
{
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < TYPES; i++) {
            EVP_PKEY *key = load_key(contexts[c], types[i].key), *handle;
            char *pem = handle_pem(key);
            unsigned failed = CU_get_number_of_failures();

            handle = load_pem(contexts[c], pem);
            CU_ASSERT_PTR_NOT_NULL_FATAL(handle);
            CU_ASSERT(EVP_PKEY_is_a(handle, types[i].algorithm));
            CU_ASSERT_EQUAL(EVP_PKEY_eq(key, handle), 1);
            agree(contexts[c], &types[i], key);
            agree(contexts[c], &types[i], handle);
            if (CU_get_number_of_failures() != failed) {
                fprintf(stderr, "\nfailed for %s, %s first\n", types[i].type, c == 0 ? "littlebox" : "default");
                ERR_print_errors_fp(stderr);
            }
            OPENSSL_free(pem);
            EVP_PKEY_free(handle);
            EVP_PKEY_free(key);
        }
    }
}

/* ANSI X9.63, where what comes out is of the caller's making but for the secret. */

struct kdf {
    const char *digest;
    size_t len;
    const char *ukm; /* NULL: none */
    int cofactor;
};

static void set_kdf(EVP_PKEY_CTX *ctx, const struct kdf *k)
{
    EVP_MD *md = EVP_MD_fetch(NULL, k->digest, NULL);

    CU_ASSERT(EVP_PKEY_CTX_set_ecdh_cofactor_mode(ctx, k->cofactor) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_ecdh_kdf_type(ctx, EVP_PKEY_ECDH_KDF_X9_63) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, md) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_ecdh_kdf_outlen(ctx, (int)k->len) > 0);
    if (k->ukm != NULL)
        CU_ASSERT(EVP_PKEY_CTX_set0_ecdh_kdf_ukm(ctx, (unsigned char *)OPENSSL_strdup(k->ukm), (int)strlen(k->ukm)) >
                  0);
    EVP_MD_free(md);
}

static void test_kdf(void)
{
    static const struct kdf kdfs[] = {
        { "SHA1", 16, NULL, 0 },          { "SHA224", 32, "shared information", 1 }, { "SHA256", 32, "", -1 },
        { "SHA384", 200, "i", 1 },        { "SHA512", 64, NULL, 0 },                 { "SHA3-256", 1, "x", 0 },
        { "SHA512-256", 1000, "y", 1 },
    };

    for (size_t i = 0; i < TYPES && types[i].group != NULL; i++) {
        EVP_PKEY *key = load_key(contexts[i % 2], types[i].key), *mine = plain_public(key);
        EVP_PKEY *other = generate(NULL, &types[i]), *other_public = plain_public(other);

        for (size_t j = 0; j < sizeof(kdfs) / sizeof(kdfs[0]); j++) {
            EVP_PKEY_CTX *a = begin(contexts[i % 2], key), *b = begin(NULL, other), *copy;
            uint8_t a_out[1000], b_out[1000], small[1000];
            size_t a_len = sizeof(a_out), b_len = sizeof(b_out), small_len = kdfs[j].len - 1;

            set_kdf(a, &kdfs[j]);
            set_kdf(b, &kdfs[j]);
            CU_ASSERT(EVP_PKEY_derive_set_peer(a, other_public) > 0);
            CU_ASSERT(EVP_PKEY_derive_set_peer(b, mine) > 0);
            /* A copy has the peer and all options. */
            copy = EVP_PKEY_CTX_dup(a);
            CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
            EVP_PKEY_CTX_free(a);
            CU_ASSERT_EQUAL(EVP_PKEY_derive(copy, a_out, &a_len), 1);
            CU_ASSERT_EQUAL(EVP_PKEY_derive(b, b_out, &b_len), 1);
            CU_ASSERT_EQUAL(a_len, kdfs[j].len);
            CU_ASSERT(a_len == b_len && memcmp(a_out, b_out, a_len) == 0);
            /* For the KDF too little room is too little; `default` says the same. */
            CU_ASSERT_EQUAL(EVP_PKEY_derive(b, small, &small_len), 0);
            small_len = kdfs[j].len - 1;
            CU_ASSERT_EQUAL(EVP_PKEY_derive(copy, small, &small_len), 0);
            CU_ASSERT(littlebox_says("there is room for"));
            EVP_PKEY_CTX_free(copy);
            EVP_PKEY_CTX_free(b);
        }
        EVP_PKEY_free(other_public);
        EVP_PKEY_free(other);
        EVP_PKEY_free(mine);
        EVP_PKEY_free(key);
    }
}

static void test_options_read_back(void)
{
    EVP_PKEY *key = load_key(contexts[0], "p256");
    EVP_PKEY_CTX *ctx = begin(contexts[0], key);
    static const struct kdf kdf = { "SHA384", 40, "ukm", 1 };
    const EVP_MD *md = NULL;
    void *ukm = NULL;
    OSSL_PARAM params[] = { OSSL_PARAM_construct_octet_ptr(OSSL_EXCHANGE_PARAM_KDF_UKM, &ukm, 0), OSSL_PARAM_END };
    int len = 0;

    CU_ASSERT_EQUAL(EVP_PKEY_CTX_get_ecdh_kdf_type(ctx), EVP_PKEY_ECDH_KDF_NONE);
    CU_ASSERT_EQUAL(EVP_PKEY_CTX_get_ecdh_cofactor_mode(ctx), 0);
    set_kdf(ctx, &kdf);
    CU_ASSERT_EQUAL(EVP_PKEY_CTX_get_ecdh_kdf_type(ctx), EVP_PKEY_ECDH_KDF_X9_63);
    CU_ASSERT_EQUAL(EVP_PKEY_CTX_get_ecdh_cofactor_mode(ctx), 1);
    CU_ASSERT(EVP_PKEY_CTX_get_ecdh_kdf_md(ctx, &md) > 0);
    CU_ASSERT(md != NULL && EVP_MD_is_a(md, "SHA384"));
    CU_ASSERT(EVP_PKEY_CTX_get_ecdh_kdf_outlen(ctx, &len) > 0);
    CU_ASSERT_EQUAL(len, 40);
    CU_ASSERT(EVP_PKEY_CTX_get_params(ctx, params) > 0);
    CU_ASSERT_EQUAL(params[0].return_size, 3);
    CU_ASSERT(ukm != NULL && memcmp(ukm, "ukm", 3) == 0);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void test_refused_options(void)
{
    EVP_PKEY *key = load_key(contexts[0], "p256"), *x = load_key(contexts[0], "x25519");
    EVP_PKEY *other = generate(NULL, &types[0]), *peer = plain_public(other);
    EVP_PKEY_CTX *ctx = begin(contexts[0], key);
    uint8_t out[64];
    size_t len = sizeof(out);
    OSSL_PARAM params[2] = { OSSL_PARAM_END, OSSL_PARAM_END };

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, (char *)"HKDF", 0);
    CU_ASSERT(EVP_PKEY_CTX_set_params(ctx, params) <= 0);
    CU_ASSERT(littlebox_says("ECDH goes with no KDF or with X963KDF, not with 'HKDF'"));
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, (char *)"no-such-digest", 0);
    CU_ASSERT(EVP_PKEY_CTX_set_params(ctx, params) <= 0);
    CU_ASSERT(littlebox_says("digest 'no-such-digest' is none for the KDF"));
    params[0] = OSSL_PARAM_construct_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, (int[]){ 2 });
    CU_ASSERT(EVP_PKEY_CTX_set_params(ctx, params) <= 0);
    CU_ASSERT(littlebox_says("the cofactor mode is neither 0 nor 1 nor -1"));
    params[0] = OSSL_PARAM_construct_int("no-such-option", (int[]){ 2 });
    CU_ASSERT(EVP_PKEY_CTX_set_params(ctx, params) <= 0);
    CU_ASSERT(littlebox_says("key agreement has no option 'no-such-option'"));
    CU_ASSERT_EQUAL(EVP_PKEY_derive(ctx, out, &len), 0);
    CU_ASSERT(littlebox_says("key agreement needs a key and the other side's key"));
    /* A KDF without a digest. */
    CU_ASSERT(EVP_PKEY_CTX_set_ecdh_kdf_type(ctx, EVP_PKEY_ECDH_KDF_X9_63) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_ecdh_kdf_outlen(ctx, 32) > 0);
    CU_ASSERT(EVP_PKEY_derive_set_peer(ctx, peer) > 0);
    CU_ASSERT_EQUAL(EVP_PKEY_derive(ctx, out, &len), 0);
    CU_ASSERT(littlebox_says("the KDF needs a digest and the length of its output"));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(other);
    EVP_PKEY_free(x);
    EVP_PKEY_free(key);
}

/* Room, as `default` takes it: ECDH cuts off, the others refuse. */
static void test_room(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        EVP_PKEY *key = load_key(contexts[0], types[i].key), *mine = plain_public(key);
        EVP_PKEY *other = generate(NULL, &types[i]), *peer = plain_public(other);
        EVP_PKEY_CTX *a = begin(contexts[0], key), *b = begin(NULL, other);
        uint8_t whole[LB_SHARED_MAX], out[LB_SHARED_MAX];
        size_t whole_len, len = types[i].size - 1, expected_len = len;
        int expected;

        CU_ASSERT_EQUAL(derive(NULL, other, mine, whole, &whole_len), 1);
        CU_ASSERT(EVP_PKEY_derive_set_peer(a, peer) > 0 && EVP_PKEY_derive_set_peer(b, mine) > 0);
        expected = EVP_PKEY_derive(b, out, &expected_len);
        ERR_clear_error();
        CU_ASSERT_EQUAL(EVP_PKEY_derive(a, out, &len), expected);
        if (expected == 1) {
            CU_ASSERT(len == expected_len && memcmp(out, whole, len) == 0);
        } else {
            CU_ASSERT(littlebox_says("there is room for"));
        }
        EVP_PKEY_CTX_free(b);
        EVP_PKEY_CTX_free(a);
        EVP_PKEY_free(peer);
        EVP_PKEY_free(other);
        EVP_PKEY_free(mine);
        EVP_PKEY_free(key);
    }
}

/* Peers */

/* What set_peer and derive say of a key of the box, and of one of `default` like it. */
static void same_refusal(const struct type *t, EVP_PKEY *peer, const char *text)
{
    EVP_PKEY *key = load_key(contexts[0], t->key), *soft = generate(NULL, t);
    uint8_t out[LB_SHARED_MAX];
    size_t len;
    int expected = derive(NULL, soft, peer, out, &len), got;

    ERR_clear_error();
    got = derive(contexts[0], key, peer, out, &len);
    if (got != expected)
        fprintf(stderr, "\n%s: %d, where default says %d\n", t->type, got, expected);
    CU_ASSERT_EQUAL(got, expected);
    CU_ASSERT(got <= 0);
    if (text != NULL)
        CU_ASSERT(littlebox_says(text));
    ERR_clear_error();
    EVP_PKEY_free(soft);
    EVP_PKEY_free(key);
}

static void test_refused_peers(void)
{
    EVP_PKEY *p256 = generate(NULL, &types[0]), *p256_public = plain_public(p256);
    EVP_PKEY *p384 = generate(NULL, &types[1]), *p384_public = plain_public(p384);
    EVP_PKEY *x25519 = generate(NULL, &types[3]), *x25519_public = plain_public(x25519);
    uint8_t zero[56] = { 0 };
    EVP_PKEY *small = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, zero, 32);
    EVP_PKEY *small448 = EVP_PKEY_new_raw_public_key_ex(NULL, "X448", NULL, zero, 56);

    same_refusal(&types[0], p384_public, "the other side's key is on another curve than this one");
    same_refusal(&types[2], p256_public, "the other side's key is on another curve than this one");
    same_refusal(&types[0], x25519_public, NULL);
    same_refusal(&types[3], p256_public, NULL);
    same_refusal(&types[4], x25519_public, NULL);
    /* Points of small order, which make a secret that everybody knows (RFC 7748 6.1). */
    same_refusal(&types[3], small, "the other side's key is not a good point of X25519");
    same_refusal(&types[4], small448, "the other side's key is not a good point of X448");
    EVP_PKEY_free(small448);
    EVP_PKEY_free(small);
    EVP_PKEY_free(x25519_public);
    EVP_PKEY_free(x25519);
    EVP_PKEY_free(p384_public);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(p256_public);
    EVP_PKEY_free(p256);
}

/* The same curve written out, and a point in its short form: one key all the same. */
static void test_other_forms_of_peers(void)
{
    static const char *const params[][2] = {
        { OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT },
        { OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED },
    };

    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
        EVP_PKEY *key = load_key(contexts[0], "p256"), *mine = plain_public(key), *other = generate(NULL, &types[0]);
        EVP_PKEY *peer = NULL;
        unsigned char *der = NULL;
        const unsigned char *at;
        uint8_t a[LB_SHARED_MAX], b[LB_SHARED_MAX];
        size_t a_len, b_len;
        int len;

        NEED(EVP_PKEY_set_utf8_string_param(other, params[i][0], params[i][1]) > 0);
        len = i2d_PUBKEY(other, &der);
        NEED(len > 0);
        at = der;
        peer = d2i_PUBKEY(NULL, &at, len);
        NEED(peer != NULL);
        CU_ASSERT_EQUAL(derive(contexts[0], key, peer, a, &a_len), 1);
        CU_ASSERT_EQUAL(derive(NULL, other, mine, b, &b_len), 1);
        CU_ASSERT(a_len == b_len && memcmp(a, b, a_len) == 0);
        ERR_print_errors_fp(stderr);
        OPENSSL_free(der);
        EVP_PKEY_free(peer);
        EVP_PKEY_free(other);
        EVP_PKEY_free(mine);
        EVP_PKEY_free(key);
    }
}

/* The other side may be a handle as well, and its key may come as a copy of our curve and a point, as in CMS. */
static void test_handles_as_peers(void)
{
    boxproc_create(&box, "p256-2", "ec:P-256");
    for (size_t c = 0; c < 2; c++) {
        EVP_PKEY *a = load_key(contexts[c], "p256"), *b = load_key(contexts[c], "p256-2");
        EVP_PKEY *b_public = load_uri(contexts[c], "littlebox:p256-2", OSSL_STORE_INFO_PUBKEY);
        EVP_PKEY *copy = EVP_PKEY_new();
        uint8_t first[LB_SHARED_MAX], second[LB_SHARED_MAX];
        size_t first_len, len;
        unsigned char *point = NULL;

        CU_ASSERT_EQUAL(derive(contexts[c], a, b, first, &first_len), 1);
        CU_ASSERT_EQUAL(derive(contexts[c], b, a, second, &len), 1);
        CU_ASSERT(len == first_len && memcmp(first, second, len) == 0);
        CU_ASSERT_EQUAL(derive(contexts[c], a, b_public, second, &len), 1);
        CU_ASSERT(len == first_len && memcmp(first, second, len) == 0);
        CU_ASSERT(EVP_PKEY_copy_parameters(copy, a) > 0);
        CU_ASSERT(EVP_PKEY_get1_encoded_public_key(copy, &point) == 0);
        len = EVP_PKEY_get1_encoded_public_key(b, &point);
        CU_ASSERT_FATAL(len > 0);
        CU_ASSERT(EVP_PKEY_set1_encoded_public_key(copy, point, len) > 0);
        CU_ASSERT_EQUAL(EVP_PKEY_eq(copy, b), 1);
        CU_ASSERT_EQUAL(derive(contexts[c], a, copy, second, &len), 1);
        CU_ASSERT(len == first_len && memcmp(first, second, len) == 0);
        /* A key in a box is what it is. */
        ERR_clear_error();
        CU_ASSERT(EVP_PKEY_set1_encoded_public_key(a, point, len) <= 0);
        CU_ASSERT(littlebox_says("the public half of a key in a box cannot be set"));
        OPENSSL_free(point);
        EVP_PKEY_free(copy);
        EVP_PKEY_free(b_public);
        EVP_PKEY_free(b);
        EVP_PKEY_free(a);
    }
}

/* Keys that do not agree on secrets, and those that do nothing else. */
static void test_other_operations(void)
{
    static const struct {
        const char *key, *type, *algorithm;
    } no_derive[] = { { "rsa", "rsa:2048", "RSA" }, { "ed25519", "ed25519", "ED25519" } };

    for (size_t i = 0; i < sizeof(no_derive) / sizeof(no_derive[0]); i++) {
        EVP_PKEY *key, *soft;
        EVP_PKEY_CTX *mine, *other;
        int expected;

        boxproc_create(&box, no_derive[i].key, no_derive[i].type);
        key = load_key(contexts[0], no_derive[i].key);
        soft = plain_public(key);
        mine = EVP_PKEY_CTX_new_from_pkey(contexts[0], key, NULL);
        other = EVP_PKEY_CTX_new_from_pkey(NULL, soft, NULL);
        expected = EVP_PKEY_derive_init(other);
        CU_ASSERT(expected <= 0);
        CU_ASSERT_EQUAL(EVP_PKEY_derive_init(mine), expected);
        EVP_PKEY_CTX_free(other);
        EVP_PKEY_CTX_free(mine);
        EVP_PKEY_free(soft);
        EVP_PKEY_free(key);
    }
    for (size_t i = 3; i < TYPES; i++) {
        EVP_PKEY *key = load_key(contexts[0], types[i].key), *soft = generate(NULL, &types[i]);
        EVP_MD_CTX *a = EVP_MD_CTX_new(), *b = EVP_MD_CTX_new();
        int expected = EVP_DigestSignInit_ex(b, NULL, NULL, NULL, NULL, soft, NULL);

        CU_ASSERT(expected <= 0);
        CU_ASSERT_EQUAL(EVP_DigestSignInit_ex(a, NULL, NULL, contexts[0], NULL, key, NULL), expected);
        EVP_MD_CTX_free(a);
        EVP_MD_CTX_free(b);
        EVP_PKEY_free(soft);
        EVP_PKEY_free(key);
    }
    ERR_clear_error();
}

/* Ephemeral keys and others that are none of a box's: by `default`, whoever was loaded first. */
static void test_keys_of_others(void)
{
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < TYPES; i++) {
            EVP_PKEY *a = generate(contexts[c], &types[i]), *b = generate(contexts[c], &types[i]);
            uint8_t first[LB_SHARED_MAX], second[LB_SHARED_MAX];
            size_t first_len, len;

            CU_ASSERT_EQUAL(derive(contexts[c], a, b, first, &first_len), 1);
            CU_ASSERT_EQUAL(derive(contexts[c], b, a, second, &len), 1);
            CU_ASSERT(len == first_len && memcmp(first, second, len) == 0);
            EVP_PKEY_free(b);
            EVP_PKEY_free(a);
        }
    }
}

/* Who may sign may not derive, and the other way round. In a child, which becomes that user. */

static int as_user(uid_t uid, EVP_PKEY *key, EVP_PKEY *peer, bool may_derive)
{
    uint8_t out[LB_SHARED_MAX], sig[LB_SIGNATURE_MAX];
    size_t len;
    int r;

    NEED(setgid(uid) == 0 && setuid(uid) == 0);
    NEED((sign_text(contexts[0], key, "SHA256", "abc", 3, sig, sizeof(sig)) > 0) == !may_derive);
    ERR_clear_error();
    r = derive(contexts[0], key, peer, out, &len);
    NEED(r == may_derive);
    NEED(may_derive ||
         littlebox_says("uid 65534 may not derive with key 'p256' of box 'default'; hint: an administrator may run: "
                        "littlebox --box default allow p256 --user 65534 --op derive"));
    return 0;
}

static void test_policy(void)
{
    EVP_PKEY *key = load_key(contexts[0], "p256"), *other = generate(NULL, &types[0]), *peer = plain_public(other);

    /* An ordinary user can be nobody else. */
    for (int derives = 0; derives < 2 && geteuid() == 0; derives++) {
        uid_t uid = derives ? 65533 : 65534;
        int status = -1;
        pid_t pid;

        boxproc_allow_ops(&box, "p256", uid, derives ? OP_DERIVE : OP_SIGN);
        pid = fork();
        NEED(pid >= 0);
        if (pid == 0)
            _exit(as_user(uid, key, peer, derives == 1));
        NEED(waitpid(pid, &status, 0) == pid);
        CU_ASSERT_EQUAL(status, 0);
    }
    EVP_PKEY_free(peer);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
}

static void test_counter(void)
{
    EVP_PKEY *key = load_key(contexts[0], "x25519"), *other = generate(NULL, &types[3]), *peer = plain_public(other);
    struct box_status before, after;
    uint8_t out[LB_SHARED_MAX];
    size_t len;

    boxproc_status(&box, &before);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(derive(contexts[0], key, peer, out, &len), 1);
    boxproc_status(&box, &after);
    CU_ASSERT_EQUAL(after.derivations - before.derivations, 3);
    CU_ASSERT_EQUAL(after.signatures, before.signatures);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "every type", test_every_type },
        { "KDF", test_kdf },
        { "options read back", test_options_read_back },
        { "refused options", test_refused_options },
        { "room", test_room },
        { "refused peers", test_refused_peers },
        { "other forms of peers", test_other_forms_of_peers },
        { "handles as peers", test_handles_as_peers },
        { "other operations", test_other_operations },
        { "keys of others", test_keys_of_others },
        { "policy", test_policy },
        { "counter", test_counter },
        CU_TEST_INFO_NULL,
    };
    int status;

    boxproc_new(&box, "default");
    for (size_t i = 0; i < TYPES; i++)
        boxproc_create(&box, types[i].key, types[i].type);
    for (size_t c = 0; c < 2; c++)
        contexts[c] = new_libctx(box.dir, /* littlebox_first= */ c == 0, "");
    status = run_suite("derive", tests);
    for (size_t c = 0; c < 2; c++)
        OSSL_LIB_CTX_free(contexts[c]);
    boxproc_free(&box);
    return status;
}
