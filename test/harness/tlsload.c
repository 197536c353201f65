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

#include "times.h"
#include "tlsclient.h"

/*
 * Every handshake is a new connection without a ticket or session, and its certificate must verify. Exit status 0: all
 * went well. 1: one failed. 2: usage.
 */
#define USAGE                                                                                                       \
    "usage: tlsload --connect ADDRESS:PORT --ca FILE [--count N] [--seconds S] [--until FILE] [--name HOST]\n"       \
    "               [--tls1.2 | --tls1.3] [--sigalg LIST] [--groups LIST] [--get] [--timeout MS] [--progress FILE]\n" \
    "               [--first] [--starttls PROTOCOL] [--again]\n"                                                   \
    "Ends after N handshakes, S seconds, or when FILE exists. Of --count and --until together, both must be reached.\n" \
    "PROTOCOL: ftp, mysql, postgres, smtp.\n"                                                                      \
    "--again: for a server that closes ports and connections when it reloads. One that is refused, or cut without an\n" \
    "alert before the handshake is done, is made again, within the timeout.\n"

struct options {
    struct sockaddr_in address;
    long count, seconds, timeout_ms;
    const char *ca, *name, *until, *sigalg, *groups, *progress, *starttls;
    int version; /* 0: any */
    bool get, first, again;
};

static void complain(long number, const char *step)
{
    unsigned long e = ERR_peek_last_error();
    char text[256] = "";

    if (e != 0)
        ERR_error_string_n(e, text, sizeof(text));
    fprintf(stderr, "tlsload: handshake %ld: %s: %s\n", number, step, e != 0 ? text : strerror(errno));
    ERR_clear_error();
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

    *ret = (struct options){ .name = "localhost", .timeout_ms = 300000 };
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
        } else if (strcmp(a, "--again") == 0) {
            ret->again = true;
        } else if (v != NULL && strcmp(a, "--connect") == 0) {
            connect = ok = tlsclient_address(v, &ret->address);
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
    return ok && connect && ret->ca != NULL && (ret->count > 0 || ret->seconds > 0 || ret->until != NULL);
}

static SSL_CTX *new_ctx(const struct options *o)
{
    SSL_CTX *ctx = tlsclient_new(o->ca, o->version);

    if (ctx == NULL || (o->sigalg != NULL && SSL_CTX_set1_sigalgs_list(ctx, o->sigalg) != 1) ||
        (o->groups != NULL && SSL_CTX_set1_groups_list(ctx, o->groups) != 1)) {
        complain(0, "options");
        SSL_CTX_free(ctx);
        return NULL;
    }
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

static bool hear(int fd, void *ret_bytes, size_t len)
{
    return recv(fd, ret_bytes, len, MSG_WAITALL) == (ssize_t)len;
}

/* An answer of SMTP or FTP, of one line or more, must have this code. It is read byte by byte: what follows is TLS. */
static bool line_answer(int fd, const char *code)
{
    char line[512];
    size_t len;

    do {
        for (len = 0; len == 0 || line[len - 1] != '\n'; len++)
            if (len == sizeof(line) || !hear(fd, line + len, 1))
                return false;
    } while (len > 3 && line[3] == '-');
    return len > 3 && memcmp(line, code, 3) == 0;
}

/* RFC 3207. */
static bool smtp(int fd)
{
    static const char ehlo[] = "EHLO localhost\r\n", starttls[] = "STARTTLS\r\n";

    return line_answer(fd, "220") && tell(fd, ehlo, sizeof(ehlo) - 1) && line_answer(fd, "250") &&
           tell(fd, starttls, sizeof(starttls) - 1) && line_answer(fd, "220");
}

/* RFC 4217. */
static bool ftp(int fd)
{
    static const char auth[] = "AUTH TLS\r\n";

    return line_answer(fd, "220") && tell(fd, auth, sizeof(auth) - 1) && line_answer(fd, "234");
}

/* PostgreSQL's SSLRequest, and its answer that it will. */
static bool postgres(int fd)
{
    static const char ssl_request[] = { 0, 0, 0, 8, 0x04, (char)0xd2, 0x16, 0x2f };
    char answer;

    return tell(fd, ssl_request, sizeof(ssl_request)) && hear(fd, &answer, 1) && answer == 'S';
}

/*
 * MySQL's greeting, of protocol 10, and SSLRequest. Packets: 3 octets of length, little endian, 1 of the number, and so many.
 * The request: 4 octets of flags (protocol 4.1, SSL, authentication of 4.1), 4 of the largest packet, 1 of the character
 * set, 23 of nothing.
 */
static bool mysql(int fd)
{
    static const char ssl_request[4 + 32] = { 32, 0, 0, 1, 0x00, (char)0x8a, 0, 0, 0, 0, 0, 1, 45 };
    unsigned char head[4], greeting[512];
    size_t len;

    if (!hear(fd, head, sizeof(head)))
        return false;
    len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
    return len > 0 && len <= sizeof(greeting) && hear(fd, greeting, len) && greeting[0] == 10 &&
           tell(fd, ssl_request, sizeof(ssl_request));
}

/* What is said in clear before the handshake. */
static const struct starttls {
    const char *name;
    bool (*say)(int fd);
} protocols[] = {
    { "ftp", ftp },
    { "mysql", mysql },
    { "postgres", postgres },
    { "smtp", smtp },
};

static const struct starttls *find_starttls(const char *name)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
        if (strcmp(protocols[i].name, name) == 0)
            return &protocols[i];
    return NULL;
}

