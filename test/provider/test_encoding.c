/* What a handle writes, tells and lets be set, each beside the same call on its plain public half. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

#include "types.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static OSSL_LIB_CTX *alone;   /* without the default provider */
static OSSL_LIB_CTX *foreign; /* without littlebox; another one than that of the plain keys */

/* Writing */

static uint8_t *encode(const EVP_PKEY *key, int selection, const char *format, const char *structure, size_t *ret_len)
{
    OSSL_ENCODER_CTX *enc = OSSL_ENCODER_CTX_new_for_pkey(key, selection, format, structure, NULL);
    uint8_t *data = NULL;

    NEED(enc != NULL);
    *ret_len = 0;
    ERR_clear_error();
    if (OSSL_ENCODER_to_data(enc, &data, ret_len) != 1)
        CU_ASSERT_PTR_NULL(data);
    OSSL_ENCODER_CTX_free(enc);
    return data;
}

static bool same_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    if ((a == NULL) != (b == NULL) || a_len != b_len)
        return false;
    return a == NULL || memcmp(a, b, a_len) == 0;
}

/* Also where `default` writes nothing: then we do not either. */
static void same_public_form(EVP_PKEY *key, EVP_PKEY *plain, int selection, const char *format, const char *structure)
{
    size_t len, plain_len;
    uint8_t *theirs = encode(plain, selection, format, structure, &plain_len);
    uint8_t *ours = encode(key, selection, format, structure, &len);

    CU_ASSERT(ours == NULL || ERR_peek_error() == 0);
    if (!same_bytes(ours, len, theirs, plain_len)) {
        ERR_print_errors_fp(stderr);
        fprintf(stderr, "\nnot as with a plain key: %s %s, selection %x: %zu bytes, plain %zu\n", format,
                structure == NULL ? "-" : structure, (unsigned)selection, len, plain_len);
        CU_FAIL("public form");
    }
    OPENSSL_free(ours);
    OPENSSL_free(theirs);
}

static void public_forms(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    static const int selections[] = { EVP_PKEY_PUBLIC_KEY, OSSL_KEYMGMT_SELECT_PUBLIC_KEY, EVP_PKEY_KEY_PARAMETERS,
                                      OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS };
    static const char *const formats[] = { "PEM", "DER", "TEXT", "BLOB", "MSBLOB" };
    static const char *const structures[] = { "SubjectPublicKeyInfo", "type-specific", "pkcs1", "rsa", "ec",
                                              "X9.62", "PrivateKeyInfo", NULL };
    EVP_PKEY *lonely = load_key(alone, t->key);

    (void)libctx;
    for (size_t i = 0; i < COUNT(selections); i++) {
        for (size_t f = 0; f < COUNT(formats); f++) {
            for (size_t s = 0; s < COUNT(structures); s++) {
                same_public_form(key, plain, selections[i], formats[f], structures[s]);
                same_public_form(lonely, plain, selections[i], formats[f], structures[s]);
            }
        }
    }
    EVP_PKEY_free(lonely);
}

/* The functions behind which programs find them. */
static void public_functions(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    static int (*const functions[])(const EVP_PKEY *key, unsigned char **out) = { i2d_PUBKEY, i2d_PublicKey,
                                                                                  i2d_KeyParams };
    (void)libctx;
    (void)t;
    for (size_t i = 0; i < COUNT(functions); i++) {
        uint8_t *ours = NULL, *theirs = NULL;
        int len, plain_len = functions[i](plain, &theirs);

        ERR_clear_error();
        len = functions[i](key, &ours);
        CU_ASSERT(len <= 0 || ERR_peek_error() == 0);
        CU_ASSERT_EQUAL(len, plain_len);
        CU_ASSERT(len <= 0 || memcmp(ours, theirs, (size_t)len) == 0);
        OPENSSL_free(ours);
        OPENSSL_free(theirs);
    }
}

