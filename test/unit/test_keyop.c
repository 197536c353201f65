/* keys/key_op.c, keys/decrypt.c, keys/derive.c: what a key in a box does with whatever comes in a request. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "keys/key_op.h"
#include "keys/make_key.h"
#include "model/scheme.h"
#include "unit.h"

#define KEY_SIZE 256

static void setup(void)
{
    static bool done;

    if (!done)
        OK(keyop_setup());
    done = true;
}

/* A live key and, to be freed by the caller, the same as an EVP_PKEY. */
static struct livekey *make(const char *type, EVP_PKEY **ret)
{
    struct problem p;
    struct livekey *k;

    setup();
    OK(keytype_generate(type, ret, &p));
    CU_ASSERT_FATAL(EVP_PKEY_up_ref(*ret));
    k = livekey_new(*ret);
    CU_ASSERT_PTR_NOT_NULL_FATAL(k);
    return k;
}

static void encrypt(EVP_PKEY *key, int padding, const uint8_t *in, size_t len, uint8_t ret[KEY_SIZE])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    size_t ret_len = KEY_SIZE;

    CU_ASSERT_FATAL(EVP_PKEY_encrypt_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) > 0);
    CU_ASSERT_FATAL(EVP_PKEY_encrypt(ctx, ret, &ret_len, in, len) > 0);
    EVP_PKEY_CTX_free(ctx);
}

static void decrypts(void)
{
    EVP_PKEY *key = NULL;
    struct livekey *k = make("rsa:2048", &key);
    uint8_t sealed[KEY_SIZE], plain[LB_CIPHERTEXT_MAX];
    struct decrypt_request m = { .padding = PADDING_PKCS1, .data = { sealed, sizeof(sealed) } };
    struct problem p;
    size_t len = 0;

    encrypt(key, RSA_PKCS1_PADDING, (const uint8_t *)"text", 4, sealed);
    OK(keyop_decrypt(k, &m, plain, sizeof(plain), &len, &p));
    CU_ASSERT(len == 4 && memcmp(plain, "text", 4) == 0);
    encrypt(key, RSA_PKCS1_OAEP_PADDING, (const uint8_t *)"text", 4, sealed);
    m = (struct decrypt_request){
        .padding = PADDING_OAEP, .digest = DIGEST_SHA1, .mgf1_digest = DIGEST_SHA1, .data = { sealed, sizeof(sealed) }
    };
    OK(keyop_decrypt(k, &m, plain, sizeof(plain), &len, &p));
    CU_ASSERT(len == 4 && memcmp(plain, "text", 4) == 0);
    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
    EVP_PKEY_free(key);
    livekey_unref(k);
}

static void options_that_do_not_fit(void)
{
    static const uint8_t data[KEY_SIZE + 1] = { 0, 1 };
    const struct {
        struct decrypt_request m;
        const char *text;
    } cases[] = {
        { { .padding = PADDING_PKCS1, .digest = DIGEST_SHA256 }, "only OAEP has digests and a label" },
        { { .padding = PADDING_TLS, .client_version = 0x303, .mgf1_digest = DIGEST_SHA1 },
          "only OAEP has digests and a label" },
        { { .padding = PADDING_PKCS1, .label = { data, 1 } }, "only OAEP has digests and a label" },
        { { .padding = PADDING_PKCS1, .client_version = 0x303 }, "only the padding of TLS has versions" },
        { { .padding = PADDING_OAEP, .digest = DIGEST_SHA1, .mgf1_digest = DIGEST_SHA1, .negotiated_version = 0x303 },
          "only the padding of TLS has versions" },
        { { .padding = PADDING_TLS }, "the padding of TLS needs the version that the client offered" },
        { { .padding = PADDING_TLS, .negotiated_version = 0x303 },
          "the padding of TLS needs the version that the client offered" },
        { { .padding = PADDING_OAEP }, "OAEP needs a digest and a mask digest" },
        { { .padding = PADDING_OAEP, .digest = DIGEST_SHA256 }, "OAEP needs a digest and a mask digest" },
        { { .padding = PADDING_OAEP, .mgf1_digest = DIGEST_SHA256 }, "OAEP needs a digest and a mask digest" },
        { { .padding = PADDING_OAEP, .digest = DIGEST_MD5_SHA1, .mgf1_digest = DIGEST_SHA1 },
          "there is no OAEP with MD5-SHA1" },
        { { .padding = PADDING_OAEP, .digest = DIGEST_SHA1, .mgf1_digest = DIGEST_MD5_SHA1 },
          "there is no OAEP with MD5-SHA1" },
        { { .padding = PADDING_PKCS1, .data = { data, sizeof(data) } },
          "257 bytes are more than this key decrypts at once: 256" },
    };
    EVP_PKEY *key = NULL;
    struct livekey *k = make("rsa:2048", &key);
    uint8_t plain[LB_CIPHERTEXT_MAX];

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct decrypt_request m = cases[i].m;
        struct problem p;
        size_t len = 0;

        if (m.data.p == NULL)
            m.data = (struct bytes){ data, KEY_SIZE };
        FAILS(keyop_decrypt(k, &m, plain, sizeof(plain), &len, &p), LB_E_SCHEME);
        TEXT_IS(p.text, cases[i].text);
    }
    EVP_PKEY_free(key);
    livekey_unref(k);
}

