/* How a request of the provider waits: by blocking, or inside of an ASYNC_JOB by pausing it, so that an event loop goes on. */
#include "wait.h"

#include <errno.h>
#include <openssl/async.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/socket.h"
#include "client/clock.h"

/*
 * How often in a row a job may be resumed for nothing; from then on each time takes SPURIOUS_MS. Some programs resume their
 * jobs without a look at the descriptor, and under ASYNC_block_pause() a pause does nothing at all.
 */
#define SPURIOUS_MAX 64
#define SPURIOUS_MS 1
/*
 * How many operations of a process may be paused at one time; further ones block. Jobs that were given up count until their box
 * has answered. Without a bound, whoever connects and hangs up would have the server use up its descriptors.
 */
#define PAUSED_MAX 256

struct job {
    struct wait wait;
    pid_t pid; /* whose it is */
    /* The wait context that owns this struct once a job has been paused. Until then only the operation knows of it. */
    ASYNC_WAIT_CTX *ctx;
    bool known;
    /*
     * The descriptor of the wait context, the same for its whole life: HAProxy 2.6 ends itself when a descriptor that it knows
     * appears with a second connection. It watches channel and timer while they are waited for.
     */
    int epoll_fd;
    bool busy; /* an operation is under way, or was when its job was given up; counted */
    int timer_fd; /* -1: no operation is under way */
    uint64_t armed; /* when it rings */
    struct conn conn;
    unsigned spurious;
    void *owned;
    void (*done)(void *owned);
};

/* Counting: the process that counts, and how many operations of it pause. A child of it begins anew. */

static _Atomic uint64_t waiting;

static bool count_one(pid_t pid)
{
    uint64_t seen = atomic_load(&waiting), count;

    do {
        count = seen >> 32 == (uint64_t)pid ? seen & UINT32_MAX : 0;
        if (count >= PAUSED_MAX)
            return false;
    } while (!atomic_compare_exchange_weak(&waiting, &seen, (uint64_t)pid << 32 | (count + 1)));
    return true;
}

/* Of what this process counted. */
static void count_less(void)
{
    atomic_fetch_sub(&waiting, 1);
}

/* Beginning and ending */

static bool is_ours(const struct job *w)
{
    return w->pid == getpid();
}

static void job_free(struct job *w)
{
    /* A child closes its own copies; those of the parent stay open. */
    conn_drop(&w->conn);
    socket_close(w->timer_fd);
    socket_close(w->epoll_fd);
    if (w->owned != NULL)
        w->done(w->owned);
    if (w->busy && is_ours(w))
        count_less();
    OPENSSL_free(w);
}

static void job_cleanup(ASYNC_WAIT_CTX *ctx, const void *key, OSSL_ASYNC_FD fd, void *arg)
{
    (void)ctx;
    (void)key;
    (void)fd;
    job_free(arg);
}

/* The address of this is our key in a wait context, which tells our descriptor from those of others. */
static const char wait_key;

static struct job *job_new(ASYNC_WAIT_CTX *ctx)
{
    struct job *w = OPENSSL_zalloc(sizeof(*w));

    if (w == NULL)
        return NULL;
    w->wait.by = &wait_jobs;
    w->pid = getpid();
    w->ctx = ctx;
    w->conn.fd = w->timer_fd = -1;
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll_fd < 0) {
        job_free(w);
        return NULL;
    }
    return w;
}

/*
 * Puts the descriptor into the wait context. Only a job that pauses does that: HAProxy 2.6 ends itself when it finds a
 * descriptor in the wait context of a connection that never waited.
 */
static bool make_known(struct job *w)
{
    if (!w->known)
        w->known = ASYNC_WAIT_CTX_set_wait_fd(w->ctx, &wait_key, w->epoll_fd, w, job_cleanup);
    return w->known;
}

/* The job that the wait context has already, or a new one. NULL also where neither can be used. */
static struct job *job_of(ASYNC_WAIT_CTX *ctx)
{
    ASYNC_callback_fn callback = NULL;
    void *found = NULL, *ignored = NULL;
    OSSL_ASYNC_FD fd;
    struct job *w;

    if (ASYNC_WAIT_CTX_get_callback(ctx, &callback, &ignored) && callback != NULL)
        return NULL;
    if (!ASYNC_WAIT_CTX_get_fd(ctx, &wait_key, &fd, &found))
        return job_new(ctx);
    w = found;
    return w->busy || !is_ours(w) ? NULL : w;
}

