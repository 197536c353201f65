/* Callers of a box that are many, greedy, deaf or broken, and a polite one that measures how it is served beside them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/socket.h"
#include "client/channel.h"
#include "model/change.h"
#include "model/description.h"
#include "model/limits.h"
#include "model/operation.h"
#include "model/scheme.h"
#include "model/seal_kinds.h"
#include "model/vocabulary.h"
#include "protocol/change.h"
#include "protocol/header.h"
#include "protocol/keys.h"
#include "protocol/seals.h"
#include "protocol/use.h"

#include "become.h"

#define USAGE                                                                                           \
    "usage: boxload [--uid UID] [--rsa | --ed25519] SOCKET sign COUNT KEY...   one request at a time, keys by turns\n" \
    "       boxload ... SOCKET flood CONNECTIONS KEY                requests without end, answers are read\n" \
    "       boxload ... SOCKET deaf CONNECTIONS KEY                 answers are not\n"                      \
    "       boxload ... SOCKET broken CONNECTIONS KEY               requests that are cut off or are noise\n" \
    "       boxload ... SOCKET idle CONNECTIONS                     nothing at all\n"                       \
    "       boxload ... SOCKET change CONNECTIONS                   asks to make keys that cannot be made\n" \
    "       boxload ... SOCKET secret CONNECTIONS                   tries secrets that are wrong\n"         \
    "       boxload ... SOCKET KIND CONNECTIONS NAME                asks for NAME, answers are read; KIND: find-id,\n" \
    "                          find-label, find-all, list, get, cert-get, cert-find, token or status\n"           \
    "       boxload ... SOCKET ask COUNT KIND NAME                  so many times, one after the other; prints what the\n" \
    "                          last answer to find and list has\n"                                                \
    "All but sign and ask say \"ready\" when they are all connected, and go on until they are killed.\n"

/* Only what hangs takes that long. */
#define TIMEOUT_MS 300000
/* Requests of one connection that wait at once. */
#define DEPTH 4

struct load {
    const char *socket, *kind;
    unsigned long number;
    char **keys;
    int key_count;
    enum scheme scheme;
    uint8_t packet[1024]; /* a whole request */
    size_t len;
    uint8_t *answer;
};

struct conn {
    int fd;
    unsigned waiting;
};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Of an answer. */
static uint64_t deadline(void)
{
    return (uint64_t)now_ms() + TIMEOUT_MS;
}

static bool die(const char *what, int r)
{
    fprintf(stderr, "boxload: %s: %s\n", what, r == LB_E_SYSTEM ? strerror(errno) : lb_strerror(r));
    return false;
}

#define INTO(l) (l)->packet, sizeof((l)->packet), &(l)->len

/* Questions that whoever can connect may ask. */

static int ask_find(struct load *l, uint16_t type, enum p11_attr attr, const char *name)
{
    struct msg_find m = { 0 };
    int r = attr == P11_ATTRS ? 0 : p11uri_set_text(&m.want, attr, name);

    return r != 0 ? r : msg_find_encode(type, 1, &m, INTO(l));
}

static int ask_find_id(struct load *l, const char *name)
{
    return ask_find(l, MSG_FIND, P11_ID, name);
}

static int ask_find_label(struct load *l, const char *name)
{
    return ask_find(l, MSG_FIND, P11_OBJECT, name);
}

static int ask_find_all(struct load *l, const char *name)
{
    return ask_find(l, MSG_FIND, P11_ATTRS, name);
}

static int ask_cert_find(struct load *l, const char *name)
{
    return ask_find(l, MSG_CERT_FIND, P11_ID, name);
}

static int ask_list(struct load *l, const char *name)
{
    struct msg_list m = { .after = "" };

    (void)name;
    return msg_list_encode(MSG_LIST, 1, &m, INTO(l));
}

static int ask_key(struct load *l, uint16_t type, const char *name)
{
    struct key_ref m = { .version = 0 };

    snprintf(m.name, sizeof(m.name), "%s", name);
    return msg_key_ref_encode(type, 1, &m, INTO(l));
}

static int ask_get(struct load *l, const char *name)
{
    return ask_key(l, MSG_GET, name);
}

static int ask_cert_get(struct load *l, const char *name)
{
    return ask_key(l, MSG_CERT_GET, name);
}

static int ask_token(struct load *l, const char *name)
{
    (void)name;
    return msg_empty_encode(MSG_TOKEN, 1, INTO(l));
}

static int ask_status(struct load *l, const char *name)
{
    (void)name;
    return msg_empty_encode(MSG_STATUS, 1, INTO(l));
}

/* What came, by names. */

static void print_names(const char *name, bool first)
{
    printf("%s%s", first ? "" : " ", name);
}

static int print_list(struct wire_reader *r)
{
    bool more = wire_get_bool(r);
    uint16_t count = wire_get_u16(r);

    for (uint16_t i = 0; i < count; i++) {
        struct key_entry e;

        msg_list_entry_get(r, &e);
        print_names(e.name, i == 0);
    }
    puts(more ? " and more" : "");
    return wire_end(r);
}

