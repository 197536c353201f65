/* Decoders of PKCS#8 that are kept from file to file: making one costs ten times what it then does. */
#ifndef LB_COMMAND_KEY_DECODERS_H
#define LB_COMMAND_KEY_DECODERS_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "model/key_types.h"

/* One thread at a time. */
struct key_decoders;

/* ctx, where keys are loaded, outlives it; NULL: OpenSSL's own. NULL: out of memory. */
struct key_decoders *keydecoders_new(OSSL_LIB_CTX *ctx);
void keydecoders_free(struct key_decoders *d); /* NULL is fine */
/* The key in a DER PrivateKeyInfo of that algorithm. NULL: it does not load; the errors are on OpenSSL's queue. */
EVP_PKEY *keydecoders_decode(struct key_decoders *d, const struct key_algorithm *a, const uint8_t *der, size_t len);
/* The key in a PEM block "PRIVATE KEY"; NULL: it is another block, or one that has to be read in another way. */
EVP_PKEY *keydecoders_read(struct key_decoders *d, const uint8_t *pem, size_t len);

#endif
