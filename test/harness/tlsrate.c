/* Makes full TLS 1.3 handshakes with a server at a fixed rate, whatever the server does, and says how long they took. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "arrivals.h"
#include "shortcuts.h"
#include "times.h"
#include "tlsclient.h"

/*
 * An open loop (arrivals.h): no handshake waits for another one, and how long it takes counts from the time at which it was
 * to begin. So what a server lets wait while it stands still is in the figures, which a client that waits with it never sees
 * (coordinated omission).
 *
 * "late": by how much handshakes were begun after their time. Nobody but the client itself is late, and arrivals see the client
 * as often idle and busy as it is, so that this is also what it adds to the other steps of a handshake. A run in which that
 * is more than half of what is measured says nothing about the server, and its exit status is 3. "open": how many were on their
 * way at once, at most.
 *
 * Exit status 0: all went well. 1: a handshake failed. 2: usage. 3: the client was the bottleneck.
 */
#define USAGE                                                                                                       \
    "usage: tlsrate --connect ADDRESS:PORT --ca FILE --rate N (--seconds S | --until FILE) [--seed N]\n"             \
    "               [--timeout MS] [--progress FILE]\n"                                                              \
    "       tlsrate --print --rate N --seconds S [--seed N]\n"                                                       \
    "Begins N handshakes a second on the mean, for S seconds or until FILE exists, and waits for them to end.\n"     \
    "With --progress FILE has the number of those that were begun. With --print: when they would be, in ms.\n"

#define EVENTS          64
#define COMPLAINTS_MAX  10
#define FAILED_MAX      100
#define LOOKS_EVERY_MS  20
#define BOTTLENECK      0.5

/* Rounds of so many at once, before it begins. */
#define WARM_UP         10
#define WARM_UP_AT_ONCE 8

struct options {
    struct sockaddr_in address;
    const char *ca, *until, *progress;
    double rate, seconds;
    long seed, timeout_ms;
    bool connects, print;
};

struct handshake {
    int fd;
    SSL *ssl;
    double due;      /* when it was to begin */
    bool connected;
    uint32_t events; /* that it waits for */
};

struct load {
    struct options o;
    SSL_CTX *ctx;
    int epoll_fd, timer_fd;
    struct arrivals arrivals;
    double start, next; /* next: of the next arrival; both as now_ms() has it */
    bool over;          /* no more arrivals */
    long begun, failed, open, open_max;
    struct times took, late;
};

static bool parse(int argc, char **argv, struct options *ret)
{
    *ret = (struct options){ .seed = 1, .timeout_ms = 60000 };
    for (int i = 1; i < argc; i++) {
        const struct {
            const char *name;
            const char **text;
            double *real;
            long *number;
        } valued[] = {
            { "--ca", &ret->ca, NULL, NULL },           { "--until", &ret->until, NULL, NULL },
            { "--progress", &ret->progress, NULL, NULL }, { "--rate", NULL, &ret->rate, NULL },
            { "--seconds", NULL, &ret->seconds, NULL }, { "--seed", NULL, NULL, &ret->seed },
            { "--timeout", NULL, NULL, &ret->timeout_ms },
        };
        const char *a = argv[i], *v = argv[i + 1];
        size_t k = 0;

        if (strcmp(a, "--print") == 0) {
            ret->print = true;
            continue;
        }
        if (v == NULL)
            return false;
        i++;
        if (strcmp(a, "--connect") == 0) {
            ret->connects = tlsclient_address(v, &ret->address);
            continue;
        }
        while (k < sizeof(valued) / sizeof(valued[0]) && strcmp(a, valued[k].name) != 0)
            k++;
        if (k == sizeof(valued) / sizeof(valued[0]))
            return false;
        if (valued[k].text != NULL)
            *valued[k].text = v;
        else if (valued[k].real != NULL)
            *valued[k].real = atof(v);
        else
            *valued[k].number = atol(v);
    }
    if (ret->rate <= 0 || (ret->seconds > 0) == (ret->until != NULL))
        return false;
    return ret->print ? ret->seconds > 0 : ret->connects && ret->ca != NULL;
}

static void print_arrivals(const struct options *o)
{
    struct arrivals a;

    arrivals_init(&a, o->rate, (uint64_t)o->seed);
    for (double t = arrivals_next(&a); t < o->seconds * 1e3; t = arrivals_next(&a))
        printf("%.6f\n", t);
}

static void finish(struct load *l, struct handshake *h)
{
    SSL_free(h->ssl);
    if (h->fd >= 0)
        close(h->fd);
    free(h);
    l->open--;
    ERR_clear_error();
}

static void fail(struct load *l, struct handshake *h, const char *step)
{
    unsigned long e = ERR_peek_last_error();
    char text[256] = "";

    if (e != 0)
        ERR_error_string_n(e, text, sizeof(text));
    if (l->failed++ < COMPLAINTS_MAX)
        fprintf(stderr, "tlsrate: %s: %s\n", step, e != 0 ? text : strerror(errno));
    finish(l, h);
}

static bool wants(struct load *l, struct handshake *h, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.ptr = h };
    int op = h->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (events == h->events)
        return true;
    h->events = events;
    return epoll_ctl(l->epoll_fd, op, h->fd, &ev) == 0;
}

