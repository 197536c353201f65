/* How protocols that begin in the clear are asked for TLS. */
#include "deploy/starttls.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deploy/wait.h"

/* No answer before TLS is longer, in bytes. */
#define TALK_MAX 16384

/*
 * A conversation in lines: the server greets, is told hello (where there is one), and is asked. An answer ends with the line that
 * begins with what is expected here; in the next place of a line that ends it badly, nothing is ever expected.
 */
struct starttls {
    const char *name;
    const char *greeting;          /* what the last line of it begins with */
    const char *hello, *welcome;   /* NULL: none is said */
    const char *ask, *yes;
    int (*talk)(int fd, long long end, struct problem *p); /* of one that does not talk in lines */
};

static int no_answer(int r, struct problem *p)
{
    return r == LB_E_TIMEOUT ? problem_set(p, r, "it does not answer in time")
                             : problem_set(p, r, "it cannot be read: %s", strerror(errno));
}

/* One byte: what is behind the answer is TLS already. */
static int get_byte(int fd, long long end, char *ret, struct problem *p)
{
    ssize_t n;
    int r = 0;

    while ((n = read(fd, ret, 1)) < 0 && (errno == EAGAIN || errno == EINTR) && r == 0)
        r = wait_for(fd, POLLIN, end);
    if (n == 1)
        return 0;
    return n == 0 ? problem_set(p, LB_E_VALUE, "it closes the connection before TLS") : no_answer(r != 0 ? r : LB_E_SYSTEM, p);
}

static int put(int fd, long long end, const void *data, size_t len, struct problem *p)
{
    const char *from = data;
    int r = 0;

    while (len > 0 && r == 0) {
        ssize_t n = write(fd, from, len);

        if (n > 0) {
            from += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            r = wait_for(fd, POLLOUT, end);
        } else if (errno != EINTR) {
            r = LB_E_SYSTEM;
        }
    }
    return r == 0 ? 0 : no_answer(r, p);
}

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

/* Reads lines until the last of an answer. "250-" goes on, and so does what is no answer to what was asked. */
static int hear(int fd, long long end, const char *wanted, struct problem *p)
{
    char line[512] = "";
    size_t at = 0, total = 0;
    int r;

    for (;;) {
        char c;

        r = get_byte(fd, end, &c, p);
        if (r != 0)
            return r;
        if (++total > TALK_MAX)
            return problem_set(p, LB_E_VALUE, "it talks too long before TLS");
        if (c != '\n') {
            if (at + 1 < sizeof(line) && c != '\r')
                line[at++] = c;
            continue;
        }
        line[at] = '\0';
        at = 0;
        if (begins(line, wanted))
            return 0;
        /* A line of several, or a capability: "250-SIZE", "* OK", "\"SASL\"". */
        if ((strlen(line) > 3 && line[3] == '-') || line[0] == '*' || line[0] == '"')
            continue;
        return problem_set(p, LB_E_VALUE, "it does not begin TLS, but says '%.100s'", line);
    }
}

/* A packet of 8 bytes asks; the answer is one letter (PostgreSQL's protocol, SSLRequest). */
static int talk_postgres(int fd, long long end, struct problem *p)
{
    static const uint8_t request[] = { 0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f };
    char answer;
    int r = put(fd, end, request, sizeof(request), p);

    if (r == 0)
        r = get_byte(fd, end, &answer, p);
    if (r == 0 && answer != 'S')
        r = problem_set(p, LB_E_VALUE, "it does not begin TLS: ssl is off there");
    return r;
}

/* The server greets with one packet of 3 bytes of length, and a number. The client says only that it wants TLS (Protocol::SSLRequest). */
static int talk_mysql(int fd, long long end, struct problem *p)
{
    static const uint8_t request[36] = { 32, 0, 0, 1, 0x85, 0xae, 0x7f, 0, 0, 0, 0, 1, 33 };
    uint8_t head[4];
    size_t len = 0;
    char byte;
    int r = 0;

    for (int i = 0; r == 0 && i < 4; i++) {
        r = get_byte(fd, end, &byte, p);
        head[i] = (uint8_t)byte;
    }
    if (r == 0) {
        len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
        if (len == 0 || len > TALK_MAX)
            r = problem_set(p, LB_E_VALUE, "it does not talk as MySQL does");
    }
    for (size_t i = 0; r == 0 && i < len; i++) {
        r = get_byte(fd, end, &byte, p);
        if (r == 0 && i == 0 && (uint8_t)byte == 0xff)
            r = problem_set(p, LB_E_VALUE, "it refuses the connection");
    }
    return r == 0 ? put(fd, end, request, sizeof(request), p) : r;
}

/* An extended request (RFC 4511 4.14), and an answer whose result code is 0: the first ENUMERATED in it. */
static int talk_ldap(int fd, long long end, struct problem *p)
{
    static const uint8_t request[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16" "1.3.6.1.4.1.1466.20037";
    char answer[130];
    size_t len = 2;
    int r = put(fd, end, request, sizeof(request) - 1, p);

    for (size_t i = 0; r == 0 && i < len; i++) {
        r = get_byte(fd, end, &answer[i], p);
        if (r == 0 && i == 1)
            len = 2 + (size_t)(uint8_t)answer[1];
        if (r == 0 && (len > sizeof(answer) - 1 || answer[0] != 0x30))
            r = problem_set(p, LB_E_VALUE, "it does not talk as LDAP does");
    }
    if (r == 0 && memmem(answer, len, "\x0a\x01\x00", 3) == NULL)
        r = problem_set(p, LB_E_VALUE, "it does not begin TLS");
    return r;
}

static const struct starttls protocols[] = {
    /* name      greeting  hello                  welcome  ask             yes */
    { "ftp",     "220 ",   NULL,                  NULL,    "AUTH TLS\r\n", "234", NULL },
    { "imap",    "* ",     NULL,                  NULL,    "a STARTTLS\r\n", "a OK", NULL },
    { "ldap",    NULL,     NULL,                  NULL,    NULL,           NULL, talk_ldap },
    { "lmtp",    "220 ",   "LHLO littlebox\r\n",  "250 ",  "STARTTLS\r\n", "220 ", NULL },
    { "mysql",   NULL,     NULL,                  NULL,    NULL,           NULL, talk_mysql },
    { "pop3",    "+OK",    NULL,                  NULL,    "STLS\r\n",     "+OK", NULL },
    { "postgres", NULL,    NULL,                  NULL,    NULL,           NULL, talk_postgres },
    { "sieve",   "OK",     NULL,                  NULL,    "STARTTLS\r\n", "OK", NULL },
    { "smtp",    "220 ",   "EHLO littlebox\r\n",  "250 ",  "STARTTLS\r\n", "220 ", NULL },
};

const struct starttls *starttls_find(const char *name)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (strcmp(protocols[i].name, name) == 0)
            return &protocols[i];
    }
    return NULL;
}

int starttls_ask(const struct starttls *s, int fd, long long end, struct problem *p)
{
    int r;

    if (s->talk != NULL)
        return s->talk(fd, end, p);
    r = hear(fd, end, s->greeting, p);
    if (r == 0 && s->hello != NULL)
        r = put(fd, end, s->hello, strlen(s->hello), p);
    if (r == 0 && s->hello != NULL)
        r = hear(fd, end, s->welcome, p);
    if (r == 0)
        r = put(fd, end, s->ask, strlen(s->ask), p);
    return r == 0 ? hear(fd, end, s->yes, p) : r;
}
