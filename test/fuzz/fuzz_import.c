/*
 * Aims at what reads private keys from outside: key files of every form, as the command does it, and the PrivateKeyInfo that
 * a box is sent. What is taken is whole: it is of a type that a box holds, opens again to the same key, and its halves
 * belong together; what is not taken leaves a text, no key, and nothing on OpenSSL's queue.
 */
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "command/key_file.h"
#include "command/prompt.h"
#include "guard/secret.h"
#include "keys/make_key.h"
#include "seals/seal.h"
#include "fuzz.h"

static struct backend_sealed *backend;

static void must(bool good)
{
    if (!good)
        abort();
}

/* In the place of keystore/command/prompt.c: whoever is asked knows one passphrase. */
int ask_passphrase(const struct cli *c, const char *what, bool as_new, struct passphrase *ret, struct problem *p)
{
    static const char text[] = "secret";

    (void)c;
    must(what[0] != '\0' && !as_new);
    ret->data = secret_alloc(LB_SECRET_MAX);
    if (ret->data == NULL)
        return problem_set(p, LB_E_NOMEM, "no locked memory left");
    memcpy(ret->data, text, strlen(text));
    ret->len = strlen(text);
    return 0;
}

void ask_clear(struct passphrase *s)
{
    secret_free(s->data, LB_SECRET_MAX);
    s->data = NULL;
    s->len = 0;
}

/* Loaded and unloaded for each input, it would be read from disk each time. NULL: there is none. */
static OSSL_PROVIDER *legacy;

static void clear(void)
{
    if (legacy != NULL)
        OSSL_PROVIDER_unload(legacy);
    backend_sealed_free(backend);
}

static void setup(void)
{
    static const uint8_t id[STORE_ID_SIZE] = { 1 }, store_key[STORE_KEY_SIZE] = { 2 };

    must(secret_setup_libcrypto() == 0);
    must(backend_sealed_new(id, store_key, &backend) == 0);
    legacy = OSSL_PROVIDER_try_load(NULL, "legacy", 1);
    ERR_clear_error();
    atexit(clear);
}

/* As the box does with what it is sent. */
static void import(const uint8_t *der, size_t len)
{
    struct version_record v = { .name = "web", .version = 1, .state = STATE_ACTIVE };
    const struct key_record k = { .name = "web", .versions = &v, .version_count = 1 };
    const struct backend_ops *ops = &backend_sealed_ops;
    EVP_PKEY *key = NULL, *again = NULL;
    struct problem p = { 0 };
    int r;

    if (len > LB_PRIVATE_MAX)
        return;
    r = ops->import(backend, (struct bytes){ der, len }, &k, &v, &key, &p);
    if (r != 0) {
        must(p.code == r && p.text[0] != '\0' && v.spki == NULL && v.material == NULL && key == NULL);
        ERR_clear_error();
        return;
    }
    must(v.type[0] != '\0' && v.spki_len > 0 && v.spki_len <= LB_SPKI_MAX && v.material_len > 0);
    must(ops->check(backend, &k, &v) == 0 && ops->open(backend, &k, &v, &again) == 0);
    must(EVP_PKEY_eq(key, again) == 1 && keytype_pairwise(again) == 0);
    EVP_PKEY_free(key);
    EVP_PKEY_free(again);
    version_record_clear(&v);
    ERR_clear_error();
}

/* As the command does with a file. */
static void read_file(const uint8_t *data, size_t len)
{
    static const struct cli cli = { .box = "default" };
    struct problem p = { 0 };
    struct keyfile k;
    uint8_t *der = NULL;
    size_t der_len = 0;
    int r = keyfile_parse(&cli, "FILE", data, len, &k, &p);

    must(ERR_peek_error() == 0);
    if (r != 0) {
        must(p.code == r && p.text[0] != '\0' && k.key == NULL);
        return;
    }
    must(k.is_handle == (k.key == NULL) && (k.form == KEYFILE_PKCS12 || (k.start < k.end && k.end <= len)));
    if (!k.is_handle) {
        r = keyfile_pkcs8(k.key, &der, &der_len, &p);
        must(r == 0 ? der_len > 0 && der_len <= LB_PRIVATE_MAX : p.text[0] != '\0' && der == NULL);
        if (r == 0)
            import(der, der_len);
        secret_free(der, LB_PRIVATE_MAX);
    }
    keyfile_clear(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum keyfile_sight sight;
    struct handle handle;

    if (backend == NULL)
        setup();
    if (size > KEYFILE_MAX)
        return 0;
    ERR_clear_error();
    (void)!keyfile_look(data, size, &sight, &handle);
    handle_clear(&handle);
    read_file(data, size);
    import(data, size);
    return 0;
}