static bool start_tls(int fd, const char *protocol)
{
    return protocol == NULL || find_starttls(protocol)->say(fd);
}

/* The server was not there, or cut the connection and gave no alert: with --again that is no failed handshake yet. */
static bool cut(const struct options *o, SSL *ssl, int error)
{
    unsigned long e = ERR_peek_last_error();

    if (!o->again || error == EAGAIN)
        return false;
    if (ssl == NULL)
        return error == ECONNREFUSED || error == ECONNRESET;
    return e == 0 || ERR_SYSTEM_ERROR(e) || ERR_GET_REASON(e) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

enum outcome { MADE, FAILED, CUT };

static enum outcome handshake(SSL_CTX *ctx, const struct options *o, long number)
{
    struct timeval tv = { .tv_sec = o->timeout_ms / 1000, .tv_usec = o->timeout_ms % 1000 * 1000 };
    const int one = 1;
    SSL *ssl = NULL;
    enum outcome outcome = FAILED;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0) {
        complain(number, "socket");
        goto out;
    }
    if (connect(fd, (const struct sockaddr *)&o->address, sizeof(o->address)) != 0) {
        if (cut(o, NULL, errno))
            outcome = CUT;
        else
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
    errno = 0;
    if (SSL_connect(ssl) != 1) {
        if (cut(o, ssl, errno)) {
            outcome = CUT;
            ERR_clear_error();
            goto out;
        }
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
    outcome = MADE;

out:
    SSL_free(ssl);
    if (fd >= 0)
        close(fd);
    return outcome;
}

/* Or is not, when the time is up. */
static bool made(SSL_CTX *ctx, const struct options *o, long number)
{
    const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
    double began = now_ms();
    enum outcome outcome;

    while ((outcome = handshake(ctx, o, number)) == CUT) {
        if (now_ms() - began > (double)o->timeout_ms) {
            complain(number, "cut again and again");
            break;
        }
        nanosleep(&pause, NULL);
    }
    return outcome == MADE;
}

static bool enough(const struct options *o, long done, double elapsed_ms)
{
    if (o->seconds > 0 && elapsed_ms >= (double)o->seconds * 1e3)
        return true;
    if (o->until != NULL && access(o->until, F_OK) != 0)
        return false;
    return o->count > 0 ? done >= o->count : o->until != NULL;
}

int main(int argc, char **argv)
{
    struct options o;
    struct times t = { 0 };
    long done, failed = 0;
    SSL_CTX *ctx;
    double start, elapsed;

    if (!parse(argc, argv, &o) || (o.starttls != NULL && find_starttls(o.starttls) == NULL)) {
        fputs(USAGE, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* a server that closes early is a failure to be counted */
    ctx = new_ctx(&o);
    if (ctx == NULL)
        return 2;
    for (start = now_ms(), elapsed = 0; !enough(&o, t.count, elapsed); elapsed = now_ms() - start) {
        double began = now_ms();

        if (!made(ctx, &o, t.count + 1))
            failed++;
        if (!times_note(&t, now_ms() - began))
            return 2;
        tell_progress(o.progress, t.count);
        if (failed >= 100) {
            fprintf(stderr, "tlsload: 100 failures, giving up\n");
            break;
        }
    }
    elapsed = now_ms() - start;
    done = t.count;
    if (o.first && done > 0) {
        printf("%.3f\n", t.ms[0]);
        free(t.ms);
    } else {
        printf("handshakes %ld failed %ld", done, failed);
        times_print(&t, elapsed);
    }
    SSL_CTX_free(ctx);
    return failed > 0 || done == 0;
}
