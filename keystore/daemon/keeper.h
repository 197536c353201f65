/* The keeper: the parent of a box, which holds its sockets and no key, and starts its child again. */
#ifndef LB_DAEMON_KEEPER_H
#define LB_DAEMON_KEEPER_H

#include "base/errors.h"

/* Exit status of a child whose configuration or store makes another start pointless (EX_CONFIG of <sysexits.h>). */
#define EXIT_NOT_AGAIN 78

/* The place in argv of the role of a started process: "--child" or "--usher". */
#define KEEPER_ROLE 1

/*
 * Runs until SIGTERM or SIGINT; returns the process's exit status. listen_fd is a listening socket. Child and usher are
 * exec'ed with program and argv, anew at each start, so that SIGHUP brings in a new version of the program. watchdog: some
 * thread of the child must come back within so many seconds, else the child is replaced; 0: nobody looks.
 */
LB_MUST_USE int keeper_run(int listen_fd, const char *program, char *argv[], unsigned watchdog);

#endif
