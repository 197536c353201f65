/* doctor: decoders of handle files that are kept from file to file: making one costs ten times what it then does. */
#include "doctor/kept_decoders.h"

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "model/key_types.h"

struct kept_decoders {
    OSSL_LIB_CTX *ctx;
    EVP_PKEY *decoded; /* by any of them */
    OSSL_DECODER_CTX *of[KEY_ALGORITHM_COUNT];
};

struct kept_decoders *kept_decoders_new(OSSL_LIB_CTX *ctx)
{
    struct kept_decoders *d = OPENSSL_zalloc(sizeof(*d));

    if (d != NULL)
        d->ctx = ctx;
    return d;
}

void kept_decoders_free(struct kept_decoders *d)
{
    for (size_t i = 0; d != NULL && i < KEY_ALGORITHM_COUNT; i++)
        OSSL_DECODER_CTX_free(d->of[i]);
    OPENSSL_free(d);
}

static EVP_PKEY *decode(struct kept_decoders *d, const struct key_algorithm *a, const uint8_t *der, size_t len)
{
    OSSL_DECODER_CTX **ctx = &d->of[a->row];
    EVP_PKEY *key;

    if (*ctx == NULL)
        *ctx = OSSL_DECODER_CTX_new_for_pkey(&d->decoded, "DER", "PrivateKeyInfo", a->name, EVP_PKEY_KEYPAIR, d->ctx,
                                             /* properties= */ NULL);
    d->decoded = NULL;
    if (*ctx == NULL || !OSSL_DECODER_from_data(*ctx, &der, &len) || len != 0) {
        EVP_PKEY_free(d->decoded);
        d->decoded = NULL;
    }
    key = d->decoded;
    d->decoded = NULL; /* now owned by the caller */
    return key;
}

EVP_PKEY *kept_decoders_load(struct kept_decoders *d, const char *path, struct handle *ret)
{
    BIO *bio = BIO_new_file(path, "r");
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    EVP_PKEY *key = NULL;
    long len = 0;

    memset(ret, 0, sizeof(*ret));
    if (bio != NULL && PEM_read_bio(bio, &name, &header, &der, &len) && strcmp(name, PEM_STRING_PKCS8INF) == 0 &&
        handle_from_der(der, (size_t)len, ret) == 0)
        key = decode(d, key_algorithm_by_number(ret->type), der, (size_t)len);
    ERR_clear_error();
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, (size_t)len);
    BIO_free(bio);
    return key;
}
