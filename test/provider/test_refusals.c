/* What the provider refuses, each with its text. */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/handle.h"
#include "crypto.h"
#include "suite.h"

static struct boxproc box, other;
static OSSL_LIB_CTX *libctx;

static void refuses_uri(const char *uri, const char *text)
{
    EVP_PKEY *key = load_uri(libctx, uri, 0);

    CU_ASSERT_PTR_NULL(key);
    CU_ASSERT(littlebox_says(text));
    EVP_PKEY_free(key);
}

static void test_uris(void)
{
    refuses_uri("littlebox:absent", "absent");
    refuses_uri("littlebox:p256;version=7", "7");
    refuses_uri("littlebox:p256;version=0", "'0' is not a version");
    refuses_uri("littlebox:p256;pin-value=1234", "unknown attribute 'pin-value=1234'");
    refuses_uri("littlebox:p256?x=1", "'p256?x=1' is not a key name");
    refuses_uri("littlebox:-p256", "a key name is 1 to 64 of");
    refuses_uri("littlebox://b@d/p256", "'b@d' is not a box name");
    refuses_uri("littlebox://nosuchbox/p256", "no box 'nosuchbox' answers at");
    refuses_uri("littlebox://nosuchbox/p256", "littleboxd@nosuchbox");
}

/* A handle of the key that the URI names, with that public half; NULL: without one. */
static char *make_handle(const char *uri, EVP_PKEY *pub, unsigned type)
{
    struct handle h = { .type = type };
    BIO *mem = BIO_new(BIO_s_mem());
    char *data = NULL, *pem;
    long len;
    int spki_len = 0;

    snprintf(h.uri, sizeof(h.uri), "%s", uri);
    if (pub != NULL) {
        spki_len = i2d_PUBKEY(pub, &h.spki);
        NEED(spki_len > 0);
        h.spki_len = (size_t)spki_len;
    }
    NEED(handle_to_pem(&h, mem) == 0);
    len = BIO_get_mem_data(mem, &data);
    pem = OPENSSL_strndup(data, (size_t)len);
    handle_clear(&h);
    BIO_free(mem);
    return pem;
}

static void refuses_pem(const char *pem, const char *text)
{
    EVP_PKEY *key = load_pem(libctx, pem);

    CU_ASSERT_PTR_NULL(key);
    CU_ASSERT(littlebox_says(text));
    EVP_PKEY_free(key);
}

static void test_handles(void)
{
    EVP_PKEY *p256 = load_key(libctx, "p256"), *p384 = load_key(libctx, "p384"), *key;
    uint8_t *der = NULL, sig[256];
    char *pem, *name = NULL, *header = NULL;
    const uint8_t *p;
    long len = 0;
    BIO *mem;

    /* Without a public half it is asked of the box. */
    pem = make_handle("littlebox:p256", NULL, HANDLE_EC);
    key = load_pem(libctx, pem);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(key, p256), 1);
    EVP_PKEY_free(key);
    OPENSSL_free(pem);

    pem = make_handle("littlebox:absent", NULL, HANDLE_EC);
    refuses_pem(pem, "absent");
    OPENSSL_free(pem);
    pem = make_handle("littlebox:p256;x=y", p256, HANDLE_EC);
    refuses_pem(pem, "unknown attribute 'x=y'");
    OPENSSL_free(pem);
    pem = make_handle("littlebox:", p256, HANDLE_EC);
    refuses_pem(pem, "names no key");
    OPENSSL_free(pem);
    pem = make_handle("littlebox:p256", p256, HANDLE_RSA);
    refuses_pem(pem, "its public key is of another");
    OPENSSL_free(pem);

    /* Loads without the box; the box notices that the certificate's key would not be the one that signs. */
    pem = make_handle("littlebox:p256", p384, HANDLE_EC);
    key = load_pem(libctx, pem);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT_EQUAL(sign_text(libctx, key, NULL, "abc", 3, sig, sizeof(sig)), 0);
    CU_ASSERT(littlebox_says("the box has another public key"));
    EVP_PKEY_free(key);
    OPENSSL_free(pem);

    /* Cut off at every byte behind the OID. */
    pem = make_handle("littlebox:p256", p256, HANDLE_EC);
    mem = BIO_new_mem_buf(pem, -1);
    NEED(PEM_read_bio(mem, &name, &header, &der, &len) == 1);
    for (long cut = 40; cut < len; cut++) {
        p = der;
        CU_ASSERT_PTR_NULL(d2i_AutoPrivateKey_ex(NULL, &p, cut, libctx, NULL));
        CU_ASSERT(littlebox_says("cut off or damaged"));
    }
    BIO_free(mem);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    OPENSSL_free(pem);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(p384);
}

