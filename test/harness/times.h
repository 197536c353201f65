/* How long handshakes took, and what else clients tell the scripts that start them. */
#ifndef LB_TEST_TIMES_H
#define LB_TEST_TIMES_H

#include <stdbool.h>

struct times {
    long count, room;
    double *ms;
    bool sorted;
};

/* Milliseconds of a clock that only goes on. */
double now_ms(void);

/* False: out of memory. */
bool times_note(struct times *t, double ms);

/* The time below which this share of them is: 0.99. 1: the longest. 0 where there is none. */
double times_at(struct times *t, double share);

/* " max_ms … p50 … p99 … p999 … cpu_ms … per_second …", the last two of this process and of so many milliseconds; frees them. */
void times_print(struct times *t, double elapsed_ms);

/* For scripts that wait until so many have been made: the number so far, which only grows. path may be NULL. */
void tell_progress(const char *path, long done);

#endif
