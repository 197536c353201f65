/* doctor: decoders of handle files that are kept from file to file: making one costs ten times what it then does. */
#ifndef LB_DOCTOR_KEPT_DECODERS_H
#define LB_DOCTOR_KEPT_DECODERS_H

#include <openssl/evp.h>

#include "model/handle.h"

/* One thread at a time. */
struct kept_decoders;

/* Of a context with the provider. NULL: out of memory. */
struct kept_decoders *kept_decoders_new(OSSL_LIB_CTX *ctx);
/* NULL is fine. */
void kept_decoders_free(struct kept_decoders *d);

/*
 * Loads a file that begins with a handle, as a server's decoders do, and gives what stands in it: ret is to be cleared in any case.
 * NULL: the file holds something else, or has to be read in another way, or does not load. The errors on OpenSSL's queue are
 * gone.
 */
EVP_PKEY *kept_decoders_load(struct kept_decoders *d, const char *path, struct handle *ret);

#endif
