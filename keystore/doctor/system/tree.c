/* Files below the root of a look at a machine. */
#include "doctor/system/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int tree_open(const struct audit *a, const char *path, int flags)
{
    struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT };

    if (a->here)
        return open(path, flags | O_CLOEXEC);
    return (int)syscall(SYS_openat2, a->root, path, &how, sizeof(how));
}

static bool look(const struct audit *a, const char *path, int flags, struct stat *ret)
{
    int fd = tree_open(a, path, O_PATH | flags), saved;
    bool ok = fd >= 0 && fstat(fd, ret) == 0;

    saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return ok;
}

bool tree_stat(const struct audit *a, const char *path, struct stat *ret)
{
    return look(a, path, 0, ret);
}

bool tree_lstat(const struct audit *a, const char *path, struct stat *ret)
{
    return look(a, path, O_NOFOLLOW, ret);
}

bool tree_readlink(const struct audit *a, const char *path, char ret[PATH_MAX])
{
    int fd = tree_open(a, path, O_PATH | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", ret, PATH_MAX - 1);
    int saved = errno;

    ret[n < 0 ? 0 : n] = '\0';
    if (fd >= 0)
        close(fd);
    errno = saved;
    return n > 0;
}

DIR *tree_opendir(const struct audit *a, const char *path)
{
    int fd = tree_open(a, path, O_RDONLY | O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL && fd >= 0)
        close(fd);
    return dir;
}

ssize_t tree_read(const struct audit *a, const char *path, char *ret, size_t size)
{
    struct stat st;
    int fd = tree_stat(a, path, &st) && S_ISREG(st.st_mode) ? tree_open(a, path, O_RDONLY | O_NONBLOCK | O_NOCTTY) : -1;
    ssize_t n = 0;
    size_t at = 0;

    /* Files of the kernel are read in pieces. */
    while (fd >= 0 && at < size - 1 && (n = read(fd, ret + at, size - 1 - at)) > 0)
        at += (size_t)n;
    ret[fd < 0 || n < 0 ? 0 : at] = '\0';
    if (fd >= 0)
        close(fd);
    return fd < 0 || n < 0 ? -1 : (ssize_t)at;
}

bool tree_word(const struct audit *a, const char *path, char *ret, size_t size)
{
    if (tree_read(a, path, ret, size) < 0)
        return false;
    ret[strcspn(ret, "\n")] = '\0';
    return true;
}

bool tree_path(const struct audit *a, const char *path, char ret[PATH_MAX])
{
    return snprintf(ret, PATH_MAX, "%s%s", a->here ? "" : a->d->cli->options[OPT_ROOT], path) < PATH_MAX;
}
