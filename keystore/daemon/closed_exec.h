/* Programs that are closed to their own user from the first instruction on: exec(2) of a file that it may not read. */
#ifndef LB_DAEMON_CLOSED_EXEC_H
#define LB_DAEMON_CLOSED_EXEC_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/errors.h"

/*
 * execv(3) of the program as it is on disk now, closed to its user if that can be had. A process that hardens itself with
 * prctl(2) is open from exec(2) until then, and whoever opens /proc/PID/mem in that time keeps it. A program whose file the
 * user may not read is undumpable before it runs. So the program is copied to a memory file of mode 0111, and that is run. A
 * file that cannot be read in the first place is run as it is.
 * Without /proc, with vm.memfd_noexec = 2, or under valgrind this is an ordinary execv(3); the program finds that out with
 * exec_was_closed(). Returns on failure only, with errno. argv[0] and the environment are as with execv(3); /proc/PID/exe
 * names a deleted memory file. Keeps descriptors, blocked signals and PR_SET_PDEATHSIG.
 */
void exec_closed(const char *program, char *const argv[]);

/*
 * Was this process closed to its own user when its program was started? To be asked before anything changes that. Never true
 * of root's processes: nothing is closed to root, and all others may not trace them anyway.
 */
bool exec_was_closed(void);

/* The process that traces this one (0: none). LB_E_SYSTEM with errno when /proc does not tell. */
LB_MUST_USE int exec_tracer(pid_t *ret);

#endif
