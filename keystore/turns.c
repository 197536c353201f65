/* Whose turn it is: users who have requests waiting are served by turns, one request each, in the order they came. */
#include "turns.h"

#include <stdlib.h>

struct turns_user {
    uid_t uid;
    unsigned connections;
    struct turn *first, *last;  /* its connections that wait */
    struct turns_user *next;    /* of all users */
    struct turns_user *waiting; /* the next one of those who wait */
};

static struct turns_user *find(const struct turns *t, uid_t uid)
{
    struct turns_user *u = t->users;

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
        u->next = t->users;
        t->users = u;
    }
    u->connections++;
    *turn = (struct turn){ .user = u };
    return 0;
}

void turns_leave(struct turns *t, struct turn *turn)
{
    struct turns_user *u = turn->user, **at = &t->users;

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

/* To the end of those who wait. */
static void wait_again(struct turns *t, struct turns_user *u)
{
    u->waiting = NULL;
    if (t->last != NULL)
        t->last->waiting = u;
    else
        t->first = u;
    t->last = u;
}

void turns_add(struct turns *t, struct turn *turn)
{
    struct turns_user *u = turn->user;

    turn->next = NULL;
    if (u->last != NULL) {
        u->last->next = turn;
        u->last = turn;
        return;
    }
    u->first = u->last = turn;
    wait_again(t, u);
}

struct turn *turns_next(struct turns *t)
{
    struct turns_user *u = t->first;
    struct turn *turn;

    if (u == NULL)
        return NULL;
    t->first = u->waiting;
    if (t->first == NULL)
        t->last = NULL;
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
    while (t->users != NULL) {
        struct turns_user *u = t->users;

        t->users = u->next;
        free(u);
    }
    *t = (struct turns){ .users = NULL };
}
