/* The certificates that go with a key: out of a file, in their order, and as messages carry them. */
#ifndef LB_COMMAND_CERTIFICATES_H
#define LB_COMMAND_CERTIFICATES_H

#include <openssl/bio.h>
#include <openssl/x509.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/description.h"
#include "model/limits.h"

/* As many as are taken out of a file, before it is seen which of them make a chain. */
#define FILE_CERTS_MAX 64

/* Certificates of a file or of an answer; the first count are set. Zeros are none, and certificates_clear() frees all. */
struct certificates {
    X509 *at[FILE_CERTS_MAX];
    unsigned count;
};

void certificates_clear(struct certificates *all);

/*
 * Adds each certificate in the PEM file to ret, once. path is the file's name in messages. LB_E_VALUE: there is none, or one
 * cannot be read; LB_E_TOO_LONG.
 */
LB_MUST_USE int certificates_parse(const char *path, struct bytes file, struct certificates *ret, struct problem *p);

/*
 * Puts the certificate of the key first, and each issuer behind the one that it issued. LB_E_PUBLIC_KEY: none is for this
 * version of the key; LB_E_VALUE: one is not in its chain.
 */
LB_MUST_USE int certificates_sort(const char *path, const struct key_info *key, struct certificates *all, struct problem *p);

/* The chain as messages have it, into buf, which has LB_CHAIN_MAX bytes. LB_E_TOO_LONG, LB_E_NOMEM. */
LB_MUST_USE int certificates_put(const struct certificates *all, uint8_t *buf, struct bytes *ret, struct problem *p);

/* The reverse, of a box's answer. LB_E_VALUE and others: it cannot be read. */
LB_MUST_USE int certificates_get(struct bytes chain, struct certificates *ret, struct problem *p);

/* One after the other, as PEM. LB_E_NOMEM. */
LB_MUST_USE int certificates_write(const struct certificates *all, BIO *out, struct problem *p);

#endif
