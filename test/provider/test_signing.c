/* Signatures of every key type in both load orders, with all their options; `default` alone checks them. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "types.h"

/* Signing */

static void sign_stream(OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *plain, const char *digest)
{
    static char text[40000];
    uint8_t sig[LB_SIGNATURE_MAX], sig2[LB_SIGNATURE_MAX];
    EVP_MD_CTX *md = EVP_MD_CTX_new(), *fork_of = EVP_MD_CTX_new();
    size_t len = 0, len2 = sizeof(sig2);

    memset(text, 'x', sizeof(text));
    CU_ASSERT(EVP_DigestSignInit_ex(md, NULL, digest, libctx, NULL, key, NULL) > 0);
    CU_ASSERT(EVP_DigestSignUpdate(md, text, 10000) > 0);
    /* A copy goes its own way from here. */
    CU_ASSERT(EVP_MD_CTX_copy_ex(fork_of, md) > 0);
    CU_ASSERT(EVP_DigestSignUpdate(md, text + 10000, sizeof(text) - 10000) > 0);
    CU_ASSERT(EVP_DigestSignFinal(md, NULL, &len) > 0);
    CU_ASSERT_EQUAL(len, (size_t)EVP_PKEY_get_size(plain));
    CU_ASSERT(EVP_DigestSignFinal(md, sig, &len) > 0);
    CU_ASSERT(verify_text(plain, digest, text, sizeof(text), sig, len));
    CU_ASSERT(EVP_DigestSignFinal(fork_of, sig2, &len2) > 0);
    CU_ASSERT(verify_text(plain, digest, text, 10000, sig2, len2));
    CU_ASSERT(!verify_text(plain, digest, text, 10001, sig2, len2));
    EVP_MD_CTX_free(fork_of);
    EVP_MD_CTX_free(md);
}

static void sign_digest(OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *plain, const char *digest)
{
    uint8_t hash[EVP_MAX_MD_SIZE], sig[LB_SIGNATURE_MAX];
    EVP_MD *md = EVP_MD_fetch(libctx, digest, NULL);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    size_t len = 0, hash_len = (size_t)EVP_MD_get_size(md);

    CU_ASSERT(EVP_Digest("abc", 3, hash, NULL, md, NULL) > 0);
    CU_ASSERT(EVP_PKEY_sign_init(ctx) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_signature_md(ctx, md) > 0);
    CU_ASSERT(EVP_PKEY_sign(ctx, NULL, &len, hash, hash_len) > 0);
    CU_ASSERT_EQUAL(len, (size_t)EVP_PKEY_get_size(plain));
    CU_ASSERT(EVP_PKEY_sign(ctx, sig, &len, hash, hash_len) > 0);
    CU_ASSERT(verify_text(plain, digest, "abc", 3, sig, len));
    len = sizeof(sig);
    CU_ASSERT(EVP_PKEY_sign(ctx, sig, &len, hash, hash_len - 1) <= 0);
    CU_ASSERT(littlebox_says("digest has"));
    EVP_PKEY_CTX_free(ctx);
    EVP_MD_free(md);
}

static void sign_texts(OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *plain, const char *digest)
{
    static const size_t sizes[] = { 0, 1, 130, LB_TEXT_MAX, LB_TEXT_MAX + 1, 100000 };
    static uint8_t text[100000];
    uint8_t sig[LB_SIGNATURE_MAX];

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t len;

        len = sign_text(libctx, key, digest, text, sizes[i], sig, sizeof(sig));
        CU_ASSERT(len > 0 && len <= (size_t)EVP_PKEY_get_size(plain));
        CU_ASSERT(verify_text(plain, digest, text, sizes[i], sig, len));
        CU_ASSERT(sizes[i] == 0 || !verify_text(plain, digest, text, sizes[i] - 1, sig, len));
        /* Our own verification is that of `default` too. */
        sig[len / 2] ^= 1;
        CU_ASSERT(!verify_text(plain, digest, text, sizes[i], sig, len));
    }
}

