/* Certificate requests: does a text ask for a certificate for this very key? */
#ifndef LB_FORMS_OWN_REQUEST_H
#define LB_FORMS_OWN_REQUEST_H

#include <stdbool.h>

#include "base/wire.h"

/*
 * True: the text is a CertificationRequestInfo (PKCS#10, RFC 2986 4.1) in DER, whole and nothing behind it, and its public key
 * is spki, a DER SubjectPublicKeyInfo, byte by byte. So its signature is of no use for anything else: no handshake, certificate,
 * CRL or OCSP answer is of this form. Leaves OpenSSL's queue of errors as it was. Any thread.
 */
bool own_request(struct bytes text, struct bytes spki);

#endif
