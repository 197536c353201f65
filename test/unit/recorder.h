/* Keys that sign as others do, and remember what they were asked to sign: a provider of OpenSSL's within the test. */
#ifndef RECORDER_H
#define RECORDER_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

/* A text that was signed. */
struct recorded {
    EVP_PKEY *key; /* with this key, as recorder_key() was given it, or its equal */
    char digest[32]; /* "" where the scheme has none */
    size_t len;
    uint8_t *text;
};

/* With the default provider and the recorder. The same one each time, until recorder_end(). */
OSSL_LIB_CTX *recorder_libctx(void);
/* A key of the recorder in that library context, which signs with key. The caller frees it. */
EVP_PKEY *recorder_key(EVP_PKEY *key);
/* What was signed since the last call, in that order. Valid until the next one. */
const struct recorded *recorder_texts(size_t *ret_count);
void recorder_end(void);

#endif
