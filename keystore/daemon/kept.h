/* The keeper's copies of a box's channels, by slot, and how they are let go. */
#ifndef LB_DAEMON_KEPT_H
#define LB_DAEMON_KEPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/maker.h"
#include "box/usher_link.h"

struct kept_channel {
    int fd; /* -1: the slot is free */
    struct maker maker;
};

struct kept {
    struct kept_channel *at;
    size_t size;
    size_t slots_max; /* fewer than the descriptors that a process may have */
    int usher;  /* the link to the usher; -1: there is none */
    struct burials dead; /* that it had no room for yet */
};

void kept_init(struct kept *k);
/*
 * Takes over fd and maker in any case. They come from the child, which may be an attacker's by now. LB_E_VALUE: there is no
 * such slot, it is taken, or fd is no channel. LB_E_NOMEM.
 */
LB_MUST_USE int kept_put(struct kept *k, uint32_t slot, int fd, struct maker *maker);
/* LB_E_VALUE: no channel is at this slot. */
LB_MUST_USE int kept_drop(struct kept *k, uint32_t slot);
/*
 * Tries again to have closed what could not be closed here. What waits in a channel's queue is destroyed with the channel,
 * and may block whoever closes that. False: something is left.
 */
bool kept_bury(struct kept *k);
/*
 * The usher is gone. The link may hold its answers, with ends of channels, and these may hold anything. So the next usher
 * closes that link.
 */
void kept_leave_usher(struct kept *k);
/* Lets go of a descriptor that is no channel of the box, -1 for none. Closing it may block whoever does. */
void kept_bury_one(struct kept *k, int fd);
/* At the end of the process, which itself closes the descriptors, and waits for none of them. */
void kept_clear(struct kept *k);

#endif
