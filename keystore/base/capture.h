/* Runs a program for what it says. */
#ifndef LB_BASE_CAPTURE_H
#define LB_BASE_CAPTURE_H

#include <stddef.h>

#include "base/errors.h"

/*
 * Runs argv[0], an absolute path, with argv, an environment of nothing but PATH and LC_ALL=C, and no input; no shell comes
 * into it. What it says on standard output goes to ret, NUL-terminated, cut to size; what it says on standard error is
 * lost. LB_E_SYSTEM: it cannot be run; LB_E_VALUE: it failed; LB_E_TIMEOUT: it took longer than ten seconds, and was ended.
 */
LB_MUST_USE int capture(const char *const argv[], char *ret, size_t size);

#endif
