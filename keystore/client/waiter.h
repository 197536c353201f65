/* How a caller waits for a box, which is handed in: a thread blocks, a job is paused, a user sees a sign of life. */
#ifndef LB_CLIENT_WAITER_H
#define LB_CLIENT_WAITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/conn.h"

/* One operation that waits. A way to wait has a struct of its own, which begins with this one. */
struct wait {
    const struct waiter *by;
};

/*
 * A way to wait. One that only watches a thread block has begin and end alone; the others are all there, or all NULL.
 *
 * A way that pauses owns what it holds: an operation that is paused may never be resumed, since a server drops connections
 * when it likes. Then the operation's stack is gone, and what is not held here would stay for ever.
 */
struct waiter {
    /* For one request of this type (enum msg_type). NULL: it blocks, and nobody is told. */
    struct wait *(*begin)(uint16_t type);
    /* The operation is over, and nothing is held any more. */
    void (*end)(struct wait *w);

    /* Has done(what) called if the operation never ends. */
    void (*own)(struct wait *w, void *what, void (*done)(void *what));
    /* Takes over a connection that is to be waited for. LB_E_SYSTEM: it did not. */
    int (*hold)(struct wait *w, struct conn *c);
    /* Gives it back; in a child of the process closes its copy, since the parent goes on with it: ret->fd is -1 then. */
    void (*give_back)(struct wait *w, struct conn *ret);
    /*
     * Pauses until there is something to be read from the connection. 0: there may be something. LB_E_TIMEOUT: the deadline
     * is over. LB_E_CLOSED: this is a child of the process, see is_ours(), and the connection is not its own.
     */
    int (*more)(struct wait *w, uint64_t deadline);
    /* Pauses for so long; ends earlier in a child of the process. */
    void (*sleep)(struct wait *w, uint64_t ms);
    /* False in a child of the process that began: it was forked during the pause, and must not use w. */
    bool (*is_ours)(const struct wait *w);
};

/* by and what it gives may be NULL; w too. */
static inline struct wait *wait_begin(const struct waiter *by, uint16_t type)
{
    return by == NULL ? NULL : by->begin(type);
}

static inline void wait_end(struct wait *w)
{
    if (w != NULL)
        w->by->end(w);
}

static inline bool wait_pauses(const struct wait *w)
{
    return w != NULL && w->by->more != NULL;
}

/* For so long; with w NULL by sleeping. */
void wait_ms(struct wait *w, uint64_t ms);

#endif
