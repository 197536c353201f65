/* A file of a server's, in a directory that may be another user's: looked at, written beside, and given its name. */
#include "deploy/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/socket.h"
#include "command/key_file.h"
#include "guard/secret.h"

#define FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static int failed(const struct target *f, const char *what, struct problem *p)
{
    return problem_set(p, LB_E_SYSTEM, "cannot %s '%s': %s", what, f->want->path, strerror(errno));
}

static int changed(const struct target *f, struct problem *p)
{
    return problem_set(p, LB_E_SYSTEM, "'%s' was changed by somebody else meanwhile: it is left as it is", f->want->path);
}

static bool is_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

void target_init(struct target *f)
{
    memset(f, 0, sizeof(*f));
    f->way.dir = -1;
    f->new.fd = f->new.dir = -1;
}

/* What is in a file */

/* Of the PEM blocks in a file. */
struct blocks {
    bool certificates;
    bool others; /* neither certificates nor a private key or its handle */
};

static struct blocks blocks_of(const uint8_t *data, size_t len)
{
    static const char begin[] = "-----BEGIN ";
    static const char *const known[] = { "CERTIFICATE-----", "X509 CERTIFICATE-----", "PRIVATE KEY-----" };
    struct blocks ret = { false, false };
    const uint8_t *end = data + len;

    while ((data = memmem(data, (size_t)(end - data), begin, strlen(begin))) != NULL) {
        size_t i = 0;

        data += strlen(begin);
        while (i < 3 && ((size_t)(end - data) < strlen(known[i]) || memcmp(data, known[i], strlen(known[i])) != 0))
            i++;
        ret.certificates = ret.certificates || i < 2;
        ret.others = ret.others || i == 3;
    }
    return ret;
}

static int refuse_key(const struct target *f, enum keyfile_sight sight, struct problem *p)
{
    char word[2 * PATH_MAX];

    problem_set(p, LB_E_EXISTS, "'%s' has a private key in it, which would be lost", f->want->path);
    /* An encrypted key may be the only copy. */
    if (sight == KEYFILE_ENCRYPTED)
        problem_hint(p, "name another file, or move that one to where it is kept");
    else
        problem_hint(p, "name another file; to move that key into the box: littlebox adopt %.150s", cli_quoted(f->want->path, word));
    return LB_E_EXISTS;
}

/* Would the new file take something away? Only what a deployment writes itself may be in its place. */
static int judge(const struct target *f, const uint8_t *data, size_t len, enum keyfile_sight sight, struct problem *p)
{
    struct blocks blocks = blocks_of(data, len);
    bool handle = sight == KEYFILE_HANDLE || sight == KEYFILE_DAMAGED;

    if (sight == KEYFILE_PLAIN || sight == KEYFILE_ENCRYPTED)
        return refuse_key(f, sight, p);
    if (f->want->kind == DEPLOY_HANDLE && handle && blocks.certificates) {
        problem_set(p, LB_E_EXISTS, "'%s' has certificates in it beside the handle, which would be lost", f->want->path);
        problem_hint(p, "for a file with both: --combined");
        return LB_E_EXISTS;
    }
    if (blocks.others || sight == KEYFILE_REFERENCE || (len > 0 && !handle && !blocks.certificates)) {
        problem_set(p, LB_E_EXISTS, "'%s' has something else in it than a handle and certificates, which would be lost",
                    f->want->path);
        problem_hint(p, "name another file, or move that one away");
        return LB_E_EXISTS;
    }
    if (f->want->kind == DEPLOY_HANDLE && len > 0 && !handle) {
        problem_set(p, LB_E_EXISTS, "'%s' has certificates in it, not a handle", f->want->path);
        problem_hint(p, "is it the one for --chain?");
        return LB_E_EXISTS;
    }
    if (f->want->kind == DEPLOY_CHAIN && handle) {
        problem_set(p, LB_E_EXISTS, "'%s' has a handle in it, which would be lost", f->want->path);
        problem_hint(p, "is it the one for --handle or --combined?");
        return LB_E_EXISTS;
    }
    return 0;
}

