/* How a request waits: by blocking, or inside of an ASYNC_JOB by pausing it, so that an event loop goes on. */
#ifndef LB_WAIT_H
#define LB_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "conn.h"

/* Of a clock that nobody sets, in milliseconds. */
uint64_t now_ms(void);
/* 0 once the deadline is over. */
uint64_t ms_left(uint64_t deadline);

/*
 * What an ASYNC_JOB waits with: it belongs to the job's wait context, which frees it, and so does what it holds. A job
 * that is paused may never be resumed, since a server drops connections when it likes; then its stack is gone, and
 * what is not held here would stay for ever.
 */
struct wait;

/*
 * That of the job that runs, for one operation at a time. NULL: there is none, or it must not be paused, and waiting
 * blocks: outside of a job, in a job without wait context, in one whose program wants to be called back instead of to
 * look at descriptors, in a child of the process where the wait context was first used, out of descriptors, and where
 * 256 others of the process wait already.
 */
struct wait *wait_begin(void);
/* The operation is over, and nothing is held any more. NULL is fine. */
void wait_end(struct wait *w);

/* Has done(what) called if the operation never ends. */
void wait_own(struct wait *w, void *what, void (*done)(void *what));

/* Takes over a channel that is to be waited for. LB_E_SYSTEM: it did not. */
LB_MUST_USE int wait_hold(struct wait *w, struct conn *c);
/* Gives it back; in a child of the process closes its copy, since the parent goes on with it: ret->fd is -1 then. */
void wait_give_back(struct wait *w, struct conn *ret);

/*
 * Pauses the job until there is something to be read from the channel. 0: there may be something. LB_E_TIMEOUT: the
 * deadline is over. LB_E_CLOSED: this is a child of the process, see wait_is_ours(), and the channel is not its own.
 */
LB_MUST_USE int wait_more(struct wait *w, uint64_t deadline);

/* For so long, with w NULL by sleeping; ends earlier in a child of the process. */
void wait_ms(struct wait *w, uint64_t ms);

/* False in a child of the process that began: it was forked while the job was paused, and must not use w. */
bool wait_is_ours(const struct wait *w);

#endif
