/* Makes full TLS handshakes with a server, many at once, and says how many failed and how many there were a second. */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "shortcuts.h"
#include "times.h"
#include "tlsclient.h"

/*
 * Every handshake is a new connection without a ticket or session, and its certificate must verify. The connection ends
 * as soon as the handshake is done; with --get, when the page is there. Exit status 0: all went well. 1: one failed.
 * 2: usage.
 */
#define USAGE                                                                                                       \
    "usage: tlsmany --connect ADDRESS:PORT --ca FILE --at-once N [--count N] [--seconds S] [--until FILE]\n"         \
    "               [--tls1.2 | --tls1.3] [--get] [--hang-up] [--light] [--timeout MS] [--progress FILE]\n"          \
    "Ends after N handshakes, S seconds, or when FILE exists. Of --count and --until together, both must be reached." \
    "\nWith --hang-up every second connection is closed in the middle of its handshake, and counts nowhere.\n"   \
    "With --light certificates are not verified, and signatures now and then: for measuring servers.\n"

#define AT_ONCE_MAX 1000
#define COMPLAINTS_MAX 10

struct options {
    struct sockaddr_in address;
    double seconds;
    long count, timeout_ms, at_once;
    const char *ca, *until, *progress;
    int version; /* 0: any */
    bool get, hang_up, light;
};

enum step { CONNECTING, SHAKING_HANDS, READING };

struct client {
    int fd; /* -1: none */
    SSL *ssl;
    enum step step;
    bool hangs_up;
    double began;
    uint32_t events; /* that it waits for */
};

struct load {
    struct options o;
    SSL_CTX *ctx;
    int epoll_fd;
    struct client clients[AT_ONCE_MAX];
    long begun, done, failed, hung_up;
    struct times times; /* of those that are done */
};

static bool parse(int argc, char **argv, struct options *ret)
{
    bool ok = true, connects = false;

    *ret = (struct options){ .timeout_ms = 300000 };
    for (int i = 1; ok && i < argc; i++) {
        const struct {
            const char *name;
            const char **text;
            long *number;
        } valued[] = {
            { "--ca", &ret->ca, NULL },           { "--until", &ret->until, NULL },
            { "--progress", &ret->progress, NULL }, { "--count", NULL, &ret->count },
            { "--timeout", NULL, &ret->timeout_ms }, { "--at-once", NULL, &ret->at_once },
        };
        const char *a = argv[i], *v = argv[i + 1];
        size_t k = 0;

        if (strcmp(a, "--tls1.2") == 0) {
            ret->version = TLS1_2_VERSION;
        } else if (strcmp(a, "--tls1.3") == 0) {
            ret->version = TLS1_3_VERSION;
        } else if (strcmp(a, "--get") == 0) {
            ret->get = true;
        } else if (strcmp(a, "--hang-up") == 0) {
            ret->hang_up = true;
        } else if (strcmp(a, "--light") == 0) {
            ret->light = true;
        } else if (v != NULL && strcmp(a, "--connect") == 0) {
            connects = ok = tlsclient_address(v, &ret->address);
            i++;
        } else if (v != NULL && strcmp(a, "--seconds") == 0) {
            ok = (ret->seconds = atof(v)) > 0;
            i++;
        } else {
            while (k < sizeof(valued) / sizeof(valued[0]) && strcmp(a, valued[k].name) != 0)
                k++;
            ok = v != NULL && k < sizeof(valued) / sizeof(valued[0]);
            if (ok && valued[k].text != NULL)
                *valued[k].text = v;
            else if (ok)
                ok = (*valued[k].number = atol(v)) > 0;
            i++;
        }
    }
    return ok && connects && ret->ca != NULL && ret->at_once > 0 && ret->at_once <= AT_ONCE_MAX &&
           (ret->count > 0 || ret->seconds > 0 || ret->until != NULL);
}