/* Reads a file into secret memory of KEYFILE_MAX bytes, as it may be a private key, and sees what it is. */
static int see(int fd, uint8_t **ret, size_t *ret_len, enum keyfile_sight *ret_sight)
{
    uint8_t *data = secret_alloc(KEYFILE_MAX);
    struct handle unused = { .type = 0 };
    size_t len = 0;
    ssize_t n = 1;
    int r = data == NULL ? LB_E_NOMEM : 0;

    while (r == 0 && n > 0 && len < KEYFILE_MAX) {
        n = pread(fd, data + len, KEYFILE_MAX - len, (off_t)len);
        if (n > 0)
            len += (size_t)n;
        else if (n < 0)
            r = LB_E_SYSTEM;
    }
    if (r == 0)
        r = keyfile_look(data, len, ret_sight, &unused);
    handle_clear(&unused);
    if (r != 0) {
        secret_free(data, KEYFILE_MAX);
        data = NULL;
    }
    *ret = data;
    *ret_len = len;
    return r;
}

static int look_inside(struct target *f, int fd, struct problem *p)
{
    const struct wanted_file *w = f->want;
    enum keyfile_sight sight;
    uint8_t *data;
    size_t len;
    int r;

    if (f->seen.st_size >= KEYFILE_MAX) {
        problem_set(p, LB_E_EXISTS, "'%s' has %lld bytes, which no handle and no chain has", w->path, (long long)f->seen.st_size);
        problem_hint(p, "name another file, or move that one away");
        return LB_E_EXISTS;
    }
    r = see(fd, &data, &len, &sight);
    if (r == LB_E_NOMEM)
        return secret_no_memory(p);
    if (r != 0)
        return failed(f, "read", p);
    r = judge(f, data, len, sight, p);
    f->same = r == 0 && len == w->content.len && memcmp(data, w->content.p, len) == 0 && f->seen.st_uid == w->uid &&
              f->seen.st_gid == w->gid && (f->seen.st_mode & 07777) == w->mode;
    secret_free(data, KEYFILE_MAX);
    return r;
}

