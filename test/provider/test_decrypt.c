/* Decryption with handles: each padding with its options in both load orders, and what is refused. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "types.h"

#define KEY_SIZE 256 /* bytes of the box's RSA key */
#define PARAM_IMPLICIT_REJECTION "implicit-rejection"

/* How something is padded. */
struct padding {
    int padding;
    const char *digest, *mgf1; /* OAEP; NULL: not said */
    size_t label_len;
    size_t largest; /* text that fits */
};

static const struct padding paddings[] = {
    { RSA_PKCS1_PADDING, NULL, NULL, 0, KEY_SIZE - 11 },
    { RSA_PKCS1_OAEP_PADDING, NULL, NULL, 0, KEY_SIZE - 2 * 20 - 2 },
    { RSA_PKCS1_OAEP_PADDING, "SHA1", "SHA256", 1, KEY_SIZE - 2 * 20 - 2 },
    { RSA_PKCS1_OAEP_PADDING, "SHA224", NULL, 0, KEY_SIZE - 2 * 28 - 2 },
    { RSA_PKCS1_OAEP_PADDING, "SHA256", NULL, 5, KEY_SIZE - 2 * 32 - 2 },
    { RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA1", 0, KEY_SIZE - 2 * 32 - 2 },
    { RSA_PKCS1_OAEP_PADDING, "SHA384", "SHA3-384", 100, KEY_SIZE - 2 * 48 - 2 },
    { RSA_PKCS1_OAEP_PADDING, "SHA512", NULL, LB_OAEP_LABEL_MAX, KEY_SIZE - 2 * 64 - 2 },
    { RSA_PKCS1_OAEP_PADDING, "SHA512-224", NULL, 0, KEY_SIZE - 2 * 28 - 2 },
    { RSA_PKCS1_OAEP_PADDING, "SHA512-256", "SHA512-224", 3, KEY_SIZE - 2 * 32 - 2 },
    { RSA_PKCS1_OAEP_PADDING, "SHA3-224", NULL, 3, KEY_SIZE - 2 * 28 - 2 },
    { RSA_PKCS1_OAEP_PADDING, "SHA3-256", "SHA256", 3, KEY_SIZE - 2 * 32 - 2 },
    { RSA_PKCS1_OAEP_PADDING, "SHA3-384", NULL, 0, KEY_SIZE - 2 * 48 - 2 },
    { RSA_PKCS1_OAEP_PADDING, "SHA3-512", NULL, 0, KEY_SIZE - 2 * 64 - 2 },
};
#define PADDINGS (sizeof(paddings) / sizeof(paddings[0]))

static void set_padding(EVP_PKEY_CTX *ctx, const struct padding *p)
{
    void *label;

    CU_ASSERT(EVP_PKEY_CTX_set_rsa_padding(ctx, p->padding) > 0);
    CU_ASSERT(p->digest == NULL || EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, p->digest, NULL) > 0);
    CU_ASSERT(p->mgf1 == NULL || EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, p->mgf1, NULL) > 0);
    if (p->label_len == 0)
        return;
    label = OPENSSL_malloc(p->label_len);
    memset(label, 'l', p->label_len);
    CU_ASSERT(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)p->label_len) > 0);
}

static void encrypt(OSSL_LIB_CTX *libctx, EVP_PKEY *key, const struct padding *p, const uint8_t *text, size_t text_len,
                    uint8_t ret[KEY_SIZE])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    size_t len = 0;

    CU_ASSERT_FATAL(EVP_PKEY_encrypt_init(ctx) > 0);
    set_padding(ctx, p);
    CU_ASSERT(EVP_PKEY_encrypt(ctx, NULL, &len, text, text_len) > 0);
    CU_ASSERT_EQUAL_FATAL(len, KEY_SIZE);
    CU_ASSERT(EVP_PKEY_encrypt(ctx, ret, &len, text, text_len) > 0);
    EVP_PKEY_CTX_free(ctx);
}

/* What EVP_PKEY_decrypt() says. */
static int decrypt(OSSL_LIB_CTX *libctx, EVP_PKEY *key, const struct padding *p, const uint8_t *in, size_t in_len,
                   uint8_t ret[KEY_SIZE], size_t *ret_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    int r;

    CU_ASSERT_FATAL(EVP_PKEY_decrypt_init(ctx) > 0);
    set_padding(ctx, p);
    CU_ASSERT(EVP_PKEY_decrypt(ctx, NULL, ret_len, in, in_len) > 0);
    CU_ASSERT_EQUAL(*ret_len, KEY_SIZE);
    r = EVP_PKEY_decrypt(ctx, ret, ret_len, in, in_len);
    EVP_PKEY_CTX_free(ctx);
    return r;
}