static int print_found(struct wire_reader *r)
{
    struct found_token m;

    msg_found_get(r, &m);
    for (uint16_t i = 0; i < m.count; i++) {
        struct found_object e;

        msg_found_entry_get(r, &e);
        print_names(e.name, i == 0);
    }
    puts(m.more ? " and more" : "");
    return wire_end(r);
}

static const struct question {
    const char *kind;
    int (*ask)(struct load *l, const char *name);
    int (*print)(struct wire_reader *r); /* NULL: nothing */
} questions[] = {
    { "find-id", ask_find_id, print_found },
    { "find-label", ask_find_label, print_found },
    { "find-all", ask_find_all, print_found },
    { "list", ask_list, print_list },
    { "get", ask_get, NULL },
    { "cert-get", ask_cert_get, NULL },
    { "cert-find", ask_cert_find, NULL },
    { "token", ask_token, NULL },
    { "status", ask_status, NULL },
};

static const struct question *question(const char *kind)
{
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        if (strcmp(questions[i].kind, kind) == 0)
            return &questions[i];
    }
    return NULL;
}

static bool make_request(struct load *l, const char *key, uint32_t id)
{
    const struct question *q = question(l->kind);
    static const uint8_t digest[32] = { 1 };
    const bool pure = l->scheme == SCHEME_ED25519;
    struct sign_request m = { .scheme = l->scheme,
                          .digest = pure ? DIGEST_NONE : DIGEST_SHA256,
                          .input = pure ? INPUT_TEXT : INPUT_DIGEST,
                          .data = { digest, sizeof(digest) } };
    struct create_request c = { .type = "rsa:1" };
    struct seal_request s = { .kind = SEAL_CREDENTIAL, .secret = { digest, sizeof(digest) } };
    int r;

    if (q != NULL) {
        r = q->ask(l, key);
    } else if (strcmp(l->kind, "change") == 0) {
        snprintf(c.name, sizeof(c.name), "boxload");
        r = msg_create_encode(MSG_CREATE, id, &c, l->packet, sizeof(l->packet), &l->len);
    } else if (strcmp(l->kind, "secret") == 0) {
        r = msg_secret_encode(MSG_UNLOCK, id, &s, l->packet, sizeof(l->packet), &l->len);
    } else {
        snprintf(m.key.name, sizeof(m.key.name), "%s", key);
        r = msg_sign_encode(MSG_SIGN, id, &m, l->packet, sizeof(l->packet), &l->len);
    }
    return r == 0 || die("request", r);
}

/* One after the other; an error is an answer too. */
static bool ask(struct load *l)
{
    const struct question *q = l->key_count == 2 ? question(l->keys[0]) : NULL;
    int fd = -1, r = q == NULL ? LB_E_VALUE : socket_connect(l->socket, &fd);
    struct wire_reader reader;
    struct bytes body;
    uint16_t type = 0;

    if (r == 0)
        r = q->ask(l, l->keys[1]);
    for (unsigned long i = 0; r == 0 && i < l->number; i++)
        r = channel_call(fd, 1, deadline(), l->packet, l->len, -1, l->answer, LB_PACKET_MAX, &type, &body);
    socket_close(fd);
    if (r == 0 && type != MSG_ERROR && q->print != NULL) {
        wire_read(&reader, body.p, body.len);
        r = q->print(&reader);
    }
    return r == 0 || die("ask", r);
}

/* One polite caller */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static bool sign(struct load *l)
{
    double *ms = calloc(l->number, sizeof(*ms)), start = now_ms(), elapsed;
    unsigned long failed = 0;
    int fd = -1, r = ms == NULL ? LB_E_NOMEM : socket_connect(l->socket, &fd);

    if (r == 0)
        r = socket_set_timeout(fd, TIMEOUT_MS);
    if (r != 0) {
        free(ms);
        return die(l->socket, r);
    }
    for (unsigned long i = 0; i < l->number; i++) {
        double began = now_ms();
        uint16_t type = 0;
        struct bytes body;
        struct problem p;

        if (!make_request(l, l->keys[i % (unsigned long)l->key_count], (uint32_t)i + 1))
            return false;
        do
            r = channel_call(fd, (uint32_t)i + 1, deadline(), l->packet, l->len, -1, l->answer, LB_PACKET_MAX, &type,
                             &body);
        while (r == LB_E_RESET);
        ms[i] = now_ms() - began;
        if (r == 0 && type == (MSG_SIGN | MSG_ANSWER))
            continue;
        failed++;
        if (r != 0)
            return die("channel_call", r);
        if (msg_error_decode(body, &p) == 0 && failed == 1)
            fprintf(stderr, "boxload: %s\n", p.text);
    }
    elapsed = now_ms() - start;
    qsort(ms, l->number, sizeof(*ms), compare);
    printf("signed %lu failed %lu max_ms %.2f p50 %.3f p99 %.3f per_second %.0f\n", l->number - failed, failed,
           ms[l->number - 1], ms[l->number / 2], ms[l->number * 99 / 100], (double)l->number * 1e3 / elapsed);
    free(ms);
    socket_close(fd);
    return failed == 0;
}

