/* The threads of a box: any free one takes the next request, by turns of users; changes have a thread of their own. */
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeplink.h"
#include "log.h"
#include "logquota.h"
#include "secret.h"
#include "socket.h"
#include "turns.h"

/* Connections accepted in one turn, so that a flood of them does not keep a thread from requests. */
#define ACCEPT_TURN 64
/* Out of descriptors: how long accepting pauses, in milliseconds. */
#define ACCEPT_PAUSE 100
/* Ready connections that are put into their queues in one turn. */
#define READY_TURN 64
/* Changes that may wait: each holds locked memory of its own. */
#define JOBS_MAX 16

struct conn {
    struct turn turn; /* of whoever made it; only to share out connections and threads */
    int fd;
    uint32_t slot;
};

/* A change on its way to the thread that makes it. Its connection is not listened to meanwhile. */
struct job {
    struct conn *conn;
    struct peer peer;
    void *packet;
    size_t len;
    struct job *next;
};

struct server {
    struct box *box;
    int epoll_fd, listen_fd, link;

    pthread_mutex_t conns_lock; /* guards the table, and the order of messages to the keeper */
    struct conn **conns;        /* by slot */
    uint32_t slots, used;
    uint32_t slots_taken;       /* the first so many are all used */

    pthread_mutex_t turns_lock; /* taken after conns_lock, or alone */
    struct turns turns;
    unsigned idle;              /* threads that wait for a connection to become ready */
    bool accepting, ended;      /* the listening socket, and the stop descriptor, are ready */

    pthread_mutex_t jobs_lock;
    pthread_cond_t jobs_ready;
    struct job *jobs, **jobs_end;
    unsigned job_count;
    bool stopping;

    pthread_t *threads, changer;
    unsigned thread_count;
    bool changer_runs;
};

/* What one thread works with: secret memory, because keys and passphrases come through it. */
struct worker {
    struct server *server;
    uint8_t *packet, *answer;
};

/* Connections */

static int arm(struct server *s, int op, int fd, void *what)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = what };

    return epoll_ctl(s->epoll_fd, op, fd, &ev);
}

static void conn_close(struct server *s, struct conn *c)
{
    pthread_mutex_lock(&s->conns_lock);
    s->conns[c->slot] = NULL;
    s->used--;
    if (c->slot < s->slots_taken)
        s->slots_taken = c->slot;
    pthread_mutex_lock(&s->turns_lock);
    turns_leave(&s->turns, &c->turn);
    pthread_mutex_unlock(&s->turns_lock);
    atomic_store(&s->box->connections, s->used);
    /* Where the keeper is gone, this process is about to go too. */
    if (keep_send(s->link, KEEP_DROP, c->slot, /* fd= */ -1) != 0)
        log_error("the keeper does not answer");
    socket_close(c->fd);
    pthread_mutex_unlock(&s->conns_lock);
    free(c);
}

/* No uid but root's and the box's own may take more than half of the connections. */
static bool has_too_many(struct server *s, uid_t uid)
{
    unsigned most = s->box->conf->max_connections / 2, count;

    if (s->used < most || uid == 0 || uid == geteuid())
        return false;
    pthread_mutex_lock(&s->turns_lock);
    count = turns_count(&s->turns, uid);
    pthread_mutex_unlock(&s->turns_lock);
    return count >= most;
}

/* Under the lock. The lowest free slot; slots when there is none. */
static uint32_t free_slot(struct server *s)
{
    while (s->slots_taken < s->slots && s->conns[s->slots_taken] != NULL)
        s->slots_taken++;
    return s->slots_taken;
}

/* Under the lock. */
static int enter(struct server *s, struct conn *c, int fd, uint32_t slot, uid_t uid)
{
    int r;

    pthread_mutex_lock(&s->turns_lock);
    r = turns_enter(&s->turns, uid, &c->turn);
    pthread_mutex_unlock(&s->turns_lock);
    if (r != 0)
        return r;
    c->fd = fd;
    c->slot = slot;
    s->conns[slot] = c;
    s->used++;
    atomic_store(&s->box->connections, s->used);
    return 0;
}

