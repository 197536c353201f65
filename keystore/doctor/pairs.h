/* doctor: is a certificate of the key that a server's configuration has with it? */
#ifndef LB_DOCTOR_PAIRS_H
#define LB_DOCTOR_PAIRS_H

#include "doctor/probe.h"
#include "doctor/servers/conf.h"

/*
 * The next certificate that the configuration has with key and that is of another key. public: the public half of key. *at
 * begins at 0, and the search goes on from there. NULL: no more. A certificate that cannot be read is passed over.
 */
const struct srv_half *doctor_other_certificate(const struct srvconf *c, const struct srv_key *key,
                                                const struct doctor_public *public, size_t *at);

#endif
