/* Keys that a program generates through EVP are made in the box, with the options of each type; or not made at all. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto.h"
#include "suite.h"

#define OURS "provider=littlebox"
#define NOBODY 65534

static struct boxproc box;
static OSSL_LIB_CTX *contexts[2]; /* littlebox first, default first */

/* An option as it comes from a command line: value in text. */
struct option {
    const char *name, *value;
};
#define OPTIONS 4

static unsigned keys_in_box(void)
{
    struct box_status s;

    boxproc_status(&box, &s);
    return s.keys;
}

static bool is_ours(const EVP_PKEY *key)
{
    return strcmp(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key)), "littlebox") == 0;
}

/* As genpkey does it: the options of NAME:VALUE, and the key's URI if there is one. Frees ctx. */
static EVP_PKEY *generate_with(EVP_PKEY_CTX *ctx, const struct option *options, const char *uri)
{
    EVP_PKEY *key = NULL;
    bool ok = ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0;

    for (size_t i = 0; ok && i < OPTIONS && options != NULL && options[i].name != NULL; i++)
        ok = EVP_PKEY_CTX_ctrl_str(ctx, options[i].name, options[i].value) > 0;
    ok = ok && (uri == NULL || EVP_PKEY_CTX_ctrl_str(ctx, "littlebox_uri", uri) > 0);
    CU_ASSERT_EQUAL(ok && EVP_PKEY_keygen(ctx, &key) > 0, key != NULL);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *generate(OSSL_LIB_CTX *libctx, const char *name, const struct option *options, const char *uri)
{
    return generate_with(EVP_PKEY_CTX_new_from_name(libctx, name, OURS), options, uri);
}

static EVP_PKEY *generate_parameters(OSSL_LIB_CTX *libctx, const char *curve)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, "EC", OURS);
    EVP_PKEY *parameters = NULL;

    NEED(ctx != NULL);
    if (EVP_PKEY_paramgen_init(ctx) <= 0 || (curve != NULL && EVP_PKEY_CTX_set_group_name(ctx, curve) <= 0) ||
        EVP_PKEY_paramgen(ctx, &parameters) <= 0)
        NEED(parameters == NULL);
    EVP_PKEY_CTX_free(ctx);
    return parameters;
}

/* Every type with every option that says something of the key. bits and curve are those of the new key. */
static const struct row {
    const char *name;
    struct option options[OPTIONS];
    int bits;
    const char *curve;
    const char *digest; /* that RSA-PSS is restricted to */
    bool since_3_5;     /* with OpenSSL before 3.5 the box refuses it */
} rows[] = {
    { "EC", { { "group", "P-256" } }, 256, "prime256v1", NULL, false },
    { "EC", { { "group", "prime256v1" }, { "encoding", "named_curve" } }, 256, "prime256v1", NULL, false },
    { "EC", { { "group", "secp256r1" }, { "point-format", "uncompressed" } }, 256, "prime256v1", NULL, false },
    { "EC", { { "ec_paramgen_curve", "P-384" }, { "ec_param_enc", "named_curve" } }, 384, "secp384r1", NULL, false },
    { "id-ecPublicKey", { { "ec_paramgen_curve", "secp521r1" } }, 521, "secp521r1", NULL, false },
    { "RSA", { { NULL, NULL } }, 2048, NULL, NULL, false },
    { "RSA", { { "bits", "3072" }, { "primes", "2" } }, 3072, NULL, NULL, false },
    { "RSA",
      { { "rsa_keygen_bits", "2048" }, { "rsa_keygen_primes", "2" }, { "rsa_keygen_pubexp", "65537" } },
      2048, NULL, NULL, false },
    { "RSA-PSS", { { "rsa_keygen_bits", "2048" } }, 2048, NULL, NULL, false },
    { "RSA-PSS", { { "digest", "SHA384" } }, 2048, NULL, "SHA384", false },
    { "RSA-PSS",
      { { "rsa_pss_keygen_md", "sha256" }, { "rsa_pss_keygen_mgf1_md", "sha256" },
        { "rsa_pss_keygen_saltlen", "32" } },
      2048, NULL, "SHA256", false },
    { "ED25519", { { NULL, NULL } }, 256, NULL, NULL, false },
    { "ED448", { { NULL, NULL } }, 456, NULL, NULL, false },
    { "ML-DSA-44", { { NULL, NULL } }, 10496, NULL, NULL, true },
    { "ML-DSA-65", { { NULL, NULL } }, 15616, NULL, NULL, true },
    { "ML-DSA-87", { { NULL, NULL } }, 20736, NULL, NULL, true },
    { "SLH-DSA-SHA2-128f", { { NULL, NULL } }, 256, NULL, NULL, true },
    { "SLH-DSA-SHAKE-256f", { { NULL, NULL } }, 512, NULL, NULL, true },
};