/* One text for all that can be wrong with a ciphertext, and nothing on the queue that tells more. */
static void bad_ciphertexts_say_nothing(void)
{
    EVP_PKEY *key = NULL;
    struct livekey *k = make("rsa:2048", &key);
    uint8_t block[KEY_SIZE], sealed[KEY_SIZE], plain[LB_CIPHERTEXT_MAX];
    struct decrypt_request m = { .padding = PADDING_OAEP, .digest = DIGEST_SHA256, .mgf1_digest = DIGEST_SHA256 };

    for (int i = 0; i < 5; i++) {
        struct problem p;
        size_t len = 0;

        memset(block, i == 0 ? 0 : 0x33, sizeof(block));
        block[0] = 0;
        encrypt(key, RSA_NO_PADDING, block, sizeof(block), sealed);
        if (i == 2)
            memset(sealed, 0xff, sizeof(sealed)); /* above the modulus */
        m.data = (struct bytes){ sealed, i == 3 ? 0 : i == 4 ? KEY_SIZE - 1 : KEY_SIZE };
        FAILS(keyop_decrypt(k, &m, plain, sizeof(plain), &len, &p), LB_E_CRYPTO);
        TEXT_IS(p.text, "it was not encrypted for this key, or not in this way");
        TEXT_IS(p.hint, "");
        CU_ASSERT_EQUAL(ERR_peek_error(), 0);
    }
    EVP_PKEY_free(key);
    livekey_unref(k);
}

static void keys_that_do_not(void)
{
    static const struct {
        const char *type;
        bool derives;
        const char *decrypt, *derive;
    } cases[] = {
        { "rsa-pss:2048", false, "a key of type RSA-PSS does not decrypt",
          "a key of type RSA-PSS does not agree on secrets" },
        { "ed25519", false, "a key of type ED25519 does not decrypt",
          "a key of type ED25519 does not agree on secrets" },
        { "ec:P-256", true, "a key of type EC does not decrypt", NULL },
        { "x25519", true, "a key of type X25519 does not decrypt", NULL },
    };
    static const uint8_t data[KEY_SIZE] = { 0, 1 };

    for (size_t i = 0; i < COUNT(cases); i++) {
        EVP_PKEY *key = NULL;
        struct livekey *k = make(cases[i].type, &key);
        struct decrypt_request d = { .padding = PADDING_PKCS1, .data = { data, sizeof(data) } };
        struct derive_request m = { .peer = { data, sizeof(data) } };
        uint8_t out[LB_CIPHERTEXT_MAX];
        struct problem p;
        size_t len = 0;

        FAILS(keyop_decrypt(k, &d, out, sizeof(out), &len, &p), LB_E_SCHEME);
        TEXT_IS(p.text, cases[i].decrypt);
        FAILS(keyop_derive(k, &m, out, sizeof(out), &len, &p), LB_E_SCHEME);
        TEXT_IS(p.text, cases[i].derives ? "the other side's key is not a DER SubjectPublicKeyInfo" : cases[i].derive);
        EVP_PKEY_free(key);
        livekey_unref(k);
    }
}

/* Peers */

static const char *const agreeing[] = { "ec:P-256", "ec:P-384", "ec:P-521", "x25519", "x448" };

