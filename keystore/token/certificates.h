/* Certificates as they were read from a token, and the chain that goes with a public key. */
#ifndef LB_TOKEN_CERTIFICATES_H
#define LB_TOKEN_CERTIFICATES_H

#include "base/wire.h"
#include "model/limits.h"
#include "model/pkcs11_uri.h"

/* So many X.509 certificates are kept of a token, and so many bytes of them. More is left out, and logged. */
#define P11_CERTS_MAX 256
#define P11_CERTS_BYTES_MAX (1u << 20)

/*
 * The certificates of one reading (token/certificate_cache.h), which never change; counted references. Any number of
 * threads may use them. Nothing here asks the token.
 */
struct p11_certs;
void p11_certs_unref(struct p11_certs *c); /* NULL is fine */

/*
 * The certificate for the public key with this spki_hash(), whatever id it has; -1: there is none. If there are several,
 * the one that began to be valid last. A certificate that is not valid yet is taken only if there is no other.
 */
int p11_certs_of(const struct p11_certs *c, const uint8_t hash[LB_HASH_SIZE]);
/*
 * Writes a certificate and its issuers, as far as they are on the token and the chain has room: u16 count and the
 * certificates, as in struct chain_request. Returns the count. w NULL: writes nothing.
 */
unsigned p11_certs_chain(const struct p11_certs *c, int first, struct wire_writer *w);

/*
 * Writes those that a PKCS#11 URI names by their own label and id, in the form of a chain. Returns how many there are. If
 * they are more than LB_CERTS_MAX, or than LB_CHAIN_MAX bytes, none is written.
 */
unsigned p11_certs_named(const struct p11_certs *c, const struct p11uri *want, struct wire_writer *w);

#endif
