/* Everything that a program might try on a file, whatever is in it; what came out, as a text. */
#ifndef READERS_H
#define READERS_H

#include <openssl/bio.h>
#include <openssl/types.h>
#include <stddef.h>

#include "others.h"

/* Says where the file below it is, and cannot be sought back: so libssl 4.0 reads ECH files. */
BIO *readers_buffer(const struct blob *b);

/*
 * Each adds to seen, a text of less than size bytes, what it got, and by which provider. expect: of OSSL_STORE, 0 for
 * anything; selection: of OSSL_DECODER.
 */
void readers_store(OSSL_LIB_CTX *libctx, const struct blob *b, int expect, char *seen, size_t size);
void readers_decoder(OSSL_LIB_CTX *libctx, const struct blob *b, int selection, char *seen, size_t size);
/* In every way that there is; seen is begun anew. */
void readers_all(OSSL_LIB_CTX *libctx, const struct blob *b, char *seen, size_t size);

#endif