static void sign_every_way(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    char digests[128], *save = NULL;

    if (t->digests == NULL) {
        sign_texts(libctx, key, plain, NULL);
        return;
    }
    snprintf(digests, sizeof(digests), "%s", t->digests);
    for (char *d = strtok_r(digests, " ", &save); d != NULL; d = strtok_r(NULL, " ", &save)) {
        unsigned failed = CU_get_number_of_failures();

        sign_texts(libctx, key, plain, d);
        sign_stream(libctx, key, plain, d);
        sign_digest(libctx, key, plain, d);
        if (CU_get_number_of_failures() != failed)
            fprintf(stderr, "\nfailed with %s\n", d);
    }
}

/* The handle itself verifies too. */
static void verify_with_handle(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    static const char text[] = "a text";
    uint8_t sig[LB_SIGNATURE_MAX], hash[EVP_MAX_MD_SIZE];
    size_t len = sign_text(libctx, key, NULL, text, sizeof(text), sig, sizeof(sig)), hash_len = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);

    (void)plain;
    CU_ASSERT(len > 0);
    CU_ASSERT(EVP_DigestVerifyInit_ex(md, NULL, NULL, libctx, NULL, key, NULL) > 0);
    CU_ASSERT_EQUAL(EVP_DigestVerify(md, sig, len, (const uint8_t *)text, sizeof(text)), 1);
    if (t->digests != NULL) {
        CU_ASSERT(EVP_MD_CTX_reset(md) && EVP_DigestVerifyInit_ex(md, NULL, NULL, libctx, NULL, key, NULL) > 0);
        CU_ASSERT(EVP_DigestVerifyUpdate(md, text, 3) > 0 &&
                  EVP_DigestVerifyUpdate(md, text + 3, sizeof(text) - 3) > 0);
        CU_ASSERT_EQUAL(EVP_DigestVerifyFinal(md, sig, len), 1);
        CU_ASSERT(EVP_Q_digest(libctx, "SHA256", NULL, text, sizeof(text), hash, &hash_len) > 0);
        CU_ASSERT(EVP_PKEY_verify_init(ctx) > 0);
        CU_ASSERT(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0);
        CU_ASSERT_EQUAL(EVP_PKEY_verify(ctx, sig, len, hash, hash_len), 1);
        hash[0] ^= 1;
        CU_ASSERT(EVP_PKEY_verify(ctx, sig, len, hash, hash_len) != 1);
    }
    sig[10] ^= 1;
    CU_ASSERT(EVP_MD_CTX_reset(md) && EVP_DigestVerifyInit_ex(md, NULL, NULL, libctx, NULL, key, NULL) > 0);
    CU_ASSERT(EVP_DigestVerify(md, sig, len, (const uint8_t *)text, sizeof(text)) != 1);
    EVP_PKEY_CTX_free(ctx);
    EVP_MD_CTX_free(md);
}

/* Options */