static void check_row(OSSL_LIB_CTX *libctx, const struct row *row, EVP_PKEY *key, const char *uri)
{
    EVP_PKEY *plain = plain_public(key), *loaded;
    char text[80] = "", named[LB_URI_MAX + 1], *pem = handle_pem(key);

    CU_ASSERT(is_ours(key));
    CU_ASSERT(signs(libctx, key, plain));
    CU_ASSERT_EQUAL(EVP_PKEY_get_bits(plain), row->bits);
    if (row->curve != NULL) {
        CU_ASSERT_EQUAL(EVP_PKEY_get_group_name(plain, text, sizeof(text), NULL), 1);
        CU_ASSERT_STRING_EQUAL(text, row->curve);
    }
    if (row->digest != NULL) {
        int salt = 0;

        CU_ASSERT_EQUAL(EVP_PKEY_get_int_param(plain, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &salt), 1);
        CU_ASSERT_EQUAL(salt, strcmp(row->digest, "SHA384") == 0 ? 48 : 32);
    } else if (strcmp(row->name, "RSA-PSS") == 0) {
        int salt;

        CU_ASSERT_EQUAL(EVP_PKEY_get_int_param(plain, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &salt), 0);
        ERR_clear_error();
    }
    /* What was written is a handle of the name that was asked for, and the box has the key of it. */
    handle_uri(pem, named);
    CU_ASSERT_STRING_EQUAL(named, uri);
    loaded = load_pem(libctx, pem);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loaded);
    CU_ASSERT(signs(libctx, loaded, plain));
    EVP_PKEY_free(loaded);
    loaded = load_uri(libctx, uri, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loaded);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(loaded, key), 1);
    EVP_PKEY_free(loaded);
    OPENSSL_free(pem);
    EVP_PKEY_free(plain);
}

static void test_rows(void)
{
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i / 2];
        unsigned before = keys_in_box(), failed = CU_get_number_of_failures();
        char uri[80];
        EVP_PKEY *key;

        snprintf(uri, sizeof(uri), i % 2 == 0 ? "littlebox:row%zu" : "littlebox://default/row%zu", i);
        key = generate(contexts[i % 2], row->name, row->options, uri);
        if (row->since_3_5 && OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 5) {
            CU_ASSERT_PTR_NULL(key);
            CU_ASSERT(littlebox_says("it is in OpenSSL 3.5 and later"));
            CU_ASSERT_EQUAL(keys_in_box(), before);
            continue;
        }
        CU_ASSERT_PTR_NOT_NULL(key);
        CU_ASSERT_EQUAL(keys_in_box(), before + 1);
        if (key != NULL)
            check_row(contexts[i % 2], row, key, uri);
        CU_ASSERT_EQUAL(ERR_peek_error(), 0);
        if (CU_get_number_of_failures() != failed) {
            fprintf(stderr, "\nfailed for row %zu, %s\n", i / 2, row->name);
            ERR_print_errors_fp(stderr);
        }
        EVP_PKEY_free(key);
    }
}

