/* Whose turn it is: users by turns, one request each, those who may use a key first. */
#include "box/fair_queue.h"

#include <stdbool.h>
#include <stdlib.h>

struct turns_user {
    uid_t uid;
    unsigned connections;
    enum turns_class class;            /* while any of them wait */
    STAILQ_HEAD(, turn) turns;         /* its connections that wait */
    SLIST_ENTRY(turns_user) in_slot;
    STAILQ_ENTRY(turns_user) in_queue; /* while any of its connections wait */
};

void turns_init(struct turns *t)
{
    for (size_t i = 0; i < TURNS_SLOTS; i++)
        SLIST_INIT(&t->users[i]);
    for (size_t class = 0; class < TURNS_CLASSES; class++)
        STAILQ_INIT(&t->waiting[class]);
}

static struct turns_user *find(const struct turns *t, uid_t uid)
{
    struct turns_user *u;

    SLIST_FOREACH(u, &t->users[uid % TURNS_SLOTS], in_slot) {
        if (u->uid == uid)
            break;
    }
    return u;
}

int turns_enter(struct turns *t, uid_t uid, struct turn *turn)
{
    struct turns_user *u = find(t, uid);

    if (u == NULL) {
        u = calloc(1, sizeof(*u));
        if (u == NULL)
            return LB_E_NOMEM;
        u->uid = uid;
        STAILQ_INIT(&u->turns);
        SLIST_INSERT_HEAD(&t->users[uid % TURNS_SLOTS], u, in_slot);
    }
    u->connections++;
    *turn = (struct turn){ .user = u };
    return 0;
}

void turns_leave(struct turns *t, struct turn *turn)
{
    struct turns_user *u = turn->user;

    turn->user = NULL;
    if (--u->connections > 0)
        return;
    SLIST_REMOVE(&t->users[u->uid % TURNS_SLOTS], u, turns_user, in_slot);
    free(u);
}

unsigned turns_count(const struct turns *t, uid_t uid)
{
    const struct turns_user *u = find(t, uid);

    return u == NULL ? 0 : u->connections;
}

/* Users who wait */

/* To the end of those who wait. */
static void wait_again(struct turns *t, struct turns_user *u)
{
    STAILQ_INSERT_TAIL(&t->waiting[u->class], u, in_queue);
}

static struct turns_user *take_first(struct turns_queue *q)
{
    struct turns_user *u = STAILQ_FIRST(q);

    if (u != NULL)
        STAILQ_REMOVE_HEAD(q, in_queue);
    return u;
}

/* Empties the queue, and lets each user wait in the queue of its class, in the same order. */
static void sort_out(struct turns *t, struct turns_queue *q)
{
    struct turns_queue old = STAILQ_HEAD_INITIALIZER(old);
    struct turns_user *u;

    STAILQ_CONCAT(&old, q);
    while ((u = take_first(&old)) != NULL)
        wait_again(t, u);
}

void turns_add(struct turns *t, struct turn *turn, enum turns_class class)
{
    struct turns_user *u = turn->user;

    bool waits = !STAILQ_EMPTY(&u->turns);

    STAILQ_INSERT_TAIL(&u->turns, turn, next);
    if (!waits) {
        u->class = class;
        wait_again(t, u);
    } else if (class < u->class) {
        struct turns_queue *worse = &t->waiting[u->class];

        u->class = class;
        sort_out(t, worse);
    }
}

void turns_again(struct turns *t, enum turns_class (*class_of)(struct turn *turn, void *arg), void *arg)
{
    struct turns_queue *last = &t->waiting[TURNS_CLASSES - 1];
    struct turns_user *u;

    STAILQ_FOREACH(u, last, in_queue)
        u->class = class_of(STAILQ_FIRST(&u->turns), arg);
    sort_out(t, last);
}

struct turn *turns_next(struct turns *t)
{
    struct turns_user *u = NULL;
    struct turn *turn;

    for (size_t class = 0; u == NULL && class < TURNS_CLASSES; class++)
        u = take_first(&t->waiting[class]);
    if (u == NULL)
        return NULL;
    turn = STAILQ_FIRST(&u->turns);
    STAILQ_REMOVE_HEAD(&u->turns, next);
    if (!STAILQ_EMPTY(&u->turns))
        wait_again(t, u);
    return turn;
}

void turns_clear(struct turns *t)
{
    for (size_t i = 0; i < TURNS_SLOTS; i++) {
        while (!SLIST_EMPTY(&t->users[i])) {
            struct turns_user *u = SLIST_FIRST(&t->users[i]);

            SLIST_REMOVE_HEAD(&t->users[i], in_slot);
            free(u);
        }
    }
    turns_init(t);
}
