/* Preloaded into the command: it is killed, or finds the disk full, at the n-th of the calls that change files. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * FATAL_KILL: the number of the call before which the command is killed.
 * FATAL_FULL: the number of the call from which on nothing new fits on the disk: no file is made, and nothing written to one.
 * FATAL_COUNT: a file that gets how many calls there were.
 * Calls are: making a file, writing to a file, fsync, renaming, unlinking, making a directory.
 */
int renameat2(int old_dir, const char *old, int new_dir, const char *new, unsigned flags);

static unsigned long number_in(const char *variable)
{
    const char *text = getenv(variable);

    return text == NULL ? 0 : strtoul(text, NULL, 10);
}

static void tell(unsigned long calls)
{
    const char *path = getenv("FATAL_COUNT");
    char text[24];
    int fd = path == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd >= 0) {
        int len = snprintf(text, sizeof(text), "%lu\n", calls);

        if (syscall(SYS_write, fd, text, len) != len)
            abort();
        close(fd);
    }
}

/* Has this call no room? */
static bool call(bool needs_room)
{
    static unsigned long calls;
    unsigned long full = number_in("FATAL_FULL");

    tell(++calls);
    if (number_in("FATAL_KILL") == calls)
        raise(SIGKILL);
    errno = ENOSPC;
    return needs_room && full != 0 && calls >= full;
}

static bool is_file(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list more;

    if ((flags & O_CREAT) != 0) {
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
        if (call(/* needs_room= */ true))
            return -1;
    }
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t len)
{
    if (is_file(fd) && call(/* needs_room= */ true))
        return -1;
    return syscall(SYS_write, fd, data, len);
}

int fsync(int fd)
{
    (void)call(false);
    return (int)syscall(SYS_fsync, fd);
}

int renameat2(int old_dir, const char *old, int new_dir, const char *new, unsigned flags)
{
    (void)call(false);
    return (int)syscall(SYS_renameat2, old_dir, old, new_dir, new, flags);
}

int renameat(int old_dir, const char *old, int new_dir, const char *new)
{
    return renameat2(old_dir, old, new_dir, new, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
    (void)call(false);
    return (int)syscall(SYS_unlinkat, dir, path, flags);
}

int mkdir(const char *path, mode_t mode)
{
    if (call(/* needs_room= */ true))
        return -1;
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
