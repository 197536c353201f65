/* Asks boxes: one request and its answer, again while a box restarts. */
#include "client/box.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/socket.h"
#include "client/box_priv.h"
#include "client/channel.h"
#include "client/clock.h"
#include "client/waiter.h"
#include "protocol/header.h"
#include "protocol/messages.h"

/* Pauses between tries while a box restarts, in milliseconds: from, to. */
#define PAUSE_FIRST_MS 2
#define PAUSE_LAST_MS 200
/* A change of the store may take that many times littlebox-timeout: making RSA keys takes seconds. */
#define CHANGE_TIMEOUTS 10

static bool is_change(const struct ask *q)
{
    return !q->kind->repeat;
}

static uint64_t limit_ms(const struct box *b, const struct ask *rq)
{
    return (uint64_t)b->timeout_ms * (is_change(rq) ? CHANGE_TIMEOUTS : 1) + rq->more_ms;
}

/* Sends the request and waits for the answer, for at most left milliseconds. */
static int talk(struct conn *s, const struct ask *rq, uint64_t left, uint64_t deadline, uint16_t *ret_type,
                struct bytes *ret_body)
{
    if (conn_limit(s, left) != 0)
        return LB_E_SYSTEM;
    return channel_call(s->fd, rq->id, deadline, rq->request, rq->request_len, rq->fd, rq->answer,
                        rq->answer_size, ret_type, ret_body);
}

/* The same in a job, which pauses meanwhile. The channel is the wait's as long. */
static int talk_paused(struct wait *w, struct conn *s, const struct ask *rq, uint64_t left, uint64_t deadline,
                       uint16_t *ret_type, struct bytes *ret_body)
{
    int fd = s->fd, r;

    if (w->by->hold(w, s) != 0)
        return talk(s, rq, left, deadline, ret_type, ret_body);
    r = channel_ask(fd, rq->request, rq->request_len, rq->fd, /* dont_wait= */ true);
    while (r == 0) {
        r = w->by->more(w, deadline);
        if (r != 0)
            break;
        r = channel_answer(fd, rq->id, CHANNEL_DONT_WAIT, rq->answer, rq->answer_size, ret_type, ret_body,
                           /* ret_peer= */ NULL);
        if (r != LB_E_TIMEOUT)
            break;
        r = 0; /* resumed for nothing */
    }
    w->by->give_back(w, s);
    return r;
}

/* Asks on one channel. *ret_keep: the channel can be used again. LB_E_CLOSED and LB_E_STOPPING: try another channel. */
static int exchange_on(struct box *b, struct wait *w, struct conn *s, struct ask *rq, uint64_t deadline, bool *ret_keep,
                       struct bytes *ret_body, struct problem *p)
{
    uint16_t type = 0;
    int r;

    *ret_keep = false;
    /* Stale packets go first: a RESET seen later is about this change. A channel that has ended is found before its use. */
    if (is_change(rq) && channel_drain(s->fd, rq->answer, rq->answer_size) != 0)
        return refuse_closed(b, p);
    do {
        uint64_t left = ms_left(deadline);

        if (left == 0)
            return refuse_no_time(b, limit_ms(b, rq), p);
        if (is_change(rq))
            rq->unknown = true;
        r = w == NULL ? talk(s, rq, left, deadline, &type, ret_body)
                      : talk_paused(w, s, rq, left, deadline, &type, ret_body);
    } while (r == LB_E_RESET && !is_change(rq));
    if (r == LB_E_RESET)
        return problem_set(p, r, "box '%s' was restarted while it worked on this", b->name);
    if (r == LB_E_TIMEOUT)
        return refuse_no_time(b, limit_ms(b, rq), p);
    if (r == LB_E_CLOSED)
        return refuse_closed(b, p);
    if (r == LB_E_SYSTEM) {
        bool passes_none = rq->fd >= 0 && errno == EPERM;

        refuse_system(b, passes_none ? "pass a long text to" : "talk to", p);
        if (passes_none)
            problem_hint(p, "set AcceptFileDescriptors=yes in its socket unit, littleboxd@%s.socket", b->name);
        return r;
    }
    if (r == 0 && type == MSG_ERROR) {
        r = msg_error_decode(*ret_body, p);
        problem_printable(p);
        *ret_keep = r == 0;
        if (r == 0) {
            if (is_change(rq))
                rq->unknown = false;
            place_tell(b->place, p);
            return p->code;
        }
    }
    if (r != 0 || type != (rq->kind->type | MSG_ANSWER)) {
        problem_set(p, LB_E_VALUE, "box '%s' sent something that is no answer", b->name);
        problem_hint(p, "does the littleboxd that runs belong to the littlebox that is installed? restart it");
        return LB_E_VALUE;
    }
    if (is_change(rq))
        rq->unknown = false;
    *ret_keep = true;
    return 0;
}

/* Keeps the channel of a lease, on which an answer is due. */
static void take_due(struct lease *l)
{
    l->due = *l->conn;
    l->conn->fd = -1;
}

/* Is another try of use? The box is being restarted, or has no room for the moment. */
static bool passes(int r, bool keep)
{
    return r == LB_E_CLOSED || r == LB_E_STOPPING || r == LB_E_NO_BOX || (r == LB_E_BUSY && !keep);
}

/*
 * Tries until the deadline; without patience, once. w: the wait of a private-key operation; NULL: block. Nobody answered if
 * it is LB_E_TIMEOUT, or a code that passes().
 */