static void is_handle(const uint8_t *data, size_t len, const uint8_t *handle, size_t handle_len)
{
    CU_ASSERT_PTR_NOT_NULL(data);
    CU_ASSERT(same_bytes(data, len, handle, handle_len));
    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

/* Every way to write a private key without naming a form of its own gives the handle, and no error on the queue. */
static void private_forms(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    static const int selections[] = { OSSL_KEYMGMT_SELECT_ALL, EVP_PKEY_KEYPAIR, EVP_PKEY_PRIVATE_KEY };
    char *pem = handle_pem(key);
    size_t len, handle_len;
    uint8_t *handle = encode(key, EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo", &handle_len), *data = NULL;
    bool has_own_form = strcmp(t->name, "RSA") == 0 || strcmp(t->name, "EC") == 0;
    PKCS8_PRIV_KEY_INFO *p8;
    BIO *mem = BIO_new(BIO_s_mem());
    char *text = NULL;
    int n;

    (void)libctx;
    (void)plain;
    CU_ASSERT_PTR_NOT_NULL_FATAL(handle);
    for (size_t i = 0; i < COUNT(selections); i++) {
        for (size_t s = 0; s < 3; s++) {
            static const char *const structures[] = { "PrivateKeyInfo", "type-specific", NULL };

            if (s == 1 && !has_own_form)
                continue;
            data = encode(key, selections[i], "DER", structures[s], &len);
            is_handle(data, len, handle, handle_len);
            OPENSSL_free(data);
            data = encode(key, selections[i], "PEM", structures[s], &len);
            is_handle(data, len, (uint8_t *)pem, strlen(pem));
            OPENSSL_free(data);
        }
    }
    data = NULL;
    n = i2d_PrivateKey(key, &data);
    if (has_own_form)
        is_handle(data, (size_t)n, handle, handle_len);
    else /* libcrypto asked for a form that there is not, first */
        CU_ASSERT(same_bytes(data, (size_t)n, handle, handle_len));
    OPENSSL_free(data);
    ERR_clear_error();
    p8 = EVP_PKEY2PKCS8(key);
    data = NULL;
    n = i2d_PKCS8_PRIV_KEY_INFO(p8, &data);
    is_handle(data, (size_t)n, handle, handle_len);
    OPENSSL_free(data);
    CU_ASSERT_EQUAL(PEM_write_bio_PKCS8PrivateKey(mem, key, NULL, NULL, 0, NULL, NULL), 1);
    n = (int)BIO_get_mem_data(mem, &text);
    is_handle((uint8_t *)text, (size_t)n, (uint8_t *)pem, strlen(pem));
    PKCS8_PRIV_KEY_INFO_free(p8);
    BIO_free(mem);
    OPENSSL_free(handle);
    OPENSSL_free(pem);
}

/* PKCS12_parse() of OpenSSL 3.0 looks in the default library context only. */
static EVP_PKEY *key_of_pkcs12(PKCS12 *p12, OSSL_LIB_CTX *libctx)
{
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
    EVP_PKEY *key = NULL;

    NEED(safes != NULL);
    for (int i = 0; i < sk_PKCS7_num(safes); i++) {
        PKCS7 *safe = sk_PKCS7_value(safes, i);
        STACK_OF(PKCS12_SAFEBAG) *bags = PKCS7_type_is_data(safe) ? PKCS12_unpack_p7data(safe) : NULL;

        for (int j = 0; j < sk_PKCS12_SAFEBAG_num(bags); j++) {
            PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, j);
            PKCS8_PRIV_KEY_INFO *p8 = NULL;

            if (PKCS12_SAFEBAG_get_nid(bag) == NID_pkcs8ShroudedKeyBag)
                p8 = PKCS12_decrypt_skey_ex(bag, "secret", 6, libctx, NULL);
            if (p8 != NULL && key == NULL)
                key = EVP_PKCS82PKEY_ex(p8, libctx, NULL);
            PKCS8_PRIV_KEY_INFO_free(p8);
        }
        sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    }
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return key;
}

/* A PKCS#12 file with a handle in it is of use wherever the box is. */
static void pkcs12_file(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    X509 *cert = X509_new_ex(libctx, NULL);
    EVP_PKEY *got;
    PKCS12 *p12;

    (void)t;
    CU_ASSERT(X509_set_pubkey(cert, key) && X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(cert), 3600) != NULL);
    CU_ASSERT(X509_sign(cert, key, NULL) > 0 || X509_sign(cert, key, EVP_sha256()) > 0);
    p12 = PKCS12_create_ex("secret", "name", key, cert, NULL, 0, 0, 100, 100, 0, libctx, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p12);
    got = key_of_pkcs12(p12, libctx);
    CU_ASSERT_PTR_NOT_NULL_FATAL(got);
    CU_ASSERT_EQUAL(EVP_PKEY_eq(got, plain), 1);
    CU_ASSERT(signs(libctx, got, plain));
    CU_ASSERT_EQUAL(X509_check_private_key(cert, got), 1);
    PKCS12_free(p12);
    X509_free(cert);
    EVP_PKEY_free(got);
}

