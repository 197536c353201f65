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
 * Takes over fd and maker in any case. LB_E_VALUE: no slot, one that is taken, or no channel; LB_E_NOMEM. What comes here
 * comes from the child, which may be somebody else's by now.
 */
LB_MUST_USE int kept_put(struct kept *k, uint32_t slot, int fd, struct maker *maker);
/* LB_E_VALUE: there is none at this slot. */
LB_MUST_USE int kept_drop(struct kept *k, uint32_t slot);
/*
 * Tries again to have closed what could not be closed here: what waits in a channel's queue is destroyed with it, and may
 * block whoever closes it. False: something is left.
 */
bool kept_bury(struct kept *k);
/* The usher is gone. Its answers may be in the link, with ends of channels, and who knows what in theirs: so the next one closes it. */
void kept_leave_usher(struct kept *k);
/* Lets go of a descriptor that is no channel of the box, -1 for none: closing it may block whoever does. */
void kept_bury_one(struct kept *k, int fd);
/* At the end of the process, which closes the descriptors and waits for none of them. */
void kept_clear(struct kept *k);

#endif