/* As programs in C say it, with the functions of ec.h and rsa.h. */
static void test_functions(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(contexts[0], "EC", OURS);
    EVP_PKEY *key = NULL;
    BIGNUM *e = BN_new();
    char *pem, uri[LB_URI_MAX + 1];

    NEED(ctx != NULL && e != NULL && BN_set_word(e, 65537) == 1);
    CU_ASSERT(EVP_PKEY_keygen_init(ctx) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_secp521r1) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_NAMED_CURVE) > 0);
    CU_ASSERT(EVP_PKEY_keygen(ctx, &key) > 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT(is_ours(key));
    CU_ASSERT_EQUAL(EVP_PKEY_get_bits(key), 521);
    CU_ASSERT(EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_EXPLICIT_CURVE) <= 0);
    CU_ASSERT(littlebox_says("write out their curve"));
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);

    key = NULL;
    ctx = EVP_PKEY_CTX_new_from_name(contexts[1], "RSA-PSS", OURS);
    NEED(ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_rsa_keygen_primes(ctx, 2) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_rsa_pss_keygen_md(ctx, EVP_sha512()) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(ctx, EVP_sha512()) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(ctx, 64) > 0);
    CU_ASSERT(EVP_PKEY_keygen(ctx, &key) > 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    pem = handle_pem(key);
    handle_uri(pem, uri);
    CU_ASSERT_EQUAL(strncmp(uri, "littlebox:rsa-pss-2048-sha512-", 30), 0);
    OPENSSL_free(pem);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
    BN_free(e);
}

/* Without a name the key gets one; each of them another. */
static void check_nameless(EVP_PKEY *key, const char *prefix)
{
    static const char scheme[] = LB_URI_SCHEME ":";
    char *pem, uri[LB_URI_MAX + 1];
    const char *name = uri + strlen(scheme);

    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT(is_ours(key));
    pem = handle_pem(key);
    handle_uri(pem, uri);
    CU_ASSERT_EQUAL_FATAL(strncmp(uri, scheme, strlen(scheme)), 0);
    CU_ASSERT_EQUAL(strncmp(name, prefix, strlen(prefix)), 0);
    CU_ASSERT_EQUAL(strspn(name + strlen(prefix), "0123456789abcdef"), 16);
    CU_ASSERT_EQUAL(name[strlen(prefix) + 16], '\0');
    OPENSSL_free(pem);
}

static void test_nameless(void)
{
    for (size_t c = 0; c < 2; c++) {
        unsigned before = keys_in_box();
        EVP_PKEY *keys[4];

        keys[0] = EVP_PKEY_Q_keygen(contexts[c], OURS, "EC", "P-256");
        check_nameless(keys[0], "ec-p-256-");
        keys[1] = EVP_PKEY_Q_keygen(contexts[c], OURS, "EC", "P-256");
        check_nameless(keys[1], "ec-p-256-");
        CU_ASSERT_EQUAL(EVP_PKEY_eq(keys[0], keys[1]), 0);
        keys[2] = EVP_PKEY_Q_keygen(contexts[c], "?" OURS, "RSA", (size_t)2048);
        check_nameless(keys[2], "rsa-2048-");
        keys[3] = EVP_PKEY_Q_keygen(contexts[c], OURS, "ED25519");
        check_nameless(keys[3], "ed25519-");
        CU_ASSERT_EQUAL(keys_in_box(), before + 4);
        for (size_t i = 0; i < 4; i++)
            EVP_PKEY_free(keys[i]);
    }
}