static void pss_options(void)
{
    static const struct {
        const char *key, *digest, *mgf1, *salt;
        int verify_salt;
    } cases[] = {
        { "rsa", "SHA256", NULL, "digest", 32 },      { "rsa", "SHA256", NULL, "max", 222 },
        { "rsa", "SHA384", NULL, "auto", 206 },       { "rsa", "SHA256", "SHA512", "20", 20 },
        { "rsa", "SHA512", "SHA256", "0", 0 },        { "pss", "SHA256", NULL, "digest", 32 },
        { "pss", "SHA512", "SHA1", "7", 7 },          { "pss256", "SHA256", NULL, "digest", 32 },
        { "pss256", "SHA256", "SHA256", "max", 222 }, { "rsa", "SHA256", NULL, "-1", 32 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EVP_PKEY *key = load_key(contexts[0], cases[i].key), *plain = plain_public(key);
        EVP_MD_CTX *md = EVP_MD_CTX_new(), *check = EVP_MD_CTX_new();
        EVP_PKEY_CTX *ctx = NULL;
        uint8_t sig[LB_SIGNATURE_MAX];
        size_t len = sizeof(sig);
        unsigned failed = CU_get_number_of_failures();

        CU_ASSERT(EVP_DigestSignInit_ex(md, &ctx, cases[i].digest, contexts[0], NULL, key, NULL) > 0);
        CU_ASSERT(EVP_PKEY_CTX_ctrl_str(ctx, "rsa_padding_mode", "pss") > 0);
        CU_ASSERT(EVP_PKEY_CTX_ctrl_str(ctx, "rsa_pss_saltlen", cases[i].salt) > 0);
        CU_ASSERT(cases[i].mgf1 == NULL || EVP_PKEY_CTX_ctrl_str(ctx, "rsa_mgf1_md", cases[i].mgf1) > 0);
        CU_ASSERT(EVP_DigestSign(md, sig, &len, (const uint8_t *)"abc", 3) > 0);
        CU_ASSERT(EVP_DigestVerifyInit_ex(check, &ctx, cases[i].digest, NULL, NULL, plain, NULL) > 0);
        CU_ASSERT(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0);
        CU_ASSERT(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, cases[i].verify_salt) > 0);
        CU_ASSERT(cases[i].mgf1 == NULL || EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, cases[i].mgf1, NULL) > 0);
        CU_ASSERT_EQUAL(EVP_DigestVerify(check, sig, len, (const uint8_t *)"abc", 3), 1);
        if (CU_get_number_of_failures() != failed) {
            fprintf(stderr, "\nfailed for case %zu: %s %s %s\n", i, cases[i].key, cases[i].digest, cases[i].salt);
            ERR_print_errors_fp(stderr);
        }
        EVP_MD_CTX_free(check);
        EVP_MD_CTX_free(md);
        EVP_PKEY_free(plain);
        EVP_PKEY_free(key);
    }
}

static void options_read_back(void)
{
    EVP_PKEY *key = load_key(contexts[0], "rsa");
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    int padding = 0, salt = 0;
    char name[32] = "";
    const EVP_MD *got = NULL;

    CU_ASSERT(EVP_DigestSignInit_ex(md, &ctx, "SHA384", contexts[0], NULL, key, NULL) > 0);
    CU_ASSERT(EVP_PKEY_CTX_get_rsa_padding(ctx, &padding) > 0);
    CU_ASSERT_EQUAL(padding, RSA_PKCS1_PADDING);
    CU_ASSERT(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0);
    CU_ASSERT(EVP_PKEY_CTX_get_rsa_padding(ctx, &padding) > 0);
    CU_ASSERT_EQUAL(padding, RSA_PKCS1_PSS_PADDING);
    CU_ASSERT(EVP_PKEY_CTX_get_rsa_pss_saltlen(ctx, &salt) > 0);
    CU_ASSERT_EQUAL(salt, RSA_PSS_SALTLEN_DIGEST);
    CU_ASSERT(EVP_PKEY_CTX_get_rsa_mgf1_md_name(ctx, name, sizeof(name)) > 0);
    CU_ASSERT_STRING_EQUAL(name, "SHA2-384");
    CU_ASSERT(EVP_PKEY_CTX_get_signature_md(ctx, &got) > 0);
    CU_ASSERT(got != NULL && EVP_MD_is_a(got, "SHA384"));
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
}

