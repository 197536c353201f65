/* libcrypto's opinion of a text. */
#ifndef LB_FORMS_READS_PRIV_H
#define LB_FORMS_READS_PRIV_H

#include <openssl/asn1.h>
#include <stdbool.h>

#include "base/wire.h"

/*
 * True: libcrypto reads all of the text as that type, and would write it so. False: it does not, or there is no memory. libcrypto
 * keeps the octets of X509_CINF, X509_CRL_INFO and X509_REQ_INFO and writes those: about them the second half says nothing
 * but that nothing was left over. Any thread.
 */
bool reads_as(struct bytes text, const ASN1_ITEM *type);
#define READS(type, text) reads_as((text), ASN1_ITEM_rptr(type))

#endif
