/* doctor: a probe of the provider, in a process of its own. */
#ifndef LB_DOCTOR_PROBE_H
#define LB_DOCTOR_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"
#include "doctor/config.h"
#include "doctor/probed.h"
#include "doctor/worker.h"

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
LB_MUST_USE int doctor_probe(const struct doctor_conf *conf, const char *lines, const char *handle,
                             const struct doctor_worker *worker, struct problem *p, struct doctor_public *ret_public);

/* Where a trial stands: how far it got in its process. */
enum trial_state {
    TRIAL_WAITS,
    TRIAL_LOADS, /* it was loaded, and is to be used by the worker */
    TRIAL_DONE,
};

/* One handle of many. */
struct doctor_trial {
    const char *handle;          /* URI or file; stays the caller's */
    struct problem p;            /* as doctor_probe() sets it; the code is what doctor_probe() returns */
    struct doctor_public public;
    enum trial_state state;
    bool alone;                  /* it had a process of its own at last */
};

/* Who tries them, for all that are tried in one run. */
struct doctor_prober {
    const struct doctor_conf *conf;
    const char *lines;
    const struct doctor_worker *worker; /* as for doctor_probe() */
    unsigned confirmed;                 /* failures in a row that were the same in a process of their own; begins at 0 */
};

/* Handles for one process: many enough that the process costs little, few enough that little is tried again when it dies. */
#define PROBE_TOGETHER 128
/* Processes at a time: while one verifies, the box signs for another. */
#define PROBE_LANES 2

/*
 * Finds out for each handle what doctor_probe() would, with many of them in one process. A handle with which that process dies or
 * hangs, and one that fails, gets a process of its own: what is told of a handle is not another handle's fault. After many failures
 * that were the same there, further ones are believed, as where a box is locked. With fewer than PROBE_TOGETHER * PROBE_LANES not all
 * processes have something to do.
 *
 * The trials and what they name stay the caller's, and as they are, until doctor_probe_end() has filled them. In between the
 * processes are at work, and another probing may begin. NULL: out of memory; nothing was tried.
 */
struct doctor_probing;
struct doctor_probing *doctor_probe_begin(struct doctor_prober *by, struct doctor_trial *trials, size_t count);
void doctor_probe_end(struct doctor_probing *g);

#endif
