/* The threads of a box: any free one takes the next request, by turns of users; changes have a thread of their own. */
#include "box/serve.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/id_map.h"
#include "base/log.h"
#include "base/log_quota.h"
#include "base/socket.h"
#include "box/serve_priv.h"
#include "box/usher_link.h"
#include "guard/secret.h"

/* Connections accepted in one turn, so that a flood of them does not keep a thread from requests. */
#define ACCEPT_TURN 64
/* How long accepting pauses when there are no more descriptors, in milliseconds. */
#define ACCEPT_PAUSE 100
/* Ready connections that are put into their queues in one turn. */
#define READY_TURN 64
/* Places beside max-connections that only administrators get. */
#define ADMIN_PLACES 16

static void refuse_accepted(struct server *s, int fd, struct maker *maker)
{
    log_caused(LOGQUOTA_OTHERS, "cannot accept a connection: %s", strerror(errno));
    maker_clear(maker);
    conn_let_go(s, fd);
}

static void accept_some(struct server *s)
{
    for (int i = 0; i < ACCEPT_TURN; i++) {
        struct maker maker;
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                struct pollfd stop = { .fd = s->box->stop_fd, .events = POLLIN };

                log_caused(LOGQUOTA_OTHERS, "cannot accept a connection: %s", strerror(errno));
                (void)poll(&stop, 1, ACCEPT_PAUSE);
            }
            break;
        }
        if (maker_of(fd, &maker) == 0 && socket_want_only_peer(fd) == 0)
            (void)!conn_add(s, fd, 0, &maker, /* keep= */ true); /* a refusal is in the log; the caller sees the end */
        else
            refuse_accepted(s, fd, &maker);
    }
    if (server_arm(s, EPOLL_CTL_MOD, s->listen_fd, s) < 0)
        log_error("cannot accept connections any more: %s", strerror(errno));
}

/* Requests */

/*
 * Sends the answer, and listens again. The maker of a connection loses it if it does not read its answers. A process that
 * inherited the connection, as others may have too, loses only what it leaves unread.
 */
static void finish(struct worker *w, struct conn *c, const struct request *rq, bool goes_on)
{
    struct server *s = w->server;
    int r = socket_send(c->fd, rq->answer, rq->answer_len, /* fd= */ -1, /* dont_wait= */ true);

    if (r == LB_E_CLOSED)
        conn_close(s, c);
    else if (r != 0 || !goes_on)
        conn_blame(s, c, &rq->who.sender.peer);
    else if (stay_with(w, c))
        w->stays = c;
    else
        conn_go_on(s, c);
}

/* As batch_new() wants it. */
static void finish_change(void *worker, void *conn, const struct request *rq, bool goes_on)
{
    finish(worker, conn, rq, goes_on);
}

/* A place for a change of that size, with the lock held; NULL: there is none. */
static struct job *take_place(struct server *s, size_t len)
{
    struct job_queue *from = len > JOB_SMALL || STAILQ_EMPTY(&s->free_small_jobs) ? &s->free_jobs : &s->free_small_jobs;
    struct job *j = STAILQ_FIRST(from);

    if (j != NULL)
        STAILQ_REMOVE_HEAD(from, next);
    return j;
}

static void give_place(struct server *s, struct job *j)
{
    if (j->size == JOB_SMALL)
        STAILQ_INSERT_HEAD(&s->free_small_jobs, j, next);
    else
        STAILQ_INSERT_HEAD(&s->free_jobs, j, next);
}

/* LB_E_BUSY: too many wait already. */
static int queue_change(struct server *s, struct conn *c, const struct peer *peer, const void *packet, size_t len)
{
    struct job *j;

    pthread_mutex_lock(&s->jobs_lock);
    j = take_place(s, len);
    if (j != NULL) {
        memcpy(j->packet, packet, len);
        j->len = len;
        j->conn = c;
        j->peer = *peer;
        STAILQ_INSERT_TAIL(&s->jobs, j, next);
        pthread_cond_signal(&s->jobs_ready);
    }
    pthread_mutex_unlock(&s->jobs_lock);
    return j != NULL ? 0 : LB_E_BUSY;
}

