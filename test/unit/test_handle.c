/* handle.c: handles there and back, cut off, too long, with foreign contents. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "model/handle.h"
#include "unit.h"

#define URI "littlebox:web;version=3"

/* A real public key: DER, freed with OPENSSL_free(). */
static uint8_t *make_spki(const char *type, const char *group, size_t *ret_len)
{
    EVP_PKEY *key = group != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, type, group) : EVP_PKEY_Q_keygen(NULL, NULL, type);
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(key, &der);

    CU_ASSERT_FATAL(len > 0);
    EVP_PKEY_free(key);
    *ret_len = (size_t)len;
    return der;
}

static void there_and_back(void)
{
    size_t spki_len;
    uint8_t *spki = make_spki("EC", "P-256", &spki_len);

    for (unsigned type = 1; type <= HANDLE_LAST; type++) {
        for (int with = 0; with < 2; with++) {
            struct handle h = { .type = type, .uri = URI, .spki = with ? spki : NULL, .spki_len = with ? spki_len : 0 };
            struct handle got;
            uint8_t *der = NULL;
            size_t len = 0;

            OK(handle_to_der(&h, &der, &len));
            OK(handle_from_der(der, len, &got));
            CU_ASSERT_EQUAL(got.type, type);
            TEXT_IS(got.uri, URI);
            CU_ASSERT_EQUAL(got.spki_len, h.spki_len);
            CU_ASSERT(with ? memcmp(got.spki, spki, spki_len) == 0 : got.spki == NULL);
            handle_clear(&got);
            CU_ASSERT_PTR_NULL(got.spki);
            OPENSSL_free(der);
        }
    }
    OPENSSL_free(spki);
}

static void types_of_public_keys(void)
{
    static const struct {
        const char *type, *group;
        unsigned handle;
    } types[] = {
        { "EC", "P-256", HANDLE_EC },    { "EC", "P-521", HANDLE_EC }, { "ED25519", NULL, HANDLE_ED25519 },
        { "ED448", NULL, HANDLE_ED448 }, { "X25519", NULL, HANDLE_X25519 },
        { "X448", NULL, HANDLE_X448 },   { "EC", "secp256k1", HANDLE_EC },
    };

    for (size_t i = 0; i < COUNT(types); i++) {
        size_t len;
        uint8_t *spki = make_spki(types[i].type, types[i].group, &len);

        CU_ASSERT_EQUAL(handle_type_of(spki, len), types[i].handle);
        CU_ASSERT_EQUAL(handle_type_of(spki, len - 1), 0);
        OPENSSL_free(spki);
    }
    CU_ASSERT_EQUAL(handle_type_of((const uint8_t *)"", 0), 0);
}

static void rsa_and_rsa_pss_differ(void)
{
    static const struct {
        const char *type;
        unsigned handle;
    } types[] = { { "RSA", HANDLE_RSA }, { "RSA-PSS", HANDLE_RSA_PSS } };

    for (size_t i = 0; i < COUNT(types); i++) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, types[i].type, NULL);
        EVP_PKEY *key = NULL;
        uint8_t *spki = NULL;
        int len;

        CU_ASSERT_FATAL(EVP_PKEY_keygen_init(ctx) > 0);
        /* Short: this is about names. */
        CU_ASSERT_FATAL(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 1024) > 0);
        CU_ASSERT_FATAL(EVP_PKEY_generate(ctx, &key) > 0);
        len = i2d_PUBKEY(key, &spki);
        CU_ASSERT_EQUAL(handle_type_of(spki, (size_t)len), types[i].handle);
        OPENSSL_free(spki);
        EVP_PKEY_free(key);
        EVP_PKEY_CTX_free(ctx);
    }
}

/* On a copy that ends where the input ends, so that a sanitizer sees any byte read behind it. */
static int from_copy(const uint8_t *der, size_t len, struct handle *ret)
{
    uint8_t *copy = malloc(len + 1);
    int r;

    memcpy(copy + 1, der, len);
    r = handle_from_der(copy + 1, len, ret);
    free(copy);
    return r;
}

