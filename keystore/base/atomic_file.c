/* A file that is there whole or not at all. */
#include "base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/socket.h"

static int failed(const struct newfile *f, const char *what, struct problem *p)
{
    return problem_set(p, LB_E_SYSTEM, "cannot %s '%s': %s", what, f->name, strerror(errno));
}

static int make_temp(struct newfile *f, const char *dir, struct problem *p)
{
    uint64_t random;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return failed(f, "make", p);
    snprintf(f->temp, sizeof(f->temp), ".%.200s.%016llx", f->name, (unsigned long long)random);
    f->fd = openat(f->dir, f->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return f->fd < 0 ? problem_set(p, LB_E_SYSTEM, "cannot make a file in %s: %s", dir, strerror(errno)) : 0;
}

int newfile_begin_at(int dir, const char *name, struct newfile *ret, struct problem *p)
{
    char what[NAME_MAX + 40];
    int r;

    *ret = (struct newfile){ .dir = -1, .fd = -1 };
    if (snprintf(ret->name, sizeof(ret->name), "%s", name) > NAME_MAX)
        return problem_set(p, LB_E_TOO_LONG, "the name '%.100s...' is too long", ret->name);
    ret->dir = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    snprintf(what, sizeof(what), "the directory of '%.200s'", name);
    r = ret->dir < 0 ? failed(ret, "make", p) : make_temp(ret, what, p);
    if (r != 0)
        newfile_drop(ret);
    return r;
}

int newfile_begin(const char *path, struct newfile *ret, struct problem *p)
{
    const char *slash = strrchr(path, '/');
    char dir[PATH_MAX];
    int r;

    *ret = (struct newfile){ .dir = -1, .fd = -1 };
    if (strlen(path) >= sizeof(dir))
        return problem_set(p, LB_E_TOO_LONG, "the path '%.100s...' is too long", path);
    snprintf(dir, sizeof(dir), "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1, slash == NULL ? "." : path);
    if (snprintf(ret->name, sizeof(ret->name), "%s", slash == NULL ? path : slash + 1) > NAME_MAX)
        return problem_set(p, LB_E_TOO_LONG, "the name '%.100s...' is too long", ret->name);
    if (ret->name[0] == '\0')
        return problem_set(p, LB_E_SYSTEM, "'%s' is a directory", path);
    ret->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ret->dir < 0)
        return problem_set(p, LB_E_SYSTEM, "cannot write '%s': %s: %s", path, dir, strerror(errno));
    r = make_temp(ret, dir, p);
    if (r != 0)
        newfile_drop(ret);
    return r;
}

int newfile_write(struct newfile *f, const void *data, size_t len, struct problem *p)
{
    const uint8_t *from = data;

    while (len > 0) {
        ssize_t n = write(f->fd, from, len);

        if (n < 0 && errno != EINTR)
            return failed(f, "write", p);
        from += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int newfile_commit(struct newfile *f, bool replace, bool *ret_placed, struct problem *p)
{
    bool placed = false;
    int r = 0;

    if (ret_placed != NULL)
        *ret_placed = false;
    if (fsync(f->fd) < 0)
        return failed(f, "write", p);
    if (replace)
        placed = renameat(f->dir, f->temp, f->dir, f->name) == 0;
    else
        placed = linkat(f->dir, f->temp, f->dir, f->name, 0) == 0;
    if (!placed && !replace && errno == EEXIST)
        return problem_set(p, LB_E_EXISTS, "'%s' exists already", f->name);
    if (!placed)
        return failed(f, replace ? "replace" : "make", p);
    if (ret_placed != NULL)
        *ret_placed = true;
    if (!replace)
        (void)unlinkat(f->dir, f->temp, 0);
    f->temp[0] = '\0'; /* nothing to undo any more */
    if (fsync(f->dir) < 0)
        r = failed(f, "put on disk", p);
    return r;
}

static bool cannot_exchange(int error)
{
    return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

static bool is_new_file(const struct newfile *f, const char *name)
{
    struct stat mine, named;

    return fstat(f->fd, &mine) == 0 && fstatat(f->dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

/* Undoes an exchange that took out another file than the one that was looked at. The new file is a temporary one again. */
static int put_back(struct newfile *f, bool *ret_placed, struct problem *p)
{
    bool back = is_new_file(f, f->name) && renameat2(f->dir, f->temp, f->dir, f->name, RENAME_EXCHANGE) == 0;

    if (back)
        *ret_placed = false;
    if (back && is_new_file(f, f->temp))
        return p->code;
    /* The file with the temporary name is somebody else's, who was quicker again. It must not be lost. */
    *ret_placed = *ret_placed && is_new_file(f, f->name);
    problem_set(p, LB_E_SYSTEM, "'%.200s' was changed meanwhile, and what was there is now '%.250s' beside it", f->name,
                f->temp);
    f->temp[0] = '\0';
    return LB_E_SYSTEM;
}

int newfile_exchange(struct newfile *f, int (*check)(const void *arg, const char *name, struct problem *p),
                     const void *arg, bool *ret_placed, struct problem *p)
{
    int r;

    *ret_placed = false;
    if (fsync(f->fd) < 0)
        return failed(f, "write", p);
    r = check(arg, f->name, p);
    if (r != 0)
        return r;
    if (renameat2(f->dir, f->temp, f->dir, f->name, RENAME_EXCHANGE) < 0)
        return cannot_exchange(errno) ? newfile_commit(f, /* replace= */ true, ret_placed, p) : failed(f, "replace", p);
    *ret_placed = true;
    if (check(arg, f->temp, p) != 0)
        return put_back(f, ret_placed, p);
    if (unlinkat(f->dir, f->temp, 0) < 0)
        r = problem_set(p, LB_E_SYSTEM, "cannot remove the old file, which is '%.250s' now: %s", f->temp,
                        strerror(errno));
    f->temp[0] = '\0'; /* nothing to undo any more */
    if (fsync(f->dir) < 0 && r == 0)
        r = failed(f, "put on disk", p);
    return r;
}

void newfile_drop(struct newfile *f)
{
    if (f->fd >= 0 && f->temp[0] != '\0')
        (void)unlinkat(f->dir, f->temp, 0);
    socket_close(f->fd);
    socket_close(f->dir);
    f->fd = f->dir = -1;
}

/* A terminal or a pipe is written to. Anything else is replaced by a file. */
static bool is_device(const struct stat *st)
{
    return S_ISCHR(st->st_mode) || S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode);
}

/* The number of the descriptor of this process that path names, as /dev/stdout does; -1: it names none. */
static int own_descriptor(const char *path)
{
    static const char *const directories[] = { "/dev/fd/", "/proc/self/fd/" };
    char *end;
    long n;

    if (strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        size_t len = strlen(directories[i]);

        if (strncmp(path, directories[i], len) != 0 || path[len] < '0' || path[len] > '9')
            continue;
        n = strtol(path + len, &end, 10);
        return *end == '\0' && n <= INT_MAX ? (int)n : -1;
    }
    return -1;
}

/*
 * Opens for writing what path names now; -1 with errno. A descriptor of this process may be a file: whoever started the
 * command has opened it to be written to. What path names otherwise must be no file, which could have a key in it.
 */
static int open_device(const char *path)
{
    int own = own_descriptor(path), fd;
    struct stat st;

    if (own >= 0)
        return fcntl(own, F_DUPFD_CLOEXEC, 0);
    fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || (fstat(fd, &st) == 0 && is_device(&st)))
        return fd;
    socket_close(fd);
    errno = EBUSY;
    return -1;
}

static int write_device(const char *path, const void *data, size_t len, struct problem *p)
{
    struct newfile f = { .dir = -1, .fd = open_device(path) };
    int r;

    if (f.fd < 0)
        return problem_set(p, LB_E_SYSTEM, "cannot write to '%s': %s", path, strerror(errno));
    snprintf(f.name, sizeof(f.name), "%.*s", NAME_MAX, path);
    r = newfile_write(&f, data, len, p);
    newfile_drop(&f);
    return r;
}

int newfile_public(const char *path, bool force, const void *data, size_t len, struct problem *p)
{
    struct newfile f;
    struct stat st;
    int r;

    if (own_descriptor(path) >= 0 || (stat(path, &st) == 0 && is_device(&st)))
        return write_device(path, data, len, p);
    r = newfile_begin(path, &f, p);
    if (r != 0)
        return r;
    /* For everybody to read: there is no secret in it, and servers read it as their own user. */
    if (fchmod(f.fd, 0644) < 0)
        r = problem_set(p, LB_E_SYSTEM, "%s: %s", path, strerror(errno));
    if (r == 0)
        r = newfile_write(&f, data, len, p);
    if (r == 0)
        r = newfile_commit(&f, force, /* ret_placed= */ NULL, p);
    if (r == LB_E_EXISTS) {
        problem_set(p, r, "'%s' exists already", path);
        problem_hint(p, "name a file that is not there");
    }
    newfile_drop(&f);
    return r;
}