static int derive_with(struct livekey *k, const uint8_t *der, size_t len, struct problem *p)
{
    struct derive_request m = { .peer = { der, len } };
    uint8_t out[LB_SHARED_MAX];
    size_t out_len = 0;
    int r = keyop_derive(k, &m, out, sizeof(out), &out_len, p);

    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
    return r;
}

static void peers_agree(void)
{
    for (size_t i = 0; i < COUNT(agreeing); i++) {
        EVP_PKEY *key = NULL, *other_key = NULL;
        struct livekey *k = make(agreeing[i], &key), *other = make(agreeing[i], &other_key);
        uint8_t *mine = NULL, *theirs = NULL, a[LB_SHARED_MAX], b[LB_SHARED_MAX];
        int mine_len = i2d_PUBKEY(key, &mine), theirs_len = i2d_PUBKEY(other_key, &theirs);
        struct derive_request m = { .peer = { theirs, (size_t)theirs_len } };
        size_t a_len = 0, b_len = 0;
        struct problem p;

        OK(keyop_derive(k, &m, a, sizeof(a), &a_len, &p));
        m.peer = (struct bytes){ mine, (size_t)mine_len };
        OK(keyop_derive(other, &m, b, sizeof(b), &b_len, &p));
        CU_ASSERT(a_len > 0 && a_len == b_len && memcmp(a, b, a_len) == 0);
        OPENSSL_free(mine);
        OPENSSL_free(theirs);
        EVP_PKEY_free(key);
        EVP_PKEY_free(other_key);
        livekey_unref(k);
        livekey_unref(other);
    }
}

/* On every cut, with a byte behind it, and with each byte changed: a secret or a refusal, and no more than that. */
static void damaged_peers(void)
{
    for (size_t i = 0; i < COUNT(agreeing); i++) {
        EVP_PKEY *key = NULL;
        struct livekey *k = make(agreeing[i], &key);
        uint8_t *der = NULL, longer[LB_SPKI_MAX];
        size_t len = (size_t)i2d_PUBKEY(key, &der);
        bool curve = EVP_PKEY_is_a(key, "EC");
        struct problem p;

        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *copy = OPENSSL_memdup(der, cut == 0 ? 1 : cut);

            FAILS(derive_with(k, copy, cut, &p), LB_E_SCHEME);
            OPENSSL_free(copy);
        }
        memcpy(longer, der, len);
        longer[len] = 0;
        FAILS(derive_with(k, longer, len + 1, &p), LB_E_SCHEME);
        for (size_t at = 0; at < len; at++) {
            int r;

            der[at] ^= 0x11;
            r = derive_with(k, der, len, &p);
            /* Each string of the right length is a point of X25519 and X448; those of a curve are few. */
            CU_ASSERT(r == LB_E_SCHEME || (!curve && r == 0));
            der[at] ^= 0x11;
        }
        OK(derive_with(k, der, len, &p));
        OPENSSL_free(der);
        EVP_PKEY_free(key);
        livekey_unref(k);
    }
}

static void foreign_peers(void)
{
    for (size_t i = 0; i < COUNT(agreeing); i++) {
        EVP_PKEY *key = NULL;
        struct livekey *k = make(agreeing[i], &key);

        for (size_t j = 0; j < COUNT(agreeing); j++) {
            EVP_PKEY *other = NULL;
            uint8_t *der = NULL;
            struct problem p;
            int len;

            if (i == j)
                continue;
            OK(keytype_generate(agreeing[j], &other, &p));
            len = i2d_PUBKEY(other, &der);
            FAILS(derive_with(k, der, (size_t)len, &p), LB_E_SCHEME);
            TEXT_HAS(p.text, "the other side's key is not one of ");
            OPENSSL_free(der);
            EVP_PKEY_free(other);
        }
        EVP_PKEY_free(key);
        livekey_unref(k);
    }
}

