/* The connections of a process with a box: which are kept, how they are opened, what a fork leaves of them. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/socket.h"
#include "client/box_priv.h"
#include "client/channel.h"
#include "client/clock.h"
#include "client/introducer.h"
#include "client/owner.h"
#include "client/waiter.h"
#include "model/limits.h"

/*
 * How often a thread that must not wait yields to one that opens a channel. A few times are enough. A thread that stands
 * still, or waits for the box, is not waited for.
 */
#define YIELDS 100
/* How long connect(2) may take for who must not wait, in milliseconds, when the box does not accept. */
#define CONNECT_SHORTLY 1
/* And for all others. */
#define CONNECT_LONGEST 5000

/* Slots */

bool slot_enter(struct slot *s, int from)
{
    return atomic_load_explicit(&s->state, memory_order_relaxed) == from &&
           atomic_compare_exchange_strong(&s->state, &from, SLOT_BUSY);
}

void slot_leave(struct slot *s)
{
    atomic_store(&s->state, s->conn.fd >= 0 ? SLOT_IDLE : SLOT_EMPTY);
}

/* Threads of the parent that were inside a slot do not exist in the child. */
void channels_claim(struct box *b)
{
    pid_t me = getpid(), owner = atomic_load(&b->owner);

    while (owner != me) {
        if (owner == -me) {
            wait_ms(NULL, 1);
            owner = atomic_load(&b->owner);
            continue;
        }
        if (!atomic_compare_exchange_strong(&b->owner, &owner, -me))
            continue;
        for (size_t i = 0; i < CHANNELS; i++) {
            if (atomic_load(&b->channels[i].state) != SLOT_EMPTY)
                conn_drop(&b->channels[i].conn);
            atomic_store(&b->channels[i].state, SLOT_EMPTY);
        }
        if (atomic_load(&b->introducer.state) == SLOT_BUSY)
            slot_leave(&b->introducer);
        conn_drop(&b->due.conn);
        atomic_store(&b->due.state, SLOT_EMPTY);
        atomic_store(&b->ask_at, 0);
        b->inherited = true;
        conn_drop(&b->promised);
        atomic_store(&b->is_promised, false);
        atomic_store(&b->owner, me);
        return;
    }
}

/* Connecting */

int refuse_no_time(const struct box *b, uint64_t limit, struct problem *p)
{
    problem_set(p, LB_E_TIMEOUT, "box '%s' did not answer within %llu ms", b->name, (unsigned long long)limit);
    place_tell(b->place, p);
    problem_hint(p, "look at the box's log; %s sets the limit", b->words->timeout);
    return LB_E_TIMEOUT;
}

int refuse_closed(const struct box *b, struct problem *p)
{
    problem_set(p, LB_E_CLOSED, "box '%s' closed the connection", b->name);
    place_tell(b->place, p);
    problem_hint(p, "look at the box's log");
    return LB_E_CLOSED;
}

int refuse_system(const struct box *b, const char *what, struct problem *p)
{
    problem_set(p, LB_E_SYSTEM, "cannot %s box '%s': %s", what, b->name, strerror(errno));
    place_tell(b->place, p);
    return LB_E_SYSTEM;
}

static unsigned connect_ms(uint64_t deadline, bool dont_wait)
{
    uint64_t left = ms_left(deadline) + 1;

    return dont_wait ? CONNECT_SHORTLY : left < CONNECT_LONGEST ? (unsigned)left : CONNECT_LONGEST;
}

