/* A sign of life on standard error while something takes long. */
#ifndef LB_COMMAND_PROGRESS_H
#define LB_COMMAND_PROGRESS_H

struct progress;

/*
 * Prints "littlebox: WHAT ..." after one second, and on a terminal a dot more each second. what must outlive the result. NULL:
 * what is NULL, or there is no memory or thread, which is no reason to fail.
 */
struct progress *progress_start(const char *what);
/* Ends the line, if there is one. NULL is fine. */
void progress_stop(struct progress *p);

#endif
