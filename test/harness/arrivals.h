/* When an open-loop client begins its handshakes: at times that do not depend on how the server does. */
#ifndef LB_TEST_ARRIVALS_H
#define LB_TEST_ARRIVALS_H

#include <stdint.h>

/*
 * Arrivals of clients that know nothing of each other: the gaps between them are exponentially distributed (a Poisson process).
 * The same seed gives the same times, so that servers that are compared get the same bursts.
 */
struct arrivals {
    uint64_t state;
    double mean_gap_ms, last_ms;
};

void arrivals_init(struct arrivals *a, double per_second, uint64_t seed);

/* The time of the next one, in milliseconds since the beginning. It only grows. */
double arrivals_next(struct arrivals *a);

#endif
