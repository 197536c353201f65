/* Runs an administrator's command line, for what it does. */
#include "deploy/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/socket.h"
#include "command/cli.h"
#include "deploy/wait.h"

/* Of what it says, in bytes; and what is shown of that, in lines. */
#define OUTPUT_MAX (256 * 1024)
#define SHOWN_MAX 4000
#define SHOWN_LINES 20
/* Seconds from the request to end to the end. */
#define GRACE 3

/*
 * Where it writes: memory of a fixed size, since a daemon that it leaves behind has this for its standard output. A pipe would
 * block that daemon or end it by SIGPIPE, and keep this command waiting for its end; here its writes fail once the room is used up.
 */
static int output_open(void)
{
    int fd = memfd_create("littlebox-reload", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && (ftruncate(fd, OUTPUT_MAX) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)) {
        socket_close(fd);
        fd = -1;
    }
    return fd;
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

/* Waits for its end, and brings that about when its time is over. The status is waitpid(2)'s. */
static int await(pid_t pid, unsigned seconds, int *ret_status)
{
    int fd = (int)pidfd_open(pid, 0), r;

    r = fd < 0 ? LB_E_SYSTEM : wait_for(fd, POLLIN, wait_now() + 1000LL * seconds);
    if (r != 0) {
        /* Until it is waited for, no other group can have its number. */
        kill(-pid, SIGTERM);
        if (fd >= 0)
            (void)!wait_for(fd, POLLIN, wait_now() + 1000LL * GRACE);
        kill(-pid, SIGKILL);
    }
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
        ;
    socket_close(fd);
    return r;
}

/* The last lines. The descriptor's offset, which the program shared, says how much there is. */
static void show(int out)
{
    off_t len = lseek(out, 0, SEEK_CUR), from = len > SHOWN_MAX ? len - SHOWN_MAX : 0;
    char text[SHOWN_MAX + 1];
    ssize_t n = len <= 0 ? 0 : pread(out, text, (size_t)(len - from), from);
    char *lines[SHOWN_LINES], *save = NULL;
    unsigned count = 0;

    text[n < 0 ? 0 : n] = '\0';
    for (char *line = strtok_r(text, "\r\n", &save); line != NULL; line = strtok_r(NULL, "\r\n", &save))
        lines[count++ % SHOWN_LINES] = line;
    for (unsigned i = count > SHOWN_LINES ? count - SHOWN_LINES : 0; i < count; i++)
        cli_note("  %s", lines[i % SHOWN_LINES]);
}

int reload_run(const char *line, unsigned seconds, struct problem *p)
{
    int out = output_open(), status = 0, r;
    pid_t pid;

    if (out < 0)
        return problem_set(p, LB_E_SYSTEM, "cannot run '%s': %s", line, strerror(errno));
    r = start(line, out, &pid);
    if (r != 0) {
        problem_set(p, r, "cannot run '%s': %s", line, strerror(errno));
        socket_close(out);
        return r;
    }
    r = await(pid, seconds, &status);
    if (r == LB_E_TIMEOUT)
        problem_set(p, r, "'%s' was ended after %u seconds", line, seconds);
    else if (r != 0)
        problem_set(p, r, "cannot wait for '%s': %s", line, strerror(errno));
    else if (WIFSIGNALED(status))
        r = problem_set(p, LB_E_VALUE, "'%s' failed: it was ended by signal %d", line, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        r = problem_set(p, LB_E_VALUE, "'%s' failed: exit status %d", line, WEXITSTATUS(status));
    if (r != 0)
        show(out);
    socket_close(out);
    return r;
}