/* Who does not ask for us gets a key of another provider, or, where there is none, no key. */
static void test_not_asked_for(void)
{
    OSSL_LIB_CTX *alone = new_libctx_alone(box.dir);
    OSSL_PROVIDER *late;
    unsigned before = keys_in_box();
    EVP_PKEY *key;

    for (size_t c = 0; c < 2; c++) {
        key = EVP_PKEY_Q_keygen(contexts[c], NULL, "EC", "P-256");
        CU_ASSERT_PTR_NOT_NULL_FATAL(key);
        CU_ASSERT(!is_ours(key));
        EVP_PKEY_free(key);
    }
    CU_ASSERT_PTR_NULL(EVP_PKEY_Q_keygen(alone, NULL, "EC", "P-256"));
    CU_ASSERT(littlebox_says("a key in a box needs a name: set the option littlebox_uri"));
    CU_ASSERT_PTR_NULL(EVP_PKEY_Q_keygen(alone, OURS, "ED25519"));
    CU_ASSERT(littlebox_says("a key in a box needs a name"));
    CU_ASSERT_EQUAL(keys_in_box(), before);

    key = generate_with(EVP_PKEY_CTX_new_from_name(alone, "ED25519", NULL), NULL, "littlebox:alone");
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT(is_ours(key));
    CU_ASSERT_EQUAL(keys_in_box(), before + 1);
    EVP_PKEY_free(key);

    /* Too late: libcrypto goes on to hand out our key manager. */
    late = OSSL_PROVIDER_load(alone, "default");
    NEED(late != NULL);
    key = EVP_PKEY_Q_keygen(alone, NULL, "ED25519");
    CU_ASSERT(key == NULL || !is_ours(key));
    CU_ASSERT_EQUAL(keys_in_box(), before + 1);
    EVP_PKEY_free(key);
    ERR_clear_error();
    OSSL_PROVIDER_unload(late);
    OSSL_LIB_CTX_free(alone);
}

/*
 * A signature makes libcrypto look for our key manager by name and provider, and what it remembers of that must not be what it
 * hands out to those who do not say which provider: TLS wants an ephemeral EC key, whatever it signs with. Another provider
 * that is loaded makes it forget.
 */
static void test_after_signature(void)
{
    static const struct option p256[] = { { "group", "P-256" }, { NULL, NULL } };
    OSSL_LIB_CTX *fresh = new_libctx(box.dir, /* littlebox_first= */ true, "");
    EVP_PKEY *made = generate(contexts[1], "EC", p256, "littlebox:signs-first"), *ours, *plain, *ephemeral;
    OSSL_PROVIDER *late = NULL;

    NEED(made != NULL);
    plain = plain_public(made);
    ours = load_uri(fresh, "littlebox:signs-first", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ours);
    for (int round = 0; round < 2; round++) {
        CU_ASSERT(signs(fresh, ours, plain));
        ephemeral = EVP_PKEY_Q_keygen(fresh, NULL, "EC", "P-256");
        CU_ASSERT_PTR_NOT_NULL_FATAL(ephemeral);
        CU_ASSERT(!is_ours(ephemeral));
        EVP_PKEY_free(ephemeral);
        if (round == 0)
            NEED((late = OSSL_PROVIDER_load(fresh, "base")) != NULL);
    }
    OSSL_PROVIDER_unload(late);
    EVP_PKEY_free(ours);
    EVP_PKEY_free(plain);
    EVP_PKEY_free(made);
    OSSL_LIB_CTX_free(fresh);
}

static void check_parameters(EVP_PKEY *parameters)
{
    BIO *mem = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len;

    CU_ASSERT(is_ours(parameters));
    CU_ASSERT_EQUAL(EVP_PKEY_get_bits(parameters), 384);
    NEED(mem != NULL);
    CU_ASSERT_EQUAL(PEM_write_bio_Parameters(mem, parameters), 1);
    len = BIO_get_mem_data(mem, &text);
    CU_ASSERT(len > 30 && memcmp(text, "-----BEGIN EC PARAMETERS-----", 29) == 0);
    BIO_free(mem);
    CU_ASSERT_EQUAL(i2d_PrivateKey(parameters, NULL) > 0, false);
    ERR_clear_error();
}