/* ms: how long connect(2) may take. */
static int connect_by_path(struct box *b, unsigned ms, struct conn *ret, struct problem *p)
{
    const char *path = b->socket;
    int fd = -1, r;

    r = socket_connect_within(path, ms, &fd);
    if (r == 0 && (r = owner_check(fd, &b->owners, b->words->owners, b->name, path, p)) != 0) {
        socket_close(fd);
        return r;
    }
    if (r == 0)
        r = conn_take(ret, fd);
    if (r == 0)
        r = conn_limit(ret, b->timeout_ms);
    switch (r) {
    case 0:
        atomic_store(&b->known, true);
        return 0;
    case LB_E_NO_BOX:
        problem_set(p, r, "no box '%s' answers at %s", b->name, path);
        place_tell(b->place, p);
        if (b->place == PLACE_OWN)
            problem_hint(p, "start it: littlebox --own --box %s list", b->name);
        else
            problem_hint(p, "start it: systemctl reset-failed 'littleboxd@%s.*'; systemctl restart littleboxd@%s.socket, or "
                         "without systemd: littleboxd --system --box %s --user littlebox-%s", b->name, b->name, b->name, b->name);
        return r;
    case LB_E_TIMEOUT:
        return refuse_no_time(b, b->timeout_ms, p);
    case LB_E_TOO_LONG:
        problem_set(p, LB_E_CONFIG, "the path of the socket of box '%s' is longer than 107 bytes", b->name);
        problem_hint(p, "choose a shorter %s", b->words->directory);
        return LB_E_CONFIG;
    default:
        if (errno != EACCES && errno != EPERM)
            return refuse_system(b, "connect to", p);
        problem_set(p, LB_E_DENIED, "uid %lu cannot reach box '%s' at %s: permission denied", (unsigned long)geteuid(),
                    b->name, path);
        place_tell(b->place, p);
        problem_hint(p, "let that user through to the socket: the modes of its directories, and socket-mode in %s.conf",
                     b->name);
        return LB_E_DENIED;
    }
}

/* Replaces an inherited introducer: asks for one of this process, or takes the one asked for. Its slot must be BUSY. */
static void introducer_own(struct box *b)
{
    int fd = -1, r;

    if (b->promised.fd < 0) {
        if (introducer_ask(b->introducer.conn.fd, /* dont_wait= */ true, &fd) == 0)
            atomic_store(&b->is_promised, conn_take(&b->promised, fd) == 0);
        return;
    }
    r = conn_is_ours(&b->promised) ? introducer_answer(b->promised.fd, /* dont_wait= */ true, &fd) : LB_E_CLOSED;
    if (r == LB_E_TIMEOUT)
        return;
    conn_drop(&b->promised);
    atomic_store(&b->is_promised, false);
    if (r != 0)
        return;
    conn_drop(&b->introducer.conn);
    if (conn_take(&b->introducer.conn, fd) == 0 && conn_limit(&b->introducer.conn, b->timeout_ms) == 0)
        b->inherited = false;
}

/* Makes sure that the introducer is a live connection. Its slot must be BUSY. */
static int introducer_renew(struct box *b, unsigned ms, struct problem *p)
{
    struct conn *s = &b->introducer.conn;
    uint8_t scratch[LB_HEADER_SIZE * 8];

    if (b->inherited && conn_is_ours(s))
        introducer_own(b);
    if (!conn_is_ours(s))
        s->fd = -1;
    /* Nobody else reads the introducer. RESETs must not pile up there, and its end shows here. */
    if (s->fd >= 0 && channel_drain(s->fd, scratch, sizeof(scratch)) != 0)
        conn_drop(s);
    if (s->fd >= 0)
        return 0;
    b->inherited = false;
    return connect_by_path(b, ms, s, p);
}

static int introducer_enter(struct box *b, uint64_t deadline, bool dont_wait, struct problem *p)
{
    for (int i = 0; !slot_enter(&b->introducer, SLOT_IDLE) && !slot_enter(&b->introducer, SLOT_EMPTY); i++) {
        if (ms_left(deadline) == 0 || (dont_wait && i >= YIELDS))
            return refuse_no_time(b, b->timeout_ms, p);
        if (dont_wait)
            sched_yield();
        else
            wait_ms(NULL, 1);
    }
    return 0;
}

/* Did something of the moment keep a channel from being opened? Ask before errno changes. */
static bool passes(int r)
{
    return r == LB_E_TIMEOUT ||
           (r == LB_E_SYSTEM && (errno == EMFILE || errno == ENFILE || errno == ETOOMANYREFS || errno == ENOBUFS));
}

/*
 * Is it that no descriptor can be passed? The box's socket takes none (systemd: AcceptFileDescriptors=no), or a security
 * module forbids it to this process. Ask before errno changes.
 */
