/* doctor: what a probe of a handle finds, beside whether the handle works. */
#ifndef LB_DOCTOR_PROBED_H
#define LB_DOCTOR_PROBED_H

#include <stddef.h>
#include <stdint.h>

#include "model/limits.h"

/* DER SubjectPublicKeyInfo. */
struct doctor_public {
    size_t len; /* 0: not known */
    uint8_t der[LB_SPKI_MAX];
};

/* Ends a text where OpenSSL gives no reason. */
#define DOCTOR_NO_REASON "no reason given"

#endif
