/* Passphrases and confirmations, from a terminal or from where the options say. */
#include "command/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/socket.h"
#include "guard/secret.h"
#include "model/limits.h"
#include "model/seal_kinds.h"

/* Reads up to the first newline or the end; byte by byte, so that nothing behind the line is taken from a pipe. */
static int read_line(int fd, const char *from, char *buf, size_t *ret_len, struct problem *p)
{
    size_t len = 0;

    for (;;) {
        char c;
        ssize_t n = read(fd, &c, 1);

        if (n < 0)
            return problem_set(p, LB_E_SYSTEM, "%s: %s", from, errno == EINTR ? "interrupted" : strerror(errno));
        if (n == 0 || c == '\n') {
            secret_wipe(&c, sizeof(c));
            *ret_len = len;
            return 0;
        }
        if (len == LB_SECRET_MAX)
            return problem_set(p, LB_E_TOO_LONG, "%s: a passphrase has at most %d bytes", from, LB_SECRET_MAX);
        buf[len++] = c;
    }
}

/* The terminal */

static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
    caught = number;
}

/* Signals that would end or stop the command while the terminal does not echo. */
static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU };
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static int open_terminal(int *ret_fd)
{
    *ret_fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    return *ret_fd < 0 ? LB_E_SYSTEM : 0;
}

bool ask_possible(void)
{
    int tty, r = open_terminal(&tty);

    socket_close(tty);
    return r == 0;
}

static void say(int tty, const char *text)
{
    (void)!write(tty, text, strlen(text));
}

/*
 * Reads one line, without echo unless echo is set. When this returns, the terminal is as before, and a signal that came
 * meanwhile is raised again.
 */
static int prompt(int tty, const char *what, bool echo, char *buf, size_t *ret_len, struct problem *p)
{
    struct sigaction action = { .sa_handler = catch_signal }, saved[SIGNALS];
    struct termios before, silent;
    int r;

    if (tcgetattr(tty, &before) < 0)
        return problem_set(p, LB_E_SYSTEM, "/dev/tty: %s", strerror(errno));
    caught = 0;
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &action, &saved[i]);
    silent = before;
    if (!echo)
        silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    (void)tcsetattr(tty, TCSAFLUSH, &silent);
    say(tty, what);
    say(tty, ": ");
    r = read_line(tty, "the terminal", buf, ret_len, p);
    if (!echo)
        say(tty, "\n");
    (void)tcsetattr(tty, TCSAFLUSH, &before);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &saved[i], NULL);
    if (caught != 0)
        raise(caught);
    return r;
}

static int no_terminal(const char *what, const char *cure, struct problem *p)
{
    problem_set(p, LB_E_SYSTEM, "there is no terminal to ask for %s", what);
    problem_hint(p, "%s", cure);
    return LB_E_SYSTEM;
}

/* The box checks this too. Here it saves people from typing twice for nothing. */
static int check_new(const struct passphrase *s, struct problem *p)
{
    if (s->len == 0)
        return problem_set(p, LB_E_WEAK_SECRET, "the passphrase is empty");
    if (s->len >= PASSPHRASE_MIN)
        return 0;
    problem_set(p, LB_E_WEAK_SECRET, "a new passphrase needs at least %d bytes", PASSPHRASE_MIN);
    problem_hint(p, PASSPHRASE_ADVICE);
    return LB_E_WEAK_SECRET;
}

static int ask_terminal(const char *what, bool as_new, struct passphrase *ret, struct problem *p)
{
    struct passphrase again = { secret_alloc(LB_SECRET_MAX), 0 };
    char text[120];
    int tty = -1, r = LB_E_NOMEM;

    if (again.data == NULL) {
        r = secret_no_memory(p);
        goto out;
    }
    r = open_terminal(&tty);
    if (r != 0) {
        snprintf(text, sizeof(text), "the %s", what);
        no_terminal(text, "give it with --stdin, --passphrase-file FILE or --passphrase-fd N", p);
        goto out;
    }
    r = prompt(tty, what, /* echo= */ false, ret->data, &ret->len, p);
    if (r == 0 && as_new)
        r = check_new(ret, p);
    if (r != 0 || !as_new)
        goto out;
    snprintf(text, sizeof(text), "%s, again", what);
    r = prompt(tty, text, /* echo= */ false, again.data, &again.len, p);
    if (r == 0 && (again.len != ret->len || CRYPTO_memcmp(again.data, ret->data, ret->len) != 0))
        r = problem_set(p, LB_E_SECRET, "that was not the same twice");
out:
    ask_clear(&again);
    socket_close(tty);
    return r;
}

