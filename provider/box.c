/* Conversations with boxes: connections, threads, fork and waiting for a restart are known here and nowhere else. */
#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../keystore/channel.h"
#include "../keystore/message.h"
#include "../keystore/paths.h"
#include "../keystore/socket.h"
#include "../keystore/uri.h"

/* Channels kept open; more threads than this at once are served by channels that last for one request. */
#define CHANNELS 64
/*
 * A socket's timeout is only set anew when it is wrong by more than this: a system call on the path of every signature
 * otherwise.
 */
#define TIMEOUT_SLACK_MS 100
/* Pauses between tries while a box restarts, in milliseconds: from, to. */
#define PAUSE_FIRST_MS 2
#define PAUSE_LAST_MS 200
/* A change of the store may take that many times littlebox-timeout: RSA keys are searched for, for seconds. */
#define CHANGE_TIMEOUTS 10

/*
 * A descriptor and what it was when we opened it: daemons close descriptors that are not theirs, and the numbers come
 * again.
 */
struct conn {
    int fd; /* -1: none */
    dev_t dev;
    ino_t ino;
    unsigned timeout_ms;
};

/* Whoever changes a slot from IDLE or EMPTY to BUSY has it alone, and alone reads or writes the socket in it. */
enum slot_state { SLOT_EMPTY = 0, SLOT_IDLE, SLOT_BUSY };

struct slot {
    _Atomic int state;
    struct conn conn;
};

struct box {
    struct box *next;
    bool visited; /* not in the list */
    const struct settings *settings;
    char name[LB_NAME_MAX + 1];
    /*
     * Whose the channels are: pid, or -pid while that process throws away what it inherited. There is no lock in a box:
     * a fork in another thread could leave it locked for ever in the child.
     */
    _Atomic pid_t owner;
    /* This process or one that it descends from has been connected. */
    _Atomic bool known;
    _Atomic uint32_t last_id;
    /* The connection over which channels are introduced, the only one that children inherit and use too. */
    struct slot introducer;
    struct slot channels[CHANNELS];
};

/* Time */

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t ms_left(uint64_t deadline)
{
    uint64_t now = now_ms();

    return now < deadline ? deadline - now : 0;
}

