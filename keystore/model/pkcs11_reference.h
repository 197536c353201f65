/* References to keys on tokens, as pkcs11-provider keeps them in files: a PKCS#11 URI in a PEM block of its own label. */
#ifndef LB_MODEL_PKCS11_REFERENCE_H
#define LB_MODEL_PKCS11_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "model/pkcs11_uri.h"

#define P11REF_PEM_LABEL "PKCS#11 PROVIDER URI"
#define P11REF_DESCRIPTION "PKCS#11 Provider URI v1.0"

/*
 * Reads DER SEQUENCE { description VisibleString (P11REF_DESCRIPTION), uri UTF8String } of exactly len bytes. The URI is not
 * parsed. LB_E_VALUE: the bytes are something else, are cut off, or more follow. LB_E_UNSUPPORTED: the description is another
 * one, of a newer form. LB_E_NOMEM.
 */
LB_MUST_USE int p11ref_from_der(const uint8_t *der, size_t len, char ret_uri[LB_P11URI_MAX + 1]);

#endif
