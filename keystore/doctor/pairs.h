/* doctor: is a certificate of the key that a server's configuration has with it? */
#ifndef LB_DOCTOR_PAIRS_H
#define LB_DOCTOR_PAIRS_H

#include "doctor/probe.h"
#include "doctor/servers/conf.h"

/*
 * Of the certificates that the configuration has with key, whose public half is given: the next one that is of another key,
 * from *at on, which begins at 0. NULL: no more. What cannot be read is passed over.
 */
const struct srv_half *doctor_other_certificate(const struct srvconf *c, const struct srv_key *key,
                                                const struct doctor_public *public, size_t *at);

#endif
