/* Landlock: what the process with the keys can reach of files, networks and other processes, by the kernel's word. */
#ifndef LB_DAEMON_LANDLOCK_H
#define LB_DAEMON_LANDLOCK_H

#include "base/errors.h"
#include "daemon/sandbox_rules.h"

/*
 * Takes the rest of the system from this thread and those that it will start, for good: to be called while there is one
 * thread. rules NULL: no file, no network, no abstract socket, no signal to processes outside. Files that are open stay
 * open. *ret_kept: of SANDBOX_FILES, _NETWORK and _SIGNALS what the kernel does; what it cannot is in the log. A kernel
 * without Landlock is no failure: it keeps nothing. LB_E_SYSTEM with errno.
 */
LB_MUST_USE int landlock_enter(const struct sandbox_rules *rules, unsigned *ret_kept);

/* The version of the kernel's Landlock; 0 where there is none. */
int landlock_abi(void);

#endif
