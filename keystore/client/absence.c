/* What a process remembers of a box that did not answer, so that one caller waits for the box and not each. */
#include <poll.h>

#include "base/socket.h"
#include "client/box_priv.h"
#include "client/clock.h"
#include "client/waiter.h"
#include "model/limits.h"

/* How often one caller asks again although an answer is still due, in milliseconds. */
#define ASK_AGAIN_MS 1000

enum due { DUE_NOT_YET, DUE_CAME, DUE_NEVER };

/* Did anything come where an answer is due? A RESET counts too: somebody is there again. */
static enum due look_at(struct conn *c)
{
    struct pollfd in = { .fd = c->fd, .events = POLLIN };
    uint8_t first[LB_HEADER_SIZE];
    size_t len;
    int r;

    if (!conn_is_ours(c))
        return DUE_NEVER;
    if (poll(&in, 1, 0) == 0)
        return DUE_NOT_YET;
    r = socket_receive(c->fd, first, sizeof(first), /* dont_wait= */ true, &len, /* ret_fd= */ NULL, /* ret_peer= */ NULL);
    return r == 0 || r == LB_E_TOO_LONG ? DUE_CAME : r == LB_E_TIMEOUT ? DUE_NOT_YET : DUE_NEVER;
}

static enum due look(struct box *b)
{
    enum due due;

    if (!slot_enter(&b->due, SLOT_IDLE))
        return DUE_NOT_YET;
    due = look_at(&b->due.conn);
    if (due != DUE_NOT_YET)
        conn_drop(&b->due.conn);
    slot_leave(&b->due);
    return due;
}

static int refuse(const struct box *b, uint64_t since, struct problem *p)
{
    problem_set(p, LB_E_TIMEOUT, "box '%s' is away: it has not answered for %llu s", b->name,
                (unsigned long long)(now_ms() - since) / 1000);
    place_tell(b->place, p);
    return LB_E_TIMEOUT;
}

int absence_refuse(const struct box *b, int r, struct problem *p)
{
    uint64_t since = atomic_load(&b->away_since);

    return since == 0 ? r : refuse(b, since, p);
}

int absence_look(struct box *b, bool *ret_patient, struct problem *p)
{
    uint64_t since = atomic_load_explicit(&b->away_since, memory_order_relaxed), at, now = now_ms();

    *ret_patient = since == 0;
    if (since == 0)
        return 0;
    channels_claim(b);
    switch (look(b)) {
    case DUE_CAME:
        absence_end(b);
        *ret_patient = true;
        return 0;
    case DUE_NEVER:
        atomic_store(&b->ask_at, 0);
        break;
    case DUE_NOT_YET:
        break;
    }
    at = atomic_load(&b->ask_at);
    /* The caller that looks has a time, not a lock. It may never come back: a job may not be resumed, a fork leaves threads. */
    if (now < at || !atomic_compare_exchange_strong(&b->ask_at, &at, now + 2 * ASK_SHORTLY_MS))
        return refuse(b, since, p);
    return 0;
}

void absence_begin(struct box *b, struct conn *due, bool timed_out)
{
    uint64_t none = 0, now = now_ms();

    if (due->fd >= 0 && (slot_enter(&b->due, SLOT_EMPTY) || slot_enter(&b->due, SLOT_IDLE))) {
        conn_drop(&b->due.conn);
        b->due.conn = *due;
        due->fd = -1;
        slot_leave(&b->due);
    }
    conn_drop(due);
    /* The next caller may look at once, unless this one timed out: that a box is not there is told at once. */
    atomic_store(&b->ask_at, timed_out ? now + ASK_AGAIN_MS : 0);
    (void)atomic_compare_exchange_strong(&b->away_since, &none, now);
}

void absence_end(struct box *b)
{
    if (atomic_load_explicit(&b->away_since, memory_order_relaxed) == 0)
        return;
    atomic_store(&b->away_since, 0);
    if (slot_enter(&b->due, SLOT_IDLE)) {
        conn_drop(&b->due.conn);
        slot_leave(&b->due);
    }
}
