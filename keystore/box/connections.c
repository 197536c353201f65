/* The connections of a box: whose they are, how many of them, and what the keeper has of them. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/socket.h"
#include "box/serve_priv.h"
#include "policy/policy.h"

int server_arm(struct server *s, int op, int fd, void *what)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = what };

    return epoll_ctl(s->epoll_fd, op, fd, &ev);
}

void conn_go_on(struct server *s, struct conn *c)
{
    if (server_arm(s, EPOLL_CTL_MOD, c->fd, c) < 0)
        conn_close(s, c);
}

bool conn_is_makers(const struct conn *c, const struct peer *sender)
{
    return c->maker.peer.pid == sender->pid;
}

void conn_blame(struct server *s, struct conn *c, const struct peer *sender)
{
    if (conn_is_makers(c, sender))
        conn_close(s, c);
    else
        conn_go_on(s, c);
}

void conn_let_go(struct server *s, int fd)
{
    if (socket_end(fd))
        socket_close(fd);
    else
        reception_bury(s, fd);
}

void conn_close(struct server *s, struct conn *c)
{
    pthread_mutex_lock(&s->conns_lock);
    s->conns[c->slot] = NULL;
    s->used--;
    s->used_by_others -= c->counted;
    if (c->slot < s->slots_taken)
        s->slots_taken = c->slot;
    pthread_mutex_lock(&s->turns_lock);
    turns_leave(&s->turns, &c->turn);
    pthread_mutex_unlock(&s->turns_lock);
    atomic_store(&s->box->connections, s->used);
    /*
     * Closes before the keeper is told. So this copy is never the last one, and what is in the queue is the keeper's
     * affair.
     */
    (void)socket_end(c->fd);
    socket_close(c->fd);
    /* If the keeper is gone, this process is about to go too. */
    if (s->box->keeper.dropped(s->box->keeper.link, c->slot) != 0)
        log_error("the keeper does not answer");
    pthread_mutex_unlock(&s->conns_lock);
    maker_clear(&c->maker);
    free(c);
}

/*
 * Under the lock. The last places are for administrators, and no other user has more than half of the rest: whoever fills
 * the places keeps no administrator out.
 */
static bool has_too_many(struct server *s, const struct conn *c)
{
    unsigned most = s->box->conf->max_connections, count;

    if (!c->counted)
        return false;
    if (s->used_by_others >= most)
        return true;
    if (s->used_by_others < most / 2)
        return false;
    pthread_mutex_lock(&s->turns_lock);
    count = turns_count(&s->turns, c->maker.peer.uid);
    pthread_mutex_unlock(&s->turns_lock);
    return count >= most / 2;
}

/* Under the lock. The lowest free slot; s->slots: there is none. */
static uint32_t free_slot(struct server *s)
{
    while (s->slots_taken < s->slots && s->conns[s->slots_taken] != NULL)
        s->slots_taken++;
    return s->slots_taken;
}

/* Under the lock. */
static int enter(struct server *s, struct conn *c)
{
    int r;

    pthread_mutex_lock(&s->turns_lock);
    r = turns_enter(&s->turns, c->maker.peer.uid, &c->turn);
    pthread_mutex_unlock(&s->turns_lock);
    if (r != 0)
        return r;
    s->conns[c->slot] = c;
    s->used++;
    s->used_by_others += c->counted;
    atomic_store(&s->box->connections, s->used);
    return 0;
}

/* Under the lock. */
static int find_place(struct server *s, struct conn *c, bool keep)
{
    int r = 0;

    if (keep)
        c->slot = free_slot(s);
    if (c->slot >= s->slots || s->conns[c->slot] != NULL || has_too_many(s, c)) {
        log_caused(c->maker.peer.uid, "too many connections: one more of uid %u is refused", c->maker.peer.uid);
        return LB_E_BUSY;
    }
    if (keep)
        r = s->box->keeper.added(s->box->keeper.link, c->slot, &c->maker, c->fd);
    if (r != 0)
        return r;
    r = enter(s, c);
    /* If the keeper is gone, this process is about to go too. */
    if (r != 0 && keep && s->box->keeper.dropped(s->box->keeper.link, c->slot) != 0)
        log_error("the keeper does not answer");
    return r;
}

int conn_add(struct server *s, int fd, uint32_t slot, struct maker *maker, bool keep)
{
    struct conn *c = calloc(1, sizeof(*c));
    int r = c == NULL ? LB_E_NOMEM : 0;

    if (r == 0) {
        *c = (struct conn){ .fd = fd, .slot = slot, .maker = *maker,
                            .counted = !policy_admin_made(s->box->conf->admins, maker) };
        pthread_mutex_lock(&s->conns_lock);
        r = find_place(s, c, keep);
        pthread_mutex_unlock(&s->conns_lock);
    }
    if (r != 0) {
        maker_clear(maker);
        free(c);
        conn_let_go(s, fd);
        return r;
    }
    if (server_arm(s, EPOLL_CTL_ADD, fd, c) < 0) {
        conn_close(s, c);
        return LB_E_SYSTEM;
    }
    return 0;
}