static struct request start_request(struct worker *w, struct conn *c, const struct peer *peer)
{
    return (struct request){
        .box = w->server->box,
        .who = caller_of(peer, &c->maker),
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
        snprintf(text, sizeof(text), "too many changes of this box wait already: try again later");
    else
        snprintf(text, sizeof(text), "%s", lb_strerror(code));
    request_refuse(rq, code, text);
    finish(w, c, rq, goes_on);
}

/*
 * Refuses at once whoever may not make a change. Changes wait in locked memory, one behind the other, and not everybody may
 * fill that.
 */
static void handle_change(struct worker *w, struct conn *c, struct request *rq, const struct msg_kind *kind,
                          size_t len)
{
    int r;

    if (!request_may(kind, rq)) {
        finish(w, c, rq, /* goes_on= */ true);
        return;
    }
    r = queue_change(w->server, c, &rq->who.sender.peer, w->packet, len);
    if (r != 0)
        refuse(w, c, rq, r, /* goes_on= */ true);
}

/* attached: something came with the packet, so the usher took it. file is what came, if it is good for a request; else -1. */
static void handle_packet(struct worker *w, struct conn *c, const struct peer *peer, size_t len, bool attached, int file)
{
    struct request rq = start_request(w, c, peer);
    const struct msg_kind *kind;
    int r = msg_split(w->packet, len, &rq.header, &rq.body);

    kind = r == 0 ? msg_kind(rq.header.type) : NULL;
    rq.attached = attached;
    rq.fd = file;
    /* A caller who holds both ends of a channel could have the box answer its own answers. */
    if (peer->pid == w->server->pid || (r == 0 && (rq.header.type & MSG_ANSWER) != 0)) {
        conn_blame(w->server, c, peer);
    } else if (r == 0 && (rq.header.type == MSG_CHANNEL || (attached && (kind == NULL || !kind->takes_fd)))) {
        refuse(w, c, &rq, LB_E_VALUE, /* goes_on= */ false);
    } else if (r != 0) {
        refuse(w, c, &rq, r, /* goes_on= */ false);
    } else if (kind == NULL) {
        refuse(w, c, &rq, LB_E_MESSAGE, /* goes_on= */ true);
    } else if (kind->change) {
        handle_change(w, c, &rq, kind, len);
    } else {
        finish(w, c, &rq, request_run(kind, &rq));
    }
    if (kind == NULL || kind->secret)
        secret_wipe(w->packet, len);
    if (kind != NULL && kind->secret_answer)
        secret_wipe(w->answer, rq.answer_len);
}

/*
 * Looks at the packet where it is. A packet with something attached is not for this process to take: see box/usher.h. Any
 * other packet is taken away then. It is still the same, since nobody else reads here.
 */
static void serve_conn(struct worker *w, struct conn *c)
{
    bool stays = w->stays == c, attached = false;
    struct peer peer;
    size_t len = 0;
    int r = socket_look(c->fd, w->packet, LB_PACKET_MAX, /* dont_wait= */ !stays, &len, &attached, &peer);

    w->stays = NULL;
    if (r == LB_E_TIMEOUT || (stays && !stay_goes_on(w))) {
        c->in_a_row = 0;
        conn_go_on(w->server, c);
        return;
    }
    if (r != 0 && r != LB_E_TOO_LONG) {
        conn_close(w->server, c);
        return;
    }
    if (attached) {
        reception_send(w->server, c, &peer);
        return;
    }
    socket_pass_over(c->fd);
    if (r == 0) {
        handle_packet(w, c, &peer, len, /* attached= */ false, /* file= */ -1);
    } else {
        struct request rq = start_request(w, c, &peer);

        secret_wipe(w->packet, LB_PACKET_MAX);
        refuse(w, c, &rq, r, /* goes_on= */ false);
    }
}

/* Hears the usher. A packet that the usher took is handled like any other. */
static void serve_usher(struct worker *w)
{
    struct usher_answer a;
    struct conn *c;

    if (!reception_hear(w->server, w->told, &c, &a))
        return;
    memcpy(w->packet, a.packet.p, a.packet.len);
    secret_wipe(w->told, USHER_PACKET_MAX);
    handle_packet(w, c, &a.sender, a.packet.len, /* attached= */ true, a.fd);
    socket_close(a.fd);
}

/* Tells the keeper that somebody is awake, which is all that it wants to know. */
static void answer_ping(struct server *s)
{
    eventfd_t n;

    (void)eventfd_read(s->ping_fd, &n);
    if (server_arm(s, EPOLL_CTL_MOD, s->ping_fd, &s->ping) < 0 ||
        s->box->keeper.awake(s->box->keeper.link, atomic_load(&s->ping)) != 0)
        log_error("the keeper does not answer");
}

/* Threads */

/* Makes what a thread works with, before the first thread is there. */
static bool worker_init(struct worker *w, struct server *s)
{
    w->server = s;
    w->packet = secret_alloc(LB_PACKET_MAX);
    w->answer = secret_alloc(LB_PACKET_MAX);
    w->told = malloc(USHER_PACKET_MAX);
    return w->packet != NULL && w->answer != NULL && w->told != NULL;
}

static void worker_clear(struct worker *w)
{
    secret_free(w->packet, LB_PACKET_MAX);
    secret_free(w->answer, LB_PACKET_MAX);
    free(w->told);
}

/* With the lock held. Mostly this is one comparison, since grants change seldom. */
static enum turns_class class_of(struct turn *turn, void *arg)
{
    struct server *s = arg;
    struct conn *c = (struct conn *)turn; /* the first thing in it */
    unsigned changed = vault_grants_changed(s->box->vault);
    const struct principal maker = principal_of_maker(&c->maker);

