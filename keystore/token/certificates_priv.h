/* Putting certificates together while they are read: token/certificates.c and token/certificate_cache.c share it. */
#ifndef LB_TOKEN_CERTIFICATES_PRIV_H
#define LB_TOKEN_CERTIFICATES_PRIV_H

#include <openssl/x509.h>
#include <stdatomic.h>

#include "token/certificates.h"
#include "token/object.h"

struct p11_cert {
    struct p11_value id, label;
    uint8_t *der;
    size_t len;
    uint8_t hash[LB_HASH_SIZE]; /* spki_hash() of its public key */
    int issuer;                 /* which of the others; -1: none of them, or itself */
    X509 *x;                    /* while they are being read */
};

struct p11_certs {
    atomic_uint refs;
    unsigned generation; /* of the connection */
    unsigned epoch;      /* when reading began */
    unsigned long long at; /* when it ended, in seconds */
    struct p11_cert *all;
    size_t count, size, bytes;
};

/* Room for so many, P11_CERTS_MAX at most. False: no memory. */
bool p11_certs_make_room(struct p11_certs *c, size_t size);
/* Takes over der. False: it is no certificate, or there is no room for it. */
bool p11_certs_put(struct p11_certs *c, const struct p11_name *name, uint8_t *der, size_t len);
/* All are there: in the order in which they are preferred, each with who issued it. */
void p11_certs_finish(struct p11_certs *c);

#endif
