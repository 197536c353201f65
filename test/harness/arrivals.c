/* When an open-loop client begins its handshakes: at times that do not depend on how the server does. */
#include "arrivals.h"

#include <math.h>

void arrivals_init(struct arrivals *a, double per_second, uint64_t seed)
{
    *a = (struct arrivals){ .state = seed, .mean_gap_ms = 1e3 / per_second };
}

/* SplitMix64, whose every state is as good as another; above 0 and at most 1. */
static double uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    z ^= z >> 31;
    return (double)((z >> 11) + 1) / (double)(UINT64_C(1) << 53);
}

double arrivals_next(struct arrivals *a)
{
    a->last_ms -= a->mean_gap_ms * log(uniform(&a->state));
    return a->last_ms;
}
