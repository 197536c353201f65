/* Landlock: which files, networks and other processes the process with the keys can reach, by the kernel's word. */
#ifndef LB_DAEMON_LANDLOCK_H
#define LB_DAEMON_LANDLOCK_H

#include "base/errors.h"
#include "daemon/sandbox_rules.h"

/*
 * Confines this thread, and those that it starts later, for good. To be called while there is one thread. rules NULL: no
 * file, no network, no abstract socket, no signal to processes outside. Open files stay open. *ret_kept: which of
 * SANDBOX_FILES, _NETWORK and _SIGNALS the kernel keeps; the log names what the kernel cannot keep. A kernel without
 * Landlock keeps nothing, and that is no failure. LB_E_SYSTEM with errno.
 */
LB_MUST_USE int landlock_enter(const struct sandbox_rules *rules, unsigned *ret_kept);

/*
 * The same for the keeper: programs but those in the directories of program and of the dynamic linker, and signals to processes that
 * it did not start. Files can be read and written as before. LB_E_SYSTEM with errno.
 */
LB_MUST_USE int landlock_enter_keeper(const char *program);

/* The version of the kernel's Landlock; 0 where there is none. */
int landlock_abi(void);

#endif
