/* The files of a server's configuration: opened without waiting, below another root too, and found by patterns. */
#include "doctor/servers/conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Names that a pattern may stand for; more are a mistake, or somebody's trap. */
#define GLOB_MAX SRV_FILES_MAX

/*
 * With another root, links and ".." stay below it, as they do for the server that has that root. Only the kernel can see to
 * that without a race.
 */
static int open_at(const struct srvconf *c, const char *path, int flags)
{
    struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT };

    if (c->root < 0)
        return open(path, flags | O_CLOEXEC);
    return (int)syscall(SYS_openat2, c->root, path, &how, sizeof(how));
}

/* The file is looked at first: opening a device can do something with it. */
int srv_open(const struct srvconf *c, const char *path, int *ret_fd, struct stat *ret_st)
{
    int at = open_at(c, path, O_PATH), fd = -1, saved;
    char self[40];

    if (at < 0)
        return LB_E_SYSTEM;
    if (fstat(at, ret_st) < 0 || !S_ISREG(ret_st->st_mode)) {
        close(at);
        return LB_E_VALUE;
    }
    snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
    fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    saved = errno;
    close(at);
    errno = saved;
    if (fd < 0)
        return LB_E_SYSTEM;
    *ret_fd = fd;
    return 0;
}

bool srv_is_dir(const struct srvconf *c, const char *path)
{
    int fd = open_at(c, path, O_PATH | O_DIRECTORY);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

bool srv_owner(const struct srvconf *c, const char *path, uid_t *ret)
{
    int fd = open_at(c, path, O_PATH);
    struct stat st;
    bool there = fd >= 0 && fstat(fd, &st) == 0;

    if (there)
        *ret = st.st_uid;
    if (fd >= 0)
        close(fd);
    return there;
}

/* One file, whole: *ret is freed by the caller and has a NUL behind its bytes. */
static int read_file(struct srvconf *c, int fd, const struct stat *st, char **ret, size_t *ret_len)
{
    size_t size = (size_t)st->st_size, at = 0;
    char *data;

    if (st->st_size > SRV_FILE_MAX || c->total + size > SRV_TOTAL_MAX)
        return LB_E_TOO_LONG;
    data = malloc(size + 1);
    if (data == NULL)
        return LB_E_NOMEM;
    while (at < size) {
        ssize_t n = read(fd, data + at, size - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(data);
            return LB_E_SYSTEM;
        }
        if (n == 0)
            break;
        at += (size_t)n;
    }
    data[at] = '\0';
    c->total += at;
    *ret = data;
    *ret_len = at;
    return 0;
}

static bool includes_itself(const struct srvconf *c, const struct stat *st)
{
    for (unsigned i = 0; i < c->depth; i++) {
        if (c->stack[i].dev == st->st_dev && c->stack[i].ino == st->st_ino)
            return true;
    }
    return false;
}

static void read_one(struct srvconf *c, const struct srv_source *from, const char *path, bool absent, srv_reader *read)
{
    struct srv_source s = { .path = path };
    struct stat st;
    char *data = NULL;
    int fd = -1, r;

    if (c->depth == SRV_DEPTH_MAX) {
        srv_problem(c, from, "files include each other more than %d deep, at %s", SRV_DEPTH_MAX, path);
        return;
    }
    if (c->files == SRV_FILES_MAX) {
        if (!c->full)
            srv_problem(c, from, "there is more in the configuration than is read: so many files");
        c->full = true;
        return;
    }
    r = srv_open(c, path, &fd, &st);
    if (r == LB_E_SYSTEM && (errno == ENOENT || errno == ENOTDIR) && absent)
        return;
    if (r == LB_E_VALUE) {
        srv_problem(c, from, "%s is no plain file", path);
        return;
    }
    if (r == 0 && includes_itself(c, &st)) {
        srv_problem(c, from, "%s includes itself", path);
        goto out;
    }
    if (r == 0)
        r = read_file(c, fd, &st, &data, &s.len);
    if (r != 0) {
        srv_problem(c, from, "cannot read %s: %s", path, r == LB_E_SYSTEM ? strerror(errno) : lb_strerror(r));
        goto out;
    }
    s.data = data;
    c->stack[c->depth].dev = st.st_dev;
    c->stack[c->depth].ino = st.st_ino;
    c->depth++;
    c->files++;
    read(c, &s);
    c->depth--;
out:
    free(data);
    if (fd >= 0)
        close(fd);
}

/* Patterns */

static bool is_pattern(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("*?[", s[i]) != NULL)
            return true;
    }
    return false;
}