    if (c->grants_changed == changed)
        return c->class;
    c->class = !c->counted || vault_knows(s->box->vault, &maker) ? TURNS_KNOWN : TURNS_STRANGER;
    c->grants_changed = changed;
    return c->class;
}

unsigned server_threads(unsigned threads)
{
    return threads + stay_threads(threads) + 1;
}

size_t server_memory(unsigned threads)
{
    return (2 * server_threads(threads) + JOBS_LARGE) * secret_locks(LB_PACKET_MAX) +
           (JOBS_MAX - JOBS_LARGE) * secret_locks(JOB_SMALL);
}

static bool buffers_init(struct server *s)
{
    unsigned count = server_threads(s->box->conf->threads);
    bool ok;

    s->workers = calloc(count, sizeof(*s->workers));
    ok = s->workers != NULL;
    for (unsigned i = 0; ok && i < count; i++)
        ok = worker_init(&s->workers[i], s);
    for (unsigned i = 0; ok && i < JOBS_MAX; i++) {
        struct job *j = &s->all_jobs[i];

        j->size = i < JOBS_LARGE ? LB_PACKET_MAX : JOB_SMALL;
        j->packet = secret_alloc(j->size);
        give_place(s, j);
        ok = j->packet != NULL;
    }
    return ok && batch_new(s->box, finish_change, &s->workers[count - 1], &s->batch) == 0;
}

static void buffers_clear(struct server *s)
{
    for (unsigned i = 0; s->workers != NULL && i < server_threads(s->box->conf->threads); i++)
        worker_clear(&s->workers[i]);
    free(s->workers);
    for (unsigned i = 0; i < JOBS_MAX; i++)
        secret_free(s->all_jobs[i].packet, s->all_jobs[i].size);
    batch_free(s->batch);
}

/* With the lock held. */
static void take_events(struct server *s, const struct epoll_event *ev, int n)
{
    unsigned changed = vault_grants_changed(s->box->vault);

    for (int i = 0; i < n; i++) {
        if (ev[i].data.ptr == s->box)
            s->ended = true;
        else if (ev[i].data.ptr == s)
            s->accepting = true;
        else if (ev[i].data.ptr == &s->reception)
            s->called = true;
        else if (ev[i].data.ptr == &s->ping)
            s->pinged = true;
        else
            turns_add(&s->turns, ev[i].data.ptr, class_of(ev[i].data.ptr, s)); /* a turn is the first thing in it */
    }
    if (s->grants_changed != changed) {
        s->grants_changed = changed;
        turns_again(&s->turns, class_of, s);
    }
}

/* The first of what waits, with the lock held. The keeper's question goes before all. */
static void *first_ready(struct server *s)
{
    bool *const flags[] = { &s->pinged, &s->called, &s->accepting };
    void *const what[] = { &s->ping, &s->reception, s };

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (*flags[i]) {
            *flags[i] = false;
            return what[i];
        }
    }
    return turns_next(&s->turns);
}

