/* Requests: each is run by its handler, and each that ends is recorded. */
#ifndef LB_BOX_REQUEST_H
#define LB_BOX_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/record.h"
#include "box/box.h"
#include "policy/caller.h"
#include "protocol/header.h"
#include "protocol/messages.h"

/* A request on its way: what came, and where its answer goes. All zero but for what is set at the start. */
struct request {
    struct box *box;
    struct caller who;
    struct msg_header header;
    struct bytes body;
    bool attached;            /* something came with it */
    int fd;                   /* what came, if it is a sealed memory file; else -1. Not the handler's to close */
    void *answer;             /* size bytes */
    size_t size;
    size_t answer_len;
    struct problem problem;   /* of a handler that failed */
    struct event event;       /* what is to be recorded; handlers tell what they know */
    int delay;                /* milliseconds that the answer waits, once it is recorded */
};

/* Is there a handler for this type? For each row of protocol/messages.h there is. */
bool request_is_handled(uint16_t type);

/* False: the caller may not ask for this, and the answer says so. */
bool request_may(const struct msg_kind *kind, struct request *rq);

/*
 * The halves of request_run(), behind request_may(): runs the handler, which may leave an answer; and, once it is settled
 * what became of the request (result), records it and leaves the answer packet.
 */
LB_MUST_USE int request_make(const struct msg_kind *kind, struct request *rq);
bool request_end(const struct msg_kind *kind, struct request *rq, int result);

/*
 * Checks the permission, runs the handler, and leaves a whole answer packet, MSG_ERROR for any failure. False: the
 * caller broke the protocol and is to lose its connection after this answer.
 */
bool request_run(const struct msg_kind *kind, struct request *rq);

/* The answer to a packet that no handler will see. */
void request_refuse(struct request *rq, int code, const char *text);

#endif