/* Text */

static const char *const private_parts[] = { "privateExponent", "prime1", "prime2", "exponent1", "exponent2", "coefficient",
                                             "priv", "seed" };

static char *private_text(EVP_PKEY *key)
{
    BIO *mem = BIO_new(BIO_s_mem());
    char *text;

    NEED(mem != NULL);
    CU_ASSERT(EVP_PKEY_print_private(mem, key, 0, NULL) > 0);
    NEED(BIO_write(mem, "", 1) == 1);
    NEED(BIO_get_mem_data(mem, &text) > 0);
    text = OPENSSL_strdup(text);
    NEED(text != NULL);
    BIO_free(mem);
    return text;
}

/* A plain key's text: the labels of its private half, one a line and without values, as far as they are not private. */
static void private_labels(const struct type *t, char *ret, size_t size)
{
    EVP_PKEY *key = plain_key(contexts[1], t->type);
    char *text = private_text(key);

    ret[0] = '\0';
    for (const char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        size_t len = strcspn(line, ":"), at = strlen(ret);

        if (line[0] == ' ' || line[len] != ':' || len > 40)
            continue;
        for (size_t i = 0; i < COUNT(private_parts); i++)
            len = strncmp(line, private_parts[i], strlen(private_parts[i])) == 0 ? 0 : len;
        if (len > 0)
            snprintf(ret + at, size - at, "%.*s:\n", (int)len, line);
    }
    OPENSSL_free(text);
    EVP_PKEY_free(key);
}

/* Is the text that of the public half, under these labels? */
static bool is_relabelled(const char *text, const char *public_text, size_t len, const char *labels)
{
    const char *p = public_text, *stop = public_text + len;

    while (p < stop && *text != '\0') {
        size_t n = strcspn(p, "\n") + 1, m = strcspn(text, "\n") + 1, mine = strcspn(text, ":\n");
        size_t theirs = strcspn(p, ":\n");

        if (p[0] == ' ' || p[theirs] != ':') {
            if (n != m || memcmp(p, text, n) != 0)
                return false;
        } else if (strncmp(labels, text, mine + 1) != 0 || labels[mine + 1] != '\n' ||
                   n - theirs != m - mine || memcmp(p + theirs, text + mine, n - theirs) != 0) {
            return false;
        } else {
            labels += mine + 2;
        }
        p += n;
        text += m;
    }
    return p == stop && *text == '\0' && *labels == '\0';
}