static void test_parameters(void)
{
    static const struct option other[OPTIONS] = { { "group", "P-256" } };
    /* Parameters are no secret, and the box is not asked for them. */
    OSSL_LIB_CTX *nowhere = new_libctx("/nonexistent", /* littlebox_first= */ true, "");
    EVP_PKEY *parameters = generate_parameters(nowhere, "P-384"), *key, *same;
    unsigned before = keys_in_box();

    CU_ASSERT_PTR_NOT_NULL_FATAL(parameters);
    check_parameters(parameters);
    EVP_PKEY_free(parameters);
    OSSL_LIB_CTX_free(nowhere);
    for (size_t c = 0; c < 2; c++) {
        char uri[64];

        parameters = generate_parameters(contexts[c], "P-384");
        CU_ASSERT_PTR_NOT_NULL_FATAL(parameters);
        check_parameters(parameters);
        CU_ASSERT_EQUAL(keys_in_box(), before + 2 * c);
        snprintf(uri, sizeof(uri), "littlebox:parameters%zu", c);
        key = generate_with(EVP_PKEY_CTX_new_from_pkey(contexts[c], parameters, OURS), NULL, uri);
        CU_ASSERT_PTR_NOT_NULL_FATAL(key);
        CU_ASSERT(is_ours(key));
        CU_ASSERT_EQUAL(EVP_PKEY_parameters_eq(key, parameters), 1);
        /* A key is parameters enough. */
        snprintf(uri, sizeof(uri), "littlebox:another%zu", c);
        same = generate_with(EVP_PKEY_CTX_new_from_pkey(contexts[c], key, OURS), NULL, uri);
        CU_ASSERT_PTR_NOT_NULL_FATAL(same);
        CU_ASSERT_EQUAL(EVP_PKEY_parameters_eq(key, same), 1);
        CU_ASSERT_EQUAL(EVP_PKEY_eq(key, same), 0);
        CU_ASSERT_EQUAL(keys_in_box(), before + 2 * (c + 1));
        CU_ASSERT_PTR_NULL(
            generate_with(EVP_PKEY_CTX_new_from_pkey(contexts[c], parameters, OURS), other, "littlebox:two"));
        CU_ASSERT(littlebox_says("the option group and the given parameters are two different curves"));
        CU_ASSERT_EQUAL(keys_in_box(), before + 2 * (c + 1));
        EVP_PKEY_free(same);
        EVP_PKEY_free(key);
        EVP_PKEY_free(parameters);
    }
    CU_ASSERT_PTR_NULL(generate_parameters(contexts[0], NULL));
    CU_ASSERT(littlebox_says("name the curve of the parameters: option group"));
    CU_ASSERT_PTR_NULL(generate_parameters(contexts[0], "P-999"));
    CU_ASSERT(littlebox_says("libcrypto knows no curve 'P-999'"));
}

