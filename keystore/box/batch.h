/* Changes that came while others were made: committed together, and answered in the order in which they came. */
#ifndef LB_BOX_BATCH_H
#define LB_BOX_BATCH_H

#include "box/request.h"

/*
 * A synced commit costs milliseconds, and nearly all of a change. So the thread that makes changes takes what waits, stores
 * it in one transaction and commits that once. The rules:
 *
 * - A change never waits for one that has not come yet: what waits already is taken, and nothing else.
 * - No change is seen or answered before all of its batch is on disk. If the commit fails, all of them are refused.
 * - Only changes of one key, by its name, share a batch. Any other ends the batch before it and is made alone: seals and
 *   locks because what they do is no row of a key, destructions because they walk all keys.
 * - A change of a name that the batch has changed already ends it too, and begins the next (vault_together_name()). So each
 *   change finds the keys as those before it left them, and none has to be prepared on what may not come to be.
 * - A batch ends after BATCH_MAX changes, or after BATCH_MS: whoever came first does not wait long for the others.
 */
#define BATCH_MAX 64
#define BATCH_MS 20

struct batch; /* of the thread that makes changes */

/* Sends the answer of rq, or lets its connection go. conn is what batch_run() got. */
typedef void batch_answer_fn(void *arg, void *conn, const struct request *rq, bool goes_on);

/* The box outlives it. LB_E_NOMEM. */
LB_MUST_USE int batch_new(struct box *box, batch_answer_fn *answer, void *arg, struct batch **ret);
/* NULL is fine. There is no change in it. */
void batch_free(struct batch *b);
/*
 * Makes the change that rq asks for, and answers it now or at the end of the batch. The packet is not needed any more then.
 * rq->answer is for changes that are made alone.
 */
void batch_run(struct batch *b, const struct msg_kind *kind, const struct request *rq, void *conn);
/* May another change join those that are in it? False also if there is none. */
bool batch_goes_on(const struct batch *b);
/* Commits, publishes and answers what is in it. */
void batch_end(struct batch *b);

#endif
