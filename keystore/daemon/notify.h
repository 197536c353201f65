/* What a service manager and a daemon say to each other: readiness, and descriptors handed over. */
#ifndef LB_DAEMON_NOTIFY_H
#define LB_DAEMON_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"

/*
 * How often the manager wants to hear "WATCHDOG=1", in milliseconds, sd_watchdog_enabled(3). That is half of
 * $WATCHDOG_USEC, if $WATCHDOG_PID is this process or not set. 0: never.
 */
uint64_t notify_interval(void);

/* Is there a manager that hears us? */
bool notify_there(void);

/*
 * Sends text (lines such as "READY=1") to $NOTIFY_SOCKET, sd_notify(3), with a copy of a descriptor (-1: without one), and does
 * not wait. LB_E_TIMEOUT: there is no room for more
 * now. LB_E_NO_BOX: there is no manager. LB_E_SYSTEM with errno: it cannot be reached.
 */
LB_MUST_USE int notify_descriptor(const char *text, int fd);

/* A descriptor that the manager kept for the program before us. */
struct handed_descriptor {
    int fd;
    const char *name; /* begins as ours do: daemon/store_name.h */
    bool stored;      /* the manager has it too */
};

/* What the manager hands over, sd_listen_fds_with_names(3). */
struct handed {
    int listener;     /* the socket that it opened for us; -1: there is none */
    struct handed_descriptor *kept;
    size_t count;
    char *names;      /* what their names point into */
};

/*
 * If $LISTEN_PID is this process, there are $LISTEN_FDS descriptors, called $LISTEN_FDNAMES. Those with names of ours come from
 * the manager's descriptor store, and nothing was looked at. Of others there is one at most: LB_E_CONFIG with the text in p if
 * that is not one listening SOCK_SEQPACKET socket, and for numbers and names that cannot be. LB_E_NOMEM. All are
 * close-on-exec then. Unsets the variables. To be cleared, also after a failure.
 */
LB_MUST_USE int notify_handed(struct handed *ret, struct problem *p);
/*
 * Adds one that was handed over, and makes it close-on-exec; kept has room for it. name outlives h. LB_E_CONFIG: there is no
 * such descriptor, it was there before, it is not called as ours are and no socket to listen at, or the second such socket.
 */
LB_MUST_USE int handed_add(struct handed *h, int fd, const char *name, struct problem *p);
/* Closes nothing. */
void notify_handed_clear(struct handed *h);

#endif