/* Takes over fd in any case. keep: tell the keeper, which does not have it yet. */
static int conn_add(struct server *s, int fd, uint32_t slot, bool keep)
{
    struct conn *c = calloc(1, sizeof(*c));
    struct peer maker;
    int r = c == NULL ? LB_E_NOMEM : socket_peer(fd, &maker);

    if (r == 0)
        r = socket_want_peer(fd);
    if (r != 0) {
        free(c);
        socket_close(fd);
        return r;
    }
    pthread_mutex_lock(&s->conns_lock);
    if (keep)
        slot = free_slot(s);
    if (slot >= s->slots || has_too_many(s, maker.uid)) {
        log_caused(maker.uid, "too many connections: one more of uid %u is refused", maker.uid);
        r = LB_E_BUSY;
    } else if (keep) {
        r = keep_send(s->link, KEEP_ADD, slot, fd);
    }
    if (r == 0) {
        r = enter(s, c, fd, slot, maker.uid);
        /* Where the keeper is gone, this process is about to go too. */
        if (r != 0 && keep && keep_send(s->link, KEEP_DROP, slot, /* fd= */ -1) != 0)
            log_error("the keeper does not answer");
    }
    pthread_mutex_unlock(&s->conns_lock);
    if (r != 0) {
        free(c);
        socket_close(fd);
        return r;
    }
    if (arm(s, EPOLL_CTL_ADD, fd, c) < 0) {
        conn_close(s, c);
        return LB_E_SYSTEM;
    }
    return 0;
}

static void accept_some(struct server *s)
{
    for (int i = 0; i < ACCEPT_TURN; i++) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                struct pollfd stop = { .fd = s->box->stop_fd, .events = POLLIN };

                log_caused(LOGQUOTA_OTHERS, "cannot accept a connection: %s", strerror(errno));
                (void)poll(&stop, 1, ACCEPT_PAUSE);
            }
            break;
        }
        (void)!conn_add(s, fd, 0, /* keep= */ true); /* a refusal is in the log, and the caller sees the end */
    }
    if (arm(s, EPOLL_CTL_MOD, s->listen_fd, s) < 0)
        log_error("cannot accept connections any more: %s", strerror(errno));
}

/* A channel that came over another one: only what a caller of ours makes, one end of a SEQPACKET socketpair. */
static bool take_channel(struct server *s, int fd)
{
    int domain = 0, type = 0, listening = 1;
    socklen_t len = sizeof(int);

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain != AF_UNIX ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || listening) {
        socket_close(fd);
        return false;
    }
    (void)!conn_add(s, fd, 0, /* keep= */ true);
    return true;
}

/* Requests */

/* Sends the answer, and listens again; whoever does not read its answers loses the connection. */
static void finish(struct server *s, struct conn *c, const struct request *rq, bool goes_on)
{
    int r = socket_send(c->fd, rq->answer, rq->answer_len, /* fd= */ -1, /* dont_wait= */ true);

    if (r != 0 || !goes_on || arm(s, EPOLL_CTL_MOD, c->fd, c) < 0)
        conn_close(s, c);
}

/* LB_E_BUSY: too many wait already. LB_E_NOMEM. */
static int queue_change(struct server *s, struct conn *c, const struct peer *peer, const void *packet, size_t len)
{
    struct job *j = calloc(1, sizeof(*j));
    bool queued;

    if (j != NULL)
        j->packet = secret_alloc(len);
    if (j == NULL || j->packet == NULL) {
        free(j);
        return LB_E_NOMEM;
    }
    memcpy(j->packet, packet, len);
    j->len = len;
    j->conn = c;
    j->peer = *peer;
    pthread_mutex_lock(&s->jobs_lock);
    queued = s->job_count < JOBS_MAX;
    if (queued) {
        s->job_count++;
        *s->jobs_end = j;
        s->jobs_end = &j->next;
        pthread_cond_signal(&s->jobs_ready);
    }
    pthread_mutex_unlock(&s->jobs_lock);
    if (queued)
        return 0;
    secret_free(j->packet, len);
    free(j);
    return LB_E_BUSY;
}

