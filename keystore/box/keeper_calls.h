/* What a box tells the process that keeps its channels while it is replaced. */
#ifndef LB_BOX_KEEPER_CALLS_H
#define LB_BOX_KEEPER_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/maker.h"

/*
 * Whoever starts a box says how its keeper hears of these (daemon/keeper_link.h). Any thread may make each call. A call may
 * block while the keeper has much to read. It fails with LB_E_CLOSED if the keeper is gone. For each slot added() and
 * dropped() come in order.
 */
struct keeper_calls {
    int link; /* the first argument of each */
    int (*added)(int link, uint32_t slot, const struct maker *maker, int fd); /* a channel; fd stays the caller's */
    int (*dropped)(int link, uint32_t slot);
    int (*awake)(int link, uint32_t number); /* the answer to the keeper's question of this number */
    int (*locked)(int link, bool locked);    /* by hand, or unlocked again: for the next child */
};

#endif
