/* Questions over one connection, for programs that have a few of them and end. */
#ifndef LB_CLIENT_LINE_H
#define LB_CLIENT_LINE_H

#include "base/errors.h"
#include "base/socket.h"
#include "client/ask.h"
#include "client/waiter.h"
#include "model/place.h"

/*
 * A question is asked again while the box restarts, if it may be made twice (protocol/messages.h). Changes never are: when the
 * box is restarted meanwhile that is LB_E_RESET. Requests are wiped once they are sent. Not for two threads at once.
 */
struct line {
    struct ask ask;
    int fd;                      /* of socket_connect(), to a box that owner_check() let pass; -1: none */
    enum place place;            /* where the box is, for messages */
    const struct waiter *waiter; /* is told of requests while they block; NULL */
    /*
     * Fills p for a request that had no answer, and returns the code. r: LB_E_RESET, LB_E_CLOSED, LB_E_TIMEOUT, LB_E_SYSTEM with
     * errno, LB_E_VALUE for an answer that is none. user is what the function may need.
     */
    int (*failed)(const struct line *l, int r, struct problem *p);
    void *user;
};

/* Not connected yet. request and answer have LB_PACKET_MAX bytes each, and stay the caller's. Returns &l->ask. */
struct ask *line_init(struct line *l, const char *box, void *request, void *answer);
void line_close(struct line *l);

/* Who the box runs as, from the kernel's word on the packet that it answers. */
LB_MUST_USE int line_peer(struct line *l, struct peer *ret, struct problem *p);

#endif
