/* Certificates as they were read from a token, and the chain that goes with a public key. */
#ifndef LB_TOKEN_CERTIFICATES_H
#define LB_TOKEN_CERTIFICATES_H

#include "base/wire.h"
#include "model/limits.h"
#include "model/pkcs11_uri.h"

/* What is kept of a token: so many X.509 certificates, and so many bytes of them. What is more is left out, and logged. */
#define P11_CERTS_MAX 256
#define P11_CERTS_BYTES_MAX (1u << 20)

/*
 * The certificates of one reading (token/certificate_cache.h), which never change; counted references. Any number of
 * threads may use them. Nothing here asks the token.
 */
struct p11_certs;
void p11_certs_unref(struct p11_certs *c); /* NULL is fine */

/*
 * The certificate for the public key with this spki_hash(), whatever id it has; -1: there is none. Of several that which
 * began to be valid last, and those that have yet to begin only where there is no other.
 */
int p11_certs_of(const struct p11_certs *c, const uint8_t hash[LB_HASH_SIZE]);
/*
 * A certificate and who issued it, as far as they are on the token and the chain has room: u16 count and the
 * certificates, as in struct chain_request. Returns the count; w NULL: only that.
 */
unsigned p11_certs_chain(const struct p11_certs *c, int first, struct wire_writer *w);

/*
 * Those that a PKCS#11 URI names, by their own label and id, in the form of a chain. Returns how many there are: more than
 * LB_CERTS_MAX, or than LB_CHAIN_MAX bytes, are counted and not written.
 */
unsigned p11_certs_named(const struct p11_certs *c, const struct p11uri *want, struct wire_writer *w);

#endif