/*
 * The next thing to do: a connection, s to accept some, its reception or its ping; NULL: the box stops. While a thread has
 * nothing to do, whoever is ready is served as it comes. When all threads work, this one sees first who else waits, and
 * then whose turn it is.
 */
static void *next_ready(struct worker *w)
{
    struct server *s = w->server;
    LB_UNFILLED struct epoll_event ev[READY_TURN];
    void *next = NULL;
    int n = 0;

    pthread_mutex_lock(&s->turns_lock);
    stay_ended(w);
    for (;;) {
        if (s->idle == 0)
            take_events(s, ev, epoll_wait(s->epoll_fd, ev, READY_TURN, 0));
        if (s->ended)
            break;
        next = first_ready(s);
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
    if (next == NULL)
        stay_end_all(s);
    pthread_mutex_unlock(&s->turns_lock);
    return next;
}

static void *serve(void *arg)
{
    struct worker *w = arg;
    struct server *s = w->server;
    void *next;

    while ((next = w->stays != NULL ? w->stays : next_ready(w)) != NULL) {
        if (next == s)
            accept_some(s);
        else if (next == &s->reception)
            serve_usher(w);
        else if (next == &s->ping)
            answer_ping(s);
        else
            serve_conn(w, next); /* a turn is the first thing in its connection */
    }
    return NULL;
}

/*
 * Waits for a change, with the lock held. Meanwhile this thread tends the vault, because it makes all changes. It waits by
 * a clock that nobody sets.
 */
static void wait_for_job(struct server *s)
{
    while (STAILQ_EMPTY(&s->jobs) && !s->stopping) {
        struct timespec until = { 0 };
        uint64_t wait;

        pthread_mutex_unlock(&s->jobs_lock);
        wait = vault_tend(s->box->vault);
        clock_gettime(CLOCK_MONOTONIC, &until);
        wait += (uint64_t)until.tv_nsec / 1000000;
        until.tv_sec += (time_t)(wait / 1000);
        until.tv_nsec = (long)(wait % 1000) * 1000000;
        pthread_mutex_lock(&s->jobs_lock);
        while (STAILQ_EMPTY(&s->jobs) && !s->stopping &&
               pthread_cond_timedwait(&s->jobs_ready, &s->jobs_lock, &until) == 0)
            ;
    }
}

/*
 * Takes the next change, its packet into ret_packet. False: no change waits (wait false), or the box stops and all changes
 * that were taken in are made.
 */
static bool next_job(struct server *s, bool wait, uint8_t *ret_packet, struct job *ret)
{
    struct job *j;

    pthread_mutex_lock(&s->jobs_lock);
    if (wait)
        wait_for_job(s);
    j = STAILQ_FIRST(&s->jobs);
    if (j != NULL) {
        STAILQ_REMOVE_HEAD(&s->jobs, next);
        memcpy(ret_packet, j->packet, j->len);
        secret_wipe(j->packet, j->len);
        *ret = *j;
        give_place(s, j);
    }
    pthread_mutex_unlock(&s->jobs_lock);
    return j != NULL;
}

static void make_change(struct worker *w, const struct job *j)
{
    struct request rq = start_request(w, j->conn, &j->peer);
    /* The packet was looked at before it was queued: header and kind are good. */
    const struct msg_kind *kind = msg_split(w->packet, j->len, &rq.header, &rq.body) == 0 ? msg_kind(rq.header.type) : NULL;

    if (kind == NULL)
        conn_close(w->server, j->conn);
    else
        batch_run(w->server->batch, kind, &rq, j->conn);
    secret_wipe(w->packet, j->len);
}

static void *change(void *arg)
{
    struct worker *w = arg;
    struct server *s = w->server;
    struct job j;

    while (next_job(s, /* wait= */ true, w->packet, &j)) {
        make_change(w, &j);
        while (batch_goes_on(s->batch) && next_job(s, /* wait= */ false, w->packet, &j))
            make_change(w, &j);
        batch_end(s->batch);
    }
    return NULL;
}

int server_new(struct box *box, int listen_fd, struct server **ret)
{
    struct server *s = calloc(1, sizeof(*s));
    struct epoll_event ev = { .events = EPOLLIN };
    pthread_condattr_t monotonic;

    if (s == NULL)
        return LB_E_NOMEM;
    s->box = box;
    s->listen_fd = listen_fd;
    s->slots = box->conf->max_connections + ADMIN_PLACES;
    STAILQ_INIT(&s->jobs);
    STAILQ_INIT(&s->free_jobs);
    STAILQ_INIT(&s->free_small_jobs);
    turns_init(&s->turns);
    reception_init(&s->reception);
    s->ping_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&s->conns_lock, NULL);
    pthread_mutex_init(&s->turns_lock, NULL);
    pthread_mutex_init(&s->jobs_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->jobs_ready, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&s->place_free, NULL);
    s->pid = getpid();
    s->conns = calloc(s->slots, sizeof(*s->conns));
    s->threads = calloc(server_threads(box->conf->threads), sizeof(*s->threads));
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!buffers_init(s)) {
        server_stop(s);
        return LB_E_NOMEM;
    }
    ev.data.ptr = box;
    if (s->conns == NULL || s->threads == NULL || s->epoll_fd < 0 || s->ping_fd < 0 ||
        socket_want_only_peer(listen_fd) != 0 || server_arm(s, EPOLL_CTL_ADD, s->ping_fd, &s->ping) < 0 ||
        epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, box->stop_fd, &ev) < 0) {
        server_stop(s);
        return LB_E_SYSTEM;
    }
    *ret = s;
    return 0;
}

