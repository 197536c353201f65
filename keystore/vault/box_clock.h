/* The time that a box goes by: the system's clock, but for what that does at once. */
#ifndef LB_VAULT_BOX_CLOCK_H
#define LB_VAULT_BOX_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Seconds of running time after which a new time is believed, also that of a machine's start, and seconds by which time keeping
 * may set a clock.
 */
#define BOX_CLOCK_SETTLE 3600
#define BOX_CLOCK_START 600
#define BOX_CLOCK_SLACK 60

/* The system's clock, and one that nobody sets: how long the machine has run. In nanoseconds. */
struct clock_reading {
    int64_t wall, running;
};

/*
 * Versions end for good by the clock, so a wrong one must not end them. Between jumps the box follows the system's clock.
 * Set ahead: the box goes on by running time, until the clock has stood there for BOX_CLOCK_SETTLE. Set back: it goes on by
 * running time until the clock is there again, and so nothing is revived. Just after the machine's start the clock may be the
 * one of a battery: it is shown and written down, and what is due waits until the machine has run for BOX_CLOCK_START.
 * What was written down in between by a time that turns out to be wrong is to be moved: struct clock_step.
 * One thread looks; any thread reads.
 */
struct box_clock {
    atomic_llong ahead;   /* nanoseconds that the box's time is ahead of the running time */
    atomic_ullong floor;  /* seconds since 1970; 0: the time is believed. Else what is due goes by this */
    int64_t settles;      /* running time from which a new time is believed; 0: there is none */
    int64_t candidate;    /* what ahead would be by that new time */
    uint64_t doubted;     /* the box's time when the clock began to be doubted, seconds since 1970; 0: it is not */
    bool begun, behind;
};

enum clock_event { CLOCK_SAME, CLOCK_SET_AHEAD, CLOCK_BEHIND, CLOCK_STEPPED, CLOCK_BELIEVED };

/* Times from since on, in seconds since 1970, were written down by a clock that was wrong by so many seconds. by 0: none were. */
struct clock_step {
    uint64_t since;
    int64_t by;
};

struct clock_reading clock_read(void);
/* newest: the latest time in records that authenticate, 0: there is none. It may be told again, when other records were read. */
enum clock_event box_clock_begin(struct box_clock *c, struct clock_reading at, uint64_t newest, struct clock_step *ret);
/* Of a clock that has not begun yet: CLOCK_SAME. */
enum clock_event box_clock_look(struct box_clock *c, struct clock_reading at, struct clock_step *ret);

/* Both in seconds since 1970. The time that is written down and shown; and the one by which something is due. */
uint64_t box_clock_now(const struct box_clock *c, struct clock_reading at);
uint64_t box_clock_due(const struct box_clock *c, struct clock_reading at);

#endif
