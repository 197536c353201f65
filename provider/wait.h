/* How a request of the provider waits: by blocking, or inside of an ASYNC_JOB by pausing it, so that an event loop goes on. */
#ifndef LB_WAIT_H
#define LB_WAIT_H

#include "client/waiter.h"

/*
 * The job that runs, for one operation at a time. What it waits with belongs to the job's wait context, which frees it, and
 * so does what it holds. begin() gives NULL where there is no job, or where it must not be paused: in a job without wait
 * context, in one whose program wants to be called back instead of to look at descriptors, in a child of the process where
 * the wait context was first used, out of descriptors, and where 256 others of the process wait already.
 */
extern const struct waiter wait_jobs;

#endif
