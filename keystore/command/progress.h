/* A sign of life on standard error while something takes long. */
#ifndef LB_COMMAND_PROGRESS_H
#define LB_COMMAND_PROGRESS_H

#include "client/waiter.h"

/*
 * Prints "littlebox: WHAT ..." after one second, and on a terminal a dot more each second. what must outlive the result. by
 * says how to wait until progress_stop(). NULL: there is no memory or thread for it, which is no reason to fail.
 */
struct wait *progress_start(const struct waiter *by, const char *what);
/* Ends the line, if there is one. */
void progress_stop(struct wait *w);

#endif
