/* One question to a box, whoever carries it: what the functions of the messages (use.h, keys.h, change.h ...) stand on. */
#ifndef LB_CLIENT_ASK_H
#define LB_CLIENT_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/description.h"

struct ask;
struct msg_kind;

/*
 * Who carries requests: the pool of channels (client/box.h), or one connection (client/line.h). Both begin a struct of their
 * own with struct ask. All but next_id return a code, and p says why.
 */
struct carrier {
    /* A number for the next request's header. */
    uint32_t (*next_id)(struct ask *q);
    /* Sends the request, and gives the body of the answer of its type. Failure: the box's own refusal, or its carrier's. */
    int (*carry)(struct ask *q, struct bytes *ret_body, struct problem *p);
    /* The request could not be encoded: r. */
    int (*refuse_request)(const struct ask *q, int r, struct problem *p);
    /* The answer came, and cannot be decoded. */
    int (*refuse_answer)(struct ask *q, struct problem *p);
};

/* Used again and again, by one thread at a time. The buffers are of who made it. */
struct ask {
    const struct carrier *by;
    const char *box;             /* its name, for messages */
    const struct msg_kind *kind; /* of protocol/messages.h; from here on: of the last ask_begin() */
    const char *about;           /* the key that it is about, for messages; NULL: none. Lives until the answer is there */
    uint32_t id;
    uint8_t *request, *answer;
    size_t request_size, request_len, answer_size;
    int fd;                      /* goes with it; -1: none */
    unsigned more_ms;            /* beyond the limit, for what takes long to do */
    bool unknown;                /* a change that was sent, and nobody knows whether it was made */
};

/*
 * The functions of messages take a struct ask and return 0 or the code of p. What they give may point into q->answer, and
 * lives until the next question.
 *
 * Each does these steps: ask_begin(); an encoder with q->id into q->request; ask_send() with its result; a decoder, and
 * ask_decoded() with the result of that. type is that of a request which protocol/messages.h has.
 */
void ask_begin(struct ask *q, uint16_t type, const char *about);
LB_MUST_USE int ask_send(struct ask *q, int encoded, struct bytes *ret_body, struct problem *p);
LB_MUST_USE int ask_decoded(struct ask *q, int decoded, struct problem *p);

/* The last two for an answer that is empty, and for one that describes a key. */
LB_MUST_USE int ask_for_nothing(struct ask *q, int encoded, struct problem *p);
LB_MUST_USE int ask_for_key(struct ask *q, int encoded, struct key_info *ret, struct problem *p);
/* A request with an empty body. */
LB_MUST_USE int ask_empty(struct ask *q, uint16_t type, struct bytes *ret_body, struct problem *p);

#endif