int server_restore(struct server *s, uint32_t slot, int fd, struct maker *maker)
{
    uint8_t packet[LB_HEADER_SIZE];
    size_t len;
    int r = msg_empty_encode(MSG_RESET, 0, packet, sizeof(packet), &len);

    /*
     * May fail: a caller whose buffer is full has answers to read, and a caller that is gone is seen when its channel is
     * served.
     */
    if (r == 0)
        (void)!socket_send(fd, packet, len, /* fd= */ -1, /* dont_wait= */ true);
    r = conn_add(s, fd, slot, maker, /* keep= */ false);
    /* There may be no place any more: the configuration may have shrunk since. */
    return r == LB_E_BUSY ? s->box->keeper.dropped(s->box->keeper.link, slot) : r;
}

void server_usher(struct server *s, int link)
{
    reception_renew(s, link);
}

void server_ping(struct server *s, uint32_t number)
{
    atomic_store(&s->ping, number);
    if (eventfd_write(s->ping_fd, 1) < 0)
        log_error("eventfd: %s", strerror(errno));
}

int server_start(struct server *s)
{
    unsigned threads = server_threads(s->box->conf->threads) - 1;
    struct worker *w = s->workers;

    errno = pthread_create(&s->changer, NULL, change, &w[threads]);
    if (errno != 0)
        return LB_E_SYSTEM;
    s->changer_runs = true;
    w[threads].changes = true;
    while (s->thread_count < threads) {
        w[s->thread_count].apart = s->thread_count >= s->box->conf->threads;
        errno = pthread_create(&s->threads[s->thread_count], NULL, serve, &w[s->thread_count]);
        if (errno != 0)
            return LB_E_SYSTEM;
        s->thread_count++;
    }
    return server_arm(s, EPOLL_CTL_ADD, s->listen_fd, s) < 0 ? LB_E_SYSTEM : 0;
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
        /* The keeper is not told: the next child goes on with these channels. */
        if (s->conns[i] != NULL) {
            socket_close(s->conns[i]->fd);
            maker_clear(&s->conns[i]->maker);
        }
        free(s->conns[i]);
    }
    reception_clear(&s->reception);
    socket_close(s->ping_fd);
    socket_close(s->epoll_fd);
    turns_clear(&s->turns);
    buffers_clear(s);
    free(s->conns);
    free(s->threads);
    pthread_cond_destroy(&s->jobs_ready);
    pthread_cond_destroy(&s->place_free);
    pthread_mutex_destroy(&s->jobs_lock);
    pthread_mutex_destroy(&s->turns_lock);
    pthread_mutex_destroy(&s->conns_lock);
    free(s);
}
