/* Whose turn it is: users by turns, one request each, those who may use a key first. */
#include "box/fair_queue.h"

#include <stdlib.h>
#include <string.h>

struct turns_user {
    uid_t uid;
    unsigned connections;
    enum turns_class class;     /* while any of them wait */
    struct turn *first, *last;  /* its connections that wait */
    struct turns_user *next;    /* in its slot */
    struct turns_user *waiting; /* the next one of those who wait */
};

static struct turns_user *find(const struct turns *t, uid_t uid)
{
    struct turns_user *u = t->users[uid % TURNS_SLOTS];

    while (u != NULL && u->uid != uid)
        u = u->next;
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
        u->next = t->users[uid % TURNS_SLOTS];
        t->users[uid % TURNS_SLOTS] = u;
    }
    u->connections++;
    *turn = (struct turn){ .user = u };
    return 0;
}

void turns_leave(struct turns *t, struct turn *turn)
{
    struct turns_user *u = turn->user, **at = &t->users[u->uid % TURNS_SLOTS];

    turn->user = NULL;
    if (--u->connections > 0)
        return;
    while (*at != u)
        at = &(*at)->next;
    *at = u->next;
    free(u);
}

unsigned turns_count(const struct turns *t, uid_t uid)
{
    const struct turns_user *u = find(t, uid);

    return u == NULL ? 0 : u->connections;
}

/* Circles */

/* To the end of those who wait. */
static void wait_again(struct turns *t, struct turns_user *u)
{
    struct turns_circle *c = &t->waiting[u->class];

    u->waiting = NULL;
    if (c->last != NULL)
        c->last->waiting = u;
    else
        c->first = u;
    c->last = u;
}

static struct turns_user *take_first(struct turns_circle *c)
{
    struct turns_user *u = c->first;

    if (u == NULL)
        return NULL;
    c->first = u->waiting;
    if (c->first == NULL)
        c->last = NULL;
    u->waiting = NULL;
    return u;
}

/* Goes round once, and lets each user wait in the circle of its class. */
static void sort_out(struct turns *t, struct turns_circle *c)
{
    struct turns_circle old = *c;
    struct turns_user *u;

    *c = (struct turns_circle){ .first = NULL };
    while ((u = take_first(&old)) != NULL)
        wait_again(t, u);
}

void turns_add(struct turns *t, struct turn *turn, enum turns_class class)
{
    struct turns_user *u = turn->user;

    turn->next = NULL;
    if (u->last == NULL) {
        u->first = u->last = turn;
        u->class = class;
        wait_again(t, u);
        return;
    }
    u->last->next = turn;
    u->last = turn;
    if (class < u->class) {
        struct turns_circle *worse = &t->waiting[u->class];

        u->class = class;
        sort_out(t, worse);
    }
}

void turns_again(struct turns *t, enum turns_class (*class_of)(struct turn *turn, void *arg), void *arg)
{
    struct turns_circle *last = &t->waiting[TURNS_CLASSES - 1];

    for (struct turns_user *u = last->first; u != NULL; u = u->waiting)
        u->class = class_of(u->first, arg);
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
    turn = u->first;
    u->first = turn->next;
    if (u->first == NULL)
        u->last = NULL;
    else
        wait_again(t, u);
    turn->next = NULL;
    return turn;
}

void turns_clear(struct turns *t)
{
    for (size_t i = 0; i < TURNS_SLOTS; i++) {
        while (t->users[i] != NULL) {
            struct turns_user *u = t->users[i];

            t->users[i] = u->next;
            free(u);
        }
    }
    memset(t, 0, sizeof(*t));
}