static void refuses_param(const char *key, const char *digest, OSSL_PARAM param, const char *text)
{
    EVP_PKEY *k = load_key(libctx, key);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    uint8_t sig[LB_SIGNATURE_MAX];
    size_t len = sizeof(sig);
    OSSL_PARAM params[] = { param, OSSL_PARAM_construct_end() };
    bool ok;

    ok = EVP_DigestSignInit_ex(md, &ctx, digest, libctx, NULL, k, NULL) > 0 &&
         EVP_PKEY_CTX_set_params(ctx, params) > 0 && EVP_DigestSign(md, sig, &len, (const uint8_t *)"abc", 3) > 0;
    CU_ASSERT(!ok);
    CU_ASSERT(littlebox_says(text));
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(k);
}

static void refuses_option(const char *key, const char *digest, const char *option, const char *value, const char *text)
{
    refuses_param(key, digest, OSSL_PARAM_construct_utf8_string(option, (char *)value, 0), text);
}

/* Values of types that the options do not have. */
static void test_option_types(void)
{
    char bytes[] = "pss";
    static uint8_t long_context[LB_CONTEXT_MAX + 1];
    unsigned two = 2;
    int number = 5;

    refuses_param("rsa", NULL, OSSL_PARAM_construct_octet_string("pad-mode", bytes, 3),
                  "the padding is neither a name nor a number");
    refuses_param("rsa", NULL, OSSL_PARAM_construct_int("digest", &number), "option 'digest' is not a text");
    refuses_param("pss", NULL, OSSL_PARAM_construct_int("mgf1-digest", &number), "option 'mgf1-digest' is not a text");
    refuses_param("pss", NULL, OSSL_PARAM_construct_octet_string("saltlen", bytes, 3), "salt length is neither");
    refuses_param("ed25519", NULL, OSSL_PARAM_construct_int("instance", &number), "option 'instance' is not a text");
    refuses_param("ed25519", NULL, OSSL_PARAM_construct_utf8_string("context-string", bytes, 0),
                  "the context string is not a string of bytes");
    refuses_param("ed448", NULL, OSSL_PARAM_construct_octet_string("context-string", long_context, LB_CONTEXT_MAX + 1),
                  "a context string has at most 255 bytes, not 256");
    refuses_param("ed25519", NULL, OSSL_PARAM_construct_octet_string("context-string", bytes, 3),
                  "Ed25519 has no context string: Ed25519ctx and Ed25519ph have");
    refuses_param("p256", NULL, OSSL_PARAM_construct_uint("nonce-type", &two), "random (0) or deterministic (1)");
    refuses_param("p256", NULL, OSSL_PARAM_construct_utf8_string("nonce-type", bytes, 0),
                  "random (0) or deterministic (1)");
}