static void text_of_key(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    char *text = private_text(key), want[256], labels[256];
    size_t len;
    uint8_t *public_part = encode(plain, EVP_PKEY_PUBLIC_KEY, "TEXT", NULL, &len);

    (void)libctx;
    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
    snprintf(want, sizeof(want),
             "Private key in a littlebox: littlebox:%s\n    Box: default\n    Key: %s\n    Version: 1\n"
             "    State: active\n    Type: %s\n",
             t->key, t->key, t->type);
    CU_ASSERT_EQUAL(strncmp(text, want, strlen(want)), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(public_part);
    private_labels(t, labels, sizeof(labels));
    if (!is_relabelled(text + strlen(want), (const char *)public_part, len, labels)) {
        fprintf(stderr, "\n%s, under\n%s", text, labels);
        CU_FAIL("not the labels of a private key");
    }
    if (strcmp(t->name, "RSA") == 0) {
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nPrivate-Key: (2048 bit)\nmodulus:\n"));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "\npublicExponent: 65537 (0x10001)\n"));
    }
    OPENSSL_free(public_part);
    OPENSSL_free(text);
}

/* What the box says of it now. */
static void text_of_states(void)
{
    char dir[] = "/tmp/littlebox-test-XXXXXX", want[256], *pem, *text;
    EVP_PKEY *key;
    OSSL_LIB_CTX *elsewhere;

    boxproc_create(&box, "gone", "ec:P-256");
    key = load_uri(contexts[0], "littlebox://default/gone;version=1", 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    pem = handle_pem(key);
    boxproc_destroy(&box, "gone", 1);
    text = private_text(key);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "littlebox://default/gone;version=1\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "    State: version 1 of key 'gone' in box 'default' is destroyed"));
    OPENSSL_free(text);
    EVP_PKEY_free(key);

    /* No box: the rest is said all the same, at once. */
    NEED(mkdtemp(dir) != NULL);
    elsewhere = new_libctx(dir, /* littlebox_first= */ true, "littlebox-timeout = 3600000");
    key = load_pem(elsewhere, pem);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    ERR_clear_error();
    text = private_text(key);
    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
    snprintf(want, sizeof(want), "    Key: gone\n    State: no box 'default' answers at %s/default.sock", dir);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, want));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Private-Key: (256 bit"));
    OPENSSL_free(text);
    EVP_PKEY_free(key);
    OSSL_LIB_CTX_free(elsewhere);
    OPENSSL_free(pem);
    rmdir(dir);
}

/* Parameters */

static bool is_secret(const char *name)
{
    static const char *const secrets[] = { OSSL_PKEY_PARAM_PRIV_KEY, OSSL_PKEY_PARAM_RSA_D };

    for (size_t i = 0; i < COUNT(secrets); i++) {
        if (strcmp(name, secrets[i]) == 0)
            return true;
    }
    return strncmp(name, "rsa-factor", 10) == 0 || strncmp(name, "rsa-exponent", 12) == 0 ||
           strncmp(name, "rsa-coefficient", 15) == 0;
}

/* Any value as bytes; the length, -1: no such value. */
static long get_value(const EVP_PKEY *key, const OSSL_PARAM *type, uint8_t *buf, size_t size)
{
    OSSL_PARAM params[] = { *type, OSSL_PARAM_END };

    memset(buf, 0, size);
    params[0].data = buf;
    params[0].data_size = type->data_type == OSSL_PARAM_INTEGER ? sizeof(int) : size;
    params[0].return_size = OSSL_PARAM_UNMODIFIED;
    if (!EVP_PKEY_get_params(key, params) || !OSSL_PARAM_modified(&params[0]))
        return -1;
    return (long)params[0].return_size;
}

static void parameters(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    const OSSL_PARAM *theirs = EVP_PKEY_gettable_params(plain), *ours = EVP_PKEY_gettable_params(key);
    uint8_t a[4096], b[4096];
    size_t compared = 0;

    (void)libctx;
    (void)t;
    for (const OSSL_PARAM *p = theirs; p != NULL && p->key != NULL; p++) {
        long len, plain_len;

        if (is_secret(p->key)) {
            CU_ASSERT_PTR_NULL(OSSL_PARAM_locate_const(ours, p->key));
            continue;
        }
        len = get_value(key, p, a, sizeof(a));
        plain_len = get_value(plain, p, b, sizeof(b));
        if (plain_len < 0 && len < 0)
            continue; /* of other keys of this type */
        if (OSSL_PARAM_locate_const(ours, p->key) == NULL || len != plain_len || memcmp(a, b, sizeof(a)) != 0) {
            fprintf(stderr, "\nparameter '%s': %ld bytes, plain %ld\n", p->key, len, plain_len);
            CU_FAIL("parameter");
        }
        compared += len > 0;
    }
    CU_ASSERT(compared >= 4);
}

/* And the functions that programs use for them. */
static void parameter_functions(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    static const char *const numbers[] = { OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_EC_PUB_X,
                                           OSSL_PKEY_PARAM_EC_PUB_Y, OSSL_PKEY_PARAM_EC_ORDER };
    uint8_t raw[2][2048], *point[2] = { NULL, NULL };
    size_t len[2] = { sizeof(raw[0]), sizeof(raw[1]) };
    char name[2][80] = { "", "" };
    int nid[2] = { 0, 0 };

    (void)libctx;
    (void)t;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        BIGNUM *a = NULL, *b = NULL;

        CU_ASSERT_EQUAL(EVP_PKEY_get_bn_param(key, numbers[i], &a), EVP_PKEY_get_bn_param(plain, numbers[i], &b));
        CU_ASSERT((a == NULL) == (b == NULL) && (a == NULL || BN_cmp(a, b) == 0));
        BN_free(a);
        BN_free(b);
    }
    CU_ASSERT_EQUAL(EVP_PKEY_get_raw_public_key(key, raw[0], &len[0]),
                    EVP_PKEY_get_raw_public_key(plain, raw[1], &len[1]));
    CU_ASSERT(len[0] == len[1] && (t->digests != NULL || memcmp(raw[0], raw[1], len[0]) == 0));
    len[0] = EVP_PKEY_get1_encoded_public_key(key, &point[0]);
    len[1] = EVP_PKEY_get1_encoded_public_key(plain, &point[1]);
    CU_ASSERT(same_bytes(point[0], len[0], point[1], len[1]));
    CU_ASSERT_EQUAL(EVP_PKEY_get_group_name(key, name[0], sizeof(name[0]), &len[0]),
                    EVP_PKEY_get_group_name(plain, name[1], sizeof(name[1]), &len[1]));
    CU_ASSERT_STRING_EQUAL(name[0], name[1]);
    /* 2: the digest is the only one. */
    CU_ASSERT_EQUAL(EVP_PKEY_get_default_digest_name(key, name[0], sizeof(name[0])),
                    EVP_PKEY_get_default_digest_name(plain, name[1], sizeof(name[1])));
    CU_ASSERT_STRING_EQUAL(name[0], name[1]);
    CU_ASSERT_EQUAL(EVP_PKEY_get_default_digest_nid(key, &nid[0]), EVP_PKEY_get_default_digest_nid(plain, &nid[1]));
    CU_ASSERT_EQUAL(nid[0], nid[1]);
    CU_ASSERT_EQUAL(EVP_PKEY_get_ec_point_conv_form(key), EVP_PKEY_get_ec_point_conv_form(plain));
    CU_ASSERT_EQUAL(EVP_PKEY_get_field_type(key), EVP_PKEY_get_field_type(plain));
    CU_ASSERT_EQUAL(EVP_PKEY_get_bits(key), EVP_PKEY_get_bits(plain));
    CU_ASSERT_EQUAL(EVP_PKEY_get_size(key), EVP_PKEY_get_size(plain));
    CU_ASSERT_EQUAL(EVP_PKEY_get_security_bits(key), EVP_PKEY_get_security_bits(plain));
    CU_ASSERT_EQUAL(EVP_PKEY_can_sign(key), EVP_PKEY_can_sign(plain));
    CU_ASSERT_EQUAL(EVP_PKEY_missing_parameters(key), EVP_PKEY_missing_parameters(plain));
    OPENSSL_free(point[0]);
    OPENSSL_free(point[1]);
    ERR_clear_error();
}

