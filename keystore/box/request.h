/* The table of requests: message, permission, handler. */
#ifndef LB_BOX_REQUEST_H
#define LB_BOX_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "box/box.h"
#include "policy/policy.h"
#include "protocol/header.h"

/* One request on its way: what came, and where its answer goes. */
struct request {
    struct box *box;
    struct caller who;
    struct msg_header header;
    struct bytes body;
    bool attached;            /* something came with it */
    int fd;                   /* that, if it is a sealed memory file; else -1. Not the handler's to close */
    void *answer;             /* size bytes */
    size_t size;
    size_t answer_len;
    struct problem problem;   /* of a handler that failed */
};

struct request_kind {
    uint16_t type;
    const char *name;
    bool admin;               /* only administrators may ask for it */
    bool change;              /* goes to the thread that makes changes */
    bool secret;              /* the packet is wiped afterwards */
    bool secret_answer;       /* so is the answer */
    bool takes_fd;            /* a descriptor may come with it; not with a change */
    int (*handle)(struct request *rq);
};

/* NULL: no such request. */
const struct request_kind *request_kind(uint16_t type);

/* False: the caller may not ask for this, and the answer that says so is there. */
bool request_may(const struct request_kind *kind, struct request *rq);

/*
 * Checks the permission, runs the handler, and leaves a whole answer packet, MSG_ERROR for any failure. False: the
 * caller broke the protocol and is to lose its connection after this answer.
 */
bool request_run(const struct request_kind *kind, struct request *rq);

/* The answer to a packet that no handler will see. */
void request_refuse(struct request *rq, int code, const char *text);

#endif