/* The point at infinity, P-256 written out, and points of small order. */
static void peers_that_are_no_points(void)
{
    static const uint8_t infinity[] = { 0x30, 0x19, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x02, 0x00,
                                        0x00 };
    EVP_PKEY *key = NULL, *explicit = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    struct livekey *k = make("ec:P-256", &key), *x;
    uint8_t *out = NULL, zeros[44] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00 };
    struct problem p;
    int len;

    FAILS(derive_with(k, infinity, sizeof(infinity), &p), LB_E_SCHEME);
    TEXT_IS(p.text, "the other side's key is not a good point of prime256v1");
    CU_ASSERT_FATAL(EVP_PKEY_set_utf8_string_param(explicit, OSSL_PKEY_PARAM_EC_ENCODING,
                                                   OSSL_PKEY_EC_ENCODING_EXPLICIT) > 0);
    len = i2d_PUBKEY(explicit, &out);
    FAILS(derive_with(k, out, (size_t)len, &p), LB_E_SCHEME);
    TEXT_IS(p.text, "the other side's key is not one of prime256v1");
    OPENSSL_free(out);
    EVP_PKEY_free(explicit);
    EVP_PKEY_free(key);
    livekey_unref(k);
    x = make("x25519", &key);
    FAILS(derive_with(x, zeros, sizeof(zeros), &p), LB_E_SCHEME);
    TEXT_IS(p.text, "the other side's key is not a good point of X25519");
    zeros[12] = 1;
    FAILS(derive_with(x, zeros, sizeof(zeros), &p), LB_E_SCHEME);
    zeros[12] = 9;
    OK(derive_with(x, zeros, sizeof(zeros), &p));
    EVP_PKEY_free(key);
    livekey_unref(x);
}

