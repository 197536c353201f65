/* Conversations with boxes: callers know nothing of connections, threads, forks and restarts. */
#ifndef LB_CLIENT_BOX_H
#define LB_CLIENT_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"

/*
 * A box as this program knows it (client/boxes.h). Boxes are safe for any number of threads,
 * across fork, setuid and chroot: a process never uses a connection that another process talks on.
 */
struct box;
struct wait;

const char *box_name(const struct box *b);

/*
 * Connects if the box is there and this process tree has no connection yet, so that a later chroot or setuid does not
 * cut the key off. That it is not there is no failure: it may come.
 */
void box_prepare(struct box *b);

/* A number for the next request's header. */
uint32_t box_next_id(struct box *b);

/* A whole packet, and how to ask it. */
struct box_request {
    uint16_t type;
    uint32_t id;          /* of box_next_id(), in the packet's header too */
    const void *packet;
    size_t len;
    int fd;               /* goes with it; -1: none. Stays the caller's */
    unsigned more_ms;     /* beyond littlebox-timeout, for what takes long to do */
    /*
     * NULL: the request may be made twice. Else it is a change of the store, which is sent once at most, with ten times
     * littlebox-timeout: box_call() says here if it was sent and nobody knows whether it was made (LB_E_RESET,
     * LB_E_CLOSED, LB_E_TIMEOUT ...).
     */
    bool *unknown;
};

/*
 * A private-key operation: its request, and room for its answer. They are not on the stack: that of an ASYNC_JOB has
 * 32 kB for all that libssl and the provider do.
 */
struct box_operation {
    struct box_request rq; /* rq.packet is packet; rq.fd is the operation's and closed with it */
    uint8_t *packet, *answer;
    size_t packet_size, answer_size;
    struct wait *wait; /* box.c */
};

/* A request of this type, with a number, to be encoded into packet. The box's refusals have room. NULL: no memory. */
struct box_operation *box_operation_new(struct box *b, uint16_t type, size_t packet_size, size_t answer_size);
/*
 * As box_call(); ret_body points into answer. Inside of an ASYNC_JOB the job is paused until the answer is there. If
 * the job is never resumed, its wait context frees the operation, and whatever else waits for the answer.
 */
LB_MUST_USE int box_operate(struct box *b, struct box_operation *o, struct bytes *ret_body, struct problem *p);
/* Wipes it. NULL is fine. */
void box_operation_free(struct box_operation *o);

/*
 * One request and its answer of type rq->type | MSG_ANSWER, whose body points into answer (size bytes). Asked again on
 * another connection when the box went away meanwhile, until littlebox-timeout is over, if it may be made twice. A box
 * that this process tree has never reached is not waited for, and one that did not answer the last caller in time is waited
 * for by one caller at a time, shortly: the others are refused at once (LB_E_TIMEOUT), but for changes. Failure: the code, and p says why: the box's own refusal,
 * LB_E_NO_BOX, LB_E_TIMEOUT, LB_E_DENIED (the socket cannot be reached), LB_E_SYSTEM, LB_E_VALUE.
 */
LB_MUST_USE int box_call(struct box *b, const struct box_request *rq, void *answer, size_t size, struct bytes *ret_body,
                         struct problem *p);

#endif
