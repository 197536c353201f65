/* The keeper: the parent of a box, which holds its sockets and no key, and starts its child again. */
#ifndef LB_KEEPER_H
#define LB_KEEPER_H

#include "errors.h"

/* Exit status of a child whose configuration or store makes another start pointless (sysexits.h EX_CONFIG). */
#define EXIT_NOT_AGAIN 78

/*
 * Runs until SIGTERM or SIGINT; returns the process's exit status. listen_fd is a listening socket. program and argv
 * are what the child is exec'ed with, again at each start, so that SIGHUP brings in a new version of the program.
 */
LB_MUST_USE int keeper_run(int listen_fd, const char *program, char *const argv[]);

#endif
