/* Times of two ways to do the same, and whether the second is faster beyond noise. */
#ifndef LB_TOKEN_TIMING_H
#define LB_TOKEN_TIMING_H

#include <stdbool.h>
#include <stdint.h>

/* How often each way is timed. */
#define P11_TIMINGS 16

/* All zero: nothing was timed. */
struct p11_timing {
    uint64_t ns[2][P11_TIMINGS]; /* of the first way and of the second, in nanoseconds */
    unsigned count[2];
};

/* Further times of a way that has its P11_TIMINGS are passed over. */
void p11_timing_add(struct p11_timing *t, bool second, uint64_t ns);
/* Both ways have been timed often enough. */
bool p11_timing_full(const struct p11_timing *t);
/* Shortest time of a way that was timed, in nanoseconds. */
uint64_t p11_timing_best(const struct p11_timing *t, bool second);
/*
 * Is the second way faster? Each of its times is set beside each of the first's; it must be the shorter one in two thirds of
 * these pairs (the rank test of Mann and Whitney). Two ways that take equally long pass one time in twenty. One time that is
 * far off, as a lock or another process makes it, counts no more than any other.
 */
bool p11_timing_second_is_faster(const struct p11_timing *t);

#endif
