/* Runs an administrator's command line, for what it does. */
#include "deploy/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/socket.h"
#include "command/cli.h"
#include "deploy/wait.h"

/* What is kept of its output, in bytes: so much of the beginning, and of the end. And what is shown of that, in lines. */
#define FIRST_MAX 1000
#define LAST_MAX 3000
#define FIRST_LINES 5
#define LAST_LINES 15
#define LEFT_OUT "[...]"
/* As much as may wait in the pipe when the program has ended; a program that it left behind goes on to write. */
#define REST_MAX (1024 * 1024)
/* Seconds from the request to end to the end. */
#define GRACE 3

/* The output, as it comes. */
struct output {
    int fd;      /* the pipe, to be read; never waits */
    int program; /* what the program writes to */
    char first[FIRST_MAX + 1], last[2 * LAST_MAX + 1];
    size_t first_len, last_len;
    bool left_out; /* something between the two is */
};

/*
 * A pipe whose writing end can be read as well, since a daemon that the program leaves behind has it for its standard output. Its
 * writes would block or end it by SIGPIPE once nobody reads; with a reader that it has itself, and no waiting (output_close()),
 * they fail when the pipe is full.
 */
static int output_open(struct output *o)
{
    char path[40];
    int ends[2];

    o->fd = o->program = -1;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return LB_E_SYSTEM;
    o->fd = ends[0];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
    o->program = open(path, O_RDWR | O_CLOEXEC);
    socket_close(ends[1]);
    return o->program < 0 ? LB_E_SYSTEM : 0;
}

static void output_close(struct output *o)
{
    if (o->program >= 0)
        (void)!fcntl(o->program, F_SETFL, O_RDWR | O_NONBLOCK);
    socket_close(o->program);
    socket_close(o->fd);
}

static void output_add(struct output *o, const char *data, size_t len)
{
    size_t n = sizeof(o->first) - 1 - o->first_len;

    n = len < n ? len : n;
    memcpy(o->first + o->first_len, data, n);
    o->first_len += n;
    data += n;
    len -= n;
    if (len > LAST_MAX) {
        o->left_out = true;
        data += len - LAST_MAX;
        len = LAST_MAX;
    }
    if (o->last_len + len > sizeof(o->last) - 1) {
        size_t cut = o->last_len - LAST_MAX;

        o->left_out = true;
        memmove(o->last, o->last + cut, LAST_MAX);
        o->last_len = LAST_MAX;
    }
    memcpy(o->last + o->last_len, data, len);
    o->last_len += len;
}

/* Reads what is there, up to so many bytes. */
static void output_read(struct output *o, size_t max)
{
    char data[4096];
    size_t all = 0;
    ssize_t n;

    while (all < max && ((n = read(o->fd, data, sizeof(data))) > 0 || (n < 0 && errno == EINTR))) {
        output_add(o, data, n > 0 ? (size_t)n : 0);
        all += n > 0 ? (size_t)n : 0;
    }
}

