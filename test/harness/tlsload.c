/* Makes full TLS handshakes with a server, one after the other, and says how many failed and how long they took. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

/*
 * Every handshake is a new connection without a ticket or session, and its certificate must verify. Exit status 0: all
 * went well. 1: one failed. 2: usage.
 */
#define USAGE                                                                                                       \
    "usage: tlsload --connect ADDRESS:PORT --ca FILE [--count N] [--seconds S] [--until FILE] [--name HOST]\n"       \
    "               [--tls1.2 | --tls1.3] [--sigalg LIST] [--groups LIST] [--get] [--timeout MS] [--progress FILE]\n" \
    "               [--first] [--starttls smtp | postgres]\n"                                                        \
    "Ends after N handshakes, S seconds, or when FILE exists. Of --count and --until together, both must be reached.\n"

struct options {
    struct sockaddr_in address;
    long count, seconds, timeout_ms;
    const char *ca, *name, *until, *sigalg, *groups, *progress, *starttls;
    int version; /* 0: any */
    bool get, first;
};

struct result {
    long done, failed, size;
    double *ms;
};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void complain(long number, const char *step)
{
    unsigned long e = ERR_peek_last_error();
    char text[256] = "";

    if (e != 0)
        ERR_error_string_n(e, text, sizeof(text));
    fprintf(stderr, "tlsload: handshake %ld: %s: %s\n", number, step, e != 0 ? text : strerror(errno));
    ERR_clear_error();
}

static bool get_address(const char *text, struct sockaddr_in *ret)
{
    char host[64];
    const char *colon = strrchr(text, ':');

    if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    memset(ret, 0, sizeof(*ret));
    ret->sin_family = AF_INET;
    ret->sin_port = htons((uint16_t)atoi(colon + 1));
    return ret->sin_port != 0 && inet_pton(AF_INET, host, &ret->sin_addr) == 1;
}

static bool get_long(const char *text, long *ret)
{
    char *end;

    *ret = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && *ret > 0;
}

static bool parse(int argc, char **argv, struct options *ret)
{
    bool ok = true, connect = false;

    *ret = (struct options){ .name = "localhost", .timeout_ms = 30000 };
    for (int i = 1; ok && i < argc; i++) {
        const char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;
        const struct {
            const char *name;
            const char **text;
            long *number;
        } valued[] = {
            { "--ca", &ret->ca, NULL },           { "--name", &ret->name, NULL },
            { "--until", &ret->until, NULL },     { "--sigalg", &ret->sigalg, NULL },
            { "--groups", &ret->groups, NULL },   { "--progress", &ret->progress, NULL },
            { "--count", NULL, &ret->count },     { "--seconds", NULL, &ret->seconds },
            { "--timeout", NULL, &ret->timeout_ms }, { "--starttls", &ret->starttls, NULL },
        };

        if (strcmp(a, "--tls1.2") == 0) {
            ret->version = TLS1_2_VERSION;
        } else if (strcmp(a, "--tls1.3") == 0) {
            ret->version = TLS1_3_VERSION;
        } else if (strcmp(a, "--get") == 0) {
            ret->get = true;
        } else if (strcmp(a, "--first") == 0) {
            ret->first = true;
        } else if (v != NULL && strcmp(a, "--connect") == 0) {
            connect = ok = get_address(v, &ret->address);
            i++;
        } else {
            ok = false;
            for (size_t k = 0; v != NULL && k < sizeof(valued) / sizeof(valued[0]); k++)
                if (strcmp(a, valued[k].name) == 0) {
                    ok = valued[k].text != NULL || get_long(v, valued[k].number);
                    if (valued[k].text != NULL)
                        *valued[k].text = v;
                }
            i++;
        }
    }
    if (ret->first)
        ret->count = 1;
    if (ret->starttls != NULL && strcmp(ret->starttls, "smtp") != 0 && strcmp(ret->starttls, "postgres") != 0)
        ok = false;
    return ok && connect && ret->ca != NULL && (ret->count > 0 || ret->seconds > 0 || ret->until != NULL);
}

static SSL_CTX *new_ctx(const struct options *o)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL || SSL_CTX_load_verify_file(ctx, o->ca) != 1 ||
        (o->version != 0 && (SSL_CTX_set_min_proto_version(ctx, o->version) != 1 ||
                             SSL_CTX_set_max_proto_version(ctx, o->version) != 1)) ||
        (o->sigalg != NULL && SSL_CTX_set1_sigalgs_list(ctx, o->sigalg) != 1) ||
        (o->groups != NULL && SSL_CTX_set1_groups_list(ctx, o->groups) != 1)) {
        complain(0, "options");
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
    return ctx;
}

