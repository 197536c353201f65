/* When a certificate ends. */
#ifndef LB_MODEL_CERTIFICATE_END_H
#define LB_MODEL_CERTIFICATE_END_H

#include <stdint.h>

#include "base/wire.h"

/*
 * notAfter (RFC 5280, 4.1.2.5) of a DER certificate, in seconds since 1970; 0: the bytes are no certificate. Looks at what is in
 * front of that and nothing else: a hundred thousand certificates take no second, where d2i_X509() takes several.
 */
uint64_t certificate_end(struct bytes der);

#endif