static bool passes_none(int r)
{
    return r == LB_E_SYSTEM && (errno == EPERM || errno == EACCES);
}

/* Over the introducer: asks for a channel. *ret is what it comes on. LB_E_UNSUPPORTED: passes_none(). */
static int channel_ask_for(struct box *b, uint64_t deadline, bool dont_wait, struct conn *ret, struct problem *p)
{
    int fd = -1, r = introducer_enter(b, deadline, dont_wait, p);

    if (r != 0)
        return dont_wait ? LB_E_BUSY : r;
    /* Tries twice: the introducer may die between look and use. */
    for (int i = 0; i < 2; i++) {
        r = introducer_renew(b, connect_ms(deadline, dont_wait), p);
        if (r != 0)
            break;
        /* Never blocks in the kernel: processes that share the introducer may change its timeout. */
        while ((r = introducer_ask(b->introducer.conn.fd, /* dont_wait= */ true, &fd)) == LB_E_TIMEOUT && !dont_wait &&
               ms_left(deadline) > 0)
            wait_ms(NULL, 1);
        if (r == 0)
            break;
        if (passes_none(r))
            r = LB_E_UNSUPPORTED;
        else if (r == LB_E_SYSTEM)
            refuse_system(b, "open a channel to", p);
        else if (r == LB_E_TIMEOUT)
            refuse_no_time(b, b->timeout_ms, p);
        else
            refuse_closed(b, p);
        if (r != LB_E_CLOSED)
            break;
        conn_drop(&b->introducer.conn);
    }
    slot_leave(&b->introducer);
    if (r == 0 && conn_take(ret, fd) != 0)
        r = refuse_system(b, "open a channel to", p);
    return r;
}

/* Waits for the channel, which comes on asked: blocks, or pauses the job. */
static int channel_come(struct wait *w, uint64_t deadline, struct conn *asked, int *ret_fd)
{
    int fd = asked->fd, r;

    if (w == NULL || w->by->hold(w, asked) != 0) {
        r = conn_limit(asked, ms_left(deadline) + 1);
        return r != 0 ? r : introducer_answer(fd, /* dont_wait= */ false, ret_fd);
    }
    do {
        r = introducer_answer(fd, /* dont_wait= */ true, ret_fd);
        if (r != LB_E_TIMEOUT)
            break;
        r = w->by->more(w, deadline);
    } while (r == 0);
    w->by->give_back(w, asked);
    return r;
}

/*
 * Is this a set-id program? The kernel names one user when it makes a socket and another one when it sends a packet. A box
 * makes no channel for such a program.
 */
static bool has_two_users(void)
{
    return getuid() != geteuid() || getgid() != getegid();
}

/* Connects by the path, where the introducer cannot be used. */
static int without_introducer(struct box *b, unsigned ms, struct conn *ret, struct problem *p)
{
    int r = connect_by_path(b, ms, ret, p);

    if (r != LB_E_NO_BOX && r != LB_E_DENIED)
        return r;
    problem_set(p, r, "box '%s' can be reached neither at %.200s nor over the connection that was inherited: its "
                "socket takes no descriptors", b->name, b->socket);
    place_tell(b->place, p);
    problem_hint(p, "set AcceptFileDescriptors=yes in its socket unit, littleboxd@%s.socket", b->name);
    return r;
}

/* ret_due: of struct lease. */
static int channel_open(struct box *b, uint64_t deadline, struct wait *w, struct conn *ret, struct conn *ret_due,
                        struct problem *p)
{
    bool dont_wait = w != NULL;
    struct conn asked = { .fd = -1 };
    int fd = -1, r;