static int start(const char *line, int out, pid_t *ret)
{
    const char *argv[] = { "/bin/sh", "-c", line, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, back;
    int r;

    /* This command ignores SIGPIPE, and programs inherit that. */
    sigemptyset(&none);
    sigemptyset(&back);
    sigaddset(&back, SIGPIPE);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return LB_E_NOMEM;
    if (posix_spawnattr_init(&attr) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return LB_E_NOMEM;
    }
    r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_addchdir_np(&actions, "/");
    if (r == 0)
        r = posix_spawnattr_setsigdefault(&attr, &back);
    if (r == 0)
        r = posix_spawnattr_setsigmask(&attr, &none);
    if (r == 0)
        r = posix_spawnattr_setpgroup(&attr, 0);
    if (r == 0)
        r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    if (r == 0)
        r = posix_spawn(ret, argv[0], &actions, &attr, (char *const *)argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    errno = r;
    return r == 0 ? 0 : LB_E_SYSTEM;
}

/* Until fd says that the program has ended, or it is that time. Reads what it says meanwhile. */
static int wait_and_read(int fd, struct output *o, long long end)
{
    struct pollfd both[] = { { .fd = fd, .events = POLLIN }, { .fd = o->fd, .events = POLLIN } };

    while (both[0].revents == 0) {
        long long left = end - wait_now();

        if (left <= 0)
            return LB_E_TIMEOUT;
        if (poll(both, 2, left > INT_MAX ? INT_MAX : (int)left) < 0) {
            if (errno != EINTR)
                return LB_E_SYSTEM;
            both[0].revents = 0;
        }
        output_read(o, REST_MAX);
    }
    output_read(o, REST_MAX);
    return 0;
}

/* Waits for its end, and brings that about when its time is over. The status is waitpid(2)'s. */
static int await(pid_t pid, unsigned seconds, struct output *o, int *ret_status)
{
    int fd = (int)pidfd_open(pid, 0), r;

    r = fd < 0 ? LB_E_SYSTEM : wait_and_read(fd, o, wait_now() + 1000LL * seconds);
    if (r != 0) {
        /* Until it is waited for, no other group can have its number. */
        kill(-pid, SIGTERM);
        if (fd >= 0)
            (void)!wait_and_read(fd, o, wait_now() + 1000LL * GRACE);
        kill(-pid, SIGKILL);
    }
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
        ;
    socket_close(fd);
    return r;
}

static void append(char *text, size_t *len, const char *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text[(*len)++] = data[i] == '\0' ? ' ' : data[i];
    text[*len] = '\0';
}

/* The first and the last lines; of a long one as much as was kept. */
static void show(const struct output *o)
{
    static const char between[] = "\n" LEFT_OUT "\n";
    size_t len = 0, from = o->last_len > LAST_MAX ? o->last_len - LAST_MAX : 0;
    char text[FIRST_MAX + sizeof(between) + LAST_MAX], *save = NULL;
    unsigned count = 1, i = 0;
    bool gap = false;

    append(text, &len, o->first, o->first_len);
    if (o->left_out || from > 0)
        append(text, &len, between, sizeof(between) - 1);
    append(text, &len, o->last + from, o->last_len - from);
    for (const char *c = text; *c != '\0'; c++)
        count += (*c == '\n' || *c == '\r') && c[1] != '\0' && c[1] != '\n' && c[1] != '\r';
    for (char *line = strtok_r(text, "\r\n", &save); line != NULL; line = strtok_r(NULL, "\r\n", &save)) {
        bool shown = (i < FIRST_LINES || i + LAST_LINES >= count) && strcmp(line, LEFT_OUT) != 0;

        if (shown || !gap)
            cli_note("  %s", shown ? line : LEFT_OUT);
        gap = !shown;
        i++;
    }
}

int reload_run(const char *line, unsigned seconds, struct problem *p)
{
    struct output out = { .left_out = false };
    int status = 0, r = output_open(&out);
    pid_t pid;

    if (r == 0)
        r = start(line, out.program, &pid);
    if (r != 0) {
        problem_set(p, r, "cannot run '%s': %s", line, strerror(errno));
        output_close(&out);
        return r;
    }
    r = await(pid, seconds, &out, &status);
    if (r == LB_E_TIMEOUT)
        problem_set(p, r, "'%s' was ended after %u seconds", line, seconds);
    else if (r != 0)
        problem_set(p, r, "cannot wait for '%s': %s", line, strerror(errno));
    else if (WIFSIGNALED(status))
        r = problem_set(p, LB_E_VALUE, "'%s' failed: it was ended by signal %d", line, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        r = problem_set(p, LB_E_VALUE, "'%s' failed: exit status %d", line, WEXITSTATUS(status));
    if (r != 0)
        show(&out);
    output_close(&out);
    return r;
}
