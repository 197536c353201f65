/* Questions over one connection, for programs that have a few of them and end. */
#include "client/line.h"

#include <openssl/crypto.h>
#include <unistd.h>

#include "client/channel.h"
#include "client/clock.h"
#include "model/limits.h"
#include "protocol/header.h"
#include "protocol/messages.h"

/*
 * Milliseconds: most requests take microseconds, RSA generation and Argon2 seconds, a wrong passphrase up to half a
 * minute of delay.
 */
#define TIMEOUT_SHORT 30000
#define TIMEOUT_LONG 600000
/* How often a question is asked again around restarts of the box. */
#define ASK_AGAIN 5

static uint32_t next_id(struct ask *q)
{
    return q->id + 1;
}

static int ask_once(const struct line *l, unsigned limit_ms, uint16_t *ret_type, struct bytes *ret_body,
                    struct peer *ret_peer)
{
    const struct ask *q = &l->ask;
    uint64_t deadline = now_ms() + limit_ms;
    int r = channel_ask(l->fd, q->request, q->request_len, q->fd, /* dont_wait= */ false);

    if (r != 0)
        return r;
    return channel_answer(l->fd, q->id, deadline, q->answer, q->answer_size, ret_type, ret_body, ret_peer);
}

/* Each question goes this way, once or ASK_AGAIN times. ret_peer: who answered, or NULL. */
static int exchange(const struct line *l, uint16_t *ret_type, struct bytes *ret_body, struct peer *ret_peer)
{
    const struct ask *q = &l->ask;
    unsigned limit_ms = q->kind->slow ? TIMEOUT_LONG : TIMEOUT_SHORT;
    int left = q->kind->repeat ? ASK_AGAIN : 1, r = socket_set_timeout(l->fd, limit_ms);
    struct wait *w;

    /* So that a RESET seen afterwards is about this change. */
    if (r == 0 && !q->kind->repeat)
        r = channel_drain(l->fd, q->answer, q->answer_size);
    if (r != 0)
        return r;
    w = wait_begin(l->waiter, q->kind->type);
    do
        r = ask_once(l, limit_ms, ret_type, ret_body, ret_peer);
    while (r == LB_E_RESET && --left > 0);
    wait_end(w);
    return r;
}

static int carry(struct ask *q, struct bytes *ret_body, struct problem *p)
{
    struct line *l = (struct line *)q;
    uint16_t answered = 0;
    int r = exchange(l, &answered, ret_body, /* ret_peer= */ NULL);

    OPENSSL_cleanse(q->request, q->request_len);
    if (r != 0)
        return l->failed(l, r, p);
    if (answered == MSG_ERROR) {
        if (msg_error_decode(*ret_body, p) != 0)
            return l->failed(l, LB_E_VALUE, p);
        problem_printable(p);
        place_tell(l->place, p);
        return p->code;
    }
    return answered == (q->kind->type | MSG_ANSWER) ? 0 : l->failed(l, LB_E_VALUE, p);
}

static int refuse_request(const struct ask *q, int r, struct problem *p)
{
    (void)q;
    return problem_set(p, r, "the request does not fit: %s", lb_strerror(r));
}

static int refuse_answer(struct ask *q, struct problem *p)
{
    struct line *l = (struct line *)q;

    return l->failed(l, LB_E_VALUE, p);
}

static const struct carrier one_connection = {
    .next_id = next_id,
    .carry = carry,
    .refuse_request = refuse_request,
    .refuse_answer = refuse_answer,
};

struct ask *line_init(struct line *l, const char *box, void *request, void *answer)
{
    *l = (struct line){ .fd = -1 };
    l->ask = (struct ask){
        .by = &one_connection,
        .box = box,
        .id = (uint32_t)getpid(),
        .request = request,
        .request_size = LB_PACKET_MAX,
        .answer = answer,
        .answer_size = LB_PACKET_MAX,
        .fd = -1,
    };
    return &l->ask;
}

void line_close(struct line *l)
{
    socket_close(l->fd);
    l->fd = -1;
}

int line_peer(struct line *l, struct peer *ret, struct problem *p)
{
    struct ask *q = &l->ask;
    struct bytes body;
    uint16_t type;
    int r;

    ask_begin(q, MSG_STATUS, /* about= */ NULL);
    r = msg_empty_encode(MSG_STATUS, q->id, q->request, q->request_size, &q->request_len);
    if (r == 0)
        r = exchange(l, &type, &body, ret);
    if (r == 0 && ret->pid == 0)
        r = LB_E_VALUE;
    return r == 0 ? 0 : l->failed(l, r, p);
}