/* openssl ec -conv_form, -param_enc, -no_public: how the public half is written can be set, on this key alone. */
static void set_parameters(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    static const char *const settings[][2] = {
        { OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed" },
        { OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "hybrid" },
        { OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT },
        { OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_GROUP },
    };
    char *pem = handle_pem(key), *after;
    size_t len[2];
    uint8_t *before = encode(key, EVP_PKEY_PUBLIC_KEY, "DER", "SubjectPublicKeyInfo", &len[0]), *same;
    EVP_PKEY *copy = EVP_PKEY_dup(key);

    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    CU_ASSERT(EVP_PKEY_set_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, (uint8_t *)"x", 1) <= 0);
    CU_ASSERT(littlebox_says("cannot be set"));
    for (size_t i = 0; i < COUNT(settings); i++) {
        bool is_ec = strcmp(t->name, "EC") == 0;

        CU_ASSERT_EQUAL(EVP_PKEY_set_utf8_string_param(key, settings[i][0], settings[i][1]) > 0, is_ec);
        if (!is_ec) {
            CU_ASSERT(littlebox_says("cannot be set"));
            continue;
        }
        CU_ASSERT(EVP_PKEY_set_utf8_string_param(plain, settings[i][0], settings[i][1]) > 0);
        CU_ASSERT(EVP_PKEY_set_int_param(key, OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, 0) > 0);
        same_public_form(key, plain, EVP_PKEY_PUBLIC_KEY, "PEM", "SubjectPublicKeyInfo");
        same_public_form(key, plain, EVP_PKEY_KEY_PARAMETERS, "PEM", "type-specific");
        CU_ASSERT_EQUAL(EVP_PKEY_eq(key, plain), 1);
        CU_ASSERT_EQUAL(EVP_PKEY_eq(plain, key), 1);
        CU_ASSERT(signs(libctx, key, plain));
    }
    /* Neither the handle nor a copy knows of it. */
    after = handle_pem(key);
    CU_ASSERT_STRING_EQUAL(pem, after);
    same = encode(copy, EVP_PKEY_PUBLIC_KEY, "DER", "SubjectPublicKeyInfo", &len[1]);
    CU_ASSERT(same_bytes(before, len[0], same, len[1]));
    EVP_PKEY_free(copy);
    OPENSSL_free(same);
    OPENSSL_free(before);
    OPENSSL_free(after);
    OPENSSL_free(pem);
}