/* Many impolite ones */

static bool reconnect(const struct load *l, struct conn *c)
{
    socket_close(c->fd);
    c->fd = -1;
    c->waiting = 0;
    return socket_connect(l->socket, &c->fd) == 0 && fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0;
}

/* A packet that is not whole, or not even one: another each time. False: the box hung up, as it should. */
static bool send_broken(struct load *l, struct conn *c, unsigned long n)
{
    uint8_t noise[64];
    size_t len = n % l->len;

    if (n % 3 != 0)
        return send(c->fd, l->packet, len == 0 ? 1 : len, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)((n * 2654435761u) >> (i % 24));
    return send(c->fd, noise, sizeof(noise), MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
}

/* What is to be done with a connection now; false: it is over. */
static bool serve(struct load *l, struct conn *c, short events, unsigned long n)
{
    if ((events & POLLIN) != 0) {
        ssize_t got = recv(c->fd, l->answer, LB_PACKET_MAX, MSG_DONTWAIT);

        if (got == 0 || (got < 0 && errno != EAGAIN))
            return false;
        if (got > 0 && c->waiting > 0)
            c->waiting--;
    }
    if ((events & (POLLERR | POLLHUP)) != 0)
        return false;
    if (strcmp(l->kind, "broken") == 0)
        return send_broken(l, c, n);
    while ((events & POLLOUT) != 0 && (strcmp(l->kind, "deaf") == 0 || c->waiting < DEPTH)) {
        if (send(c->fd, l->packet, l->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        c->waiting++;
    }
    return true;
}

static bool be_many(struct load *l)
{
    struct conn *conns = calloc(l->number, sizeof(*conns));
    struct pollfd *fds = calloc(l->number, sizeof(*fds));
    bool idle = strcmp(l->kind, "idle") == 0, deaf = strcmp(l->kind, "deaf") == 0;
    unsigned long n = 0;

    if (conns == NULL || fds == NULL || (!idle && !make_request(l, l->key_count > 0 ? l->keys[0] : "", 1)))
        return false;
    for (unsigned long i = 0; i < l->number; i++) {
        conns[i].fd = -1;
        if (!reconnect(l, &conns[i]))
            return die(l->socket, LB_E_SYSTEM);
    }
    puts("ready");
    fflush(stdout);
    while (idle)
        pause();
    for (;;) {
        for (unsigned long i = 0; i < l->number; i++) {
            /* Who has asked enough waits for an answer; who does not read them, for room. */
            bool asks = deaf || conns[i].waiting < DEPTH;

            fds[i] = (struct pollfd){ conns[i].fd, (short)((deaf ? 0 : POLLIN) | (asks ? POLLOUT : 0)), 0 };
        }
        if (poll(fds, l->number, 1000) < 0)
            return die("poll", LB_E_SYSTEM);
        for (unsigned long i = 0; i < l->number; i++) {
            /* The box may refuse a connection, or go: then once more, but not without a breath. */
            if (fds[i].revents != 0 && !serve(l, &conns[i], fds[i].revents, ++n) && !reconnect(l, &conns[i]))
                (void)poll(NULL, 0, 1);
        }
    }
}

int main(int argc, char **argv)
{
    struct rlimit files;
    struct load l = { .answer = malloc(LB_PACKET_MAX), .scheme = SCHEME_ECDSA };
    bool ok = l.answer != NULL;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        ok = setrlimit(RLIMIT_NOFILE, &files) == 0 && ok;
    }
    if (ok && argc > 2 && strcmp(argv[1], "--uid") == 0) {
        ok = become(argv[2]) || die("--uid", LB_E_SYSTEM);
        argv += 2;
        argc -= 2;
    }
    if (ok && argc > 1 && (strcmp(argv[1], "--rsa") == 0 || strcmp(argv[1], "--ed25519") == 0)) {
        l.scheme = strcmp(argv[1], "--rsa") == 0 ? SCHEME_RSA_PKCS1 : SCHEME_ED25519;
        argv++;
        argc--;
    }
    if (!ok || argc < 4 || (l.number = strtoul(argv[3], NULL, 10)) == 0) {
        fputs(USAGE, stderr);
        return 2;
    }
    l.socket = argv[1];
    l.kind = argv[2];
    l.keys = argv + 4;
    l.key_count = argc - 4;
    if (strcmp(l.kind, "sign") == 0)
        ok = l.key_count > 0 && sign(&l);
    else if (strcmp(l.kind, "ask") == 0)
        ok = ask(&l);
    else
        ok = be_many(&l);
    free(l.answer);
    return ok ? 0 : 1;
}
