/* Decoders of plain PKCS#8 that are kept from file to file: making one costs ten times what it then does. */
#ifndef LB_COMMAND_KEY_DECODERS_H
#define LB_COMMAND_KEY_DECODERS_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

/* One thread at a time. */
struct key_decoders;

/* NULL: out of memory. */
struct key_decoders *keydecoders_new(void);
void keydecoders_free(struct key_decoders *d);
/* The key in a PEM block "PRIVATE KEY"; NULL: it is another block, or one that has to be read in another way. */
EVP_PKEY *keydecoders_read(struct key_decoders *d, const uint8_t *pem, size_t len);

#endif