static void test_options(void)
{
    static const char none[] = OSSL_SIGNATURE_PARAM_PROPERTIES; /* harmless: what is refused is something else */
    EVP_PKEY *key;
    EVP_MD_CTX *md;
    EVP_PKEY_CTX *ctx = NULL;
    uint8_t sig[LB_SIGNATURE_MAX];

    refuses_option("p256", "SHAKE256", none, "", "digest 'SHAKE256' is none that a box signs");
    refuses_option("p256", "SM3", none, "", "digest 'SM3' is none that a box signs");
    refuses_option("p256", NULL, "pad-mode", "pss", "EC signatures have no option 'pad-mode'");
    refuses_option("p256", NULL, "unheard-of", "x", "no option 'unheard-of'");
    refuses_option("p256", "SHA256", "digest", "SHA512", "the digest cannot be changed to SHA512");
    refuses_option("rsa", NULL, "pad-mode", "none", "padding 'none' is none that a box signs with");
    refuses_option("rsa", NULL, "pad-mode", "x931", "padding 'x931'");
    refuses_option("rsa", NULL, "saltlen", "digest", "set the padding first");
    refuses_option("rsa", NULL, "mgf1-digest", "SHA256", "set the padding first");
    refuses_option("pss", NULL, "pad-mode", "pkcs1", "has no padding but pss");
    refuses_option("pss", NULL, "saltlen", "many", "salt length is neither");
    refuses_option("pss", NULL, "saltlen", "-5", "salt length is neither");
    refuses_option("pss", NULL, "saltlen", "-", "salt length is neither");
    refuses_option("pss", NULL, "saltlen", "300", "too small for PSS");
    refuses_option("pss256", "SHA512", none, "", "restricted to SHA2-256");
    refuses_option("pss256", NULL, "mgf1-digest", "SHA1", "restricted to SHA2-256");
    refuses_option("pss256", NULL, "saltlen", "10", "is too short");
    refuses_option("ed25519", NULL, "instance", "Ed448", "'Ed448' is not made with a key of type ED25519");
    refuses_option("ed448", NULL, "instance", "Ed25519ph", "'Ed25519ph' is not made with a key of type ED448");
    refuses_option("ed25519", NULL, "instance", "Ed25519ctx", "Ed25519ctx needs a context string");
    refuses_option("ed25519", NULL, "deterministic", "1", "no option 'deterministic'");

    /* Numbers, as libssl and C programs have them. */
    key = load_key(libctx, "rsa");
    md = EVP_MD_CTX_new();
    CU_ASSERT(EVP_DigestSignInit_ex(md, &ctx, NULL, libctx, NULL, key, NULL) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) <= 0);
    CU_ASSERT(littlebox_says("padding number 3"));
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);

    key = load_key(libctx, "ed25519");
    CU_ASSERT_EQUAL(sign_text(libctx, key, "SHA256", "abc", 3, sig, sizeof(sig)), 0);
    CU_ASSERT(littlebox_says("no digest can be set"));
    CU_ASSERT_EQUAL(sign_text(libctx, key, NULL, "abc", 3, sig, 63), 0);
    CU_ASSERT(littlebox_says("there is room for 63"));
    EVP_PKEY_free(key);
}

static void test_public_key(void)
{
    EVP_PKEY *pub = load_uri(libctx, "littlebox:p256", OSSL_STORE_INFO_PUBKEY);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, pub, "provider=littlebox");
    OSSL_ENCODER_CTX *enc;
    uint8_t *data = NULL;
    size_t len = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
    CU_ASSERT(EVP_PKEY_sign_init(ctx) <= 0);
    CU_ASSERT(littlebox_says("no private half to sign with"));
    EVP_PKEY_CTX_free(ctx);

    ctx = EVP_PKEY_CTX_new_from_pkey(libctx, pub, "provider=littlebox");
    CU_ASSERT(EVP_PKEY_private_check(ctx) <= 0);
    CU_ASSERT(littlebox_says("it has no private half"));
    EVP_PKEY_CTX_free(ctx);

    enc = OSSL_ENCODER_CTX_new_for_pkey(pub, EVP_PKEY_KEYPAIR, "PEM", "PrivateKeyInfo", NULL);
    CU_ASSERT_NOT_EQUAL(OSSL_ENCODER_to_data(enc, &data, &len), 1);
    CU_ASSERT_PTR_NULL(data);
    CU_ASSERT(littlebox_says("this is a public key, there is no handle to write"));
    OSSL_ENCODER_CTX_free(enc);
    EVP_PKEY_free(pub);
}

/* An encoder is asked for what a caller describes by parameters, without a key object: there is nothing to point to. */
static void test_encoder_of_parameters(void)
{
    OSSL_PROVIDER *prov = OSSL_PROVIDER_try_load(libctx, "littlebox", 1);
    int no_cache = 0;
    const OSSL_ALGORITHM *rows = OSSL_PROVIDER_query_operation(prov, OSSL_OP_ENCODER, &no_cache);
    OSSL_FUNC_encoder_newctx_fn *newctx = NULL;
    OSSL_FUNC_encoder_freectx_fn *freectx = NULL;
    OSSL_FUNC_encoder_encode_fn *encode = NULL;
    OSSL_PARAM abstract[] = { OSSL_PARAM_END };
    void *ctx;

    NEED(rows != NULL);
    for (const OSSL_DISPATCH *f = rows[0].implementation; f->function_id != 0; f++) {
        if (f->function_id == OSSL_FUNC_ENCODER_NEWCTX)
            newctx = OSSL_FUNC_encoder_newctx(f);
        else if (f->function_id == OSSL_FUNC_ENCODER_FREECTX)
            freectx = OSSL_FUNC_encoder_freectx(f);
        else if (f->function_id == OSSL_FUNC_ENCODER_ENCODE)
            encode = OSSL_FUNC_encoder_encode(f);
    }
    NEED(newctx != NULL && freectx != NULL && encode != NULL);
    ctx = newctx(OSSL_PROVIDER_get0_provider_ctx(prov));
    CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
    CU_ASSERT_EQUAL(encode(ctx, NULL, NULL, abstract, EVP_PKEY_KEYPAIR, NULL, NULL), 0);
    CU_ASSERT(littlebox_says("only a key object can be written"));
    freectx(ctx);
    OSSL_PROVIDER_unquery_operation(prov, OSSL_OP_ENCODER, rows);
    OSSL_PROVIDER_unload(prov);
}

