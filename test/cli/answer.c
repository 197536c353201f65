/* Runs a command on a terminal of its own and answers its prompts. */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * answer [PROMPT ANSWER]... -- COMMAND [ARGUMENT]...
 *
 * Waits for each PROMPT in turn in what the command writes on its terminal, types the ANSWER to it, and copies all
 * that the terminal shows to standard output, echo included. Exit status: the command's, or 128 and the number of
 * the signal that ended it; 99 with a text when a prompt did not come, or when the command did not end in five
 * minutes.
 */
/* Only what hangs takes that long. */
#define TIMEOUT_MS 300000
#define SHOWN_MAX 65536
#define EXIT_NOT_SO 99

/* What the terminal has shown since the last prompt that was answered. */
struct screen {
    char text[SHOWN_MAX + 1];
    size_t len;
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "answer: %s: %s\n", what, why);
    return EXIT_NOT_SO;
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* False: nothing more comes, because the command's end of the terminal is closed. */
static bool read_screen(int tty, struct screen *s)
{
    char *start = s->text + s->len;
    ssize_t n;

    do
        n = read(tty, start, SHOWN_MAX - s->len);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    fwrite(start, 1, (size_t)n, stdout);
    s->len += (size_t)n;
    s->text[s->len] = '\0';
    return true;
}

static bool type_line(int tty, const char *line)
{
    size_t len = strlen(line);

    return write(tty, line, len) == (ssize_t)len && write(tty, "\n", 1) == 1;
}

/* True: the prompt was there, and is taken off the screen. */
static bool take_prompt(struct screen *s, const char *prompt)
{
    char *at = strstr(s->text, prompt);

    if (at == NULL)
        return false;
    at += strlen(prompt);
    s->len -= (size_t)(at - s->text);
    memmove(s->text, at, s->len + 1);
    return true;
}

/* 0 when the terminal was closed, with *ret_open the first prompt that did not come (NULL: all came). */
static int talk(int tty, char **pairs, char **end, const char **ret_open)
{
    static struct screen screen;
    int64_t deadline = now_ms() + TIMEOUT_MS;

    for (;;) {
        struct pollfd p = { .fd = tty, .events = POLLIN };
        int64_t left = deadline - now_ms();

        if (left <= 0 || (poll(&p, 1, (int)left) == 0))
            return fail(pairs < end ? *pairs : "the command", "waited in vain");
        if (screen.len == SHOWN_MAX)
            return fail(pairs < end ? *pairs : "the command", "too much on the screen");
        if (!read_screen(tty, &screen))
            break;
        while (pairs < end && take_prompt(&screen, pairs[0])) {
            if (!type_line(tty, pairs[1]))
                return fail(pairs[0], "the command does not read the answer");
            pairs += 2;
        }
    }
    *ret_open = pairs < end ? *pairs : NULL;
    return 0;
}

int main(int argc, char **argv)
{
    const char *open_prompt = NULL;
    int split = 1, tty = -1, status = 0, result;
    pid_t child;

    while (split < argc && strcmp(argv[split], "--") != 0)
        split++;
    if (split + 1 >= argc || (split - 1) % 2 != 0) {
        fputs("usage: answer [PROMPT ANSWER]... -- COMMAND [ARGUMENT]...\n", stderr);
        return EXIT_NOT_SO;
    }
    child = forkpty(&tty, /* name= */ NULL, /* termios= */ NULL, /* winsize= */ NULL);
    if (child < 0)
        return fail("forkpty", strerror(errno));
    if (child == 0) {
        execvp(argv[split + 1], argv + split + 1);
        fprintf(stderr, "answer: %s: %s\n", argv[split + 1], strerror(errno));
        _exit(EXIT_NOT_SO);
    }
    result = talk(tty, argv + 1, argv + split, &open_prompt);
    if (result != 0)
        kill(child, SIGKILL);
    if (waitpid(child, &status, 0) != child)
        result = fail("waitpid", strerror(errno));
    close(tty);
    if (result == 0 && open_prompt != NULL)
        result = fail(open_prompt, "never asked");
    if (result != 0)
        return result;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