/* Copying and checking */

/* The plain key in a third context, which is to a plain key what a handle is: of another key manager. */
static EVP_PKEY *foreign_public(EVP_PKEY *plain)
{
    uint8_t *der = NULL;
    const uint8_t *p;
    int len = i2d_PUBKEY(plain, &der);
    EVP_PKEY *key;

    NEED(len > 0);
    p = der;
    key = d2i_PUBKEY_ex(NULL, &p, len, foreign, NULL);
    NEED(key != NULL);
    OPENSSL_free(der);
    return key;
}

static void copies(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    EVP_PKEY *copy = EVP_PKEY_dup(key), *again, *params = EVP_PKEY_new(), *plain_params = EVP_PKEY_new();
    EVP_PKEY *reference = foreign_public(plain);
    char *pem = handle_pem(key), *copy_pem;
    int copied;

    (void)t;
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    again = EVP_PKEY_dup(copy);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    EVP_PKEY_free(copy);
    CU_ASSERT(signs(libctx, again, plain));
    CU_ASSERT_EQUAL(EVP_PKEY_eq(again, key), 1);
    copy_pem = handle_pem(again);
    CU_ASSERT_STRING_EQUAL(pem, copy_pem);

    copied = EVP_PKEY_copy_parameters(params, key);
    CU_ASSERT_EQUAL(copied, EVP_PKEY_copy_parameters(plain_params, reference));
    if (copied == 1) {
        CU_ASSERT_EQUAL(EVP_PKEY_parameters_eq(params, key), EVP_PKEY_parameters_eq(plain_params, reference));
        CU_ASSERT_EQUAL(EVP_PKEY_parameters_eq(params, plain), EVP_PKEY_parameters_eq(plain_params, plain));
        CU_ASSERT_EQUAL(EVP_PKEY_eq(params, key), EVP_PKEY_eq(plain_params, reference));
        CU_ASSERT_EQUAL(i2d_PUBKEY(params, NULL), i2d_PUBKEY(plain_params, NULL));
        CU_ASSERT(!signs(libctx, params, plain));
    }
    CU_ASSERT_EQUAL(EVP_PKEY_parameters_eq(key, plain), EVP_PKEY_parameters_eq(reference, plain));
    CU_ASSERT_EQUAL(EVP_PKEY_parameters_eq(plain, key), EVP_PKEY_parameters_eq(plain, reference));
    EVP_PKEY_free(reference);
    OPENSSL_free(copy_pem);
    OPENSSL_free(pem);
    EVP_PKEY_free(plain_params);
    EVP_PKEY_free(params);
    EVP_PKEY_free(again);
}