/* The bytes of pkeyutl -sign: no digest named. */
static void nameless_digests(void)
{
    static const struct {
        const char *key;
        size_t len;
        const char *refusal; /* NULL: it signs */
    } cases[] = {
        { "rsa", 5, NULL },
        { "rsa", 36, NULL },
        { "rsa", 245, NULL },
        { "rsa", 246, "246 bytes do not fit a PKCS#1 signature of this key" },
        { "p256", 32, NULL },
        { "p256", 48, NULL },
        { "p256", 33, "33 bytes are the length of no digest: hash the text first" },
    };
    uint8_t data[256] = { 1, 2, 3 }, sig[LB_SIGNATURE_MAX];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EVP_PKEY *key = load_key(contexts[1], cases[i].key), *plain = plain_public(key);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(contexts[1], key, NULL);
        EVP_PKEY_CTX *check = EVP_PKEY_CTX_new_from_pkey(NULL, plain, NULL);
        size_t len = sizeof(sig);

        CU_ASSERT(EVP_PKEY_sign_init(ctx) > 0);
        CU_ASSERT_EQUAL(EVP_PKEY_sign(ctx, sig, &len, data, cases[i].len) > 0, cases[i].refusal == NULL);
        if (cases[i].refusal == NULL) {
            CU_ASSERT(EVP_PKEY_verify_init(check) > 0);
            CU_ASSERT_EQUAL(EVP_PKEY_verify(check, sig, len, data, cases[i].len), 1);
        } else {
            CU_ASSERT(littlebox_says(cases[i].refusal));
        }
        EVP_PKEY_CTX_free(check);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(plain);
        EVP_PKEY_free(key);
    }
}

/* RSA_sign of TLS 1.1: PKCS#1 over MD5 and SHA-1, with the name of both. */
static void tls11_digest(void)
{
    EVP_PKEY *key = load_key(contexts[0], "rsa"), *plain = plain_public(key);
    uint8_t sig[LB_SIGNATURE_MAX];
    size_t len = sign_text(contexts[0], key, "MD5-SHA1", "abc", 3, sig, sizeof(sig));

    CU_ASSERT(len > 0);
    CU_ASSERT(verify_text(plain, "MD5-SHA1", "abc", 3, sig, len));
    EVP_PKEY_free(plain);
    EVP_PKEY_free(key);
}

/* Everything that has nothing to do with boxes works as if littlebox was not there. */
static void other_keys(void)
{
    static const struct {
        const char *name;
        size_t bits;
        const char *group;
    } cases[] = { { "RSA", 2048, NULL }, { "EC", 0, "P-256" }, { "ED25519", 0, NULL }, { "ED448", 0, NULL } };

    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            EVP_PKEY *key = NULL, *plain, *again;
            EVP_PKEY_CTX *ctx = NULL;
            uint8_t secret[128];
            size_t len = sizeof(secret);
            char *pem;

            if (cases[i].bits != 0)
                key = EVP_PKEY_Q_keygen(contexts[c], NULL, cases[i].name, cases[i].bits);
            else if (cases[i].group != NULL)
                key = EVP_PKEY_Q_keygen(contexts[c], NULL, cases[i].name, cases[i].group);
            else
                key = EVP_PKEY_Q_keygen(contexts[c], NULL, cases[i].name);
            CU_ASSERT_PTR_NOT_NULL_FATAL(key);
            plain = plain_public(key);
            CU_ASSERT(signs(contexts[c], key, plain));
            pem = handle_pem(key);
            CU_ASSERT_PTR_NULL(strstr(pem, "littlebox"));
            again = load_pem(contexts[c], pem);
            CU_ASSERT_PTR_NOT_NULL_FATAL(again);
            CU_ASSERT(signs(contexts[c], again, plain));
            if (cases[i].group != NULL) {
                ctx = EVP_PKEY_CTX_new_from_pkey(contexts[c], key, NULL);
                CU_ASSERT(EVP_PKEY_derive_init(ctx) > 0);
                CU_ASSERT(EVP_PKEY_derive_set_peer(ctx, again) > 0);
                CU_ASSERT(EVP_PKEY_derive(ctx, secret, &len) > 0);
                EVP_PKEY_CTX_free(ctx);
            }
            OPENSSL_free(pem);
            EVP_PKEY_free(again);
            EVP_PKEY_free(plain);
            EVP_PKEY_free(key);
        }
    }
}

static void test_signing(void)
{
    each(sign_every_way);
    each(verify_with_handle);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "signing", test_signing },
        { "PSS options", pss_options },
        { "options read back", options_read_back },
        { "digests without a name", nameless_digests },
        { "MD5-SHA1", tls11_digest },
        { "keys of others", other_keys },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    status = run_suite("signing", tests);
    types_end();
    return status;
}
