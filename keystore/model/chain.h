/* Certificate chains of keys: do they belong together, and to this key? */
#ifndef LB_MODEL_CHAIN_H
#define LB_MODEL_CHAIN_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "base/errors.h"
#include "base/wire.h"

/* The subject for a message, cut to fit. */
#define CHAIN_NAME_SIZE 120
void chain_name(const X509_NAME *name, char ret[CHAIN_NAME_SIZE]);

/* One certificate, all of der. NULL: it is none. */
X509 *chain_certificate(struct bytes der);
/* Is it for this public key (DER SubjectPublicKeyInfo)? Compared byte by byte. */
bool chain_certifies(X509 *certificate, struct bytes spki);
/* Has issuer the name and the key of who made certificate? The signature is checked. */
bool chain_issued_by(X509 *certificate, X509 *issuer);

/*
 * Is this a chain (struct chain_request) for the public key? Its first certificate is for spki, each other one is the
 * issuer of the one before. That its last one is trusted by anybody, or still valid, is not asked. LB_E_VALUE,
 * LB_E_PUBLIC_KEY (it is for another key); p has the text, in which key is what to call the key.
 */
LB_MUST_USE int chain_check(struct bytes chain, struct bytes spki, const char *key, struct problem *p);
/* The same of a chain that was checked once: all certificates can be read, and the first is for the key. */
bool chain_is_of(struct bytes chain, struct bytes spki);

/*
 * A chain certificate by certificate: count, and a reader that gives that many with wire_get_bytes(). Of bytes that are
 * no chain (VALUE, TOO_LONG ...) the count is 0.
 */
LB_MUST_USE int chain_read(struct bytes chain, unsigned *ret_count, struct wire_reader *ret);

#endif