static void checks(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    static int (*const of_public_half[])(EVP_PKEY_CTX *ctx) = { EVP_PKEY_public_check, EVP_PKEY_public_check_quick,
                                                                EVP_PKEY_param_check, EVP_PKEY_param_check_quick };
    static int (*const of_both[])(EVP_PKEY_CTX *ctx) = { EVP_PKEY_check, EVP_PKEY_pairwise_check,
                                                         EVP_PKEY_private_check };
    EVP_PKEY_CTX *ours = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    EVP_PKEY_CTX *theirs = EVP_PKEY_CTX_new_from_pkey(NULL, plain, NULL);

    (void)t;
    for (size_t i = 0; i < COUNT(of_public_half); i++)
        CU_ASSERT_EQUAL(of_public_half[i](ours), of_public_half[i](theirs));
    for (size_t i = 0; i < COUNT(of_both); i++)
        CU_ASSERT_EQUAL(of_both[i](ours), 1);
    EVP_PKEY_CTX_free(ours);
    EVP_PKEY_CTX_free(theirs);
}

/* A check of a key is a look into the box. */
static void check_asks(void)
{
    EVP_PKEY *key;
    EVP_PKEY_CTX *ctx;
    OSSL_LIB_CTX *elsewhere;
    char dir[] = "/tmp/littlebox-test-XXXXXX", *pem;

    NEED(mkdtemp(dir) != NULL);
    key = load_key(contexts[0], "p256");
    pem = handle_pem(key);
    EVP_PKEY_free(key);
    elsewhere = new_libctx(dir, /* littlebox_first= */ false, "");
    key = load_pem(elsewhere, pem);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    ctx = EVP_PKEY_CTX_new_from_pkey(elsewhere, key, NULL);
    CU_ASSERT_EQUAL(EVP_PKEY_public_check(ctx), 1);
    CU_ASSERT(EVP_PKEY_check(ctx) <= 0);
    CU_ASSERT(littlebox_says("no box 'default' answers at"));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    OPENSSL_free(pem);
    OSSL_LIB_CTX_free(elsewhere);
    rmdir(dir);
}

static void test_public(void)
{
    each(public_forms);
    each(public_functions);
}

static void test_private(void)
{
    each(private_forms);
    each(pkcs12_file);
}

static void test_text(void)
{
    each(text_of_key);
    text_of_states();
}

static void test_parameters(void)
{
    each(parameters);
    each(parameter_functions);
    each(set_parameters);
}

static void test_copies(void)
{
    each(copies);
    each(checks);
    check_asks();
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "public forms", test_public },
        { "private forms", test_private },
        { "text", test_text },
        { "parameters", test_parameters },
        { "copies and checks", test_copies },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    alone = new_libctx_alone(box.dir);
    foreign = OSSL_LIB_CTX_new();
    NEED(foreign != NULL);
    status = run_suite("encoding", tests);
    OSSL_LIB_CTX_free(foreign);
    OSSL_LIB_CTX_free(alone);
    types_end();
    return status;
}