static void each_size(OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *plain, const struct padding *p)
{
    const size_t sizes[] = { 0, 1, 48, p->largest };
    uint8_t text[KEY_SIZE], sealed[KEY_SIZE], opened[KEY_SIZE];
    size_t len;

    memset(text, 't', sizeof(text));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        /* By `default` with the public half, and by the handle. */
        for (int by_handle = 0; by_handle < 2; by_handle++) {
            memset(opened, 0, sizeof(opened));
            encrypt(by_handle ? libctx : NULL, by_handle ? key : plain, p, text, sizes[i], sealed);
            CU_ASSERT(decrypt(libctx, key, p, sealed, KEY_SIZE, opened, &len) == 1);
            CU_ASSERT_EQUAL(len, sizes[i]);
            CU_ASSERT(memcmp(opened, text, sizes[i]) == 0);
        }
    }
}

static void test_every_padding(void)
{
    for (size_t c = 0; c < 2; c++) {
        EVP_PKEY *key = load_key(contexts[c], "rsa"), *plain = plain_public(key);
        char *pem = handle_pem(key);
        EVP_PKEY *handle = load_pem(contexts[c], pem);

        for (size_t i = 0; i < PADDINGS; i++) {
            unsigned failed = CU_get_number_of_failures();

            each_size(contexts[c], i % 2 == 0 ? key : handle, plain, &paddings[i]);
            if (CU_get_number_of_failures() != failed) {
                fprintf(stderr, "\nfailed with padding %zu, %s first\n", i, c == 0 ? "littlebox" : "default");
                ERR_print_errors_fp(stderr);
            }
        }
        EVP_PKEY_free(handle);
        OPENSSL_free(pem);
        EVP_PKEY_free(plain);
        EVP_PKEY_free(key);
    }
}

/* The data of the provider's error. Empties the queue. */
static void take_error(char *ret, size_t size)
{
    const char *data = "";
    int flags = 0;

    ret[0] = '\0';
    while (ERR_get_error_all(NULL, NULL, NULL, &data, &flags) != 0) {
        if ((flags & ERR_TXT_STRING) != 0)
            snprintf(ret, size, "%s", data);
    }
}

/* Whatever is wrong with a padding, the words are the same; and with what else there is `default` fails as well. */
static void test_wrong_options(void)
{
    static const struct padding good = { RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA384", 5, 0 };
    static const struct padding wrong[] = {
        { RSA_PKCS1_OAEP_PADDING, "SHA1", "SHA384", 5, 0 },   { RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA256", 5, 0 },
        { RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA384", 4, 0 }, { RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA384", 0, 0 },
    };
    EVP_PKEY *key = load_key(contexts[0], "rsa"), *plain = plain_public(key);
    uint8_t sealed[KEY_SIZE], opened[KEY_SIZE];
    char text[400], first[400] = "";
    size_t len;

    encrypt(NULL, plain, &good, (const uint8_t *)"text", 4, sealed);
    CU_ASSERT(decrypt(contexts[0], key, &good, sealed, KEY_SIZE, opened, &len) == 1);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]) + 2; i++) {
        const struct padding *p = i < sizeof(wrong) / sizeof(wrong[0]) ? &wrong[i] : &good;

        if (p == &good)
            memset(sealed, i % 2 == 0 ? 0x01 : 0xff, sizeof(sealed)); /* no padding at all; above the modulus */
        CU_ASSERT_EQUAL(decrypt(contexts[0], key, p, sealed, KEY_SIZE, opened, &len), 0);
        take_error(text, sizeof(text));
        if (i == 0)
            strcpy(first, text);
        CU_ASSERT_STRING_EQUAL(text, first);
    }
    CU_ASSERT_STRING_EQUAL(first,
                           "key 'rsa' in box 'default': it was not encrypted for this key, or not in this way");
    EVP_PKEY_free(plain);
    EVP_PKEY_free(key);
}