static void begin(struct load *l, double due)
{
    struct handshake *h = calloc(1, sizeof(*h));

    if (h == NULL || !times_note(&l->late, now_ms() - due)) {
        fputs("tlsrate: out of memory\n", stderr);
        exit(2);
    }
    h->due = due;
    l->begun++;
    if (++l->open > l->open_max)
        l->open_max = l->open;
    if (!tlsclient_begin(l->ctx, &l->o.address, &h->fd, &h->ssl) || !wants(l, h, EPOLLOUT))
        fail(l, h, "begin");
}

/* Begins all that are due. The timer ends the wait for the next one. */
static void begin_due(struct load *l)
{
    double end = l->start + l->o.seconds * 1e3;
    bool begins = l->begun == 0;
    struct itimerspec timer = { 0 };

    while (!l->over && l->next <= now_ms()) {
        begin(l, l->next);
        l->next = l->start + arrivals_next(&l->arrivals);
        l->over = l->o.seconds > 0 && l->next >= end;
        begins = true;
    }
    if (l->over || !begins)
        return;
    timer.it_value.tv_sec = (time_t)(l->next / 1e3);
    timer.it_value.tv_nsec = (long)((l->next - (double)timer.it_value.tv_sec * 1e3) * 1e6);
    timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

static void go_on(struct load *l, struct handshake *h)
{
    socklen_t len = sizeof(int);
    int error = 0, r, e;

    if (!h->connected && (getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)) {
        errno = error;
        fail(l, h, "connect");
        return;
    }
    h->connected = true;
    r = SSL_do_handshake(h->ssl);
    e = SSL_get_error(h->ssl, r);
    if (r == 1 && times_note(&l->took, now_ms() - h->due))
        finish(l, h);
    else if ((e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE) ||
             !wants(l, h, e == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT))
        fail(l, h, "handshake");
}

/* Goes on with what can go on, and begins what is due between any two: none waits for what others need. False: nothing could. */
static bool step(struct load *l)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(l->epoll_fd, events, EVENTS, LOOKS_EVERY_MS);

    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr != NULL)
            go_on(l, events[i].data.ptr);
        begin_due(l);
    }
    return n > 0;
}

/* Waits for those that are on their way, and no longer than it may. When it stands still itself, it does not wait. */
static void await_all(struct load *l)
{
    long waited = 0;

    while (l->open > 0 && waited < l->o.timeout_ms)
        waited += step(l) ? 0 : LOOKS_EVERY_MS;
    if (l->open == 0)
        return;
    fprintf(stderr, "tlsrate: no end of %ld handshakes\n", l->open);
    l->failed += l->open;
}

/* The first uses of libcrypto here, and of the box there, are in no figure. */
static void warm_up(struct load *l)
{
    l->over = true;
    for (int i = 0; i < WARM_UP && l->failed == 0; i++) {
        for (int k = 0; k < WARM_UP_AT_ONCE; k++)
            begin(l, now_ms());
        await_all(l);
    }
    l->took.count = l->late.count = 0;
    l->begun = l->open_max = 0;
}

static void run(struct load *l)
{
    double looked = 0;

    l->start = now_ms();
    l->next = l->start + arrivals_next(&l->arrivals);
    l->over = l->o.seconds > 0 && l->next >= l->start + l->o.seconds * 1e3;
    while (!l->over && l->failed < FAILED_MAX) {
        begin_due(l);
        step(l);
        if (now_ms() - looked > LOOKS_EVERY_MS) {
            looked = now_ms();
            tell_progress(l->o.progress, l->begun);
            l->over = l->over || (l->o.until != NULL && access(l->o.until, F_OK) == 0);
        }
    }
    l->over = true;
    tell_progress(l->o.progress, l->begun);
    await_all(l);
}

static int judge(struct load *l)
{
    double elapsed = now_ms() - l->start, late = times_at(&l->late, 0.99), took = times_at(&l->took, 0.99);

    printf("arrivals %ld handshakes %ld failed %ld open %ld late_p50 %.3f late_p99 %.3f", l->begun, l->took.count, l->failed,
           l->open_max, times_at(&l->late, 0.5), late);
    times_print(&l->took, elapsed);
    if (l->failed > 0 || l->begun == 0)
        return 1;
    if (late <= took * BOTTLENECK)
        return 0;
    fprintf(stderr, "tlsrate: the client itself was the bottleneck: one in a hundred handshakes was begun %.3f ms late or more, "
                    "of %.3f ms that they took: this run says nothing about the server\n", late, took);
    return 3;
}

/* As many connections as a server that stands still leaves open. */
static void allow_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    static struct load l;
    struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

    if (!parse(argc, argv, &l.o)) {
        fputs(USAGE, stderr);
        return 2;
    }
    if (l.o.print) {
        print_arrivals(&l.o);
        return 0;
    }
    allow_descriptors();
    arrivals_init(&l.arrivals, l.o.rate, (uint64_t)l.o.seed);
    l.ctx = tlsclient_new(l.o.ca, TLS1_3_VERSION);
    l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (l.ctx == NULL || !shortcuts_take(l.ctx) || l.epoll_fd < 0 || l.timer_fd < 0 ||
        epoll_ctl(l.epoll_fd, EPOLL_CTL_ADD, l.timer_fd, &ev) != 0) {
        ERR_print_errors_fp(stderr);
        return 2;
    }
    warm_up(&l);
    if (l.failed == 0)
        run(&l);
    SSL_CTX_free(l.ctx);
    return judge(&l);
}
