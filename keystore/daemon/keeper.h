/* The keeper: the parent of a box, which holds its sockets and no key, and starts its child again. */
#ifndef LB_DAEMON_KEEPER_H
#define LB_DAEMON_KEEPER_H

#include <stdbool.h>

#include "base/errors.h"
#include "daemon/notify.h"

/* Exit status of a child whose configuration or store makes another start pointless (EX_CONFIG of <sysexits.h>). */
#define EXIT_NOT_AGAIN 78

struct keeper_setup {
    const char *box;
    int listen_fd;              /* a listening socket */
    bool own_listener;          /* no manager opened it */
    bool resumed;               /* this program runs in the place of another, which the configuration was fit for */
    unsigned max_connections;
    unsigned watchdog;          /* some thread of the child must come back within so many seconds, else it is replaced; 0: no */
    const char *program;
    char **argv;
    const struct handed *handed; /* what the manager kept for the last keeper; the descriptors become the keeper's */
};

/*
 * Runs until SIGTERM or SIGINT; returns the process's exit status. Child and usher are exec'ed with program and argv, anew at
 * each start, so that SIGHUP brings in a new version of the program. SIGUSR2 has that program take the keeper's own place too.
 * *ret_listener_kept: the service manager has the listening socket too, and callers may wait at it for the next keeper.
 */
LB_MUST_USE int keeper_run(const struct keeper_setup *setup, bool *ret_listener_kept);

#endif