/* No row makes a key, here or in the box. */
static const struct refusal {
    const char *name;
    struct option options[OPTIONS];
    const char *uri;
    const char *text;
} refusals[] = {
    /* by the provider */
    { "EC", { { NULL, NULL } }, "littlebox:no", "name the curve of the new key: option group, P-256 for one" },
    { "EC", { { "group", "nonsense" } }, "littlebox:no", "libcrypto knows no curve 'nonsense'" },
    { "EC", { { "ec_paramgen_curve", "P-256" }, { "ec_param_enc", "explicit" } }, "littlebox:no",
      "the EC parameters write out their curve instead of naming it" },
    { "EC", { { "group", "P-256" }, { "point-format", "compressed" } }, "littlebox:no",
      "the value of the option point-format is not uncompressed" },
    { "EC", { { "group", "P-256" }, { "dhkem-ikm", "abc" } }, "littlebox:no",
      "the option dhkem-ikm would decide what the private key is" },
    { "ED25519", { { "hexseed", "abcd" } }, "littlebox:no", "the option seed would decide what the private key is" },
    { "RSA", { { "primes", "3" } }, "littlebox:no", "the value of the option primes is not 2" },
    { "RSA", { { "rsa_keygen_pubexp", "3" } }, "littlebox:no", "the value of the option e is not 65537" },
    { "RSA-PSS", { { "digest", "sha256" }, { "saltlen", "20" } }, "littlebox:no",
      "the option saltlen is 20, but a box restricts a key to salts of the digest's size, here 32" },
    { "RSA-PSS", { { "digest", "sha256" }, { "mgf1-digest", "sha1" } }, "littlebox:no",
      "the option mgf1-digest is SHA1, but a box restricts a key to one digest, here to SHA2-256" },
    { "RSA-PSS", { { "mgf1-digest", "sha256" } }, "littlebox:no", "the option mgf1-digest needs digest beside it" },
    { "RSA-PSS", { { "saltlen", "32" } }, "littlebox:no", "the option saltlen needs digest beside it" },
    { "RSA-PSS", { { "saltlen", "max" } }, "littlebox:no", "the value of the option saltlen is not a number of bytes" },
    { "RSA-PSS", { { "digest", "whirlpool" } }, "littlebox:no",
      "the value of the option digest is not a digest that a box knows" },
    { "ED25519", { { NULL, NULL } }, "littlebox:", "'littlebox:' names no key" },
    { "ED25519", { { NULL, NULL } }, "littlebox:no;version=2", "leave ;version out" },
    { "ED25519", { { NULL, NULL } }, "no", "'no' is not a key URI" },
    { "ED25519", { { NULL, NULL } }, "littlebox:-no", "'-no' is not a key name" },
    { "ED25519", { { NULL, NULL } }, "littlebox://nosuchbox/no", "no box 'nosuchbox' answers at" },
    /* by the box */
    { "RSA", { { "bits", "1024" } }, "littlebox:no", "unknown key type 'rsa:1024'; hint: use one of: ec:P-256" },
    { "RSA-PSS", { { "digest", "sha512-256" } }, "littlebox:no", "unknown key type 'rsa-pss:2048:sha512-256'" },
    { "RSA-PSS", { { "digest", "sha3-256" } }, "littlebox:no", "unknown key type 'rsa-pss:2048:sha3-256'" },
    { "EC", { { "group", "secp256k1" } }, "littlebox:no", "unknown key type 'ec:secp256k1'; hint: use one of: ec:P-256" },
    { "ED25519", { { NULL, NULL } }, "littlebox:taken",
      "key 'taken' exists already in box 'default'; hint: choose another name" },
};

static void test_refusals(void)
{
    unsigned before;

    boxproc_create(&box, "taken", "ed25519");
    before = keys_in_box();
    for (size_t i = 0; i < 2 * sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *refusal = &refusals[i / 2];
        EVP_PKEY *key = generate(contexts[i % 2], refusal->name, refusal->options, refusal->uri);

        CU_ASSERT_PTR_NULL(key);
        CU_ASSERT(littlebox_says(refusal->text));
        CU_ASSERT_EQUAL(keys_in_box(), before);
        EVP_PKEY_free(key);
    }
}

/* By their names libcrypto refuses them itself; a program that passes them all the same is told by us. */
static void test_unknown_option(void)
{
    unsigned x = 1, before = keys_in_box();
    OSSL_PARAM params[] = { OSSL_PARAM_construct_uint("rsa-xp1", &x), OSSL_PARAM_construct_end() };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(contexts[0], "RSA", OURS);

    NEED(ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0);
    CU_ASSERT(EVP_PKEY_CTX_set_params(ctx, params) <= 0);
    CU_ASSERT(littlebox_says("RSA keys are not made in a box with an option rsa-xp1"));
    EVP_PKEY_CTX_free(ctx);
    ctx = EVP_PKEY_CTX_new_from_name(contexts[0], "RSA", OURS);
    NEED(ctx != NULL);
    CU_ASSERT(EVP_PKEY_paramgen_init(ctx) <= 0);
    CU_ASSERT(littlebox_says("RSA keys have no domain parameters"));
    EVP_PKEY_CTX_free(ctx);
    CU_ASSERT_EQUAL(keys_in_box(), before);
}

