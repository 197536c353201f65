/* Handle files: a PKCS#8 PrivateKeyInfo that holds a key URI and the public key, and no secret. */
#ifndef LB_MODEL_HANDLE_H
#define LB_MODEL_HANDLE_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "model/key_types.h"
#include "model/uri.h"

/* Arc of our OIDs, one a key type: LB_HANDLE_ARC ".1" is RSA, and so on (model/key_types.h). */
#define LB_HANDLE_ARC "2.25.257924881332636533369128219500292345035"

enum handle_type {
#define HANDLE_NUMBER(row, number, ...) HANDLE_##row = number,
    KEY_ALGORITHMS(HANDLE_NUMBER)
#undef HANDLE_NUMBER
    HANDLE_LAST = KEY_ALGORITHM_COUNT /* there are no holes */
};

/*
 * The octets of the PrivateKeyInfo are DER SEQUENCE { version INTEGER (1), uri UTF8String,
 * subjectPublicKeyInfo SubjectPublicKeyInfo OPTIONAL }.
 */
struct handle {
    unsigned type; /* enum handle_type */
    char uri[LB_URI_MAX + 1];
    uint8_t *spki; /* DER, owned by the handle; NULL: none */
    size_t spki_len;
};

/*
 * Reads a PrivateKeyInfo of exactly len bytes. LB_E_UNSUPPORTED: it is something else than a handle, which is no error
 * to report (OpenSSL shows every decoder all input). LB_E_VALUE: it has one of our OIDs and is cut off, has trailing
 * bytes or breaks the form, which includes a URI with anything but printable ASCII in it (RFC 3986 2): a file's bytes would
 * reach a terminal. The URI is not parsed. handle_clear() frees ret after success, and does no harm after a
 * failure.
 */
LB_MUST_USE int handle_from_der(const uint8_t *der, size_t len, struct handle *ret);

/* The type of a handle by its first bytes, 0: none is to be seen. The rest of it may be anything. */
unsigned handle_peek(const uint8_t *der, size_t len);

/* Writes the PrivateKeyInfo; *ret is freed by the caller with OPENSSL_free(). LB_E_NOMEM, LB_E_VALUE (type). */
LB_MUST_USE int handle_to_der(const struct handle *h, uint8_t **ret, size_t *ret_len);

/*
 * Writes the handle file: a PEM block "PRIVATE KEY", and no text before or behind it, though RFC 7468 5.2 allows it. Programs
 * that look at the first bytes take a file with a comment for DER; others look at the last ones. LB_E_NOMEM, LB_E_VALUE,
 * LB_E_SYSTEM.
 */
LB_MUST_USE int handle_to_pem(const struct handle *h, BIO *out);

/*
 * The handle type of a DER SubjectPublicKeyInfo of exactly len bytes, by its algorithm OID; 0: a key type we have no handles
 * for. The public key in it is not read.
 */
unsigned handle_type_of(const uint8_t *spki, size_t len);

void handle_clear(struct handle *h);

#endif