static void sleep_ms(uint64_t ms)
{
    struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

/* Sockets */

/* Makes s of a fresh descriptor, above those of the standard streams, which programs reopen without looking. */
static int conn_take(struct conn *s, int fd)
{
    struct stat st;

    *s = (struct conn){ .fd = -1 };
    if (fd <= STDERR_FILENO) {
        int higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

        socket_close(fd);
        fd = higher;
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        socket_close(fd);
        return LB_E_SYSTEM;
    }
    *s = (struct conn){ .fd = fd, .dev = st.st_dev, .ino = st.st_ino };
    return 0;
}

static bool conn_is_ours(const struct conn *s)
{
    struct stat st;

    return s->fd >= 0 && fstat(s->fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == s->dev && st.st_ino == s->ino;
}

static void conn_drop(struct conn *s)
{
    if (conn_is_ours(s))
        socket_close(s->fd);
    s->fd = -1;
}

static int conn_limit(struct conn *s, uint64_t ms)
{
    int r;

    if (s->timeout_ms != 0 && s->timeout_ms <= ms + TIMEOUT_SLACK_MS && ms <= s->timeout_ms + TIMEOUT_SLACK_MS)
        return 0;
    r = socket_set_timeout(s->fd, (unsigned)ms);
    if (r == 0)
        s->timeout_ms = (unsigned)ms;
    return r;
}

/* Slots */

static bool slot_enter(struct slot *s, int from)
{
    return atomic_compare_exchange_strong(&s->state, &from, SLOT_BUSY);
}

static void slot_leave(struct slot *s)
{
    atomic_store(&s->state, s->conn.fd >= 0 ? SLOT_IDLE : SLOT_EMPTY);
}

/*
 * After a fork the child owns nothing of the channels: its parent talks on them. Its first thread here closes them (its
 * copies) and keeps the introducer, the others wait for that. Threads of the parent that were inside a slot do not
 * exist in the child.
 */
static void claim(struct box *b)
{
    pid_t me = getpid(), owner = atomic_load(&b->owner);

    while (owner != me) {
        if (owner == -me) {
            sleep_ms(1);
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
        atomic_store(&b->owner, me);
        return;
    }
}

/* Connecting */

static int refuse_no_time(const struct box *b, uint64_t limit, struct problem *p)
{
    problem_set(p, LB_E_TIMEOUT, "box '%s' did not answer within %llu ms", b->name, (unsigned long long)limit);
    problem_hint(p, "look at the box's log; littlebox-timeout in openssl.cnf sets the limit");
    return LB_E_TIMEOUT;
}

static int refuse_closed(const struct box *b, struct problem *p)
{
    problem_set(p, LB_E_CLOSED, "box '%s' closed the connection", b->name);
    problem_hint(p, "look at the box's log");
    return LB_E_CLOSED;
}

static int refuse_system(const struct box *b, const char *what, struct problem *p)
{
    return problem_set(p, LB_E_SYSTEM, "cannot %s box '%s': %s", what, b->name, strerror(errno));
}

static int connect_by_path(struct box *b, struct conn *ret, struct problem *p)
{
    char path[PATH_MAX];
    int fd = -1, n, r = 0;

    if (b->settings->directory[0] == '\0') {
        r = paths_find_socket(b->name, path);
    } else {
        n = snprintf(path, sizeof(path), "%s/%s.sock", b->settings->directory, b->name);
        r = n < 0 || n >= (int)sizeof(path) ? LB_E_TOO_LONG : 0;
    }
    if (r == 0)
        r = socket_connect(path, &fd);
    if (r == 0)
        r = conn_take(ret, fd);
    if (r == 0)
        r = conn_limit(ret, b->settings->timeout_ms);
    switch (r) {
    case 0:
        atomic_store(&b->known, true);
        return 0;
    case LB_E_NO_BOX:
        problem_set(p, r, "no box '%s' answers at %s", b->name, path);
        problem_hint(p, "start it: systemctl start littleboxd@%s, or: littleboxd --box %s", b->name, b->name);
        return r;
    case LB_E_TIMEOUT:
        return refuse_no_time(b, b->settings->timeout_ms, p);
    case LB_E_TOO_LONG:
        problem_set(p, LB_E_CONFIG, "the path of the socket of box '%s' is longer than 107 bytes", b->name);
        problem_hint(p, "choose a shorter littlebox-directory");
        return LB_E_CONFIG;
    default:
        if (errno != EACCES && errno != EPERM)
            return refuse_system(b, "connect to", p);
        problem_set(p, LB_E_DENIED, "uid %lu cannot reach box '%s' at %s: permission denied", (unsigned long)geteuid(),
                    b->name, path);
        problem_hint(p, "let that user through to the socket: the modes of its directories, and socket-mode in %s.conf",
                     b->name);
        return LB_E_DENIED;
    }
}

/* With the introducer's slot BUSY: makes sure that there is a live connection in it. */
static int introducer_renew(struct box *b, struct problem *p)
{
    struct conn *s = &b->introducer.conn;
    uint8_t scratch[LB_HEADER_SIZE * 8];

    if (!conn_is_ours(s))
        s->fd = -1;
    /* It is written to only; what the box says there (RESET) must not pile up, and its end shows here. */
    if (s->fd >= 0 && channel_drain(s->fd, scratch, sizeof(scratch)) != 0)
        conn_drop(s);
    return s->fd >= 0 ? 0 : connect_by_path(b, s, p);
}

static int introducer_enter(struct box *b, uint64_t deadline, struct problem *p)
{
    while (!slot_enter(&b->introducer, SLOT_IDLE) && !slot_enter(&b->introducer, SLOT_EMPTY)) {
        if (ms_left(deadline) == 0)
            return refuse_no_time(b, b->settings->timeout_ms, p);
        sleep_ms(1);
    }
    return 0;
}

static int channel_open(struct box *b, uint64_t deadline, struct conn *ret, struct problem *p)
{
    int fd = -1, r = introducer_enter(b, deadline, p);

    if (r != 0)
        return r;
    /* Twice: the introducer may die between the look at it and its use. */
    for (int i = 0; i < 2; i++) {
        r = introducer_renew(b, p);
        if (r != 0)
            break;
        r = socket_introduce(b->introducer.conn.fd, &fd);
        if (r == 0)
            break;
        if (r == LB_E_SYSTEM)
            refuse_system(b, "open a channel to", p);
        else if (r == LB_E_TIMEOUT)
            refuse_no_time(b, b->settings->timeout_ms, p);
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

/* Asking */

/* A channel for one request: one that is kept in a slot, or a passing one when all slots are taken. */
struct lease {
    struct slot *slot;
    struct conn passing;
    struct conn *conn;
    bool fresh; /* opened for this request */
};

static int lease_begin(struct box *b, uint64_t deadline, struct lease *ret, struct problem *p)
{
    int r;

    *ret = (struct lease){ .passing = { .fd = -1 } };
    for (size_t i = 0; i < CHANNELS && ret->slot == NULL; i++) {
        if (!slot_enter(&b->channels[i], SLOT_IDLE))
            continue;
        if (conn_is_ours(&b->channels[i].conn)) {
            ret->slot = &b->channels[i];
            ret->conn = &ret->slot->conn;
            return 0;
        }
        b->channels[i].conn.fd = -1;
        slot_leave(&b->channels[i]);
    }
    for (size_t i = 0; i < CHANNELS && ret->slot == NULL; i++) {
        if (slot_enter(&b->channels[i], SLOT_EMPTY))
            ret->slot = &b->channels[i];
    }
    ret->fresh = true;
    ret->conn = ret->slot != NULL ? &ret->slot->conn : &ret->passing;
    ret->conn->fd = -1;
    r = channel_open(b, deadline, ret->conn, p);
    if (r != 0 && ret->slot != NULL)
        slot_leave(ret->slot);
    return r;
}

static void lease_end(struct lease *l, bool keep)
{
    if (!keep || l->slot == NULL)
        conn_drop(l->conn);
    if (l->slot != NULL)
        slot_leave(l->slot);
}

static uint64_t limit_ms(const struct box *b, const struct box_request *rq)
{
    return (uint64_t)b->settings->timeout_ms * (rq->unknown != NULL ? CHANGE_TIMEOUTS : 1) + rq->more_ms;
}

/* On one channel; *ret_keep says if it can be used again. LB_E_CLOSED and LB_E_STOPPING: try another one. */
static int exchange_on(struct box *b, struct conn *s, const struct box_request *rq, void *answer, size_t size,
                       uint64_t deadline, bool *ret_keep, struct bytes *ret_body, struct problem *p)
{
    uint16_t type = 0;
    int r;

    *ret_keep = false;
    /* So that a RESET seen afterwards is about this change, and a channel that has ended is found before it is used. */
    if (rq->unknown != NULL && channel_drain(s->fd, answer, size) != 0)
        return refuse_closed(b, p);
    do {
        uint64_t left = ms_left(deadline);

        if (left == 0)
            return refuse_no_time(b, limit_ms(b, rq), p);
        if (conn_limit(s, left) != 0)
            return refuse_system(b, "set a time limit for", p);
        if (rq->unknown != NULL)
            *rq->unknown = true;
        r = channel_call(s->fd, rq->id, rq->packet, rq->len, rq->fd, answer, size, &type, ret_body);
    } while (r == LB_E_RESET && rq->unknown == NULL);
    if (r == LB_E_RESET)
        return problem_set(p, r, "box '%s' was restarted while it worked on this", b->name);
    if (r == LB_E_TIMEOUT)
        return refuse_no_time(b, limit_ms(b, rq), p);
    if (r == LB_E_CLOSED)
        return refuse_closed(b, p);
    if (r == LB_E_SYSTEM)
        return refuse_system(b, "talk to", p);
    if (r == 0 && type == MSG_ERROR) {
        r = msg_error_decode(*ret_body, p);
        *ret_keep = r == 0;
        if (r == 0) {
            if (rq->unknown != NULL)
                *rq->unknown = false;
            return p->code;
        }
    }
    if (r != 0 || type != (rq->type | MSG_ANSWER)) {
        problem_set(p, LB_E_VALUE, "box '%s' sent something that is no answer", b->name);
        problem_hint(p, "does the littleboxd that runs belong to the littlebox that is installed? restart it");
        return LB_E_VALUE;
    }
    if (rq->unknown != NULL)
        *rq->unknown = false;
    *ret_keep = true;
    return 0;
}

int box_call(struct box *b, const struct box_request *rq, void *answer, size_t size, struct bytes *ret_body,
             struct problem *p)
{
    uint64_t deadline = now_ms() + limit_ms(b, rq), left, pause = PAUSE_FIRST_MS;
    int r;

    if (rq->unknown != NULL)
        *rq->unknown = false;
    claim(b);
    for (;;) {
        struct lease lease;
        bool keep = false, fresh = true;

        r = lease_begin(b, deadline, &lease, p);
        if (r == 0) {
            fresh = lease.fresh;
            r = exchange_on(b, lease.conn, rq, answer, size, deadline, &keep, ret_body, p);
            lease_end(&lease, keep);
        }
        if (rq->unknown != NULL && *rq->unknown)
            return r;
        if (r != LB_E_CLOSED && r != LB_E_STOPPING && r != LB_E_NO_BOX)
            return r;
        if (r == LB_E_NO_BOX && !atomic_load(&b->known))
            return r;
        left = ms_left(deadline);
        if (left > 0 && r == LB_E_CLOSED && !fresh)
            continue; /* a channel from before a restart: the next one may be alive */
        sleep_ms(pause < left ? pause : left);
        if (ms_left(deadline) == 0)
            return r; /* p still says what was wrong at the last try, which says more than that the time is over */
        pause = pause * 2 < PAUSE_LAST_MS ? pause * 2 : PAUSE_LAST_MS;
    }
}

void box_prepare(struct box *b)
{
    struct problem ignored;

    claim(b);
    if (introducer_enter(b, now_ms() + b->settings->timeout_ms, &ignored) != 0)
        return;
    if (introducer_renew(b, &ignored) != 0)
        b->introducer.conn.fd = -1;
    slot_leave(&b->introducer);
}

uint32_t box_next_id(struct box *b)
{
    uint32_t id = atomic_fetch_add(&b->last_id, 1) + 1;

    return id != 0 ? id : box_next_id(b); /* 0 is the box's own */
}

const char *box_name(const struct box *b)
{
    return b->name;
}

/* The list of boxes: it only grows while the provider lives, so walking it takes no lock. */

static struct box *list_find(struct box *b, const char *name)
{
    while (b != NULL && strcmp(b->name, name) != 0)
        b = b->next;
    return b;
}

static int check_settings(const struct provctx *prov, struct problem *p)
{
    if (prov->settings.bad.code != 0)
        *p = prov->settings.bad;
    return prov->settings.bad.code;
}

/* NULL: out of memory. */
static struct box *box_new(const struct provctx *prov, const char *name)
{
    struct box *b = OPENSSL_zalloc(sizeof(*b));

    if (b == NULL)
        return NULL;
    b->settings = &prov->settings;
    snprintf(b->name, sizeof(b->name), "%s", name);
    b->introducer.conn.fd = -1;
    for (size_t i = 0; i < CHANNELS; i++)
        b->channels[i].conn.fd = -1;
    atomic_store(&b->owner, getpid());
    return b;
}

static void box_free(struct box *b)
{
    conn_drop(&b->introducer.conn);
    for (size_t i = 0; i < CHANNELS; i++)
        conn_drop(&b->channels[i].conn);
    OPENSSL_free(b);
}

int box_find(struct provctx *prov, const char *name, struct box **ret, struct problem *p)
{
    struct box *first = atomic_load(&prov->boxes), *b;
    int r = check_settings(prov, p);

    if (r != 0)
        return r;
    if (name[0] == '\0')
        name = prov->settings.box;
    *ret = list_find(first, name);
    if (*ret != NULL)
        return 0;
    b = box_new(prov, name);
    if (b == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    do {
        *ret = list_find(first, name);
        if (*ret != NULL) {
            box_free(b); /* another thread was first */
            return 0;
        }
        b->next = first;
    } while (!atomic_compare_exchange_weak(&prov->boxes, &first, b));
    *ret = b;
    return 0;
}

int box_visit(struct provctx *prov, const char *name, struct box **ret, struct problem *p)
{
    int r = check_settings(prov, p);

    if (r != 0)
        return r;
    *ret = list_find(atomic_load(&prov->boxes), name);
    if (*ret != NULL)
        return 0;
    *ret = box_new(prov, name);
    if (*ret == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    (*ret)->visited = true;
    return 0;
}

void box_leave(struct box *b)
{
    if (b->visited)
        box_free(b);
}

struct names {
    char (*at)[LB_NAME_MAX + 1];
    size_t count, room;
    bool failed; /* out of memory */
};

static void add_name(void *arg, const char *name)
{
    struct names *n = arg;

    if (n->count == n->room && !n->failed) {
        size_t room = n->room == 0 ? 16 : n->room * 2;
        void *more = OPENSSL_realloc(n->at, room * sizeof(*n->at));

        n->failed = more == NULL;
        if (more != NULL) {
            n->at = more;
            n->room = room;
        }
    }
    if (!n->failed)
        snprintf(n->at[n->count++], sizeof(*n->at), "%s", name);
}

static int name_order(const void *a, const void *b)
{
    return strcmp(a, b);
}

int box_names(struct provctx *prov, char (**ret)[LB_NAME_MAX + 1], size_t *ret_count, struct problem *p)
{
    const char *dir = prov->settings.directory[0] == '\0' ? NULL : prov->settings.directory;
    struct names n = { 0 };
    size_t count = 0;
    int r = check_settings(prov, p);

    if (r != 0)
        return r;
    for (const struct box *b = atomic_load(&prov->boxes); b != NULL; b = b->next)
        add_name(&n, b->name);
    r = paths_each_box(dir, add_name, &n);
    if (r != 0) {
        problem_set(p, r, "the directory of the boxes' sockets cannot be read: %s", strerror(errno));
        problem_hint(p, "name the box instead: %s://BOX/KEY", LB_URI_SCHEME);
    } else if (n.failed) {
        r = problem_set(p, LB_E_NOMEM, "out of memory");
    }
    if (r != 0) {
        OPENSSL_free(n.at);
        return r;
    }
    if (n.count > 0)
        qsort(n.at, n.count, sizeof(*n.at), name_order);
    for (size_t i = 0; i < n.count; i++) {
        if (count == 0 || strcmp(n.at[count - 1], n.at[i]) != 0)
            memmove(n.at[count++], n.at[i], sizeof(*n.at));
    }
    *ret = n.at;
    *ret_count = count;
    return 0;
}

void boxes_free(struct provctx *prov)
{
    struct box *b = atomic_exchange(&prov->boxes, NULL), *next;

    for (; b != NULL; b = next) {
        next = b->next;
        box_free(b);
    }
}
