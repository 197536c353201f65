/* The file that 'adopt' replaces: opened and checked, replaced in one step, its old content overwritten. */
#include "command/adopt_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_attributes.h"
#include "base/socket.h"
#include "command/key_file.h"
#include "guard/secret.h"

static int failed(const struct adopt_file *f, const char *what, struct problem *p)
{
    return problem_set(p, LB_E_SYSTEM, "cannot %s '%s': %s", what, f->path, strerror(errno));
}

static int check_kind(const struct adopt_file *f, struct problem *p)
{
    if (!S_ISREG(f->st.st_mode))
        return problem_set(p, LB_E_VALUE, "'%s' is not a plain file", f->path);
    if (f->st.st_nlink != 1) {
        problem_set(p, LB_E_VALUE, "'%s' has %lu names (hard links): the key would stay under the others", f->path,
                    (unsigned long)f->st.st_nlink);
        problem_hint(p, "see who uses them, and make them symbolic links to one: find / -xdev -inum %lu",
                     (unsigned long)f->st.st_ino);
        return LB_E_VALUE;
    }
    if (f->st.st_size == 0)
        return problem_set(p, LB_E_VALUE, "'%s' is empty", f->path);
    if (f->st.st_size > KEYFILE_MAX)
        return problem_set(p, LB_E_TOO_LONG, "'%s' is longer than %d bytes: that is no key file", f->path,
                           KEYFILE_MAX);
    return 0;
}