/* The same context again is another key, and the second of one name is none. */
static void test_context_twice(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(contexts[1], "ED25519", OURS);
    EVP_PKEY *first = NULL, *second = NULL;

    NEED(ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0);
    CU_ASSERT(EVP_PKEY_keygen(ctx, &first) > 0 && EVP_PKEY_keygen(ctx, &second) > 0);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(first, second), 0);
    EVP_PKEY_free(first);
    EVP_PKEY_free(second);
    first = second = NULL;
    NEED(EVP_PKEY_CTX_ctrl_str(ctx, "littlebox_uri", "littlebox:once") > 0);
    CU_ASSERT(EVP_PKEY_keygen(ctx, &first) > 0);
    CU_ASSERT(EVP_PKEY_keygen(ctx, &second) <= 0);
    CU_ASSERT_PTR_NULL(second);
    CU_ASSERT(littlebox_says("key 'once' exists already"));
    EVP_PKEY_free(first);
    EVP_PKEY_CTX_free(ctx);
}

/* Channels from before a restart are dead, and that is found out before the request is sent. */
static void test_after_restart(void)
{
    EVP_PKEY *key = generate(contexts[0], "ED25519", NULL, "littlebox:before"), *plain;

    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    plain = plain_public(key);
    CU_ASSERT(signs(contexts[0], key, plain));
    boxproc_kill(&box);
    boxproc_start(&box);
    EVP_PKEY_free(key);
    key = generate(contexts[0], "ED25519", NULL, "littlebox:after");
    CU_ASSERT_PTR_NOT_NULL(key);
    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
    EVP_PKEY_free(key);
    EVP_PKEY_free(plain);
}

static void test_locked(void)
{
    unsigned before = keys_in_box();

    boxproc_lock(&box);
    CU_ASSERT_PTR_NULL(generate(contexts[0], "ED25519", NULL, "littlebox:no"));
    CU_ASSERT(littlebox_says("box 'default' is locked; hint: "));
    boxproc_stop(&box);
    boxproc_start(&box); /* its credential opens it */
    CU_ASSERT_EQUAL(keys_in_box(), before);
}

/* Another user, who is no admin of the box. */
static int as_nobody(void)
{
    OSSL_LIB_CTX *libctx;

    NEED(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    libctx = new_libctx(box.dir, /* littlebox_first= */ true, "");
    NEED(generate(libctx, "ED25519", NULL, "littlebox:no") == NULL);
    NEED(littlebox_says("uid 65534 may not create in box 'default'"));
    OSSL_LIB_CTX_free(libctx);
    return 0;
}

static void test_denied(void)
{
    unsigned before = keys_in_box();
    int status;
    pid_t child;

    if (geteuid() != 0) {
        fprintf(stderr, "(needs root: skipped) ");
        return;
    }
    fflush(NULL);
    child = fork();
    NEED(child >= 0);
    if (child == 0)
        _exit(as_nobody());
    NEED(waitpid(child, &status, 0) == child);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CU_ASSERT_EQUAL(keys_in_box(), before);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "every type with its options", test_rows },
        { "the functions of ec.h and rsa.h", test_functions },
        { "keys without a name", test_nameless },
        { "keys that nobody asked us for", test_not_asked_for },
        { "keys of others after a signature", test_after_signature },
        { "parameters, and keys made of them", test_parameters },
        { "what is refused", test_refusals },
        { "unknown options", test_unknown_option },
        { "one context, two keys", test_context_twice },
        { "after a restart of the box", test_after_restart },
        { "by another user", test_denied },
        { "in a locked box", test_locked },
        CU_TEST_INFO_NULL,
    };
    int status;

    boxproc_new(&box, "default");
    for (size_t c = 0; c < 2; c++)
        contexts[c] = new_libctx(box.dir, /* littlebox_first= */ c == 0, "");
    status = run_suite("keygen", tests);
    for (size_t c = 0; c < 2; c++)
        OSSL_LIB_CTX_free(contexts[c]);
    boxproc_free(&box);
    return status;
}
