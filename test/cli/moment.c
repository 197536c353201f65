/* Preloaded into the command: does what a neighbour would do, at a moment that no neighbour could be sure to hit. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * MOMENT_RENAME_1, MOMENT_RENAME_2: "FROM TO", a file that is renamed immediately before the command's first, or second,
 * renameat(2) or renameat2(2).
 * MOMENT_KILL_RENAME: the number of the renameat(2) or renameat2(2) before which the command is killed.
 * MOMENT_KILL_UNLINK: is the command killed before its first unlink(2)?
 * MOMENT_NO_EXCHANGE: as if the file system could not exchange two files.
 * MOMENT_TRUNCATE: a file that gets what is in the descriptor that the command is about to ftruncate(2).
 * MOMENT_CLOCK: seconds by which the system's clock was set ahead meanwhile, as time(2) tells it.
 * MOMENT_LINK: a file whose content takes the place of that of a new file, once linkat(2) has given that its name.
 */
int renameat2(int old_dir, const char *old, int new_dir, const char *new, unsigned flags);

static void before_rename(void)
{
    static unsigned calls;
    char variable[40], from[4096], to[4096];
    const char *paths, *kill;

    snprintf(variable, sizeof(variable), "MOMENT_RENAME_%u", ++calls);
    kill = getenv("MOMENT_KILL_RENAME");
    if (kill != NULL && strtoul(kill, NULL, 10) == calls)
        raise(SIGKILL);
    paths = getenv(variable);
    if (paths == NULL)
        return;
    if (sscanf(paths, "%4095s %4095s", from, to) != 2 || syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0) != 0)
        abort();
}

int renameat2(int old_dir, const char *old, int new_dir, const char *new, unsigned flags)
{
    before_rename();
    if (flags != 0 && getenv("MOMENT_NO_EXCHANGE") != NULL) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_renameat2, old_dir, old, new_dir, new, flags);
}

int unlink(const char *path)
{
    if (getenv("MOMENT_KILL_UNLINK") != NULL)
        raise(SIGKILL);
    return unlinkat(AT_FDCWD, path, 0);
}

int renameat(int old_dir, const char *old, int new_dir, const char *new)
{
    return renameat2(old_dir, old, new_dir, new, 0);
}

time_t time(time_t *ret)
{
    const char *ahead = getenv("MOMENT_CLOCK");
    struct timespec now = { 0 };

    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += ahead == NULL ? 0 : strtol(ahead, NULL, 10);
    if (ret != NULL)
        *ret = now.tv_sec;
    return now.tv_sec;
}

/* Both are small. */
static void copy_into(int to, const char *path)
{
    char data[65536];
    int from = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = from < 0 ? -1 : read(from, data, sizeof(data));

    if (n < 0 || to < 0 || write(to, data, (size_t)n) != n || syscall(SYS_ftruncate, to, n) != 0)
        abort();
    close(from);
    close(to);
}

int linkat(int old_dir, const char *old, int new_dir, const char *new, int flags)
{
    const char *path = getenv("MOMENT_LINK");
    int r = (int)syscall(SYS_linkat, old_dir, old, new_dir, new, flags);

    if (r == 0 && path != NULL)
        copy_into(openat(new_dir, new, O_WRONLY | O_CLOEXEC), path);
    return r;
}

int ftruncate(int fd, off_t length)
{
    const char *path = getenv("MOMENT_TRUNCATE");
    char self[40], data[65536];
    ssize_t n;
    int in, out;

    if (path != NULL) {
        snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
        in = open(self, O_RDONLY | O_CLOEXEC);
        out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        n = in < 0 ? -1 : read(in, data, sizeof(data));
        if (n < 0 || out < 0 || write(out, data, (size_t)n) != n)
            abort();
        close(in);
        close(out);
    }
    return (int)syscall(SYS_ftruncate, fd, length);
}
