/* How a request waits: by blocking, or inside of an ASYNC_JOB by pausing it, so that an event loop goes on. */
#include "wait.h"

#include <errno.h>
#include <openssl/async.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/socket.h"

/*
 * So often in a row a job may be resumed for nothing before the next time takes SPURIOUS_MS. Some programs resume their
 * jobs without a look at the descriptor; and where ASYNC_block_pause() is in force, pausing does nothing at all.
 */
#define SPURIOUS_MAX 64
#define SPURIOUS_MS 1
/*
 * Operations of a process that pause at once; further ones block. Jobs that were given up wait as well, until their box
 * has answered: without a bound whoever connects and hangs up would have the server use up its descriptors.
 */
#define PAUSED_MAX 256

struct wait {
    pid_t pid; /* whose it is */
    /* Where it belongs once a job has been paused: until then nobody but the operation knows of it. */
    ASYNC_WAIT_CTX *ctx;
    bool known;
    /*
     * The descriptor of the wait context, the same for its whole life: HAProxy 2.6 ends itself when one that it knows
     * appears with a second connection. Channel and timer are in it while they are waited for.
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

/* Time */

uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t ms_left(uint64_t deadline)
{
    uint64_t now = now_ms();

    return now < deadline ? deadline - now : 0;
}

static struct timespec time_of(uint64_t ms)
{
    return (struct timespec){ .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
}

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

static void wait_free(struct wait *w)
{
    /* In a child these are copies; the parent's are not touched. */
    conn_drop(&w->conn);
    socket_close(w->timer_fd);
    socket_close(w->epoll_fd);
    if (w->owned != NULL)
        w->done(w->owned);
    if (w->busy && wait_is_ours(w))
        count_less();
    OPENSSL_free(w);
}

static void wait_cleanup(ASYNC_WAIT_CTX *ctx, const void *key, OSSL_ASYNC_FD fd, void *arg)
{
    (void)ctx;
    (void)key;
    (void)fd;
    wait_free(arg);
}

/* By its address a wait context tells our descriptor from those of others. */
static const char wait_key;

static struct wait *wait_new(ASYNC_WAIT_CTX *ctx)
{
    struct wait *w = OPENSSL_zalloc(sizeof(*w));

    if (w == NULL)
        return NULL;
    w->pid = getpid();
    w->ctx = ctx;
    w->conn.fd = w->timer_fd = -1;
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll_fd < 0) {
        wait_free(w);
        return NULL;
    }
    return w;
}

/*
 * Only a job that is paused lets its program look for descriptors: HAProxy 2.6 ends itself when it finds one in the
 * wait context of a connection that never waited.
 */
static bool make_known(struct wait *w)
{
    if (!w->known)
        w->known = ASYNC_WAIT_CTX_set_wait_fd(w->ctx, &wait_key, w->epoll_fd, w, wait_cleanup);
    return w->known;
}

/* The one that the wait context has already, or a new one; NULL also where that one cannot be used. */
static struct wait *wait_of(ASYNC_WAIT_CTX *ctx)
{
    ASYNC_callback_fn callback = NULL;
    void *found = NULL, *ignored = NULL;
    OSSL_ASYNC_FD fd;
    struct wait *w;

    if (ASYNC_WAIT_CTX_get_callback(ctx, &callback, &ignored) && callback != NULL)
        return NULL;
    if (!ASYNC_WAIT_CTX_get_fd(ctx, &wait_key, &fd, &found))
        return wait_new(ctx);
    w = found;
    return w->busy || !wait_is_ours(w) ? NULL : w;
}

static int watch(struct wait *w, int fd)
{
    struct epoll_event ev = { .events = EPOLLIN };

    return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? LB_E_SYSTEM : 0;
}

/* Before the descriptor is closed or used elsewhere: a child's copy would keep it in there. */
static void unwatch(struct wait *w, int fd)
{
    struct epoll_event ev = { 0 };
    int saved = errno;

    (void)epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, &ev);
    errno = saved;
}

struct wait *wait_begin(void)
{
    ASYNC_JOB *job = ASYNC_get_current_job();
    ASYNC_WAIT_CTX *ctx = job == NULL ? NULL : ASYNC_get_wait_ctx(job);
    struct wait *w;

    if (ctx == NULL)
        return NULL;
    ERR_set_mark();
    w = wait_of(ctx);
    ERR_pop_to_mark(); /* an operation that blocks for want of memory is none that fails */
    if (w == NULL)
        return NULL;
    w->armed = 0;
    w->busy = count_one(w->pid);
    if (w->busy)
        w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (w->timer_fd >= 0 && watch(w, w->timer_fd) == 0)
        return w;
    wait_end(w);
    return NULL;
}

void wait_end(struct wait *w)
{
    if (w == NULL)
        return;
    if (wait_is_ours(w)) {
        unwatch(w, w->timer_fd);
        if (w->busy)
            count_less();
    }
    socket_close(w->timer_fd);
    w->timer_fd = -1;
    w->owned = NULL;
    w->busy = false;
    if (!w->known)
        wait_free(w);
}

bool wait_is_ours(const struct wait *w)
{
    return w->pid == getpid();
}

void wait_own(struct wait *w, void *what, void (*done)(void *what))
{
    w->owned = what;
    w->done = done;
}

/* Waiting */

int wait_hold(struct wait *w, struct conn *c)
{
    int r = watch(w, c->fd);

    if (r != 0)
        return r;
    w->conn = *c;
    w->spurious = 0;
    c->fd = -1;
    return 0;
}

void wait_give_back(struct wait *w, struct conn *ret)
{
    if (!wait_is_ours(w))
        conn_drop(&w->conn);
    else
        unwatch(w, w->conn.fd);
    *ret = w->conn;
    w->conn.fd = -1;
}

static int arm(struct wait *w, uint64_t deadline)
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
static bool pause_job(struct wait *w)
{
    bool paused;

    ERR_set_mark();
    paused = make_known(w) && ASYNC_pause_job();
    ERR_pop_to_mark();
    return paused;
}

int wait_more(struct wait *w, uint64_t deadline)
{
    struct pollfd ready = { .fd = w->epoll_fd, .events = POLLIN };

    if (ms_left(deadline) == 0)
        return LB_E_TIMEOUT;
    /* Without a timer nobody resumes the job of a box that is silent. */
    if (arm(w, deadline) != 0 || !pause_job(w))
        w->spurious = SPURIOUS_MAX;
    if (!wait_is_ours(w))
        return LB_E_CLOSED;
    if (++w->spurious > SPURIOUS_MAX)
        (void)poll(&ready, 1, SPURIOUS_MS);
    return 0;
}

void wait_ms(struct wait *w, uint64_t ms)
{
    const struct timespec t = time_of(ms);
    uint64_t deadline = now_ms() + ms;

    if (w == NULL) {
        nanosleep(&t, NULL);
        return;
    }
    w->spurious = 0;
    while (wait_more(w, deadline) == 0)
        ;
}
