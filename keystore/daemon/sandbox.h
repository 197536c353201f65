/* What the process that holds keys can still do: its system calls (seccomp), and what they reach (Landlock). */
#ifndef LB_DAEMON_SANDBOX_H
#define LB_DAEMON_SANDBOX_H

#include "base/errors.h"
#include "daemon/sandbox_rules.h"

/*
 * From here on this process can serve, read and write its store, and nothing else. To be called while there is one
 * thread, with nothing read yet that others wrote. What only an attacker would do ends the process; what else is not
 * needed fails with EPERM, files out of reach with EACCES. Cannot be undone. *ret: SANDBOX_* that hold, SANDBOX_CALLS
 * always. LB_E_SYSTEM with errno.
 */
LB_MUST_USE int sandbox_enter(const struct sandbox_rules *rules, unsigned *ret);

/*
 * For the process that meets strangers first: it can receive and send on sockets that it has, start processes and end
 * them, log, and nothing else. Its children are bound as it is. LB_E_SYSTEM with errno.
 */
LB_MUST_USE int sandbox_enter_usher(void);

#endif
