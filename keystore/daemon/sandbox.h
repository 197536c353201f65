/* What the process that holds keys can still do: its system calls (seccomp), and what they reach (Landlock). */
#ifndef LB_DAEMON_SANDBOX_H
#define LB_DAEMON_SANDBOX_H

#include "base/errors.h"
#include "daemon/sandbox_rules.h"

/*
 * Leaves this process the right to serve and to read and write its store. That cannot be undone. To be called while there
 * is one thread, and before anything is read that others wrote. A system call that only an attacker needs ends the process.
 * Any other call that is not needed fails with EPERM, and a file out of reach with EACCES. *ret: the SANDBOX_* that hold;
 * SANDBOX_CALLS always does. LB_E_SYSTEM with errno.
 */
LB_MUST_USE int sandbox_enter(const struct sandbox_rules *rules, unsigned *ret);

/*
 * The same for the usher, which meets strangers first. The usher can receive and send on sockets that it has, start
 * processes and end them, and log. Its children have the same limits. LB_E_SYSTEM with errno.
 */
LB_MUST_USE int sandbox_enter_usher(void);

#endif