/* Asks for the page and reads the answer to its end; its first line must say 200. */
static bool fetch(SSL *ssl, const char *host)
{
    char buf[4096];
    int n = snprintf(buf, sizeof(buf), "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    bool ok;

    if (SSL_write(ssl, buf, n) != n)
        return false;
    n = SSL_read(ssl, buf, sizeof(buf) - 1);
    ok = n > 12 && memcmp(buf, "HTTP/1.1 200", 12) == 0;
    while (n > 0)
        n = SSL_read(ssl, buf, sizeof(buf) - 1);
    return ok;
}

static bool tell(int fd, const char *bytes, size_t len)
{
    return send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* An answer of SMTP, of one line or more, must have this code. It is read byte by byte: what follows is TLS. */
static bool smtp_answer(int fd, const char *code)
{
    char line[512];
    size_t len;

    do {
        for (len = 0; len == 0 || line[len - 1] != '\n'; len++)
            if (len == sizeof(line) || recv(fd, line + len, 1, 0) != 1)
                return false;
    } while (len > 3 && line[3] == '-');
    return len > 3 && memcmp(line, code, 3) == 0;
}

/* What is said in clear before the handshake: RFC 3207; PostgreSQL's SSLRequest, and its answer that it will. */
static bool start_tls(int fd, const char *protocol)
{
    static const char ehlo[] = "EHLO localhost\r\n", starttls[] = "STARTTLS\r\n";
    static const char ssl_request[] = { 0, 0, 0, 8, 0x04, (char)0xd2, 0x16, 0x2f };
    char answer;

    if (protocol == NULL)
        return true;
    if (strcmp(protocol, "postgres") == 0)
        return tell(fd, ssl_request, sizeof(ssl_request)) && recv(fd, &answer, 1, 0) == 1 && answer == 'S';
    return smtp_answer(fd, "220") && tell(fd, ehlo, sizeof(ehlo) - 1) && smtp_answer(fd, "250") &&
           tell(fd, starttls, sizeof(starttls) - 1) && smtp_answer(fd, "220");
}

static bool handshake(SSL_CTX *ctx, const struct options *o, long number)
{
    struct timeval tv = { .tv_sec = o->timeout_ms / 1000, .tv_usec = o->timeout_ms % 1000 * 1000 };
    const int one = 1;
    SSL *ssl = NULL;
    bool ok = false;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
        connect(fd, (const struct sockaddr *)&o->address, sizeof(o->address)) != 0) {
        complain(number, "connect");
        goto out;
    }
    if (!start_tls(fd, o->starttls)) {
        complain(number, "STARTTLS");
        goto out;
    }
    ssl = SSL_new(ctx);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_set_tlsext_host_name(ssl, o->name) != 1 ||
        X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), o->name, 0) != 1) {
        complain(number, "SSL");
        goto out;
    }
    if (SSL_connect(ssl) != 1) {
        complain(number, errno == EAGAIN ? "SSL_connect timed out" : "SSL_connect");
        goto out;
    }
    if (SSL_session_reused(ssl)) {
        complain(number, "the session was resumed");
        goto out;
    }
    if (o->get && !fetch(ssl, o->name)) {
        complain(number, "GET");
        goto out;
    }
    SSL_shutdown(ssl);
    ok = true;

out:
    SSL_free(ssl);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool note(struct result *r, double ms)
{
    if (r->done == r->size) {
        long size = r->size != 0 ? r->size * 2 : 1024;
        double *grown = realloc(r->ms, (size_t)size * sizeof(*grown));

        if (grown == NULL)
            return false;
        r->ms = grown;
        r->size = size;
    }
    r->ms[r->done++] = ms;
    return true;
}

/* For scripts that wait until so many have been made: the number so far, replaced whole. */
static void tell_progress(const char *path, long done)
{
    char line[32];
    FILE *f = path != NULL ? fopen(path, "r+") : NULL;

    if (path != NULL && f == NULL)
        f = fopen(path, "w");
    if (f == NULL)
        return;
    snprintf(line, sizeof(line), "%ld\n", done); /* only grows, so that it never has to be truncated */
    fputs(line, f);
    fclose(f);
}

static bool enough(const struct options *o, long done, double elapsed_ms)
{
    if (o->seconds > 0 && elapsed_ms >= (double)o->seconds * 1e3)
        return true;
    if (o->until != NULL && access(o->until, F_OK) != 0)
        return false;
    return o->count > 0 ? done >= o->count : o->until != NULL;
}

/* Processor time of this process. */
static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct options o;
    struct result r = { .done = 0 };
    SSL_CTX *ctx;
    double start, elapsed;

    if (!parse(argc, argv, &o)) {
        fputs(USAGE, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* a server that closes early is a failure to be counted */
    ctx = new_ctx(&o);
    if (ctx == NULL)
        return 2;
    for (start = now_ms(), elapsed = 0; !enough(&o, r.done, elapsed); elapsed = now_ms() - start) {
        double began = now_ms();

        if (!handshake(ctx, &o, r.done + 1))
            r.failed++;
        if (!note(&r, now_ms() - began))
            return 2;
        tell_progress(o.progress, r.done);
        if (r.failed >= 100) {
            fprintf(stderr, "tlsload: 100 failures, giving up\n");
            break;
        }
    }
    elapsed = now_ms() - start;
    qsort(r.ms, (size_t)r.done, sizeof(*r.ms), compare);
    if (r.done == 0)
        printf("handshakes 0 failed 0\n");
    else if (o.first)
        printf("%.3f\n", r.ms[0]);
    else
        printf("handshakes %ld failed %ld max_ms %.1f p50 %.2f p99 %.2f cpu_ms %.1f per_second %.1f\n", r.done, r.failed,
               r.ms[r.done - 1], r.ms[r.done / 2], r.ms[r.done * 99 / 100], cpu_ms(), (double)r.done * 1e3 / elapsed);
    free(r.ms);
    SSL_CTX_free(ctx);
    return r.failed > 0 || r.done == 0;
}