    if (has_two_users()) {
        r = connect_by_path(b, connect_ms(deadline, dont_wait), ret, p);
        return dont_wait && passes(r) ? LB_E_BUSY : r;
    }
    r = channel_ask_for(b, deadline, dont_wait, &asked, p);
    if (r == LB_E_UNSUPPORTED)
        return without_introducer(b, connect_ms(deadline, dont_wait), ret, p);
    if (r != 0)
        return dont_wait && passes(r) ? LB_E_BUSY : r;
    r = channel_come(w, deadline, &asked, &fd);
    if (r == LB_E_TIMEOUT) {
        *ret_due = asked;
        return refuse_no_time(b, b->timeout_ms, p);
    }
    conn_drop(&asked);
    if (r == 0 && conn_take(ret, fd) == 0)
        return 0;
    if (r == 0 || r == LB_E_SYSTEM) {
        r = refuse_system(b, "open a channel to", p);
        return dont_wait && passes(r) ? LB_E_BUSY : r;
    }
    /* The box was just restarted, or takes no more of this user. Connecting by the path tells which. */
    return connect_by_path(b, connect_ms(deadline, dont_wait), ret, p) == 0 ? 0 : refuse_closed(b, p);
}

/* Leases */

/* Frees the slot for others while the request goes on: nobody may ever come back to it. */
static void leave_slot(struct lease *l)
{
    l->passing = *l->conn;
    l->conn->fd = -1;
    slot_leave(l->slot);
    l->slot = NULL;
    l->conn = &l->passing;
}

/* Gets an introducer of this process, before another process spoils the inherited one. */
static void introducer_change(struct box *b)
{
    if (!slot_enter(&b->introducer, SLOT_IDLE))
        return;
    introducer_own(b);
    slot_leave(&b->introducer);
}

int lease_begin(struct box *b, uint64_t deadline, struct wait *w, struct lease *ret, struct problem *p)
{
    int r;

    *ret = (struct lease){ .passing = { .fd = -1 }, .due = { .fd = -1 } };
    if (atomic_load_explicit(&b->is_promised, memory_order_relaxed))
        introducer_change(b);
    for (size_t i = 0; i < CHANNELS && ret->slot == NULL; i++) {
        if (!slot_enter(&b->channels[i], SLOT_IDLE))
            continue;
        if (!conn_is_ours(&b->channels[i].conn)) {
            b->channels[i].conn.fd = -1;
            slot_leave(&b->channels[i]);
            continue;
        }
        ret->slot = &b->channels[i];
        ret->conn = &ret->slot->conn;
        if (w != NULL)
            leave_slot(ret);
        return 0;
    }
    for (size_t i = 0; i < CHANNELS && ret->slot == NULL && w == NULL; i++) {
        if (slot_enter(&b->channels[i], SLOT_EMPTY))
            ret->slot = &b->channels[i];
    }
    ret->fresh = true;
    ret->conn = ret->slot != NULL ? &ret->slot->conn : &ret->passing;
    ret->conn->fd = -1;
    r = channel_open(b, deadline, w, ret->conn, &ret->due, p);
    if (r != 0 && ret->slot != NULL)
        slot_leave(ret->slot);
    return r;
}

void lease_end(struct box *b, struct lease *l, bool keep)
{
    for (size_t i = 0; i < CHANNELS && l->slot == NULL && keep; i++) {
        if (slot_enter(&b->channels[i], SLOT_EMPTY)) {
            l->slot = &b->channels[i];
            l->slot->conn = *l->conn;
            l->conn = &l->slot->conn;
        }
    }
    if (!keep || l->slot == NULL)
        conn_drop(l->conn);
    if (l->slot != NULL)
        slot_leave(l->slot);
}

/* All of them */

void channels_prepare(struct box *b)
{
    struct problem ignored;

    channels_claim(b);
    if (introducer_enter(b, now_ms() + b->timeout_ms, /* dont_wait= */ false, &ignored) != 0)
        return;
    if (introducer_renew(b, CONNECT_LONGEST, &ignored) != 0)
        b->introducer.conn.fd = -1;
    slot_leave(&b->introducer);
}

void channels_init(struct box *b)
{
    b->introducer.conn.fd = -1;
    b->promised.fd = -1;
    b->due.conn.fd = -1;
    for (size_t i = 0; i < CHANNELS; i++)
        b->channels[i].conn.fd = -1;
    atomic_store(&b->owner, getpid());
}

void channels_clear(struct box *b)
{
    conn_drop(&b->introducer.conn);
    conn_drop(&b->promised);
    conn_drop(&b->due.conn);
    for (size_t i = 0; i < CHANNELS; i++)
        conn_drop(&b->channels[i].conn);
}