static bool add_path(struct srvconf *c, struct srv_paths *p, const char *path)
{
    bool has_room = (p->count & (p->count - 1)) != 0;
    size_t room = p->count == 0 ? 1 : 2 * p->count;
    char **grown = p->count == GLOB_MAX ? NULL : has_room ? p->path : realloc(p->path, room * sizeof(*grown));

    if (grown != NULL) {
        p->path = grown;
        grown[p->count] = strdup(path);
        if (grown[p->count] != NULL) {
            p->count++;
            return true;
        }
    }
    srv_problem(c, NULL, "%s and so on: so many names that the rest is left out", path);
    c->full = true;
    return false;
}

static bool exists(const struct srvconf *c, const char *path)
{
    int fd = open_at(c, path, O_PATH);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* done: the path so far, without wildcards; rest: what follows, without a slash in front. */
static bool expand(struct srvconf *c, const char *done, const char *rest, unsigned depth, struct srv_paths *ret)
{
    size_t len = strcspn(rest, "/");
    const char *next = rest + len + strspn(rest + len, "/");
    char path[PATH_MAX], part[NAME_MAX + 1];
    struct dirent *entry;
    bool ok = true;
    DIR *dir;
    int fd;

    if (len > NAME_MAX || depth > 64)
        return true;
    snprintf(part, sizeof(part), "%.*s", (int)len, rest);
    if (!is_pattern(part, len)) {
        if (!srv_join(done, part, path))
            return true;
        if (*next != '\0')
            return expand(c, path, next, depth + 1, ret);
        return !exists(c, path) || add_path(c, ret, path);
    }
    fd = open_at(c, done[0] == '\0' ? "/" : done, O_RDONLY | O_DIRECTORY);
    dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        if (errno != ENOENT && errno != ENOTDIR)
            srv_problem(c, NULL, "cannot read the directory %s: %s", done, strerror(errno));
        if (fd >= 0)
            close(fd);
        return true;
    }
    while (ok && (entry = readdir(dir)) != NULL) {
        if (c->looked++ >= SRV_LOOKED_MAX) {
            srv_problem(c, NULL, "%s has so many names that the rest is left out", done);
            ok = false;
        }
        if (fnmatch(part, entry->d_name, FNM_PERIOD) != 0 || !srv_join(done, entry->d_name, path))
            continue;
        ok = *next != '\0' ? expand(c, path, next, depth + 1, ret) : add_path(c, ret, path);
    }
    closedir(dir);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool srv_glob(struct srvconf *c, const char *pattern, struct srv_paths *ret)
{
    bool ok;

    *ret = (struct srv_paths){ NULL, 0 };
    ok = expand(c, "", pattern + strspn(pattern, "/"), 0, ret);
    if (ret->count > 0)
        qsort(ret->path, ret->count, sizeof(*ret->path), by_name);
    return ok;
}

void srv_paths_free(struct srv_paths *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->path[i]);
    free(p->path);
    *p = (struct srv_paths){ NULL, 0 };
}

void srv_include(struct srvconf *c, const struct srv_source *s, const char *pattern, bool absent, srv_reader *read)
{
    struct srv_paths found;
    char path[PATH_MAX];

    if (!srv_join(c->base, pattern, path)) {
        srv_problem(c, s, "a path that is too long");
        return;
    }
    if (!is_pattern(path, strlen(path))) {
        read_one(c, s, path, absent, read);
        return;
    }
    (void)srv_glob(c, path, &found);
    for (size_t i = 0; i < found.count; i++) {
        if (!srv_is_dir(c, found.path[i]))
            read_one(c, s, found.path[i], absent, read);
    }
    srv_paths_free(&found);
}

bool srv_include_dir(struct srvconf *c, const struct srv_source *s, const char *dir, const char *match,
                     srv_reader *read)
{
    char path[PATH_MAX], pattern[PATH_MAX];

    if (!srv_join(c->base, dir, path) || !srv_is_dir(c, path))
        return false;
    if (srv_join(path, match == NULL ? "*" : match, pattern))
        srv_include(c, s, pattern, /* absent= */ true, read);
    return true;
}