static struct request start_request(struct worker *w, struct conn *c, const struct peer *peer)
{
    return (struct request){
        .box = w->server->box,
        .who = { .peer = *peer, .fd = c->fd },
        .fd = -1,
        .answer = w->answer,
        .size = LB_PACKET_MAX,
    };
}

static void refuse(struct worker *w, struct conn *c, struct request *rq, int code, bool goes_on)
{
    char text[100];

    if (code == LB_E_PROTOCOL_VERSION)
        snprintf(text, sizeof(text), "this box speaks protocol version %d, not %u", LB_PROTOCOL_VERSION,
                 rq->header.version);
    else if (code == LB_E_MESSAGE)
        snprintf(text, sizeof(text), "unknown message 0x%04x", rq->header.type);
    else if (code == LB_E_BUSY)
        snprintf(text, sizeof(text), "%d changes of this box wait already: try again later", JOBS_MAX);
    else
        snprintf(text, sizeof(text), "%s", lb_strerror(code));
    request_refuse(rq, code, text);
    finish(w->server, c, rq, goes_on);
}

/*
 * Whoever may not make a change is told so at once: changes wait in locked memory, one behind the other, and that is
 * not for everybody to fill.
 */
static void handle_change(struct worker *w, struct conn *c, struct request *rq, const struct request_kind *kind,
                          size_t len)
{
    int r;

    if (!request_may(kind, rq)) {
        finish(w->server, c, rq, /* goes_on= */ true);
        return;
    }
    r = queue_change(w->server, c, &rq->who.peer, w->packet, len);
    if (r != 0)
        refuse(w, c, rq, r, /* goes_on= */ true);
}

static void handle_packet(struct worker *w, struct conn *c, const struct peer *peer, size_t len, int fd)
{
    struct request rq = start_request(w, c, peer);
    const struct request_kind *kind;
    int r = msg_split(w->packet, len, &rq.header, &rq.body);

    if (r == 0 && rq.header.type == MSG_CHANNEL && rq.body.len == 0 && fd >= 0) {
        if (!take_channel(w->server, fd) || arm(w->server, EPOLL_CTL_MOD, c->fd, c) < 0)
            conn_close(w->server, c);
        return;
    }
    kind = r == 0 ? request_kind(rq.header.type) : NULL;
    if ((fd >= 0 && (kind == NULL || !kind->takes_fd)) || rq.header.type == MSG_CHANNEL) {
        refuse(w, c, &rq, LB_E_VALUE, /* goes_on= */ false);
    } else if (r != 0) {
        refuse(w, c, &rq, r, /* goes_on= */ false);
    } else if (kind == NULL) {
        refuse(w, c, &rq, LB_E_MESSAGE, /* goes_on= */ true);
    } else if (kind->change) {
        handle_change(w, c, &rq, kind, len);
    } else {
        rq.fd = fd;
        finish(w->server, c, &rq, request_run(kind, &rq));
    }
    socket_close(fd);
    if (kind == NULL || kind->secret)
        secret_wipe(w->packet, len);
    if (kind != NULL && kind->secret_answer)
        secret_wipe(w->answer, rq.answer_len);
}