static int try_until(struct box *b, struct wait *w, struct ask *rq, bool patient, uint64_t deadline,
                     struct bytes *ret_body, struct problem *p)
{
    uint64_t left, pause = PAUSE_FIRST_MS;
    int r;

    for (;;) {
        struct lease lease;
        bool keep = false, fresh = true;

        channels_claim(b);
        r = lease_begin(b, deadline, w, &lease, p);
        if (r == 0) {
            fresh = lease.fresh;
            r = exchange_on(b, w, lease.conn, rq, deadline, &keep, ret_body, p);
            if (r == LB_E_TIMEOUT && !keep)
                take_due(&lease);
            lease_end(b, &lease, keep);
        }
        if (keep)
            absence_end(b);
        if (rq->unknown) {
            conn_drop(&lease.due);
            return r;
        }
        if (w != NULL && !w->by->is_ours(w)) {
            w = NULL; /* this is a child: the process was forked while the job was paused */
            conn_drop(&lease.due);
            continue;
        }
        if (r == LB_E_TIMEOUT && !keep)
            absence_begin(b, &lease.due, /* timed_out= */ true);
        if (!passes(r, keep) || (r == LB_E_NO_BOX && !atomic_load(&b->known)))
            return r;
        left = ms_left(deadline);
        if (left > 0 && r == LB_E_CLOSED && !fresh)
            continue; /* the channel was from before a restart; the next one may be alive */
        if (patient)
            wait_ms(w, pause < left ? pause : left);
        if (!patient || ms_left(deadline) == 0) {
            if (r != LB_E_BUSY) /* busy: the box is there, or this process has no descriptor left */
                absence_begin(b, &lease.due, /* timed_out= */ false);
            return r; /* p says what was wrong at the last try: that is more than a timeout */
        }
        pause = pause * 2 < PAUSE_LAST_MS ? pause * 2 : PAUSE_LAST_MS;
    }
}

static int call(struct box *b, struct wait *w, struct ask *rq, struct bytes *ret_body, struct problem *p)
{
    bool patient = true;
    int r = 0;

    /* A change is sent once, and gets its full time also when the box was away before. */
    if (is_change(rq))
        rq->unknown = false;
    else
        r = absence_look(b, &patient, p);
    if (r != 0)
        return r;
    r = try_until(b, w, rq, patient, now_ms() + (patient ? limit_ms(b, rq) : ASK_SHORTLY_MS), ret_body, p);
    if (patient || r == LB_E_BUSY || (r != LB_E_TIMEOUT && !passes(r, /* keep= */ false)))
        return r;
    return absence_refuse(b, r, p);
}

/* What a change may have done to a key. */
static const char *done_by(uint16_t type)
{
    static const struct {
        uint16_t type;
        const char *done;
    } words[] = {
        { MSG_CREATE, "made" },
        { MSG_IMPORT, "made" },
        { MSG_ATTACH, "made" },
        { MSG_DESTROY, "destroyed" },
        { MSG_RENAME, "renamed" },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].type == type)
            return words[i].done;
    }
    return "changed";
}

/* Only a look can tell whether a change that was sent was made. */
static int tell_unknown(const struct ask *q, struct problem *p)
{
    if (q->about != NULL)
        problem_hint(p, "key '%.*s' may have been %s: look with 'littlebox --box %s list'", LB_NAME_MAX, q->about,
                     done_by(q->kind->type), q->box);
    return p->code;
}

static uint32_t box_next_id(struct box *b)
{
    uint32_t id = atomic_fetch_add(&b->last_id, 1) + 1;

    return id != 0 ? id : box_next_id(b); /* 0 is the box's own */
}

static uint32_t next_id(struct ask *q)
{
    return box_next_id(((struct box_ask *)q)->to);
}

static int carry(struct ask *q, struct bytes *ret_body, struct problem *p)
{
    struct box_ask *a = (struct box_ask *)q;
    int r = call(a->to, wait_pauses(a->wait) ? a->wait : NULL, q, ret_body, p);

    return q->unknown ? tell_unknown(q, p) : r;
}

static int refuse_request(const struct ask *q, int r, struct problem *p)
{
    return problem_set(p, r, "the request to box '%s' does not fit a packet: %s", q->box, lb_strerror(r));
}

static int refuse_answer(struct ask *q, struct problem *p)
{
    problem_set(p, LB_E_VALUE, "box '%s' sent a malformed answer", q->box);
    problem_hint(p, "does the littleboxd that runs belong to the littlebox that is installed? restart it");
    return is_change(q) ? tell_unknown(q, p) : LB_E_VALUE;
}

static const struct carrier channels = {
    .next_id = next_id,
    .carry = carry,
    .refuse_request = refuse_request,
    .refuse_answer = refuse_answer,
};

struct ask *box_ask(struct box_ask *q, struct box *b, void *request, size_t request_size, void *answer, size_t answer_size)
{
    q->ask = (struct ask){
        .by = &channels,
        .box = b->name,
        .request = request,
        .request_size = request_size,
        .answer = answer,
        .answer_size = answer_size,
        .fd = -1,
    };
    q->to = b;
    q->wait = NULL;
    return &q->ask;
}

void box_prepare(struct box *b)
{
    channels_prepare(b);
}

const char *box_name(const struct box *b)
{
    return b->name;
}