static void cut_off(void)
{
    size_t spki_len, len = 0;
    struct handle h = { .type = HANDLE_ED25519, .uri = URI, .spki = make_spki("ED25519", NULL, &spki_len) }, got;
    uint8_t *der = NULL;

    h.spki_len = spki_len;
    OK(handle_to_der(&h, &der, &len));
    for (size_t cut = 0; cut < len; cut++) {
        int r = from_copy(der, cut, &got);

        /* Before the OID it could be anything; behind it, it is ours and broken. */
        CU_ASSERT(r == LB_E_UNSUPPORTED || r == LB_E_VALUE);
        if (cut >= 40)
            CU_ASSERT_EQUAL(r, LB_E_VALUE);
        CU_ASSERT_PTR_NULL(got.spki);
    }
    OPENSSL_free(der);
    OPENSSL_free(h.spki);
}

static void trailing_bytes(void)
{
    struct handle h = { .type = HANDLE_RSA, .uri = URI }, got;
    uint8_t *der = NULL, *longer;
    size_t len = 0;

    OK(handle_to_der(&h, &der, &len));
    longer = malloc(len + 1);
    memcpy(longer, der, len);
    longer[len] = 0;
    FAILS(handle_from_der(longer, len + 1, &got), LB_E_VALUE);
    free(longer);
    OPENSSL_free(der);
}

/* A PrivateKeyInfo under one of our OIDs with any octets. */
static uint8_t *forge(const char *oid, const uint8_t *octets, size_t octets_len, int *ret_len)
{
    PKCS8_PRIV_KEY_INFO *p8 = PKCS8_PRIV_KEY_INFO_new();
    uint8_t *copy = OPENSSL_memdup(octets, octets_len), *der = NULL;

    CU_ASSERT_FATAL(PKCS8_pkey_set0(p8, OBJ_txt2obj(oid, 1), 0, V_ASN1_UNDEF, NULL, copy, (int)octets_len));
    *ret_len = i2d_PKCS8_PRIV_KEY_INFO(p8, &der);
    PKCS8_PRIV_KEY_INFO_free(p8);
    return der;
}

static void octets_out_of_form(void)
{
    static const struct {
        const char *what;
        const char *octets;
        size_t len;
    } bad[] = {
        { "empty", "", 0 },
        { "no sequence", "\x02\x01\x01", 3 },
        { "version 0",
          "\x30\x08\x02\x01\x00\x0c\x03"
          "abc",
          10 },
        { "version 2",
          "\x30\x08\x02\x01\x02\x0c\x03"
          "abc",
          10 },
        { "no uri", "\x30\x03\x02\x01\x01", 5 },
        { "uri of another type",
          "\x30\x08\x02\x01\x01\x13\x03"
          "abc",
          10 },
        { "NUL in the uri",
          "\x30\x08\x02\x01\x01\x0c\x03"
          "a\0c",
          10 },
        { "a control character in the uri",
          "\x30\x08\x02\x01\x01\x0c\x03"
          "a\033c",
          10 },
        { "DEL in the uri",
          "\x30\x08\x02\x01\x01\x0c\x03"
          "a\177c",
          10 },
        { "a byte that is no ASCII in the uri",
          "\x30\x08\x02\x01\x01\x0c\x03"
          "a\233c",
          10 },
        { "bytes behind",
          "\x30\x08\x02\x01\x01\x0c\x03"
          "abc\0",
          11 },
        { "something behind the uri",
          "\x30\x0a\x02\x01\x01\x0c\x03"
          "abc\x05\0",
          12 },
        { "indefinite length",
          "\x30\x80\x02\x01\x01\x0c\x03"
          "abcx",
          11 },
    };
    static const char good[] = "\x30\x08\x02\x01\x01\x0c\x03"
                               "abc";
    struct handle got;
    uint8_t *der;
    int len;

    for (size_t i = 0; i < COUNT(bad); i++) {
        der = forge(LB_HANDLE_ARC ".1", (const uint8_t *)bad[i].octets, bad[i].len, &len);
        unit_check_code(handle_from_der(der, (size_t)len, &got), LB_E_VALUE, bad[i].what, __FILE__, __LINE__);
        OPENSSL_free(der);
    }
    der = forge(LB_HANDLE_ARC ".1", (const uint8_t *)good, sizeof(good) - 1, &len);
    OK(handle_from_der(der, (size_t)len, &got));
    handle_clear(&got);
    OPENSSL_free(der);
}

