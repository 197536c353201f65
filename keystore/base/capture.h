/* Runs a program for what it says. */
#ifndef LB_BASE_CAPTURE_H
#define LB_BASE_CAPTURE_H

#include <stddef.h>

#include "base/errors.h"

/*
 * Runs argv[0], an absolute path, with argv. No shell is involved. The program gets no input, and PATH and LC_ALL=C for its
 * whole environment. Its standard output goes to ret, NUL-terminated and cut to size; its standard error is lost.
 * LB_E_SYSTEM: the program cannot be run. LB_E_VALUE: it failed. LB_E_TIMEOUT: it was ended after ten seconds.
 */
LB_MUST_USE int capture(const char *const argv[], char *ret, size_t size);

/* The first of these paths that is a program which can be run; NULL ends them, and is the result where there is none. */
const char *capture_tool(const char *const paths[]);

#endif