static void serve_conn(struct worker *w, struct conn *c)
{
    struct peer peer;
    size_t len = 0;
    int fd, r = socket_receive(c->fd, w->packet, LB_PACKET_MAX, /* dont_wait= */ true, &len, &fd, &peer);

    if (r == 0) {
        handle_packet(w, c, &peer, len, fd);
    } else if (r == LB_E_TOO_LONG) {
        struct request rq = start_request(w, c, &peer);

        secret_wipe(w->packet, LB_PACKET_MAX);
        refuse(w, c, &rq, r, /* goes_on= */ false);
    } else if (r != LB_E_TIMEOUT || arm(w->server, EPOLL_CTL_MOD, c->fd, c) < 0) {
        conn_close(w->server, c);
    }
}

/* Threads */

static bool worker_init(struct worker *w, struct server *s)
{
    w->server = s;
    w->packet = secret_alloc(LB_PACKET_MAX);
    w->answer = secret_alloc(LB_PACKET_MAX);
    if (w->packet == NULL || w->answer == NULL)
        log_error("no locked memory for a thread: raise the limit (LimitMEMLOCK=, ulimit -l)");
    return w->packet != NULL && w->answer != NULL;
}

static void worker_clear(struct worker *w)
{
    secret_free(w->packet, LB_PACKET_MAX);
    secret_free(w->answer, LB_PACKET_MAX);
}

/* With the lock held. */
static void take_events(struct server *s, const struct epoll_event *ev, int n)
{
    for (int i = 0; i < n; i++) {
        if (ev[i].data.ptr == s->box)
            s->ended = true;
        else if (ev[i].data.ptr == s)
            s->accepting = true;
        else
            turns_add(&s->turns, &((struct conn *)ev[i].data.ptr)->turn);
    }
}

/*
 * The next thing to do: a connection, or s to accept some; NULL: the box stops. As long as a thread has nothing to do,
 * who is ready is served as it comes. When all work, it is seen first who else waits, and then whose turn it is.
 */
static void *next_ready(struct server *s)
{
    LB_UNFILLED struct epoll_event ev[READY_TURN];
    void *next = NULL;
    int n = 0;

    pthread_mutex_lock(&s->turns_lock);
    for (;;) {
        if (s->idle == 0)
            take_events(s, ev, epoll_wait(s->epoll_fd, ev, READY_TURN, 0));
        if (s->ended)
            break;
        next = s->accepting ? (void *)s : (void *)turns_next(&s->turns);
        s->accepting = false;
        if (next != NULL)
            break;
        s->idle++;
        pthread_mutex_unlock(&s->turns_lock);
        n = epoll_wait(s->epoll_fd, ev, 1, -1);
        pthread_mutex_lock(&s->turns_lock);
        s->idle--;
        if (n < 0 && errno != EINTR) {
            log_error("epoll_wait: %s", strerror(errno));
            break;
        }
        take_events(s, ev, n);
    }
    pthread_mutex_unlock(&s->turns_lock);
    return next;
}

static void *serve(void *arg)
{
    struct server *s = arg;
    struct worker w;
    void *next = NULL;
    bool ok = worker_init(&w, s);

    while (ok && (next = next_ready(s)) != NULL) {
        if (next == s)
            accept_some(s);
        else
            serve_conn(&w, next); /* a turn is the first thing in its connection */
    }
    worker_clear(&w);
    return NULL;
}

/* The next change; NULL once the box stops and all that were taken in are made. */
static struct job *next_job(struct server *s)
{
    struct job *j;

    pthread_mutex_lock(&s->jobs_lock);
    while (s->jobs == NULL && !s->stopping)
        pthread_cond_wait(&s->jobs_ready, &s->jobs_lock);
    j = s->jobs;
    if (j != NULL) {
        s->jobs = j->next;
        s->job_count--;
        if (s->jobs == NULL)
            s->jobs_end = &s->jobs;
    }
    pthread_mutex_unlock(&s->jobs_lock);
    return j;
}

