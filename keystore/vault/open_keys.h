/* The opened keys of a box: those that were used last. The others are sealed; a key is opened again when it is used. */
#ifndef LB_VAULT_OPEN_KEYS_H
#define LB_VAULT_OPEN_KEYS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"

struct keyversion;
struct livekey;

/*
 * A list of versions, ordered by when they were last used. The lock guards the list and the live key of each version in it;
 * nobody holds it while a key is opened or freed. A version is in the list at most once, and must be taken out before it is
 * freed.
 */
struct opened {
    pthread_mutex_t lock;
    struct keyversion *newest, *oldest;
    size_t count, most;
    uint64_t now; /* of the last opened_rest() */
};

/* most 0: no bound, for keys that not every thread can open again. LB_E_NOMEM. */
LB_MUST_USE int opened_init(struct opened *o, size_t most);
void opened_clear(struct opened *o);

/* A reference to the live key of v, which counts as used now; NULL: v is closed. */
struct livekey *opened_use(struct opened *o, struct keyversion *v);
/*
 * v was opened: takes over live, and returns a reference to what v has now. That is another thread's key, if that thread
 * was faster. Then closes the versions that were not used for longest, while there are more than the bound or the secure
 * heap is short.
 */
struct livekey *opened_put(struct opened *o, struct keyversion *v, struct livekey *live);
/*
 * now, in milliseconds: closes the versions that were not used for longer than after, unless there is no bound. A use
 * counts as made at the time of the last call before it.
 */
void opened_rest(struct opened *o, uint64_t now, uint64_t after);
/* Closes v: its live key is wiped when nobody works with it any more. */
void opened_close(struct opened *o, struct keyversion *v);
void opened_close_all(struct opened *o);

#endif