/* PKCS#1 v1.5: where libcrypto rejects implicitly, a bad padding is a text like any other, the same one each time. */
static void test_bad_pkcs1(void)
{
    static const struct padding none = { RSA_NO_PADDING, NULL, NULL, 0, 0 };
    bool implicit = OPENSSL_version_major() > 3 || OPENSSL_version_minor() >= 2;
    EVP_PKEY *key = load_key(contexts[0], "rsa"), *plain = plain_public(key);
    uint8_t block[KEY_SIZE] = { 0, 1 }, sealed[KEY_SIZE], opened[KEY_SIZE], again[KEY_SIZE];
    size_t len, again_len;
    int r;

    memset(block + 2, 0x55, sizeof(block) - 2);
    encrypt(NULL, plain, &none, block, sizeof(block), sealed);
    r = decrypt(contexts[0], key, &paddings[0], sealed, KEY_SIZE, opened, &len);
    CU_ASSERT_EQUAL(r, implicit);
    if (implicit) {
        CU_ASSERT(len <= KEY_SIZE - 11);
        CU_ASSERT_EQUAL(decrypt(contexts[0], key, &paddings[0], sealed, KEY_SIZE, again, &again_len), 1);
        CU_ASSERT(again_len == len && memcmp(opened, again, len) == 0);
    } else {
        CU_ASSERT(littlebox_says("it was not encrypted for this key, or not in this way"));
    }
    EVP_PKEY_free(plain);
    EVP_PKEY_free(key);
}

/* Pair by pair with a key of `default`: the same call fails, and returns the same. */

static EVP_PKEY_CTX *begin(OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);

    NEED(ctx != NULL && EVP_PKEY_decrypt_init(ctx) > 0);
    return ctx;
}

static int too_little_room(EVP_PKEY_CTX *ctx)
{
    uint8_t in[KEY_SIZE] = { 0, 1 }, out[KEY_SIZE];
    size_t len = KEY_SIZE - 1;

    return EVP_PKEY_decrypt(ctx, out, &len, in, sizeof(in));
}

static int too_long(EVP_PKEY_CTX *ctx)
{
    uint8_t in[KEY_SIZE + 1] = { 0, 1 }, out[KEY_SIZE];
    size_t len = sizeof(out);

    return EVP_PKEY_decrypt(ctx, out, &len, in, sizeof(in));
}

static int tls_without_version(EVP_PKEY_CTX *ctx)
{
    uint8_t in[KEY_SIZE] = { 0, 1 }, out[KEY_SIZE];
    size_t len = sizeof(out);

    NEED(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_WITH_TLS_PADDING) > 0);
    return EVP_PKEY_decrypt(ctx, out, &len, in, sizeof(in));
}

static int tls_with_little_room(EVP_PKEY_CTX *ctx)
{
    uint8_t in[KEY_SIZE] = { 0, 1 }, out[KEY_SIZE];
    size_t len = LB_TLS_PREMASTER - 1;

    NEED(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_WITH_TLS_PADDING) > 0);
    return EVP_PKEY_decrypt(ctx, out, &len, in, sizeof(in));
}

static int unknown_digest(EVP_PKEY_CTX *ctx)
{
    NEED(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0);
    return EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, "no-such-digest", NULL);
}

static int unknown_mgf1_digest(EVP_PKEY_CTX *ctx)
{
    NEED(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0);
    return EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, "no-such-digest", NULL);
}

static int padding_of_signatures(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING);
}

static int salt_length(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32);
}

static int sign_instead(EVP_PKEY_CTX *ctx)
{
    uint8_t out[KEY_SIZE];
    size_t len = sizeof(out);

    return EVP_PKEY_sign(ctx, out, &len, (const uint8_t *)"0123456789012345", 16);
}

