/* The keeper's copies of a box's channels, by slot, and how they are let go. */
#ifndef LB_DAEMON_KEPT_H
#define LB_DAEMON_KEPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/maker.h"
#include "box/usher_link.h"
#include "daemon/fd_store.h"
#include "daemon/store_name.h"

struct kept_channel {
    int fd; /* -1: the slot is free */
    struct maker maker;
    bool stored; /* the service manager has it too */
    char *stale; /* what the manager still has from the channel before, by its name; NULL: nothing */
};

struct kept {
    struct kept_channel *at;
    size_t size;
    size_t slots_max; /* fewer than the descriptors that a process may have */
    int usher;  /* the link to the usher; -1: there is none */
    struct burials dead; /* that it had no room for yet */
    struct fd_store store;
    size_t store_from; /* the slot whose turn is first where not all can be told */
    int listen_fd; /* where channels were accepted; only to compare. -1: not known, and nothing is stored */
};

void kept_init(struct kept *k);
/*
 * Takes over fd and maker in any case. They come from the child, which may be an attacker's by now. LB_E_VALUE: there is no
 * such slot, it is taken, or fd is no channel. LB_E_NOMEM.
 */
LB_MUST_USE int kept_put(struct kept *k, uint32_t slot, int fd, struct maker *maker);
/*
 * Takes over fd if it is the channel that its name in the manager's store says: one that the box accepted at listen_fd, or one
 * of a pair that a process of this user made. Else LB_E_VALUE, LB_E_NOMEM or LB_E_SYSTEM, and fd is still the caller's. The maker
 * of an accepted channel is the kernel's word; that of a pair is in the name.
 */
LB_MUST_USE int kept_take_back(struct kept *k, int fd, struct stored_name *name);
/*
 * Takes over what the manager kept, and what is not wanted: out of the store and closed. read: what its name says, NULL if that
 * is no name. Without this a store fills up with what nobody takes.
 */
void kept_refuse_back(struct kept *k, int fd, const char *name, const struct stored_name *read);
/*
 * Before anything is kept: the service manager has it too, if it can. most: how many descriptors that may be. The listening
 * socket stays the caller's.
 */
void kept_store(struct kept *k, int listen_fd, size_t most);
/* Tells the manager what it could not be told before. False: something is left. */
bool kept_store_rest(struct kept *k);
/* What the next keeper is to take for the name of the channel at this slot. */
void kept_name(const struct kept *k, uint32_t slot, char ret[STORE_NAME_SIZE]);
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
