/* The keeper's descriptors in the service manager's descriptor store, where they outlive the keeper. */
#ifndef LB_DAEMON_FD_STORE_H
#define LB_DAEMON_FD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "box/usher_link.h"

/*
 * The manager is told with "FDSTORE=1" and "FDSTOREREMOVE=1" (sd_notify(3)), and never waited for. With "FDPOLL=0": a manager
 * that itself closed a descriptor whose caller is gone could be the last one to do so, and whoever closes a socket last waits
 * for what some caller left in its queue. So the keeper says what goes, and has a copy until that is done.
 */
struct fd_store {
    bool there;           /* there is a manager with a store */
    bool behind;          /* it had no room for the last word: try again */
    bool full;            /* it takes no more */
    bool full_told;       /* the log says so */
    size_t count, max;    /* descriptors in it */
    unsigned budget;      /* so many channels may go in now */
    uint64_t counted;     /* when the budget was counted last; milliseconds */
    bool hurries;         /* there is no later */
    uint64_t (*clock)(void); /* milliseconds since whenever */
    size_t name_bytes;    /* of their names, each with what stands between two */
    int barrier;          /* readable when the manager has heard all that was said before; -1: nothing was asked */
    struct burials before, after; /* descriptors that go once it is, or once the next one is */
};

/* No store; harmless to all functions. */
void fd_store_init(struct fd_store *s);
/*
 * Uses the manager's store, if there is one. $FDSTORE says how much it takes (systemd 254 and later), or $LITTLEBOX_FDSTORE of
 * the unit for managers that do not say. most: how many descriptors the keeper may come to have; less room is told in the log.
 */
void fd_store_open(struct fd_store *s, size_t most);
/* What the manager handed over is in the store. */
void fd_store_has(struct fd_store *s, const char *name);
/*
 * Is it a channel's turn to go in? Process 1 compares each new descriptor with all that it has, so a neighbour who connects again
 * and again must not give it work: FD_STORE_BURST channels go in at once, then FD_STORE_RATE a second. What is gone before its turn
 * never comes there. False: later.
 */
#define FD_STORE_BURST 256u
#define FD_STORE_RATE 200u
LB_MUST_USE bool fd_store_turn(struct fd_store *s);
/* The keeper ends: it is everybody's turn. */
void fd_store_hurry(struct fd_store *s, bool hurries);
/* LB_E_TIMEOUT: try again later. LB_E_BUSY: the store is full. LB_E_NO_BOX: there is none. fd stays the caller's. */
LB_MUST_USE int fd_store_add(struct fd_store *s, const char *name, int fd);
/* The same for a channel, for which more is full: however many callers come, what is known of the lock has room. */
LB_MUST_USE int fd_store_add_channel(struct fd_store *s, const char *name, int fd);
/* LB_E_TIMEOUT: try again later; all that has this name is in the store until then. */
LB_MUST_USE int fd_store_remove(struct fd_store *s, const char *name);
/* Takes over a descriptor that must not be closed before the manager's copy is: it comes back from fd_store_pass(). */
void fd_store_outlive(struct fd_store *s, int fd);
/* Adds to *to what the manager has closed. True: something is still waited for. */
bool fd_store_pass(struct fd_store *s, struct burials *to);
void fd_store_clear(struct fd_store *s);

#endif
