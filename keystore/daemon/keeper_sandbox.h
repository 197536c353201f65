/* What the keeper can still do: it holds no key, but the sockets of all callers, and starts what has the keys. */
#ifndef LB_DAEMON_KEEPER_SANDBOX_H
#define LB_DAEMON_KEEPER_SANDBOX_H

#include "base/errors.h"

/*
 * Takes from this process, and from all that it starts later, what neither the keeper nor a child or usher at its start has any
 * use for: other processes' memory and signals, namespaces, mounts, the kernel's code and keys, a terminal's input, being
 * traced again; and programs but for those in the directory of program, an absolute path. That cannot be undone, and lasts
 * when the process executes a program. What a child may read or write is left to the child's own sandbox, which stands in
 * BOX.conf and may be another one after a reload. To be called while there is one thread, with no_new_privs set.
 *
 * In a process that has it already, nothing is done. A kernel without Landlock does without that part. LB_E_SYSTEM with errno.
 */
LB_MUST_USE int keeper_sandbox_enter(const char *program);

#endif