static void a_uri_that_is_too_long(void)
{
    uint8_t octets[300] = { 0x30, 0x82, 0x01, 0x08, 0x02, 0x01, 0x01, 0x0c, 0x82, 0x01, 0x01 };
    struct handle got;
    uint8_t *der;
    int len;

    memset(octets + 11, 'a', 257);
    der = forge(LB_HANDLE_ARC ".1", octets, 4 + 0x108, &len);
    FAILS(handle_from_der(der, (size_t)len, &got), LB_E_VALUE);
    OPENSSL_free(der);
}

static void foreign_keys_pass_in_silence(void)
{
    static const char *const oids[] = { LB_HANDLE_ARC,         LB_HANDLE_ARC ".0",   LB_HANDLE_ARC ".23",
                                        LB_HANDLE_ARC ".4294967297", LB_HANDLE_ARC ".100", LB_HANDLE_ARC ".1.1",
                                        LB_HANDLE_ARC ".22.1", "1.2.840.113549.1.1.1" };
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(key);
    uint8_t *der = NULL;
    int len = i2d_PKCS8_PRIV_KEY_INFO(p8, &der);
    struct handle got;

    ERR_clear_error();
    FAILS(handle_from_der(der, (size_t)len, &got), LB_E_UNSUPPORTED);
    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(p8);
    EVP_PKEY_free(key);
    for (size_t i = 0; i < COUNT(oids); i++) {
        der = forge(oids[i],
                    (const uint8_t *)"\x30\x08\x02\x01\x01\x0c\x03"
                                     "abc",
                    10, &len);
        unit_check_code(handle_from_der(der, (size_t)len, &got), LB_E_UNSUPPORTED, oids[i], __FILE__, __LINE__);
        OPENSSL_free(der);
    }
    FAILS(handle_from_der((const uint8_t *)"", 0, &got), LB_E_UNSUPPORTED);
    FAILS(handle_from_der((const uint8_t *)"-----BEGIN", 10, &got), LB_E_UNSUPPORTED);
    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

static void handle_files(void)
{
    struct handle h = { .type = HANDLE_EC, .uri = URI }, got;
    BIO *bio = BIO_new(BIO_s_mem());
    char *text, *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len;

    OK(handle_to_pem(&h, bio));
    len = BIO_get_mem_data(bio, &text);
    CU_ASSERT_FATAL(len > 0);
    /* Nothing before the block and nothing behind it. */
    CU_ASSERT_FATAL(len > 54);
    CU_ASSERT_EQUAL(memcmp(text, "-----BEGIN PRIVATE KEY-----\n", 28), 0);
    CU_ASSERT_EQUAL(memcmp(text + len - 26, "-----END PRIVATE KEY-----\n", 26), 0);
    CU_ASSERT_PTR_NULL(memchr(text, '#', (size_t)len));
    CU_ASSERT_FATAL(PEM_read_bio(bio, &name, &header, &der, &len));
    TEXT_IS(name, "PRIVATE KEY");
    OK(handle_from_der(der, (size_t)len, &got));
    TEXT_IS(got.uri, URI);
    handle_clear(&got);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
}

static void types_that_are_none(void)
{
    struct handle h = { .type = 0, .uri = URI };
    uint8_t *der = NULL;
    size_t len = 0;

    FAILS(handle_to_der(&h, &der, &len), LB_E_VALUE);
    h.type = HANDLE_LAST + 1;
    FAILS(handle_to_der(&h, &der, &len), LB_E_VALUE);
    CU_ASSERT_PTR_NULL(der);
}

static const struct unit_test tests[] = {
    { "there and back", there_and_back },
    { "types of public keys", types_of_public_keys },
    { "RSA and RSA-PSS differ", rsa_and_rsa_pss_differ },
    { "cut off", cut_off },
    { "trailing bytes", trailing_bytes },
    { "octets out of form", octets_out_of_form },
    { "a URI that is too long", a_uri_that_is_too_long },
    { "foreign keys pass in silence", foreign_keys_pass_in_silence },
    { "handle files", handle_files },
    { "types that are none", types_that_are_none },
    { NULL, NULL },
};
const struct unit_suite suite_handle = { "handle", tests };