/* --passphrase-file, --passphrase-fd and --stdin */

static int ask_file(const char *path, struct passphrase *ret, struct problem *p)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;

    if (fd < 0)
        return problem_set(p, LB_E_SYSTEM, "cannot read the passphrase from '%s': %s", path, strerror(errno));
    r = read_line(fd, path, ret->data, &ret->len, p);
    socket_close(fd);
    return r;
}

static int ask_fd(const char *number, struct passphrase *ret, struct problem *p)
{
    char *end;
    long fd;

    errno = 0;
    fd = strtol(number, &end, 10);
    if (errno != 0 || number[0] < '0' || number[0] > '9' || *end != '\0' || fd > 65535)
        return problem_set(p, LB_E_VALUE, "'%s' is not the number of a descriptor", number);
    return read_line((int)fd, "the passphrase's descriptor", ret->data, &ret->len, p);
}

static int ask_stdin(struct passphrase *ret, struct problem *p)
{
    /* It would be shown. */
    if (isatty(STDIN_FILENO)) {
        problem_set(p, LB_E_VALUE, "standard input is a terminal, which shows what is typed");
        problem_hint(p, "without --stdin it is asked for, and not shown");
        return LB_E_VALUE;
    }
    return read_line(STDIN_FILENO, "standard input", ret->data, &ret->len, p);
}

static int nobody_to_ask(const char *what, struct problem *p)
{
    problem_set(p, LB_E_SECRET, "it is encrypted, and nobody is asked for the %s", what);
    problem_hint(p, "give the passphrase with --passphrase-file FILE, or take this file by itself");
    return LB_E_SECRET;
}

int ask_passphrase(const struct cli *c, const char *what, bool as_new, struct passphrase *ret, struct problem *p)
{
    const char *file = c->options[OPT_PASSPHRASE_FILE], *fd = c->options[OPT_PASSPHRASE_FD];
    int r;

    ret->len = 0;
    ret->data = secret_alloc(LB_SECRET_MAX);
    if (ret->data == NULL)
        return secret_no_memory(p);
    if (file != NULL)
        r = ask_file(file, ret, p);
    else if (fd != NULL)
        r = ask_fd(fd, ret, p);
    else if (c->options[OPT_STDIN] != NULL)
        r = ask_stdin(ret, p);
    else if (c->asks_nobody)
        r = nobody_to_ask(what, p);
    else
        r = ask_terminal(what, as_new, ret, p);
    if (r == 0 && ret->len == 0)
        r = problem_set(p, LB_E_WEAK_SECRET, "the passphrase is empty");
    if (r != 0)
        ask_clear(ret);
    return r;
}

void ask_clear(struct passphrase *s)
{
    secret_free(s->data, LB_SECRET_MAX);
    s->data = NULL;
    s->len = 0;
}

int ask_word(const char *question, const char *expected, struct problem *p)
{
    char line[LB_SECRET_MAX];
    size_t len;
    int tty, r = open_terminal(&tty);

    if (r != 0)
        return no_terminal("a confirmation", "run it on a terminal, where it asks; for scripts see littlebox(1)", p);
    r = prompt(tty, question, /* echo= */ true, line, &len, p);
    socket_close(tty);
    if (r == 0 && (len != strlen(expected) || memcmp(line, expected, len) != 0))
        r = problem_set(p, LB_E_DENIED, "that is not '%s': nothing was done", expected);
    return r;
}