static int read_all(struct adopt_file *f, struct problem *p)
{
    size_t at = 0;

    f->size = (size_t)f->st.st_size;
    f->data = secret_alloc(f->size);
    if (f->data == NULL)
        return secret_no_memory(p);
    while (at < f->size) {
        ssize_t n = pread(f->fd, f->data + at, f->size - at, (off_t)at);

        if (n < 0 && errno != EINTR)
            return failed(f, "read", p);
        if (n == 0)
            return problem_set(p, LB_E_VALUE, "'%s' became shorter while it was read", f->path);
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int adopt_open(const char *path, struct adopt_file *ret, struct problem *p)
{
    int r;

    memset(ret, 0, sizeof(*ret));
    ret->fd = ret->way.dir = -1;
    ret->next = (struct newfile){ .dir = -1, .fd = -1 };
    /* The path may be a link, as live/NAME/privkey.pem often is: the file behind it is replaced, the link stays. */
    if (realpath(path, ret->path) == NULL)
        return problem_set(p, LB_E_SYSTEM, "cannot open '%s': %s", path, strerror(errno));
    r = trustpath_open(path, &ret->way, p);
    if (r != 0)
        return r;
    /*
     * Open for writing, because the content will be overwritten. A read-only file of one's own is dealt with when that
     * comes.
     */
    ret->fd = openat(ret->way.dir, ret->way.name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ret->writable = ret->fd >= 0;
    if (ret->fd < 0)
        ret->fd = openat(ret->way.dir, ret->way.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (ret->fd < 0 || fstat(ret->fd, &ret->st) < 0) {
        r = failed(ret, "open", p);
        adopt_close(ret);
        return r;
    }
    r = check_kind(ret, p);
    if (r == 0)
        r = trustpath_check(&ret->way, ret->path, ret->st.st_uid, p);
    if (r == 0)
        r = read_all(ret, p);
    if (r != 0)
        adopt_close(ret);
    return r;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Is this still the file that was read? It must have this name in the directory, which is where its path leads. */
static int unchanged(const void *arg, const char *name, struct problem *p)
{
    const struct adopt_file *f = arg;
    struct stat now, named, dir, led;
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%.*s", (int)(strrchr(f->path, '/') - f->path) + 1, f->path);
    if (fstat(f->fd, &now) < 0 || fstatat(f->way.dir, name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
        fstat(f->way.dir, &dir) < 0 || stat(path, &led) < 0)
        return failed(f, "look at", p);
    if (!is_same_file(&dir, &led))
        return problem_set(p, LB_E_VALUE, "the directory of '%s' was changed meanwhile", f->path);
    if (!is_same_file(&named, &f->st) || now.st_size != f->st.st_size ||
        now.st_mtim.tv_sec != f->st.st_mtim.tv_sec || now.st_mtim.tv_nsec != f->st.st_mtim.tv_nsec ||
        now.st_nlink != f->st.st_nlink || now.st_mode != f->st.st_mode || now.st_uid != f->st.st_uid ||
        now.st_gid != f->st.st_gid)
        return problem_set(p, LB_E_VALUE, "'%s' was changed meanwhile", f->path);
    return 0;
}

int adopt_prepare(struct adopt_file *f, struct problem *p)
{
    struct stat st;
    int r = unchanged(f, f->way.name, p);

    if (r == 0)
        r = newfile_begin_at(f->way.dir, f->way.name, &f->next, p);
    if (r != 0)
        return r;
    if (fstat(f->next.fd, &st) < 0)
        return failed(f, "replace", p);
    /* chown clears the set-id bits, so the mode comes last, and the ACL's mask with it. */
    if ((st.st_uid != f->st.st_uid || st.st_gid != f->st.st_gid) &&
        fchown(f->next.fd, f->st.st_uid, f->st.st_gid) < 0) {
        problem_set(p, LB_E_SYSTEM, "cannot give the new '%s' to its owner, uid %lu gid %lu: %s", f->path,
                    (unsigned long)f->st.st_uid, (unsigned long)f->st.st_gid, strerror(errno));
        problem_hint(p, "run this as root");
        return LB_E_SYSTEM;
    }
    if (fchmod(f->next.fd, f->st.st_mode & 07777) < 0)
        return failed(f, "set the mode of the new", p);
    return file_attributes_copy(f->fd, f->next.fd, f->path, p);
}

int adopt_replace(struct adopt_file *f, const struct bytes *parts, size_t count, bool *ret_placed, struct problem *p)
{
    int r = unchanged(f, f->way.name, p);

    *ret_placed = false;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = newfile_write(&f->next, parts[i].p, parts[i].len, p);
    return r != 0 ? r : newfile_exchange(&f->next, unchanged, f, ret_placed, p);
}

/* A descriptor that can write to the old file, opened as the file's owner, who may not have the right to write to it. */
static int writable_fd(struct adopt_file *f)
{
    char self[40];

    if (f->writable)
        return f->fd;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
    return fchmod(f->fd, 0600) < 0 ? -1 : open(self, O_WRONLY | O_CLOEXEC);
}

int adopt_scrub(struct adopt_file *f, struct problem *p)
{
    struct stat st;
    int fd = -1, r = 0;

    if (fstat(f->fd, &st) < 0)
        return failed(f, "look at the old", p);
    if (st.st_nlink != 0)
        return problem_set(p, LB_E_VALUE, "the old '%s' got another name meanwhile, so it was not overwritten",
                           f->path);
    fd = writable_fd(f);
    /* The buffer that held the key becomes the noise that goes over it. */
    if (fd < 0 || RAND_bytes(f->data, (int)f->size) <= 0) {
        r = failed(f, "overwrite the old content of", p);
        goto out;
    }
    for (size_t at = 0; at < f->size;) {
        ssize_t n = pwrite(fd, f->data + at, f->size - at, (off_t)at);

        if (n < 0 && errno != EINTR) {
            r = failed(f, "overwrite the old content of", p);
            goto out;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    if (fsync(fd) < 0 || ftruncate(fd, 0) < 0)
        r = failed(f, "overwrite the old content of", p);
out:
    if (fd != f->fd)
        socket_close(fd);
    return r;
}

void adopt_close(struct adopt_file *f)
{
    newfile_drop(&f->next);
    socket_close(f->fd);
    f->fd = -1;
    trustpath_close(&f->way);
    secret_free(f->data, f->size);
    f->data = NULL;
}
