#include "readers.h"

#include <CUnit/CUnit.h>
#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "boxproc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

BIO *readers_buffer(const struct blob *b)
{
    BIO *in = BIO_new_file(others_file(b), "rb"), *buffer = BIO_new(BIO_f_buffer());

    NEED(in != NULL && buffer != NULL);
    return BIO_push(buffer, in);
}

static void add_key(char *seen, size_t size, const char *what, EVP_PKEY *key)
{
    size_t len = strlen(seen);

    if (key == NULL) {
        snprintf(seen + len, size - len, "%s:none ", what);
        return;
    }
    snprintf(seen + len, size - len, "%s:%s/%s ", what, EVP_PKEY_get0_type_name(key),
             EVP_PKEY_get0_provider(key) == NULL ? "no provider" : OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key)));
    EVP_PKEY_free(key);
}

void readers_store(OSSL_LIB_CTX *libctx, const struct blob *b, int expect, char *seen, size_t size)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(others_file(b), libctx, NULL, UI_null(), NULL, NULL, NULL, NULL);

    if (store != NULL && expect != 0)
        CU_ASSERT_EQUAL(OSSL_STORE_expect(store, expect), 1);
    while (store != NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        size_t len = strlen(seen);

        if (info == NULL && OSSL_STORE_error(store))
            break;
        snprintf(seen + len, size - len, "store:%d ", info == NULL ? 0 : OSSL_STORE_INFO_get_type(info));
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
}

void readers_decoder(OSSL_LIB_CTX *libctx, const struct blob *b, int selection, char *seen, size_t size)
{
    const uint8_t *p = b->data;
    size_t len = b->len;
    EVP_PKEY *key = NULL;
    OSSL_DECODER_CTX *dec = OSSL_DECODER_CTX_new_for_pkey(&key, NULL, NULL, NULL, selection, libctx, NULL);

    NEED(dec != NULL);
    OSSL_DECODER_CTX_set_passphrase(dec, (const uint8_t *)"secret", 6);
    (void)!OSSL_DECODER_from_data(dec, &p, &len);
    add_key(seen, size, "decoder", key);
    OSSL_DECODER_CTX_free(dec);
}

static void decode_buffered(OSSL_LIB_CTX *libctx, const struct blob *b, const char *type, int selection, char *seen,
                            size_t size)
{
    EVP_PKEY *key = NULL;
    OSSL_DECODER_CTX *dec = OSSL_DECODER_CTX_new_for_pkey(&key, type, NULL, NULL, selection, libctx, NULL);
    BIO *in = readers_buffer(b);

    NEED(dec != NULL);
    OSSL_DECODER_CTX_set_passphrase(dec, (const uint8_t *)"secret", 6);
    (void)!OSSL_DECODER_from_bio(dec, in);
    add_key(seen, size, type == NULL ? "decoder of a buffer" : type, key);
    OSSL_DECODER_CTX_free(dec);
    BIO_free_all(in);
}

/*
 * A file with the content twice, so that what is lost is missed: the key that a buffer begins with, and the labels of what
 * comes behind it.
 */
static void read_buffered(OSSL_LIB_CTX *libctx, const struct blob *once, char *seen, size_t size)
{
    struct blob twice = { once->name, OPENSSL_malloc(2 * once->len + 1), 2 * once->len };
    const struct blob *b = &twice;
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long len = 0;
    BIO *in;

    NEED(twice.data != NULL);
    memcpy(twice.data, once->data, once->len);
    memcpy(twice.data + once->len, once->data, once->len);
    in = readers_buffer(b);
    add_key(seen, size, "buffer", PEM_read_bio_PrivateKey_ex(in, NULL, others_passphrase, NULL, libctx, NULL));
    while (PEM_read_bio(in, &name, &header, &data, &len) == 1) {
        size_t at = strlen(seen);

        snprintf(seen + at, size - at, "behind:%s ", name);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    BIO_free_all(in);
    in = readers_buffer(b);
    add_key(seen, size, "buffer PUBKEY", PEM_read_bio_PUBKEY_ex(in, NULL, others_passphrase, NULL, libctx, NULL));
    BIO_free_all(in);
    in = readers_buffer(b);
    add_key(seen, size, "buffer Parameters", PEM_read_bio_Parameters_ex(in, NULL, libctx, NULL));
    BIO_free_all(in);
    decode_buffered(libctx, b, NULL, EVP_PKEY_KEYPAIR, seen, size);
    decode_buffered(libctx, b, "EC", 0, seen, size);
    OPENSSL_free(twice.data);
}

void readers_all(OSSL_LIB_CTX *libctx, const struct blob *b, char *seen, size_t size)
{
    static const int selections[] = { 0, EVP_PKEY_KEYPAIR, EVP_PKEY_PUBLIC_KEY, EVP_PKEY_KEY_PARAMETERS };
    static const int expected[] = { 0, OSSL_STORE_INFO_PKEY, OSSL_STORE_INFO_PUBKEY, OSSL_STORE_INFO_PARAMS,
                                    OSSL_STORE_INFO_CERT, OSSL_STORE_INFO_CRL };
    const uint8_t *p;
    BIO *mem;

    seen[0] = '\0';
    for (size_t i = 0; i < COUNT(selections); i++)
        readers_decoder(libctx, b, selections[i], seen, size);
    for (size_t i = 0; i < COUNT(expected); i++)
        readers_store(libctx, b, expected[i], seen, size);
    mem = BIO_new_mem_buf(b->data, (int)b->len);
    add_key(seen, size, "PrivateKey", PEM_read_bio_PrivateKey_ex(mem, NULL, others_passphrase, NULL, libctx, NULL));
    BIO_free(mem);
    mem = BIO_new_mem_buf(b->data, (int)b->len);
    add_key(seen, size, "PUBKEY", PEM_read_bio_PUBKEY_ex(mem, NULL, others_passphrase, NULL, libctx, NULL));
    BIO_free(mem);
    mem = BIO_new_mem_buf(b->data, (int)b->len);
    add_key(seen, size, "Parameters", PEM_read_bio_Parameters_ex(mem, NULL, libctx, NULL));
    BIO_free(mem);
    p = b->data;
    add_key(seen, size, "d2i private", d2i_AutoPrivateKey_ex(NULL, &p, (long)b->len, libctx, NULL));
    p = b->data;
    add_key(seen, size, "d2i public", d2i_PUBKEY_ex(NULL, &p, (long)b->len, libctx, NULL));
    mem = BIO_new_mem_buf(b->data, (int)b->len);
    add_key(seen, size, "d2i bio", d2i_PrivateKey_ex_bio(mem, NULL, libctx, NULL));
    BIO_free(mem);
    read_buffered(libctx, b, seen, size);
}
