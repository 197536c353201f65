/* A box that test vectors' keys are brought into, and what every reader of vectors asks of it. */
#include "vectorbox.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

struct boxproc box;
OSSL_LIB_CTX *contexts[2];
unsigned ran;

void vectorbox_begin(void)
{
    boxproc_new(&box, "default");
    for (int i = 0; i < 2; i++)
        contexts[i] = new_libctx(box.dir, /* littlebox_first= */ i == 0, "");
}

void vectorbox_end(void)
{
    for (int i = 0; i < 2; i++)
        OSSL_LIB_CTX_free(contexts[i]);
    boxproc_free(&box);
}

OSSL_LIB_CTX *context_of(void)
{
    return contexts[ran % 2];
}

EVP_PKEY *in_box_as(const char *name, EVP_PKEY *key)
{
    static unsigned n;

    NEED(key != NULL);
    boxproc_import(&box, name, key);
    EVP_PKEY_free(key);
    return load_key(contexts[n++ % 2], name);
}

EVP_PKEY *in_box(EVP_PKEY *key)
{
    static unsigned n;
    char name[32];

    snprintf(name, sizeof(name), "vector-%u", n++);
    return in_box_as(name, key);
}

void vector_failed(const char *what, unsigned number)
{
    fprintf(stderr, "\n%s: vector %u\n", what, number);
    ERR_print_errors_fp(stderr);
    CU_FAIL("a vector");
}

EVP_PKEY *raw_key(const char *algorithm, const char *hex)
{
    size_t len;
    uint8_t *bytes = vectors_hex(hex, &len);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(NULL, algorithm, NULL, bytes, len);

    free(bytes);
    return key;
}

EVP_PKEY *ec_key(const char *group, const char *d, const char *x, const char *y)
{
    size_t size = strcmp(group, "P-256") == 0 ? 32 : strcmp(group, "P-384") == 0 ? 48 : 66;
    uint8_t point[1 + 2 * 66] = { 4 };
    BIGNUM *bn_d = NULL, *bn_x = NULL, *bn_y = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM *params;
    EVP_PKEY *key = NULL;

    NEED(BN_hex2bn(&bn_x, x) > 0 && BN_hex2bn(&bn_y, y) > 0 && BN_bn2binpad(bn_x, point + 1, (int)size) > 0 &&
         BN_bn2binpad(bn_y, point + 1 + size, (int)size) > 0);
    NEED(OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) &&
         OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size));
    if (d != NULL)
        NEED(BN_hex2bn(&bn_d, d) > 0 && OSSL_PARAM_BLD_push_BN_pad(bld, OSSL_PKEY_PARAM_PRIV_KEY, bn_d, size));
    params = OSSL_PARAM_BLD_to_param(bld);
    NEED(params != NULL && EVP_PKEY_fromdata_init(ctx) > 0);
    if (EVP_PKEY_fromdata(ctx, &key, d == NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, params) <= 0)
        key = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_BLD_free(bld);
    BN_free(bn_d);
    BN_free(bn_x);
    BN_free(bn_y);
    return key;
}

/* Its public half is d times the generator. */
EVP_PKEY *ec_private_key(const char *name, const char *d_text)
{
    BN_CTX *bn = BN_CTX_new();
    BIGNUM *d = NULL, *x = BN_new(), *y = BN_new();
    EC_GROUP *group = EC_GROUP_new_by_curve_name(EC_curve_nist2nid(name));
    EC_POINT *point = EC_POINT_new(group);
    char *x_text, *y_text;
    EVP_PKEY *key;

    NEED(BN_hex2bn(&d, d_text) > 0 && EC_POINT_mul(group, point, d, NULL, NULL, bn) &&
         EC_POINT_get_affine_coordinates(group, point, x, y, bn));
    x_text = BN_bn2hex(x);
    y_text = BN_bn2hex(y);
    key = ec_key(name, d_text, x_text, y_text);
    NEED(key != NULL);
    OPENSSL_free(x_text);
    OPENSSL_free(y_text);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    BN_free(d);
    BN_free(x);
    BN_free(y);
    BN_CTX_free(bn);
    return key;
}

int agrees(OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *peer, const char *expected)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    uint8_t secret[LB_SHARED_MAX];
    size_t len = sizeof(secret), want_len;
    uint8_t *want = vectors_hex(expected, &want_len);
    int r = -1;

    NEED(EVP_PKEY_derive_init(ctx) > 0);
    if (EVP_PKEY_derive_set_peer(ctx, peer) > 0 && EVP_PKEY_derive(ctx, secret, &len) > 0)
        r = len == want_len && memcmp(secret, want, len) == 0;
    free(want);
    EVP_PKEY_CTX_free(ctx);
    return r;
}

void field_put(struct fields *f, const char *label, const char *value)
{
    size_t i = 0;

    while (i < FIELDS && f->f[i].value != NULL && strcmp(f->f[i].label, label) != 0)
        i++;
    NEED(i < FIELDS && strlen(label) < sizeof(f->f[i].label));
    free(f->f[i].value);
    strcpy(f->f[i].label, label);
    f->f[i].value = strdup(value);
    NEED(f->f[i].value != NULL);
}

const char *field_get(const struct fields *f, const char *label)
{
    for (size_t i = 0; i < FIELDS && f->f[i].value != NULL; i++) {
        if (strcmp(f->f[i].label, label) == 0)
            return f->f[i].value;
    }
    return NULL;
}

void fields_clear(struct fields *f)
{
    for (size_t i = 0; i < FIELDS; i++)
        free(f->f[i].value);
    memset(f, 0, sizeof(*f));
}