/* What a scheme does not have is refused, not passed over: the caller would have another signature than it asked for. */
static void signatures_that_do_not_fit(void)
{
    static const uint8_t data[128];
    enum { EC, RSA_KEY, ED, KEYS };
    static const char *const types[KEYS] = { "ec:P-256", "rsa:2048", "ed25519" };
    static const struct {
        unsigned key;
        uint8_t scheme, digest, mgf1;
        uint16_t salt;
        uint8_t flags, context, input;
        size_t len;
        const char *text; /* NULL: it signs */
    } cases[] = {
        { EC, SCHEME_ECDSA, DIGEST_SHA256, 0, 0, 0, 0, INPUT_DIGEST, 32, NULL },
        { RSA_KEY, SCHEME_RSA_PKCS1, DIGEST_SHA256, 0, 0, 0, 0, INPUT_DIGEST, 32, NULL },
        { RSA_KEY, SCHEME_RSA_PKCS1, 0, 0, 0, 0, 0, INPUT_DIGEST, 99, NULL },
        { RSA_KEY, SCHEME_RSA_PSS, DIGEST_SHA256, DIGEST_SHA256, 32, 0, 0, INPUT_TEXT, 9, NULL },
        { ED, SCHEME_ED25519, 0, 0, 0, 0, 0, INPUT_TEXT, 9, NULL },
        { EC, SCHEME_RSA_PKCS1, DIGEST_SHA256, 0, 0, 0, 0, INPUT_DIGEST, 32, "a key of type EC does not sign with rsa-pkcs1" },
        { EC, SCHEME_ED25519, 0, 0, 0, 0, 0, INPUT_TEXT, 9, "a key of type EC does not sign with ed25519" },
        { RSA_KEY, SCHEME_ECDSA, DIGEST_SHA256, 0, 0, 0, 0, INPUT_DIGEST, 32, "a key of type RSA does not sign with ecdsa" },
        { ED, SCHEME_ED448, 0, 0, 0, 0, 0, INPUT_TEXT, 9, "a key of type ED25519 does not sign with ed448" },
        { EC, SCHEME_ECDSA, DIGEST_SHA256, DIGEST_SHA256, 0, 0, 0, INPUT_DIGEST, 32,
          "ecdsa has neither a mask digest nor a salt" },
        { EC, SCHEME_ECDSA, DIGEST_SHA256, 0, 32, 0, 0, INPUT_DIGEST, 32, "ecdsa has neither a mask digest nor a salt" },
        { RSA_KEY, SCHEME_RSA_PKCS1, DIGEST_SHA256, 0, 0, SIGN_DETERMINISTIC, 0, INPUT_DIGEST, 32,
          "rsa-pkcs1 is not signed in this way (flags 0x01)" },
        { ED, SCHEME_ED25519, 0, 0, 0, SIGN_DETERMINISTIC, 0, INPUT_TEXT, 9,
          "ed25519 is not signed in this way (flags 0x01)" },
        { EC, SCHEME_ECDSA, DIGEST_SHA256, 0, 0, SIGN_MU, 0, INPUT_DIGEST, 32,
          "ecdsa is not signed in this way (flags 0x04)" },
        { EC, SCHEME_ECDSA, DIGEST_SHA256, 0, 0, 0, 1, INPUT_DIGEST, 32, "ecdsa has no context string" },
        { ED, SCHEME_ED25519, 0, 0, 0, 0, 1, INPUT_TEXT, 9, "ed25519 has no context string" },
        { ED, SCHEME_ED25519CTX, 0, 0, 0, 0, 0, INPUT_TEXT, 9, "ed25519ctx needs a context string" },
        { ED, SCHEME_ED25519, DIGEST_SHA256, 0, 0, 0, 0, INPUT_TEXT, 9, "ed25519 signs the whole text, not a digest" },
        { ED, SCHEME_ED25519, 0, 0, 0, 0, 0, INPUT_DIGEST, 32, "ed25519 signs the whole text, not a digest" },
        { ED, SCHEME_ED25519PH, 0, 0, 0, 0, 0, INPUT_DIGEST, 63, "the digest for ed25519ph has 64 bytes, not 63" },
        { EC, SCHEME_ECDSA, 0, 0, 0, 0, 0, INPUT_DIGEST, 32, "ecdsa needs a digest" },
        { RSA_KEY, SCHEME_RSA_PSS, 0, DIGEST_SHA256, 32, 0, 0, INPUT_DIGEST, 32, "rsa-pss needs a digest" },
        { RSA_KEY, SCHEME_RSA_PKCS1, 0, 0, 0, 0, 0, INPUT_TEXT, 32, "rsa-pkcs1 needs a digest" },
        { RSA_KEY, SCHEME_RSA_PSS, DIGEST_SHA256, 0, 32, 0, 0, INPUT_DIGEST, 32, "rsa-pss needs a mask digest" },
        { EC, SCHEME_ECDSA, DIGEST_SHA256, 0, 0, 0, 0, INPUT_DIGEST, 31, "a SHA2-256 digest has 32 bytes, not 31" },
        { EC, SCHEME_ECDSA, DIGEST_SHA256, 0, 0, 0, 0, INPUT_DIGEST, 33, "a SHA2-256 digest has 32 bytes, not 33" },
        { RSA_KEY, SCHEME_RSA_PKCS1, DIGEST_SHA512, 0, 0, 0, 0, INPUT_DIGEST, 32,
          "a SHA2-512 digest has 64 bytes, not 32" },
    };
    struct livekey *keys[KEYS];
    EVP_PKEY *pkeys[KEYS] = { NULL };
    uint8_t sig[512];

    for (size_t i = 0; i < KEYS; i++)
        keys[i] = make(types[i], &pkeys[i]);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sign_request m = { .scheme = cases[i].scheme,
                              .digest = cases[i].digest,
                              .mgf1_digest = cases[i].mgf1,
                              .salt_len = cases[i].salt,
                              .flags = cases[i].flags,
                              .context_len = cases[i].context,
                              .input = cases[i].input,
                              .data = { data, cases[i].len } };
        struct problem p = { 0 };
        size_t len = 0;
        int r = keyop_sign(keys[cases[i].key], &m, sig, sizeof(sig), &len, &p);

        unit_check_code(r, cases[i].text == NULL ? 0 : LB_E_SCHEME, cases[i].text == NULL ? "signs" : cases[i].text,
                        __FILE__, __LINE__);
        TEXT_IS(p.text, cases[i].text == NULL ? "" : cases[i].text);
    }
    for (size_t i = 0; i < KEYS; i++) {
        EVP_PKEY_free(pkeys[i]);
        livekey_unref(keys[i]);
    }
}

static const struct unit_test tests[] = {
    { "signatures that do not fit", signatures_that_do_not_fit },
    { "decrypts", decrypts },
    { "options that do not fit", options_that_do_not_fit },
    { "bad ciphertexts say nothing", bad_ciphertexts_say_nothing },
    { "keys that do not", keys_that_do_not },
    { "peers agree", peers_agree },
    { "damaged peers", damaged_peers },
    { "foreign peers", foreign_peers },
    { "peers that are no points", peers_that_are_no_points },
    { NULL, NULL },
};
const struct unit_suite suite_keyop = { "keyop", tests };
