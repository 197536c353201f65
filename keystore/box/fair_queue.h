/*
 * Whose turn it is. Users with waiting requests are served by turns, one request each, in the order in which they came.
 * Those who may use a key go before those who may not.
 */
#ifndef LB_BOX_FAIR_QUEUE_H
#define LB_BOX_FAIR_QUEUE_H

#include <sys/queue.h>
#include <sys/types.h>

#include "base/errors.h"

/* Who comes first. As long as anybody of one class waits, nobody of the next one is served. */
enum turns_class {
    TURNS_KNOWN,    /* administrators, and who has a grant */
    TURNS_STRANGER, /* who can do no more than ask */
    TURNS_CLASSES
};

/* How many lists there are to find users in. */
#define TURNS_SLOTS 512

/* A user with connections. */
struct turns_user;

/* A place in a user's queue. It is part of a connection, and is in the queue at most once. */
struct turn {
    struct turns_user *user;
    STAILQ_ENTRY(turn) next;
};

SLIST_HEAD(turns_slot, turns_user);
/* Users who wait; the first one is next. */
STAILQ_HEAD(turns_queue, turns_user);

/*
 * Users get answers by turns, one each: a user with a thousand waiting connections gets as many as a user with one. Costs
 * the same however many connections wait. The caller has the lock.
 */
struct turns {
    struct turns_slot users[TURNS_SLOTS]; /* all who have connections, by uid */
    struct turns_queue waiting[TURNS_CLASSES];
};

void turns_init(struct turns *t);

/* One more connection of that user. LB_E_NOMEM. */
LB_MUST_USE int turns_enter(struct turns *t, uid_t uid, struct turn *turn);
/* It is gone; it was not waiting. */
void turns_leave(struct turns *t, struct turn *turn);
/* How many connections a user has. */
unsigned turns_count(const struct turns *t, uid_t uid);

/*
 * A request of that class waits at turn. If a user's connections are of different classes, the user is served as the best
 * of those that were added while others of the user waited.
 */
void turns_add(struct turns *t, struct turn *turn, enum turns_class class);
/* The next turn to be served, which waits no more; NULL: none. */
struct turn *turns_next(struct turns *t);
/*
 * Classes have changed: looks again at each user who waits in the last class, by the user's first waiting turn. Costs a
 * call for each of these users.
 */
void turns_again(struct turns *t, enum turns_class (*class_of)(struct turn *turn, void *arg), void *arg);
/* Forgets all users, also those who wait. */
void turns_clear(struct turns *t);

#endif
