/* What a key is for: the forms of text that it signs, as a set. */
#ifndef LB_MODEL_PURPOSE_H
#define LB_MODEL_PURPOSE_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"

/* As bits; requests and the store carry them as u16. No bit at all is "any": nothing is looked at. */
enum purpose {
    PURPOSE_TLS_SERVER = 1 << 0, /* handshakes as a server; of RSA and static keys the decryption and derivation of TLS too */
    PURPOSE_TLS_CLIENT = 1 << 1, /* handshakes as a client */
    PURPOSE_CSR = 1 << 2,        /* requests for certificates for the key itself (RFC 2986) */
    PURPOSE_X509 = 1 << 3,       /* certificates (RFC 5280 4.1) */
    PURPOSE_CRL = 1 << 4,        /* certificate revocation lists (RFC 5280 5.1) */
    PURPOSE_OCSP = 1 << 5,       /* answers to OCSP requests (RFC 6960 4.2.1) */
    PURPOSE_CMS = 1 << 6,        /* signed messages, by their signed attributes (RFC 5652 5.4); decryption of messages */
    PURPOSE_TIMESTAMP = 1 << 7,  /* time stamps (RFC 3161 2.4.2) */
    PURPOSE_SSH = 1 << 8,        /* SSH: signatures of files and of users (RFC 4252 7, PROTOCOL.sshsig) */
    PURPOSE_ALL = (1 << 9) - 1
};
#define PURPOSE_COUNT 9
#define PURPOSE_ANY 0

/* "tls-server"; "any" for PURPOSE_ANY, "unknown" for anything but one bit. */
const char *purpose_name(unsigned purpose);
/* Room for all names with ',' between them. */
#define PURPOSE_NAMES_SIZE 80
/* "tls-server,csr"; "any". */
void purpose_names(unsigned purposes, char ret[PURPOSE_NAMES_SIZE]);
/* Reads such a list, in any order, each name once. LB_E_VALUE with a text that names what is wrong and what there is. */
LB_MUST_USE int purpose_parse(const char *list, unsigned *ret, struct problem *p);

#endif
