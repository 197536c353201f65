/* The system call filter of the process that holds keys. */
#ifndef LB_SANDBOX_H
#define LB_SANDBOX_H

#include <stdbool.h>

#include "errors.h"

/*
 * From here on this process and its threads can serve, read and write the store, and nothing else: starting a program,
 * making a socket, connecting, tracing and loading kernel code end the process; what else is not needed fails with
 * EPERM. Cannot be undone. LB_E_SYSTEM.
 */
LB_MUST_USE int sandbox_enter(bool with_module);

#endif
