/* doctor: a probe of the provider, in a process of its own. */
#ifndef LB_DOCTOR_PROBE_H
#define LB_DOCTOR_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "doctor/config.h"
#include "doctor/worker.h"
#include "model/limits.h"

/* DER SubjectPublicKeyInfo. */
struct doctor_public {
    size_t len;
    uint8_t der[LB_SPKI_MAX];
};

/*
 * Tries the provider in a process of its own, which may crash. The process loads openssl.cnf with the lines added. With handle
 * (URI or file; NULL: none) it makes a signature that the default provider verifies, or agrees with it on a secret.
 * worker NULL: all is done as the caller. Else root alone may call this, and the worker's part is done with the worker's rights,
 * as in a server: by a process that the one which loaded the handle has forked.
 * After success with a handle p's text is what was tried, "signature" or "key agreement". ret_public: the public half of what was
 * loaded, len 0 if nothing was; NULL: not wanted.
 * LB_E_CONFIG: the provider is not there. LB_E_NO_KEY: the handle does not load. LB_E_UNSUPPORTED: it is a key and no handle.
 * LB_E_CRYPTO: no good signature. LB_E_SYSTEM: among others, for a worker without root. p tells.
 */
#define DOCTOR_NO_REASON "no reason given" /* ends a text where OpenSSL says none */
LB_MUST_USE int doctor_probe(const struct doctor_conf *conf, const char *lines, const char *handle,
                             const struct doctor_worker *worker, struct problem *p, struct doctor_public *ret_public);

#endif
