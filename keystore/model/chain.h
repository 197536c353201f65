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
/* Did issuer issue certificate, by its name and by its key? The signature is checked. */
bool chain_issued_by(X509 *certificate, X509 *issuer);

/*
 * Is this a chain (struct chain_request) for the public key? The first certificate must be for spki, and each other one must be
 * the issuer of the one before. Whether anybody trusts the last one, and whether all are still valid, is not looked at. key is
 * the key's name in p's text. LB_E_VALUE. LB_E_PUBLIC_KEY: the chain is for another key.
 */
LB_MUST_USE int chain_check(struct bytes chain, struct bytes spki, const char *key, struct problem *p);
/* The same for a chain that was checked before: can all certificates be read, and is the first one for the key? */
bool chain_is_of(struct bytes chain, struct bytes spki);

/*
 * Reads a chain certificate by certificate: ret gives *ret_count of them with wire_get_bytes(). The count is 0 for bytes that are
 * no chain: LB_E_VALUE, LB_E_TOO_LONG and others.
 */
LB_MUST_USE int chain_read(struct bytes chain, unsigned *ret_count, struct wire_reader *ret);

#endif
