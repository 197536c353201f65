/* Rows of the table of operations that make keys, write them and read them again. */
#include <openssl/core_names.h>
#include <openssl/encoder.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "optable.h"

/* Making */

static bool is_in_box(struct run *r, EVP_PKEY *key)
{
    EVP_PKEY *plain = plain_public(key);
    char text[8];
    bool ok = EVP_PKEY_get0_provider(key) != NULL &&
              strcmp(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key)), "littlebox") == 0 &&
              EVP_PKEY_get_raw_private_key(key, (uint8_t *)text, &(size_t){ sizeof(text) }) != 1;

    (void)r;
    EVP_PKEY_free(plain);
    return ok;
}

/* A key like the run's, under a name of its own and under one that the provider makes. */
bool generate_keys(struct run *r)
{
    static unsigned count;
    const char *type = EVP_PKEY_get0_type_name(r->plain);
    char uri[LB_NAME_MAX + 32], group[80] = "";
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(r->libctx, type, "provider=littlebox");
    OSSL_PARAM params[3];
    EVP_PKEY *key = NULL, *quick = NULL, *again = NULL;
    size_t n = 0;
    bool ok;

    snprintf(uri, sizeof(uri), "littlebox:generated-%u", count++);
    params[n++] = OSSL_PARAM_construct_utf8_string("littlebox_uri", uri, 0);
    if (EVP_PKEY_get_group_name(r->plain, group, sizeof(group), NULL) > 0)
        params[n++] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
    params[n] = OSSL_PARAM_construct_end();
    ok = ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0 && EVP_PKEY_CTX_set_params(ctx, params) > 0 &&
         EVP_PKEY_generate(ctx, &key) > 0 && is_in_box(r, key);
    again = ok ? load_uri(r->libctx, uri, OSSL_STORE_INFO_PKEY) : NULL;
    ok = again != NULL && EVP_PKEY_eq(key, again) == 1 && EVP_PKEY_eq(key, r->plain) != 1;
    if (group[0] != '\0')
        quick = EVP_PKEY_Q_keygen(r->libctx, "provider=littlebox", "EC", group);
    else if (strcmp(type, "RSA") == 0)
        quick = EVP_PKEY_Q_keygen(r->libctx, "provider=littlebox", "RSA", (size_t)2048);
    else if (strcmp(type, "RSA-PSS") != 0)
        quick = EVP_PKEY_Q_keygen(r->libctx, "provider=littlebox", type);
    ok = ok && (strcmp(type, "RSA-PSS") == 0 || (quick != NULL && is_in_box(r, quick)));
    EVP_PKEY_free(again);
    EVP_PKEY_free(quick);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* Writing */

/* What an encoder writes; NULL: nothing. Freed with BIO_free(). */
static BIO *written(EVP_PKEY *key, int selection, const char *output, const char *structure, const char *properties)
{
    OSSL_ENCODER_CTX *ctx = OSSL_ENCODER_CTX_new_for_pkey(key, selection, output, structure, properties);
    BIO *out = BIO_new(BIO_s_mem());

    if (ctx == NULL || OSSL_ENCODER_to_bio(ctx, out) != 1) {
        BIO_free(out);
        out = NULL;
    }
    OSSL_ENCODER_CTX_free(ctx);
    return out;
}

/* By our own encoder and by that of `default`, byte for byte. */
bool write_public(struct run *r)
{
    const char *output = option_value(r, "-output"), *structure = option_value(r, "-structure");
    BIO *ours = written(r->key, EVP_PKEY_PUBLIC_KEY, output, structure, "provider=littlebox");
    BIO *theirs = written(r->plain, EVP_PKEY_PUBLIC_KEY, output, structure, NULL);
    char *our_data = NULL, *their_data = NULL;
    bool ok = ours != NULL && theirs != NULL;

    ok = ok && BIO_get_mem_data(ours, &our_data) == BIO_get_mem_data(theirs, &their_data) &&
         memcmp(our_data, their_data, (size_t)BIO_get_mem_data(ours, &our_data)) == 0;
    BIO_free(theirs);
    BIO_free(ours);
    return ok;
}

static EVP_PKEY *read_pem(struct run *r, const char *data, long len)
{
    BIO *in = BIO_new_mem_buf(data, (int)len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(in, NULL, NULL, NULL, r->libctx, NULL);

    BIO_free(in);
    return key;
}

static EVP_PKEY *read_der(struct run *r, const char *data, long len)
{
    const uint8_t *p = (const uint8_t *)data;

    return d2i_AutoPrivateKey_ex(NULL, &p, len, r->libctx, NULL);
}

static EVP_PKEY *read_p8(struct run *r, const char *data, long len)
{
    const uint8_t *p = (const uint8_t *)data;
    PKCS8_PRIV_KEY_INFO *p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, len);
    EVP_PKEY *key = p8 == NULL ? NULL : EVP_PKCS82PKEY_ex(p8, r->libctx, NULL);

    PKCS8_PRIV_KEY_INFO_free(p8);
    return key;
}

static EVP_PKEY *read_file(struct run *r, const char *data, long len)
{
    char path[] = "/tmp/littlebox-test-key-XXXXXX", uri[64];
    int fd = mkstemp(path);
    EVP_PKEY *key;

    NEED(fd >= 0 && write(fd, data, (size_t)len) == len && close(fd) == 0);
    snprintf(uri, sizeof(uri), "file:%s", path);
    key = load_uri(r->libctx, uri, OSSL_STORE_INFO_PKEY);
    unlink(path);
    return key;
}

/* A handle, without a secret in it, by which each way of reading finds the key again. */
bool write_handles(struct run *r)
{
    static const struct {
        const char *output;
        EVP_PKEY *(*read)(struct run *r, const char *data, long len);
    } ways[] = { { "PEM", read_pem }, { "PEM", read_file }, { "DER", read_der }, { "DER", read_p8 }, { "DER", read_file } };
    bool ok = true;

    for (size_t i = 0; ok && i < sizeof(ways) / sizeof(ways[0]); i++) {
        BIO *out = written(r->key, EVP_PKEY_KEYPAIR, ways[i].output, "PrivateKeyInfo", NULL);
        char *data = NULL;
        long len = out == NULL ? 0 : BIO_get_mem_data(out, &data);
        EVP_PKEY *again = out == NULL ? NULL : ways[i].read(r, data, len);

        ok = again != NULL && EVP_PKEY_eq(again, r->key) == 1 && EVP_PKEY_eq(r->plain, again) == 1 && is_in_box(r, again);
        EVP_PKEY_free(again);
        BIO_free(out);
    }
    return ok;
}

/* The first value in the text of a key, over its lines: modulus or point. */
static bool has_value(const char *text, const char *of)
{
    const char *start = strstr(of, "\n    "), *end = start;

    while (end != NULL && strncmp(end, "\n    ", 5) == 0)
        end = strchr(end + 1, '\n');
    return end != NULL && memmem(text, strlen(text), start, (size_t)(end - start)) != NULL;
}

/* Reading it aloud: whose key it is, and the public half as the text of a private key has it. */
bool write_texts(struct run *r)
{
    BIO *ours = BIO_new(BIO_s_mem()), *theirs = BIO_new(BIO_s_mem());
    char *our_text = NULL, *their_text = NULL, whose[128];
    bool ok = EVP_PKEY_print_private(ours, r->key, 0, NULL) > 0 && EVP_PKEY_print_public(theirs, r->plain, 0, NULL) > 0;

    snprintf(whose, sizeof(whose), "Box: default\n    Key: %s\n    Version: 1\n    State: active\n", r->name);
    ok = ok && BIO_write(ours, "", 1) == 1 && BIO_write(theirs, "", 1) == 1 && BIO_get_mem_data(ours, &our_text) > 0 &&
         BIO_get_mem_data(theirs, &their_text) > 0 && has_value(our_text, their_text) &&
         strstr(our_text, "Private-Key:") != NULL && strstr(our_text, whose) != NULL &&
         strstr(our_text, "priv:") == NULL && strstr(our_text, "privateExponent") == NULL;
    BIO_free(theirs);
    BIO_free(ours);
    return ok;
}
