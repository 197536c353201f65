/* Runs a program for what it says. */
#include "base/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 10000

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int start(const char *const argv[], int out, pid_t *ret)
{
    static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
    posix_spawn_file_actions_t actions;
    int r;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return LB_E_NOMEM;
    r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (r == 0)
        r = posix_spawn(ret, argv[0], &actions, NULL, (char *const *)argv, (char *const *)env);
    posix_spawn_file_actions_destroy(&actions);
    return r == 0 ? 0 : LB_E_SYSTEM;
}

/* Reads all that the program says. What does not fit is read and dropped: a program that cannot write does not end. */
static int read_all(int fd, char *ret, size_t size)
{
    long long end = now_ms() + TIMEOUT_MS;
    size_t at = 0;
    char rest[512];

    for (;;) {
        struct pollfd in = { .fd = fd, .events = POLLIN };
        long long left = end - now_ms();
        bool fits = at + 1 < size;
        ssize_t n;

        if (left <= 0 || poll(&in, 1, (int)left) == 0)
            return LB_E_TIMEOUT;
        n = fits ? read(fd, ret + at, size - 1 - at) : read(fd, rest, sizeof(rest));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        at += fits ? (size_t)n : 0;
        ret[at] = '\0';
    }
    return 0;
}

int capture(const char *const argv[], char *ret, size_t size)
{
    int fds[2], r, status = 0;
    pid_t pid;

    ret[0] = '\0';
    if (pipe2(fds, O_CLOEXEC) < 0)
        return LB_E_SYSTEM;
    r = start(argv, fds[1], &pid);
    close(fds[1]);
    if (r == 0) {
        r = read_all(fds[0], ret, size);
        if (r != 0)
            kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
        if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
            r = LB_E_VALUE;
    }
    close(fds[0]);
    return r;
}

const char *capture_tool(const char *const paths[])
{
    while (*paths != NULL && access(*paths, X_OK) < 0)
        paths++;
    return *paths;
}
