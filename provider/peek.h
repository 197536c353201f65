/* What a decoder's input begins with, while nothing of it is read. */
#ifndef LB_PEEK_H
#define LB_PEEK_H

#include <openssl/core.h>
#include <stddef.h>
#include <stdint.h>

struct provctx;

/*
 * libcrypto shows its input to one decoder after the other, and seeks back in between. A BIO that buffers (BIO_f_buffer)
 * hands the seeking to the one below it and keeps its buffer: what one decoder reads there is lost for the others. Such a
 * BIO shows what comes next (BIO_CTRL_PEEK), so a decoder asks here first, and reads only what is its own.
 *
 * Copies at most size bytes and returns how many; 0: the input does not show itself, which those that can be sought back
 * do not, or there is nothing. It may be less than what there is: only what is in the buffer. The input is left as it
 * was. The caller cleanses buf, as it may be anybody's private key.
 */
size_t peek(const struct provctx *prov, OSSL_CORE_BIO *in, uint8_t *buf, size_t size);

#endif
