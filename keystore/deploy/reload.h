/* Runs an administrator's command line, for what it does. */
#ifndef LB_DEPLOY_RELOAD_H
#define LB_DEPLOY_RELOAD_H

#include "base/errors.h"

/*
 * Runs "/bin/sh -c LINE" with the caller's environment, in /, with no input, for at most so many seconds; then it and what it
 * started in its process group are ended. A program that it leaves behind goes on. What it says is read to its end. If it
 * fails, the first and the last lines of that, about 20, go to standard error. LB_E_VALUE: it failed. LB_E_TIMEOUT, LB_E_SYSTEM.
 */
LB_MUST_USE int reload_run(const char *line, unsigned seconds, struct problem *p);

#endif
