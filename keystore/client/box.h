/* Conversations with boxes: callers know nothing of connections, threads, forks and restarts. */
#ifndef LB_CLIENT_BOX_H
#define LB_CLIENT_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "client/ask.h"

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

/* Bytes that hold any request but one about a PKCS#11 URI (client/keys.h), a text or a chain. */
#define BOX_REQUEST_MAX 256
/* Bytes that hold any answer but a page, a chain and what is found on a token; those fit LB_PACKET_MAX. */
#define BOX_ANSWER_MAX 8192

/*
 * A question to a box over its channels. Asked again on another one when the box went away meanwhile, until
 * the limit is over, if it may be made twice (protocol/messages.h). Changes have ten times the limit. A box that this process
 * tree has never reached is not waited for. One that did not answer the last caller in time is waited for by one caller at a
 * time, shortly: the others are refused at once (LB_E_TIMEOUT), but for changes.
 *
 * Failure: the box's own refusal, LB_E_NO_BOX, LB_E_TIMEOUT, LB_E_DENIED (the socket cannot be reached), LB_E_SYSTEM,
 * LB_E_VALUE. Where it cannot be known whether a change was made, p tells the user to look.
 */
struct box_ask {
    struct ask ask;
    struct box *to;
    struct wait *wait; /* NULL: it blocks */
};

/* For questions to the box, in buffers of the caller's. Returns &q->ask. */
struct ask *box_ask(struct box_ask *q, struct box *b, void *request, size_t request_size, void *answer, size_t answer_size);

#endif