/* A private key is not taken in silence to become a public one. */
static void test_import(void)
{
    EVP_PKEY *plain = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, "EC", "provider=littlebox");
    OSSL_PARAM *params = NULL;

    NEED(plain != NULL && EVP_PKEY_todata(plain, EVP_PKEY_KEYPAIR, &params) == 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
    CU_ASSERT(EVP_PKEY_fromdata_init(ctx) > 0);
    CU_ASSERT(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0);
    CU_ASSERT(littlebox_says("littlebox import"));
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    EVP_PKEY_free(plain);
}

static void refuses_settings(const char *settings, const char *text)
{
    OSSL_LIB_CTX *ctx = new_libctx(NULL, /* littlebox_first= */ false, settings);
    EVP_PKEY *plain = EVP_PKEY_Q_keygen(ctx, NULL, "EC", "P-256");

    /* Loaded all the same: other keys are not touched by it. */
    CU_ASSERT_PTR_NOT_NULL(plain);
    CU_ASSERT_PTR_NULL(load_uri(ctx, "littlebox:p256", 0));
    CU_ASSERT(littlebox_says(text));
    EVP_PKEY_free(plain);
    OSSL_LIB_CTX_free(ctx);
}

static void test_settings(void)
{
    refuses_settings("littlebox-timeout = soon", "littlebox-timeout = soon: not a number of milliseconds");
    refuses_settings("littlebox-timeout = 0", "it goes from 1 to");
    refuses_settings("littlebox-timeout = -5", "not a number");
    refuses_settings("littlebox-directory = run", "not an absolute path");
    refuses_settings("littlebox-box = a/b", "not a box name");
    refuses_settings("littlebox-users = root, 12x", "littlebox-users: '12x' is not a user; hint: give names or numbers of users");
    refuses_settings("littlebox-users = 4294967295", "littlebox-users: '4294967295' is not a user");
    refuses_settings("littlebox-users = no-such-user-here", "littlebox-users: there is no user 'no-such-user-here'");
}

/* Made before any that has settings. */
static struct bare_libctx bare;

static void has_p256(OSSL_LIB_CTX *ctx, const char *refusal)
{
    EVP_PKEY *key = load_uri(ctx, "littlebox:p256", 0);

    CU_ASSERT_EQUAL(key == NULL, refusal != NULL);
    CU_ASSERT(refusal == NULL || littlebox_says(refusal));
    EVP_PKEY_free(key);
    ERR_clear_error();
}

/* Settings are those of the first instance that has any, for those that have none; who has some, has its own. */
static void test_other_contexts(void)
{
    struct bare_libctx later;
    OSSL_LIB_CTX *elsewhere = new_libctx("/nonexistent", /* littlebox_first= */ false, "");
    OSSL_LIB_CTX *hasty = new_libctx(NULL, /* littlebox_first= */ false, "littlebox-timeout = 100");

    bare_libctx_new(&later);
    has_p256(bare.libctx, NULL);
    has_p256(later.libctx, NULL);
    has_p256(elsewhere, "no box 'default' answers at /nonexistent/default.sock");
    has_p256(hasty, "box 'default'"); /* that of who runs this, or none */
    has_p256(later.libctx, NULL);
    OSSL_LIB_CTX_free(hasty);
    OSSL_LIB_CTX_free(elsewhere);
    bare_libctx_free(&later);
}

