/* The box's side of its usher: who is sent there, and what comes back. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/socket.h"
#include "box/serve_priv.h"
#include "box/usher_link.h"
#include "policy/policy.h"

void reception_init(struct reception *r)
{
    pthread_mutex_init(&r->lock, NULL);
    r->link = -1;
    STAILQ_INIT(&r->waiting);
}

void reception_clear(struct reception *r)
{
    /* The link to the usher stays open too, with what is in its queue. */
    burials_clear(&r->dead);
    pthread_mutex_destroy(&r->lock);
}

/*
 * Sends as many of the waiting as the usher has room for, with the lock held. The usher's next answer makes room for more.
 * If the usher is gone, the keeper brings another.
 */
static void send_waiting(struct server *s)
{
    struct reception *rc = &s->reception;

    if (!burials_pass(&rc->dead, rc->link))
        return;
    while (!STAILQ_EMPTY(&rc->waiting) && rc->link >= 0) {
        struct conn *c = STAILQ_FIRST(&rc->waiting);
        const struct caller who = caller_of(&c->sender, &c->maker);
        bool known = policy_is_admin(s->box->conf->admins, &who) || vault_knows(s->box->vault, &who.sender);
        uint32_t number = rc->number == UINT32_MAX ? 1 : rc->number + 1; /* 0 is any */
        const struct usher_request rq = { ASK_RECEIVE, c->slot, number, c->sender.uid, known, c->fd };

        if (usher_ask(rc->link, &rq, /* dont_wait= */ true) != 0)
            return;
        c->asked = rc->number = number;
        c->at_usher = true;
        STAILQ_REMOVE_HEAD(&rc->waiting, next);
    }
}

void reception_send(struct server *s, struct conn *c, const struct peer *sender)
{
    struct reception *rc = &s->reception;

    pthread_mutex_lock(&rc->lock);
    c->sender = *sender;
    STAILQ_INSERT_TAIL(&rc->waiting, c, next);
    send_waiting(s);
    pthread_mutex_unlock(&rc->lock);
}

void reception_bury(struct server *s, int fd)
{
    struct reception *rc = &s->reception;

    pthread_mutex_lock(&rc->lock);
    burials_add(&rc->dead, fd);
    send_waiting(s);
    pthread_mutex_unlock(&rc->lock);
}

/*
 * Takes back the connection at this slot, if the usher has it, by this question (0: any). From now on the usher does not
 * have it, and the caller has it alone.
 */
static struct conn *come_back(struct server *s, uint32_t slot, uint32_t number)
{
    struct conn *c;

    /* Both locks: a connection that the usher does not have may be gone a moment later. */
    pthread_mutex_lock(&s->conns_lock);
    pthread_mutex_lock(&s->reception.lock);
    c = slot < s->slots ? s->conns[slot] : NULL;
    if (c != NULL && (!c->at_usher || (number != 0 && c->asked != number)))
        c = NULL;
    if (c != NULL)
        c->at_usher = false;
    pthread_mutex_unlock(&s->reception.lock);
    pthread_mutex_unlock(&s->conns_lock);
    return c;
}

void reception_renew(struct server *s, int link)
{
    struct reception *rc = &s->reception;
    int old;

    pthread_mutex_lock(&rc->lock);
    old = rc->link;
    rc->link = -1;
    if (old >= 0)
        (void)epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, old, NULL);
    pthread_mutex_unlock(&rc->lock);
    /* The connections that the last usher had are tried again, before this usher is asked anything. */
    for (uint32_t i = 0; old >= 0 && i < s->slots; i++) {
        struct conn *c = come_back(s, i, 0);

        if (c != NULL)
            conn_go_on(s, c);
    }
    pthread_mutex_lock(&rc->lock);
    rc->link = link;
    if (server_arm(s, EPOLL_CTL_ADD, link, rc) < 0)
        log_error("the usher cannot be heard");
    send_waiting(s);
    pthread_mutex_unlock(&rc->lock);
    /* The old link may have ends of channels in its queue, and in their queues may be anything. */
    if (old >= 0)
        conn_let_go(s, old);
}

static void hear_channel(struct server *s, struct usher_answer *a)
{
    /* A refusal is in the log; the caller sees the end. */
    (void)!conn_add(s, a->fd, 0, &a->maker, /* keep= */ true);
}

bool reception_hear(struct server *s, void *buf, struct conn **ret_conn, struct usher_answer *ret)
{
    struct reception *rc = &s->reception;
    struct conn *c;
    int r;

    pthread_mutex_lock(&rc->lock);
    r = rc->link < 0 ? LB_E_CLOSED : usher_told(rc->link, buf, ret);
    /* The keeper sees when the link has ended, and brings another usher. */
    if (r != LB_E_CLOSED && server_arm(s, EPOLL_CTL_MOD, rc->link, rc) < 0)
        log_error("the usher cannot be heard");
    pthread_mutex_unlock(&rc->lock);
    if (r != 0)
        return false;
    if (ret->type == TOLD_CHANNEL)
        hear_channel(s, ret);
    c = come_back(s, ret->slot, ret->number);
    pthread_mutex_lock(&rc->lock);
    send_waiting(s);
    pthread_mutex_unlock(&rc->lock);
    if (c == NULL) {
        socket_close(ret->type == TOLD_PACKET ? ret->fd : -1);
        return false;
    }
    if (ret->type == TOLD_PACKET) {
        *ret_conn = c;
        return true;
    }
    if (ret->type == TOLD_BAD) {
        log_caused(ret->sender.uid, "refused: something that uid %u attached to a packet: %s (pid %d)", ret->sender.uid,
                    usher_reason_text(ret->reason), (int)ret->sender.pid);
        conn_blame(s, c, &ret->sender);
    } else {
        conn_go_on(s, c);
    }
    return false;
}