static int look_at(struct target *f, struct problem *p)
{
    struct stat st;
    int fd, r;

    if (fstatat(f->way.dir, f->way.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : failed(f, "look at", p);
    if (!S_ISREG(st.st_mode))
        return problem_set(p, LB_E_VALUE, "'%s' is no plain file", f->want->path);
    fd = openat(f->way.dir, f->way.name, FLAGS);
    if (fd < 0)
        return failed(f, "read", p);
    if (fstat(fd, &f->seen) < 0)
        r = failed(f, "look at", p);
    else if (!S_ISREG(f->seen.st_mode))
        r = changed(f, p);
    else
        r = look_inside(f, fd, p);
    f->there = r == 0;
    socket_close(fd);
    return r;
}

static int walk(struct target *f, struct problem *p)
{
    const struct wanted_file *w = f->want;
    int r = trustpath_open(w->path, &f->way, p);

    if (r == LB_E_SYSTEM && errno == ENOENT) {
        /* The name of the file itself may be missing, and the walk says nothing of which part was. */
        problem_set(p, r, "cannot open the directory of '%s': %s", w->path, strerror(ENOENT));
        return r;
    }
    if (r == 0 && f->way.foreign_link) {
        problem_set(p, LB_E_DENIED, "a symbolic link of uid %u is on the way to '%s': that user would choose what is written over",
                    f->way.link_owner, w->path);
        problem_hint(p, "name the file by the path that it really has");
        return LB_E_DENIED;
    }
    if (r == 0 && (r = trustpath_check(&f->way, w->path, w->uid, p)) != 0)
        problem_hint(p, "if the server of that user reads it, the file is to be that user's: --owner USER");
    return r;
}

int target_look(const struct wanted_file *want, struct target *ret, struct problem *p)
{
    int r;

    target_init(ret);
    ret->want = want;
    r = walk(ret, p);
    return r == 0 ? look_at(ret, p) : r;
}

int target_write(struct target *f, struct problem *p)
{
    const struct wanted_file *w = f->want;
    struct stat st;
    int r = newfile_begin_at(f->way.dir, f->way.name, &f->new, p);

    if (r != 0)
        return r;
    r = newfile_write(&f->new, w->content.p, w->content.len, p);
    if (r == 0 && fstat(f->new.fd, &st) < 0)
        r = failed(f, "write", p);
    if (r == 0 && (st.st_uid != w->uid || st.st_gid != w->gid) && fchown(f->new.fd, w->uid, w->gid) < 0) {
        r = failed(f, "give away", p);
        problem_hint(p, "only root makes files for others");
    }
    if (r == 0 && (fchmod(f->new.fd, w->mode) < 0 || fsync(f->new.fd) < 0))
        r = failed(f, "write", p);
    return r;
}

/* Is this name, in the directory, that file? */
static bool names(const struct target *f, const char *name, const struct stat *file)
{
    struct stat st;

    return fstatat(f->way.dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_file(&st, file);
}

static bool cannot(int error)
{
    return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

static int move(const struct target *f, unsigned flags)
{
    return renameat2(f->way.dir, f->new.temp, f->way.dir, f->way.name, flags) < 0 ? LB_E_SYSTEM : 0;
}

/* A file system that can do neither replaces, after a look. What was there is gone then. */
static int replace(struct target *f, struct problem *p)
{
    struct stat st;
    bool there = fstatat(f->way.dir, f->way.name, &st, AT_SYMLINK_NOFOLLOW) == 0;

    if (there != f->there || (there && !is_file(&st, &f->seen)))
        return changed(f, p);
    if (move(f, 0) != 0)
        return failed(f, "replace", p);
    f->new.temp[0] = '\0';
    f->put = true;
    return 0;
}

int target_put(struct target *f, struct problem *p)
{
    if (move(f, f->there ? RENAME_EXCHANGE : RENAME_NOREPLACE) != 0) {
        if (cannot(errno))
            return replace(f, p);
        return errno == EEXIST || errno == ENOENT ? changed(f, p) : failed(f, "replace", p);
    }
    f->put = true;
    if (!f->there) {
        f->new.temp[0] = '\0';
        return 0;
    }
    if (names(f, f->new.temp, &f->seen))
        return 0;
    target_undo(f);
    return changed(f, p);
}

void target_undo(struct target *f)
{
    struct stat mine;
    bool known = f->put && fstat(f->new.fd, &mine) == 0;

    f->put = false;
    if (!known || !names(f, f->way.name, &mine))
        return;
    if (f->new.temp[0] != '\0')
        (void)move(f, RENAME_EXCHANGE);
    else if (!f->there)
        (void)unlinkat(f->way.dir, f->way.name, 0);
    /* What is not the new file is not to be removed with it. */
    if (f->new.temp[0] != '\0' && !names(f, f->new.temp, &mine))
        f->new.temp[0] = '\0';
}

int target_keep(struct target *f, struct problem *p)
{
    if (!f->put)
        return 0;
    if (f->new.temp[0] != '\0' && names(f, f->new.temp, &f->seen) && unlinkat(f->way.dir, f->new.temp, 0) < 0)
        return failed(f, "remove what was at", p);
    f->new.temp[0] = '\0';
    return fsync(f->way.dir) < 0 ? failed(f, "put on disk", p) : 0;
}

/* ".NAME." and 16 hexadecimal digits. */
static bool is_left_over(const struct target *f, const char *name)
{
    char begin[NAME_MAX + 3];
    size_t len = (size_t)snprintf(begin, sizeof(begin), ".%.200s.", f->way.name);

    return strncmp(name, begin, len) == 0 && strlen(name) == len + 16 && strspn(name + len, "0123456789abcdef") == 16;
}

static void sweep_one(const struct target *f, const char *name)
{
    int fd = openat(f->way.dir, name, FLAGS);
    enum keyfile_sight sight = KEYFILE_PLAIN;
    uint8_t *data = NULL;
    struct stat st;
    size_t len;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == geteuid() || st.st_uid == f->want->uid) &&
        st.st_size < KEYFILE_MAX && see(fd, &data, &len, &sight) == 0 && sight != KEYFILE_PLAIN && sight != KEYFILE_ENCRYPTED)
        (void)unlinkat(f->way.dir, name, 0);
    secret_free(data, KEYFILE_MAX);
    socket_close(fd);
}

void target_sweep(const struct target *f)
{
    int copy = openat(f->way.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *e;

    if (dir == NULL) {
        socket_close(copy);
        return;
    }
    while ((e = readdir(dir)) != NULL) {
        if (is_left_over(f, e->d_name))
            sweep_one(f, e->d_name);
    }
    closedir(dir);
}

void target_close(struct target *f)
{
    newfile_drop(&f->new);
    trustpath_close(&f->way);
}