static void *change(void *arg)
{
    struct server *s = arg;
    struct worker w;
    struct job *j;

    if (!worker_init(&w, s))
        goto out;
    while ((j = next_job(s)) != NULL) {
        struct request rq = start_request(&w, j->conn, &j->peer);
        /* It was looked at before it was queued: the header and the kind are there. */
        const struct request_kind *kind =
            msg_split(j->packet, j->len, &rq.header, &rq.body) == 0 ? request_kind(rq.header.type) : NULL;

        if (kind == NULL)
            conn_close(s, j->conn);
        else
            finish(s, j->conn, &rq, request_run(kind, &rq));
        secret_free(j->packet, j->len);
        free(j);
    }
out:
    worker_clear(&w);
    return NULL;
}

int server_new(struct box *box, int listen_fd, int link, struct server **ret)
{
    struct server *s = calloc(1, sizeof(*s));
    struct epoll_event ev = { .events = EPOLLIN };

    if (s == NULL)
        return LB_E_NOMEM;
    s->box = box;
    s->listen_fd = listen_fd;
    s->link = link;
    s->slots = box->conf->max_connections;
    s->jobs_end = &s->jobs;
    pthread_mutex_init(&s->conns_lock, NULL);
    pthread_mutex_init(&s->turns_lock, NULL);
    pthread_mutex_init(&s->jobs_lock, NULL);
    pthread_cond_init(&s->jobs_ready, NULL);
    s->conns = calloc(s->slots, sizeof(*s->conns));
    s->threads = calloc(box->conf->threads, sizeof(*s->threads));
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    ev.data.ptr = box;
    if (s->conns == NULL || s->threads == NULL || s->epoll_fd < 0 ||
        epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, box->stop_fd, &ev) < 0) {
        server_stop(s);
        return LB_E_SYSTEM;
    }
    *ret = s;
    return 0;
}

int server_restore(struct server *s, uint32_t slot, int fd)
{
    uint8_t packet[LB_HEADER_SIZE];
    size_t len;
    int r = msg_empty_encode(MSG_RESET, 0, packet, sizeof(packet), &len);

    /* A caller whose buffer is full has answers to read, and one that is gone is seen when its channel is served. */
    if (r == 0)
        (void)!socket_send(fd, packet, len, /* fd= */ -1, /* dont_wait= */ true);
    /* The configuration may have shrunk since. */
    if (slot >= s->slots) {
        socket_close(fd);
        return keep_send(s->link, KEEP_DROP, slot, /* fd= */ -1);
    }
    return conn_add(s, fd, slot, /* keep= */ false);
}

int server_start(struct server *s)
{
    if (pthread_create(&s->changer, NULL, change, s) != 0)
        return LB_E_SYSTEM;
    s->changer_runs = true;
    while (s->thread_count < s->box->conf->threads) {
        if (pthread_create(&s->threads[s->thread_count], NULL, serve, s) != 0)
            return LB_E_SYSTEM;
        s->thread_count++;
    }
    return arm(s, EPOLL_CTL_ADD, s->listen_fd, s) < 0 ? LB_E_SYSTEM : 0;
}

void server_stop(struct server *s)
{
    pthread_mutex_lock(&s->jobs_lock);
    s->stopping = true;
    pthread_cond_signal(&s->jobs_ready);
    pthread_mutex_unlock(&s->jobs_lock);
    for (unsigned i = 0; i < s->thread_count; i++)
        pthread_join(s->threads[i], NULL);
    if (s->changer_runs)
        pthread_join(s->changer, NULL);
    for (uint32_t i = 0; s->conns != NULL && i < s->slots; i++) {
        /* Not told to the keeper: these are the channels that the next child goes on with. */
        if (s->conns[i] != NULL)
            socket_close(s->conns[i]->fd);
        free(s->conns[i]);
    }
    socket_close(s->epoll_fd);
    turns_clear(&s->turns);
    free(s->conns);
    free(s->threads);
    pthread_cond_destroy(&s->jobs_ready);
    pthread_mutex_destroy(&s->jobs_lock);
    pthread_mutex_destroy(&s->turns_lock);
    pthread_mutex_destroy(&s->conns_lock);
    free(s);
}