static void test_default_box(void)
{
    char settings[200];
    OSSL_LIB_CTX *ctx;
    EVP_PKEY *key;

    snprintf(settings, sizeof(settings), "littlebox-directory = %s\nlittlebox-box = payments\nlittlebox-timeout = 300000",
             other.dir);
    ctx = new_libctx(NULL, /* littlebox_first= */ true, settings);
    key = load_uri(ctx, "littlebox:elsewhere", 0);
    CU_ASSERT_PTR_NOT_NULL(key);
    EVP_PKEY_free(key);
    key = load_uri(ctx, "littlebox://payments/elsewhere", 0);
    CU_ASSERT_PTR_NOT_NULL(key);
    EVP_PKEY_free(key);
    CU_ASSERT_PTR_NULL(load_uri(ctx, "littlebox://default/elsewhere", 0));
    CU_ASSERT(littlebox_says("no box 'default' answers at"));
    OSSL_LIB_CTX_free(ctx);
}

static void test_states(void)
{
    EVP_PKEY *gone = load_key(libctx, "gone"), *p256 = load_key(libctx, "p256");
    uint8_t sig[256];

    boxproc_destroy(&box, "gone", 1);
    CU_ASSERT_EQUAL(sign_text(libctx, gone, NULL, "abc", 3, sig, sizeof(sig)), 0);
    CU_ASSERT(littlebox_says("destroyed"));
    boxproc_lock(&box);
    CU_ASSERT_EQUAL(sign_text(libctx, p256, NULL, "abc", 3, sig, sizeof(sig)), 0);
    CU_ASSERT(littlebox_says("box 'default' is locked; hint: run: littlebox"));
    /* Public halves can be read while it is locked. */
    EVP_PKEY_free(p256);
    p256 = load_key(libctx, "p256");
    EVP_PKEY_free(gone);
    EVP_PKEY_free(p256);
}

/* A handle with its public half loads without any box, and says what is missing when it is used. */
static void test_no_box(void)
{
    OSSL_LIB_CTX *ctx;
    EVP_PKEY *key = load_key(libctx, "p256");
    char *pem = handle_pem(key), dir[] = "/tmp/littlebox-test-XXXXXX", want[256];
    uint8_t sig[256];

    NEED(mkdtemp(dir) != NULL);
    EVP_PKEY_free(key);
    ctx = new_libctx(dir, /* littlebox_first= */ true, "");
    key = load_pem(ctx, pem);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT_EQUAL(sign_text(ctx, key, NULL, "abc", 3, sig, sizeof(sig)), 0);
    snprintf(want, sizeof(want),
             "no box 'default' answers at %s/default.sock; hint: start it: systemctl reset-failed 'littleboxd@default.*'; "
             "systemctl restart littleboxd@default.socket, or without systemd: littleboxd --system --box default --user littlebox-default",
             dir);
    CU_ASSERT(littlebox_says(want));
    EVP_PKEY_free(key);
    OPENSSL_free(pem);
    OSSL_LIB_CTX_free(ctx);
    rmdir(dir);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "URIs", test_uris },
        { "handles", test_handles },
        { "options", test_options },
        { "types of options", test_option_types },
        { "public key", test_public_key },
        { "encoder of parameters", test_encoder_of_parameters },
        { "import", test_import },
        { "settings", test_settings },
        { "other contexts", test_other_contexts },
        { "default box", test_default_box },
        { "no box", test_no_box },
        { "states", test_states }, /* last: it locks the box */
        CU_TEST_INFO_NULL,
    };
    static const char *const keys[][2] = {
        { "p256", "ec:P-256" },   { "p384", "ec:P-384" },    { "gone", "ec:P-256" },
        { "rsa", "rsa:2048" },    { "pss", "rsa-pss:2048" }, { "pss256", "rsa-pss:2048:sha256" },
        { "ed25519", "ed25519" }, { "ed448", "ed448" },
    };
    int status;

    boxproc_new(&box, "default");
    boxproc_new(&other, "payments");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        boxproc_create(&box, keys[i][0], keys[i][1]);
    boxproc_create(&other, "elsewhere", "ec:P-256");
    bare_libctx_new(&bare);
    libctx = new_libctx(box.dir, /* littlebox_first= */ true, "");
    status = run_suite("refusals", tests);
    bare_libctx_free(&bare);
    OSSL_LIB_CTX_free(libctx);
    boxproc_free(&box);
    boxproc_free(&other);
    return status;
}