static void test_pairs(void)
{
    static const struct {
        int (*action)(EVP_PKEY_CTX *ctx);
        const char *text; /* of littlebox; NULL: libcrypto asks nobody */
    } cases[] = {
        { too_little_room, "the plaintext may need 256 bytes, there is room for 255" },
        { too_long, "257 bytes are more than this key decrypts at once: 256" },
        { tls_without_version, "the padding of TLS needs the version that the client offered" },
        { tls_with_little_room, "the plaintext may need 48 bytes, there is room for 47" },
        { unknown_digest, "digest 'no-such-digest' is none that a box decrypts with" },
        { unknown_mgf1_digest, "digest 'no-such-digest' is none that a box decrypts with" },
        { padding_of_signatures, NULL },
        { salt_length, NULL },
        { sign_instead, NULL },
    };
    EVP_PKEY *key = load_key(contexts[1], "rsa"), *soft = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EVP_PKEY_CTX *mine = begin(contexts[1], key), *other = begin(NULL, soft);
        int expected = cases[i].action(other), got;

        ERR_clear_error();
        got = cases[i].action(mine);
        if (got != expected || got > 0)
            fprintf(stderr, "\npair %zu: %d, where default says %d\n", i, got, expected);
        CU_ASSERT_EQUAL(got, expected);
        CU_ASSERT(got <= 0);
        if (cases[i].text != NULL)
            CU_ASSERT(littlebox_says(cases[i].text));
        ERR_clear_error();
        EVP_PKEY_CTX_free(other);
        EVP_PKEY_CTX_free(mine);
    }
    EVP_PKEY_free(soft);
    EVP_PKEY_free(key);
}

