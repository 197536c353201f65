/* doctor: is a certificate of the key that a server's configuration has with it? */
#ifndef LB_DOCTOR_PAIRS_H
#define LB_DOCTOR_PAIRS_H

#include "doctor/probed.h"
#include "doctor/servers/conf.h"

/* The certificates of each key of a configuration, found once for all keys. */
struct pairs;

/* Of c, which must stay as it is as long as the pairs. The caller frees them with free(3). NULL: out of memory. */
struct pairs *pairs_new(const struct srvconf *c);

/*
 * The next certificate that the configuration has with key and that is of another key. public: the public half of key. *at
 * begins at 0, and the search goes on from there. NULL: no more. A certificate that cannot be read is passed over.
 */
const struct srv_half *pairs_other_certificate(const struct pairs *p, const struct srvconf *c, const struct srv_key *key,
                                               const struct doctor_public *public, size_t *at);

#endif
