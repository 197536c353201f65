/* Decoders of PKCS#8 that are kept from file to file: making one costs ten times what it then does. */
#include "command/key_decoders.h"

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

struct key_decoders {
    OSSL_LIB_CTX *ctx;
    EVP_PKEY *decoded; /* by any of them */
    OSSL_DECODER_CTX *of[KEY_ALGORITHM_COUNT];
};

struct key_decoders *keydecoders_new(OSSL_LIB_CTX *ctx)
{
    struct key_decoders *d = OPENSSL_zalloc(sizeof(*d));

    if (d != NULL)
        d->ctx = ctx;
    return d;
}

void keydecoders_free(struct key_decoders *d)
{
    for (size_t i = 0; d != NULL && i < KEY_ALGORITHM_COUNT; i++)
        OSSL_DECODER_CTX_free(d->of[i]);
    OPENSSL_free(d);
}

static const struct key_algorithm *algorithm_of(const uint8_t *der, long len)
{
    PKCS8_PRIV_KEY_INFO *p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, len);
    const ASN1_OBJECT *algorithm = NULL;
    char oid[64] = "";

    if (p8 != NULL && PKCS8_pkey_get0(&algorithm, NULL, NULL, NULL, p8))
        OBJ_obj2txt(oid, sizeof(oid), algorithm, /* no_name= */ 1);
    PKCS8_PRIV_KEY_INFO_free(p8);
    return key_algorithm_by_oid(oid);
}

EVP_PKEY *keydecoders_decode(struct key_decoders *d, const struct key_algorithm *a, const uint8_t *der, size_t len)
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

EVP_PKEY *keydecoders_read(struct key_decoders *d, const uint8_t *pem, size_t len)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    const struct key_algorithm *a = NULL;
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    EVP_PKEY *key = NULL;
    long der_len = 0;

    if (bio != NULL && PEM_read_bio(bio, &name, &header, &der, &der_len) && strcmp(name, PEM_STRING_PKCS8INF) == 0 &&
        header[0] == '\0')
        a = algorithm_of(der, der_len);
    if (a != NULL)
        key = keydecoders_decode(d, a, der, (size_t)der_len);
    ERR_clear_error();
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, (size_t)der_len);
    BIO_free(bio);
    return key;
}
