/* A sign of life on standard error while something takes long. */
#ifndef LB_COMMAND_PROGRESS_H
#define LB_COMMAND_PROGRESS_H

struct progress;

/*
 * Says "littlebox: WHAT ..." after one second, and on a terminal a dot more each second. what must outlive it. NULL
 * in, NULL out; NULL too when there is no memory or thread for it, which is no reason to fail.
 */
struct progress *progress_start(const char *what);
/* Ends the line, if there is one. NULL is fine. */
void progress_stop(struct progress *p);

#endif