static int watch(struct job *w, int fd)
{
    struct epoll_event ev = { .events = EPOLLIN };

    return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? LB_E_SYSTEM : 0;
}

/* Ends watching, before the descriptor is closed or used elsewhere: a child's copy would keep it watched. */
static void unwatch(struct job *w, int fd)
{
    struct epoll_event ev = { 0 };
    int saved = errno;

    (void)epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, &ev);
    errno = saved;
}

static void job_end(struct wait *base)
{
    struct job *w = (struct job *)base;

    if (is_ours(w)) {
        unwatch(w, w->timer_fd);
        if (w->busy)
            count_less();
    }
    socket_close(w->timer_fd);
    w->timer_fd = -1;
    w->owned = NULL;
    w->busy = false;
    if (!w->known)
        job_free(w);
}

static struct wait *job_begin(uint16_t type)
{
    ASYNC_JOB *job = ASYNC_get_current_job();
    ASYNC_WAIT_CTX *ctx = job == NULL ? NULL : ASYNC_get_wait_ctx(job);
    struct job *w;

    (void)type;
    if (ctx == NULL)
        return NULL;
    ERR_set_mark();
    w = job_of(ctx);
    ERR_pop_to_mark(); /* an operation that blocks for want of memory is none that fails */
    if (w == NULL)
        return NULL;
    w->armed = 0;
    w->busy = count_one(w->pid);
    if (w->busy)
        w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (w->timer_fd >= 0 && watch(w, w->timer_fd) == 0)
        return &w->wait;
    job_end(&w->wait);
    return NULL;
}

static void job_own(struct wait *base, void *what, void (*done)(void *what))
{
    struct job *w = (struct job *)base;

    w->owned = what;
    w->done = done;
}

/* Waiting */

static int job_hold(struct wait *base, struct conn *c)
{
    struct job *w = (struct job *)base;
    int r = watch(w, c->fd);

    if (r != 0)
        return r;
    w->conn = *c;
    w->spurious = 0;
    c->fd = -1;
    return 0;
}

static void job_give_back(struct wait *base, struct conn *ret)
{
    struct job *w = (struct job *)base;

    if (!is_ours(w))
        conn_drop(&w->conn);
    else
        unwatch(w, w->conn.fd);
    *ret = w->conn;
    w->conn.fd = -1;
}

static int arm(struct job *w, uint64_t deadline)
{
    const struct itimerspec t = { .it_value = time_of(deadline) };

    if (w->armed == deadline)
        return 0;
    if (timerfd_settime(w->timer_fd, TFD_TIMER_ABSTIME, &t, NULL) < 0)
        return LB_E_SYSTEM;
    w->armed = deadline;
    return 0;
}

/* Once. False: it could not be. */
static bool pause_job(struct job *w)
{
    bool paused;

    ERR_set_mark();
    paused = make_known(w) && ASYNC_pause_job();
    ERR_pop_to_mark();
    return paused;
}

static int job_more(struct wait *base, uint64_t deadline)
{
    struct job *w = (struct job *)base;
    struct pollfd ready = { .fd = w->epoll_fd, .events = POLLIN };

    if (ms_left(deadline) == 0)
        return LB_E_TIMEOUT;
    /* Pauses only with a timer: nothing else resumes the job when the box is silent. */
    if (arm(w, deadline) != 0 || !pause_job(w))
        w->spurious = SPURIOUS_MAX;
    if (!is_ours(w))
        return LB_E_CLOSED;
    if (++w->spurious > SPURIOUS_MAX)
        (void)poll(&ready, 1, SPURIOUS_MS);
    return 0;
}

static void job_sleep(struct wait *base, uint64_t ms)
{
    struct job *w = (struct job *)base;
    uint64_t deadline = now_ms() + ms;

    w->spurious = 0;
    while (job_more(base, deadline) == 0)
        ;
}

static bool job_is_ours(const struct wait *base)
{
    return is_ours((const struct job *)base);
}

const struct waiter wait_jobs = {
    .begin = job_begin,
    .end = job_end,
    .own = job_own,
    .hold = job_hold,
    .give_back = job_give_back,
    .more = job_more,
    .sleep = job_sleep,
    .is_ours = job_is_ours,
};