/* Keys that do not decrypt. */
static void test_other_keys(void)
{
    static const struct {
        const char *key, *algorithm, *group;
        const char *text;
    } cases[] = {
        { "p256", "EC", "P-256", NULL },
        { "ed25519", "ED25519", NULL, NULL },
        { "pss", "RSA-PSS", NULL, "an RSA-PSS key is for signatures: it neither encrypts nor decrypts" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EVP_PKEY *key = load_key(contexts[0], cases[i].key), *soft;
        EVP_PKEY_CTX *mine = EVP_PKEY_CTX_new_from_pkey(contexts[0], key, NULL), *other;

        if (cases[i].group != NULL)
            soft = EVP_PKEY_Q_keygen(NULL, NULL, cases[i].algorithm, cases[i].group);
        else if (strcmp(cases[i].algorithm, "RSA-PSS") == 0)
            soft = plain_public(key); /* this one need not be private to be refused */
        else
            soft = EVP_PKEY_Q_keygen(NULL, NULL, cases[i].algorithm);
        other = EVP_PKEY_CTX_new_from_pkey(NULL, soft, NULL);
        for (int encrypts = 0; encrypts < 2; encrypts++) {
            int (*init)(EVP_PKEY_CTX *ctx) = encrypts ? EVP_PKEY_encrypt_init : EVP_PKEY_decrypt_init;
            int expected = init(other), got;

            ERR_clear_error();
            got = init(mine);
            CU_ASSERT_EQUAL(got, expected);
            CU_ASSERT(got <= 0);
            if (cases[i].text != NULL)
                CU_ASSERT(littlebox_says(cases[i].text));
            ERR_clear_error();
        }
        EVP_PKEY_CTX_free(other);
        EVP_PKEY_CTX_free(mine);
        EVP_PKEY_free(soft);
        EVP_PKEY_free(key);
    }
}

static void test_public_half(void)
{
    EVP_PKEY *key = load_uri(contexts[0], "littlebox:rsa", OSSL_STORE_INFO_PUBKEY);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(contexts[0], key, NULL);
    uint8_t sealed[KEY_SIZE], opened[KEY_SIZE];
    size_t len = sizeof(opened);

    encrypt(contexts[0], key, &paddings[4], (const uint8_t *)"text", 4, sealed);
    NEED(EVP_PKEY_decrypt_init(ctx) <= 0 || EVP_PKEY_decrypt(ctx, opened, &len, sealed, KEY_SIZE) <= 0);
    ERR_clear_error();
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

/* What is not raw RSA's business, and what only newer callers ask for. */
static void test_refused_options(void)
{
    EVP_PKEY *key = load_key(contexts[0], "rsa");
    EVP_PKEY_CTX *ctx = begin(contexts[0], key);
    unsigned on = 1, off = 0, big = 0x10000;
    uint8_t label[LB_OAEP_LABEL_MAX + 1] = { 0 };
    OSSL_PARAM params[2] = { OSSL_PARAM_END, OSSL_PARAM_END };

    CU_ASSERT(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) <= 0);
    CU_ASSERT(littlebox_says("is none that a box decrypts with: use oaep or pkcs1"));
    CU_ASSERT(EVP_PKEY_CTX_ctrl_str(ctx, "rsa_padding_mode", "none") <= 0);
    CU_ASSERT(littlebox_says("padding 'none' is none that a box decrypts with: use oaep or pkcs1"));
    CU_ASSERT(EVP_PKEY_CTX_ctrl_str(ctx, "rsa_padding_mode", "x931") <= 0);
    CU_ASSERT(littlebox_says("padding 'x931' is none that a box decrypts with"));
    params[0] = OSSL_PARAM_construct_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, (int[]){ RSA_NO_PADDING });
    CU_ASSERT(EVP_PKEY_CTX_set_params(ctx, params) <= 0);
    CU_ASSERT(littlebox_says("padding number 3 is none that a box decrypts with"));
    params[0] = OSSL_PARAM_construct_uint(PARAM_IMPLICIT_REJECTION, &on);
    CU_ASSERT(EVP_PKEY_CTX_set_params(ctx, params) > 0);
    params[0] = OSSL_PARAM_construct_uint(PARAM_IMPLICIT_REJECTION, &off);
    CU_ASSERT(EVP_PKEY_CTX_set_params(ctx, params) <= 0);
    CU_ASSERT(littlebox_says("implicit rejection of PKCS#1 v1.5 paddings cannot be switched off"));
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, label, sizeof(label));
    CU_ASSERT(EVP_PKEY_CTX_set_params(ctx, params) <= 0);
    CU_ASSERT(littlebox_says("a box takes a label of 1024 bytes at most, not 1025"));
    params[0] = OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &big);
    CU_ASSERT(EVP_PKEY_CTX_set_params(ctx, params) <= 0);
    CU_ASSERT(littlebox_says("option 'tls-client-version' is not a version of TLS"));
    params[0] = OSSL_PARAM_construct_uint("no-such-option", &on);
    CU_ASSERT(EVP_PKEY_CTX_set_params(ctx, params) <= 0);
    CU_ASSERT(littlebox_says("RSA decryption has no option 'no-such-option'"));
    CU_ASSERT(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, "MD5-SHA1", NULL) <= 0);
    CU_ASSERT(littlebox_says("digest 'MD5-SHA1' is none that a box decrypts with"));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void test_options_read_back(void)
{
    EVP_PKEY *key = load_key(contexts[0], "rsa");
    EVP_PKEY_CTX *ctx = begin(contexts[0], key);
    unsigned char *label = NULL;
    char name[32] = "";
    int padding = 0;

    CU_ASSERT(EVP_PKEY_CTX_get_rsa_padding(ctx, &padding) > 0);
    CU_ASSERT_EQUAL(padding, RSA_PKCS1_PADDING);
    CU_ASSERT(EVP_PKEY_CTX_ctrl_str(ctx, "rsa_padding_mode", "oaep") > 0);
    CU_ASSERT(EVP_PKEY_CTX_get_rsa_padding(ctx, &padding) > 0);
    CU_ASSERT_EQUAL(padding, RSA_PKCS1_OAEP_PADDING);
    CU_ASSERT(EVP_PKEY_CTX_get_rsa_oaep_md_name(ctx, name, sizeof(name)) > 0);
    CU_ASSERT_STRING_EQUAL(name, "SHA1");
    CU_ASSERT(EVP_PKEY_CTX_ctrl_str(ctx, "rsa_oaep_md", "sha384") > 0);
    CU_ASSERT(EVP_PKEY_CTX_get_rsa_oaep_md_name(ctx, name, sizeof(name)) > 0);
    CU_ASSERT_STRING_EQUAL(name, "SHA2-384");
    CU_ASSERT(EVP_PKEY_CTX_get_rsa_mgf1_md_name(ctx, name, sizeof(name)) > 0);
    CU_ASSERT_STRING_EQUAL(name, "SHA2-384");
    CU_ASSERT(EVP_PKEY_CTX_ctrl_str(ctx, "rsa_mgf1_md", "sha1") > 0);
    CU_ASSERT(EVP_PKEY_CTX_get_rsa_mgf1_md_name(ctx, name, sizeof(name)) > 0);
    CU_ASSERT_STRING_EQUAL(name, "SHA1");
    CU_ASSERT(EVP_PKEY_CTX_ctrl_str(ctx, "rsa_oaep_label", "0102ff") > 0);
    CU_ASSERT_EQUAL(EVP_PKEY_CTX_get0_rsa_oaep_label(ctx, &label), 3);
    CU_ASSERT(label != NULL && memcmp(label, "\x01\x02\xff", 3) == 0);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

/* A copy of a context has all options, and goes on when the first is gone. */
static void test_copies(void)
{
    EVP_PKEY *key = load_key(contexts[0], "rsa"), *plain = plain_public(key);
    EVP_PKEY_CTX *ctx = begin(contexts[0], key), *copy;
    const struct padding *p = &paddings[6];
    uint8_t sealed[KEY_SIZE], opened[KEY_SIZE];
    size_t len = sizeof(opened);

    encrypt(NULL, plain, p, (const uint8_t *)"text", 4, sealed);
    set_padding(ctx, p);
    copy = EVP_PKEY_CTX_dup(ctx);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    CU_ASSERT(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0);
    EVP_PKEY_CTX_free(ctx);
    CU_ASSERT(EVP_PKEY_decrypt(copy, opened, &len, sealed, KEY_SIZE) > 0);
    CU_ASSERT(len == 4 && memcmp(opened, "text", 4) == 0);
    EVP_PKEY_CTX_free(copy);
    ctx = EVP_PKEY_CTX_new_from_pkey(contexts[0], key, NULL);
    NEED(EVP_PKEY_encrypt_init(ctx) > 0);
    set_padding(ctx, p);
    copy = EVP_PKEY_CTX_dup(ctx);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    EVP_PKEY_CTX_free(ctx);
    len = KEY_SIZE;
    CU_ASSERT(EVP_PKEY_encrypt(copy, sealed, &len, (const uint8_t *)"copy", 4) > 0);
    CU_ASSERT(decrypt(contexts[0], key, p, sealed, KEY_SIZE, opened, &len) == 1);
    CU_ASSERT(len == 4 && memcmp(opened, "copy", 4) == 0);
    EVP_PKEY_CTX_free(copy);
    EVP_PKEY_free(plain);
    EVP_PKEY_free(key);
}

/* The padding of TLS (RFC 5246 7.4.7.1) */

static int open_premaster(EVP_PKEY *key, const uint8_t *sealed, unsigned client, unsigned negotiated,
                          uint8_t ret[LB_TLS_PREMASTER], size_t *ret_len)
{
    EVP_PKEY_CTX *ctx = begin(contexts[1], key);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &client),
        negotiated == 0 ? OSSL_PARAM_construct_end()
                        : OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, &negotiated),
        OSSL_PARAM_construct_end(),
    };
    int r;

    NEED(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_WITH_TLS_PADDING) > 0);
    NEED(EVP_PKEY_CTX_set_params(ctx, params) > 0);
    CU_ASSERT(EVP_PKEY_decrypt(ctx, NULL, ret_len, sealed, KEY_SIZE) > 0);
    CU_ASSERT_EQUAL(*ret_len, LB_TLS_PREMASTER);
    r = EVP_PKEY_decrypt(ctx, ret, ret_len, sealed, KEY_SIZE);
    EVP_PKEY_CTX_free(ctx);
    return r;
}