static SSL_CTX *new_ctx(const struct options *o)
{
    SSL_CTX *ctx = tlsclient_new(o->ca, o->version);

    if (ctx == NULL || (o->light && !shortcuts_take(ctx))) {
        ERR_print_errors_fp(stderr);
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static void complain(struct load *l, const char *step)
{
    unsigned long e = ERR_peek_last_error();
    char text[256] = "";

    if (e != 0)
        ERR_error_string_n(e, text, sizeof(text));
    if (l->failed++ < COMPLAINTS_MAX)
        fprintf(stderr, "tlsmany: handshake %ld: %s: %s\n", l->done, step, e != 0 ? text : strerror(errno));
    ERR_clear_error();
}

static void finish(struct client *c)
{
    if (c->ssl != NULL && c->step == READING)
        SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    close(c->fd);
    *c = (struct client){ .fd = -1 };
    ERR_clear_error();
}

static void fail(struct load *l, struct client *c, const char *step)
{
    complain(l, step);
    finish(c);
}

static bool wants(struct load *l, struct client *c, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.ptr = c };
    int op = c->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (events == c->events)
        return true;
    c->events = events;
    return epoll_ctl(l->epoll_fd, op, c->fd, &ev) == 0;
}

static bool begin(struct load *l, struct client *c)
{
    *c = (struct client){ .began = now_ms() };
    c->hangs_up = l->o.hang_up && l->begun % 2 == 1;
    l->begun++;
    return tlsclient_begin(l->ctx, &l->o.address, &c->fd, &c->ssl) && wants(l, c, EPOLLOUT);
}

static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/* 1: the step is done. 0: it goes on later. -1: it failed. */
static int shake_hands(struct load *l, struct client *c)
{
    int r = SSL_do_handshake(c->ssl), e = SSL_get_error(c->ssl, r);

    if (r == 1)
        return SSL_session_reused(c->ssl) ? -1 : 1;
    if (c->hangs_up && SSL_get_state(c->ssl) != TLS_ST_BEFORE)
        return 1; /* the ClientHello is out */
    if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
        return -1;
    return wants(l, c, e == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT) ? 0 : -1;
}

static int read_page(struct client *c)
{
    char buf[4096];
    int r = SSL_read(c->ssl, buf, sizeof(buf) - 1);

    if (r > 0)
        return r > 12 && memcmp(buf, "HTTP/1.", 7) == 0 && memcmp(buf + 8, " 200", 4) == 0 ? 1 : -1;
    return SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* False: it is over, well or not. */
static bool go_on(struct load *l, struct client *c)
{
    int error = 0, r = 1;
    socklen_t len = sizeof(error);

    if (c->step == CONNECTING) {
        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
            errno = error;
            return fail(l, c, "connect"), false;
        }
        c->step = SHAKING_HANDS;
    }
    if (c->step == SHAKING_HANDS) {
        r = shake_hands(l, c);
        if (r < 0)
            return fail(l, c, "handshake"), false;
        if (r == 1 && c->hangs_up) {
            l->hung_up++;
            finish(c);
            return false;
        }
        if (r == 1) {
            c->step = READING;
            if (l->o.get && (SSL_write(c->ssl, request, sizeof(request) - 1) <= 0 || !wants(l, c, EPOLLIN)))
                return fail(l, c, "write"), false;
        }
    }
    if (c->step == READING && l->o.get) {
        r = read_page(c);
        if (r < 0)
            return fail(l, c, "read"), false;
    }
    if (r == 1) {
        if (!times_note(&l->times, now_ms() - c->began))
            return fail(l, c, "note"), false;
        l->done++;
        finish(c);
    }
    return r == 0;
}

static bool enough(const struct load *l, double elapsed_ms)
{
    if (l->o.seconds > 0 && elapsed_ms >= l->o.seconds * 1e3)
        return true;
    if (l->o.until != NULL && access(l->o.until, F_OK) != 0)
        return false;
    return l->o.count > 0 ? l->done >= l->o.count : l->o.until != NULL;
}

static bool too_late(struct load *l)
{
    for (long i = 0; i < l->o.at_once; i++)
        if (l->clients[i].fd >= 0 && now_ms() - l->clients[i].began > (double)l->o.timeout_ms) {
            errno = ETIMEDOUT;
            fail(l, &l->clients[i], "no end of it");
            return true;
        }
    return false;
}

static void run(struct load *l)
{
    struct epoll_event events[64];
    double start = now_ms(), told = 0, elapsed;
    long open = 0;

    for (long i = 0; i < l->o.at_once; i++)
        l->clients[i].fd = -1;
    for (;;) {
        bool over = enough(l, now_ms() - start);
        int n;

        for (long i = 0; i < l->o.at_once && !over && open < l->o.at_once; i++) {
            if (l->clients[i].fd >= 0)
                continue;
            if (begin(l, &l->clients[i]))
                open++;
            else
                fail(l, &l->clients[i], "begin");
        }
        if ((over && open == 0) || l->failed >= 100 || too_late(l))
            break;
        n = epoll_wait(l->epoll_fd, events, 64, 100);
        for (int i = 0; i < n; i++)
            if (!go_on(l, events[i].data.ptr))
                open--;
        if (now_ms() - told > 20) {
            tell_progress(l->o.progress, l->done);
            told = now_ms();
        }
    }
    elapsed = now_ms() - start;
    tell_progress(l->o.progress, l->done);
    printf("handshakes %ld failed %ld hung_up %ld", l->done, l->failed, l->hung_up);
    times_print(&l->times, elapsed);
}

int main(int argc, char **argv)
{
    static struct load l;

    if (!parse(argc, argv, &l.o)) {
        fputs(USAGE, stderr);
        return 2;
    }
    l.ctx = new_ctx(&l.o);
    l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l.ctx == NULL || l.epoll_fd < 0)
        return 2;
    run(&l);
    SSL_CTX_free(l.ctx);
    return l.failed > 0 || l.done == 0;
}
