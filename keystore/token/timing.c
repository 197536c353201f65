/* Times of two ways to do the same, and whether the second is faster beyond noise. */
#include "token/timing.h"

void p11_timing_add(struct p11_timing *t, bool second, uint64_t ns)
{
    if (t->count[second] < P11_TIMINGS)
        t->ns[second][t->count[second]++] = ns;
}

bool p11_timing_full(const struct p11_timing *t)
{
    return t->count[0] == P11_TIMINGS && t->count[1] == P11_TIMINGS;
}

uint64_t p11_timing_best(const struct p11_timing *t, bool second)
{
    uint64_t best = t->ns[second][0];

    for (unsigned i = 1; i < t->count[second]; i++) {
        if (t->ns[second][i] < best)
            best = t->ns[second][i];
    }
    return best;
}

bool p11_timing_second_is_faster(const struct p11_timing *t)
{
    unsigned shorter = 0, pairs = t->count[0] * t->count[1];

    for (unsigned i = 0; i < t->count[0]; i++) {
        for (unsigned j = 0; j < t->count[1]; j++)
            shorter += t->ns[1][j] < t->ns[0][i];
    }
    return shorter * 3 >= pairs * 2 && pairs > 0;
}