static void test_tls_padding(void)
{
    static const struct {
        unsigned client, negotiated;
        uint8_t version[2];  /* at the start of what was encrypted */
        size_t len;          /* of what was encrypted */
        uint8_t block_type;  /* 2 is right */
        bool good;
    } cases[] = {
        { 0x0303, 0, { 3, 3 }, 48, 2, true },       { 0x0301, 0, { 3, 1 }, 48, 2, true },
        { 0x0303, 0, { 3, 2 }, 48, 2, false },      { 0x0303, 0x0302, { 3, 2 }, 48, 2, true },
        { 0x0303, 0x0302, { 3, 3 }, 48, 2, true },  { 0x0303, 0x0302, { 3, 1 }, 48, 2, false },
        { 0x0303, 0, { 3, 3 }, 47, 2, false },      { 0x0303, 0, { 3, 3 }, 49, 2, false },
        { 0x0303, 0, { 3, 3 }, 48, 1, false },      { 0x0303, 0, { 3, 3 }, 0, 2, false },
    };
    static const struct padding none = { RSA_NO_PADDING, NULL, NULL, 0, 0 };
    EVP_PKEY *key = load_key(contexts[1], "rsa"), *plain = plain_public(key);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t block[KEY_SIZE], sealed[KEY_SIZE], first[LB_TLS_PREMASTER], second[LB_TLS_PREMASTER];
        uint8_t *premaster = block + KEY_SIZE - cases[i].len;
        size_t len = 0;
        unsigned failed = CU_get_number_of_failures();

        memset(block, 0x77, sizeof(block));
        block[0] = 0;
        block[1] = cases[i].block_type;
        premaster[-1] = 0;
        if (cases[i].len >= 2)
            memcpy(premaster, cases[i].version, 2);
        encrypt(NULL, plain, &none, block, sizeof(block), sealed);
        for (int twice = 0; twice < 2; twice++) {
            CU_ASSERT_EQUAL(open_premaster(key, sealed, cases[i].client, cases[i].negotiated,
                                           twice == 0 ? first : second, &len),
                            1);
            CU_ASSERT_EQUAL(len, LB_TLS_PREMASTER);
        }
        /* A random secret is another one each time. */
        CU_ASSERT_EQUAL(memcmp(first, second, sizeof(first)) == 0, cases[i].good);
        CU_ASSERT_EQUAL(cases[i].len == 48 && memcmp(first, premaster, 48) == 0, cases[i].good);
        CU_ASSERT_EQUAL(ERR_peek_error(), 0);
        if (CU_get_number_of_failures() != failed)
            fprintf(stderr, "\nfailed with premaster secret %zu\n", i);
    }
    EVP_PKEY_free(plain);
    EVP_PKEY_free(key);
}

