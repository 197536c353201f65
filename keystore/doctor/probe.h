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
 * In a process of its own, which may crash: loads openssl.cnf with the lines added, and with handle (URI or file;
 * NULL: none) makes a signature that the default provider verifies, or agrees with it on a secret. LB_E_CONFIG: the
 * provider is not there then; LB_E_NO_KEY: the handle does not load; LB_E_UNSUPPORTED: it is no handle but a key;
 * LB_E_CRYPTO: no good signature. p tells; after success with a handle its text is what was tried, "signature" or "key
 * agreement". worker NULL: all as the caller; else what the worker does is done with its rights, as a server does it:
 * in another process that the one which loaded the handle has forked. That takes root: LB_E_SYSTEM. ret_public: the public
 * half of what was loaded, len 0 where nothing was; NULL: not wanted.
 */
#define DOCTOR_NO_REASON "no reason given" /* ends a text where OpenSSL says none */
LB_MUST_USE int doctor_probe(const struct doctor_conf *conf, const char *lines, const char *handle,
                             const struct doctor_worker *worker, struct problem *p, struct doctor_public *ret_public);

#endif