/* Another user may do what was granted and nothing else. In a child, which becomes that user. */

static int as_user(uid_t uid, EVP_PKEY *key, const uint8_t *sealed, bool may_decrypt)
{
    uint8_t opened[KEY_SIZE], sig[LB_SIGNATURE_MAX];
    size_t len = 0;
    EVP_PKEY_CTX *ctx;

    NEED(setgid(uid) == 0 && setuid(uid) == 0);
    NEED((sign_text(contexts[0], key, "SHA256", "abc", 3, sig, sizeof(sig)) > 0) == !may_decrypt);
    ERR_clear_error();
    ctx = EVP_PKEY_CTX_new_from_pkey(contexts[0], key, NULL);
    NEED(EVP_PKEY_decrypt_init(ctx) > 0);
    len = sizeof(opened);
    if (may_decrypt)
        NEED(EVP_PKEY_decrypt(ctx, opened, &len, sealed, KEY_SIZE) > 0 && len == 4);
    else
        NEED(EVP_PKEY_decrypt(ctx, opened, &len, sealed, KEY_SIZE) == 0 &&
             littlebox_says("uid 65534 may not decrypt with key 'rsa' of box 'default'; hint: an administrator may run: "
                            "littlebox --box default allow rsa --user 65534 --op decrypt"));
    EVP_PKEY_CTX_free(ctx);
    return 0;
}

static void test_policy(void)
{
    EVP_PKEY *key = load_key(contexts[0], "rsa");
    uint8_t sealed[KEY_SIZE];

    if (geteuid() != 0) {
        /* Nobody else can be asked as: test/cli/others.sh looks at this from outside. */
        EVP_PKEY_free(key);
        return;
    }
    encrypt(contexts[0], key, &paddings[0], (const uint8_t *)"text", 4, sealed);
    for (int decrypts = 0; decrypts < 2; decrypts++) {
        uid_t uid = decrypts ? 65533 : 65534;
        int status = -1;
        pid_t pid;

        boxproc_allow_ops(&box, "rsa", uid, decrypts ? OP_DECRYPT : OP_SIGN);
        pid = fork();
        NEED(pid >= 0);
        if (pid == 0)
            _exit(as_user(uid, key, sealed, decrypts == 1));
        NEED(waitpid(pid, &status, 0) == pid);
        CU_ASSERT_EQUAL(status, 0);
    }
    EVP_PKEY_free(key);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "every padding", test_every_padding },
        { "wrong options", test_wrong_options },
        { "bad PKCS#1 padding", test_bad_pkcs1 },
        { "pairs with default", test_pairs },
        { "keys that do not decrypt", test_other_keys },
        { "public half", test_public_half },
        { "refused options", test_refused_options },
        { "options read back", test_options_read_back },
        { "copies", test_copies },
        { "padding of TLS", test_tls_padding },
        { "policy", test_policy },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    status = run_suite("decrypt", tests);
    types_end();
    return status;
}
