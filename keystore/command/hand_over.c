/* Files of a box that become another user's, in a directory that a user may be changing all the while. */
#include "command/hand_over.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/socket.h"

/* Tokens of SoftHSM are two directories deep. */
#define DEPTH_MAX 8
#define STORE "store.db"

static int failed(const char *path, struct problem *p)
{
    return problem_set(p, LB_E_SYSTEM, "%s: %s", path, strerror(errno));
}

int rootdir_open(const char *path, bool make, struct rootdir *ret, struct problem *p)
{
    struct stat st;
    bool made = false;
    int r;

    ret->fd = -1;
    if (snprintf(ret->path, sizeof(ret->path), "%s", path) >= (int)sizeof(ret->path))
        return problem_set(p, LB_E_TOO_LONG, "the path '%.100s...' is too long", path);
    if (make) {
        made = mkdir(path, 0755) == 0;
        if (!made && errno != EEXIST)
            return problem_set(p, LB_E_SYSTEM, "cannot make %s: %s", path, strerror(errno));
    }
    ret->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ret->fd < 0)
        return !make && errno == ENOENT ? 0 : failed(path, p);
    /* The mode is set, since the umask is for a person's files and not for what each box must reach. */
    if ((made && fchmod(ret->fd, 0755) < 0) || fstat(ret->fd, &st) < 0) {
        r = failed(path, p);
        rootdir_close(ret);
        return r;
    }
    if (st.st_uid == 0 && (st.st_mode & 022) == 0)
        return 0;
    rootdir_close(ret);
    if (st.st_uid != 0)
        problem_set(p, LB_E_VALUE, "%s belongs to uid %lu, who could put other files in place of a box's", path,
                    (unsigned long)st.st_uid);
    else
        problem_set(p, LB_E_VALUE, "others than root can write in %s, and put other files in place of a box's", path);
    problem_hint(p, "it must be root's alone: chown root %s && chmod go-w %s", path, path);
    return LB_E_VALUE;
}

void rootdir_close(struct rootdir *d)
{
    socket_close(d->fd);
    d->fd = -1;
}

bool handover_store_in_use(int dir_fd, pid_t *ret_pid)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = openat(dir_fd, STORE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool locked = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;

    *ret_pid = locked && lock.l_pid > 0 ? lock.l_pid : 0;
    socket_close(fd);
    return locked;
}

/* One walk through a directory. */
struct walk {
    const struct handover *h;
    bool roots;  /* root's files too: the directory is root's */
    bool change; /* else it is only looked through */
};

static bool may_be_owned(const struct walk *w, uid_t uid)
{
    return uid == w->h->uid || uid == w->h->former || (w->roots && uid == 0);
}

/* Is this something that may be given away? path is for the message. */
static int check(const struct walk *w, const struct stat *st, const char *path, struct problem *p)
{
    if (S_ISLNK(st->st_mode))
        problem_set(p, LB_E_VALUE, "%s is a link: what it points to is not given away", path);
    else if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
        problem_set(p, LB_E_VALUE, "%s is neither a file nor a directory", path);
    else if (!may_be_owned(w, st->st_uid))
        problem_set(p, LB_E_VALUE, "%s belongs to uid %lu, which is neither the box's user nor the one it had", path,
                    (unsigned long)st->st_uid);
    else if (S_ISREG(st->st_mode) && st->st_nlink > 1)
        problem_set(p, LB_E_VALUE, "%s has %lu names: it may be another box's file", path, (unsigned long)st->st_nlink);
    else
        return 0;
    problem_hint(p, "a box did not make it: look at it, and move it away");
    return LB_E_VALUE;
}

/*
 * Gives the file. Group and others lose their rights: the group's bits are also the mask of access control lists, which the
 * former owner may have set. Meanwhile the file is root's, so that nobody sets them again.
 */
static int give(const struct handover *h, int fd, mode_t mode)
{
    return fchown(fd, 0, 0) < 0 || fchmod(fd, mode) < 0 || fchown(fd, h->uid, h->gid) < 0 ? LB_E_SYSTEM : 0;
}

static int walk_dir(const struct walk *w, int fd, const char *path, int depth, struct problem *p);

/*
 * Looks at one entry of the directory parent. Between fstatat() and openat() another file can take its place only while the
 * directory is its former owner's, that is while things are only looked at. What is checked is what was opened.
 */
static int walk_entry(const struct walk *w, int parent, const char *name, const char *path, int depth, struct problem *p)
{
    struct stat st;
    int fd = -1, r;

    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return !w->change && errno == ENOENT ? 0 : failed(path, p);
    r = check(w, &st, path, p);
    if (r != 0)
        return r;
    fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        r = failed(path, p);
    if (r == 0)
        r = check(w, &st, path, p);
    if (r == 0 && S_ISDIR(st.st_mode))
        r = walk_dir(w, fd, path, depth + 1, p);
    else if (r == 0 && w->change && give(w->h, fd, st.st_mode & 0700) != 0)
        r = failed(path, p);
    socket_close(fd);
    return r;
}

static int walk_entries(const struct walk *w, int fd, const char *path, int depth, struct problem *p)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *e;
    char below[PATH_MAX];

    if (dir == NULL) {
        socket_close(copy);
        return failed(path, p);
    }
    while (r == 0 && (errno = 0, e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (snprintf(below, sizeof(below), "%s/%s", path, e->d_name) >= (int)sizeof(below))
            r = problem_set(p, LB_E_TOO_LONG, "a path below %.100s is too long", path);
        else
            r = walk_entry(w, fd, e->d_name, below, depth, p);
    }
    if (r == 0 && errno != 0)
        r = failed(path, p);
    closedir(dir);
    return r;
}

/*
 * Walks a directory that was opened and checked. While its content is given away the directory is root's, mode 0700. So its
 * former owner, who may be an attacker by now, cannot replace what was looked at.
 */
static int walk_dir(const struct walk *w, int fd, const char *path, int depth, struct problem *p)
{
    struct stat st;
    int r;

    if (depth > DEPTH_MAX)
        return problem_set(p, LB_E_VALUE, "%s is %d directories deep", path, depth);
    if (!w->change)
        return walk_entries(w, fd, path, depth, p);
    if (fstat(fd, &st) < 0 || fchown(fd, 0, 0) < 0 || fchmod(fd, 0700) < 0)
        return failed(path, p);
    r = walk_entries(w, fd, path, depth, p);
    if (r == 0 && give(w->h, fd, 0700) != 0)
        r = failed(path, p);
    /* Puts the directory back as it was. If that fails too, the first failure is told. */
    if (r != 0 && fchmod(fd, st.st_mode & 07777) == 0)
        (void)!fchown(fd, st.st_uid, st.st_gid);
    return r;
}

static int make_dir(const struct rootdir *dir, const char *name, const char *path, const struct handover *h, struct problem *p)
{
    int fd = -1, r = 0;

    if (mkdirat(dir->fd, name, 0700) < 0)
        return problem_set(p, LB_E_SYSTEM, "cannot make %s: %s", path, strerror(errno));
    fd = openat(dir->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || give(h, fd, 0700) != 0) {
        r = failed(path, p);
        (void)unlinkat(dir->fd, name, AT_REMOVEDIR);
    }
    socket_close(fd);
    return r;
}

static int path_of(const struct rootdir *dir, const char *name, char ret[PATH_MAX], struct problem *p)
{
    if (snprintf(ret, PATH_MAX, "%s/%s", dir->path, name) < PATH_MAX)
        return 0;
    return problem_set(p, LB_E_TOO_LONG, "the path '%.100s...' is too long", dir->path);
}

/* The owner of the directory decides whose its content may be. */
static int begin_walk(int fd, const char *path, const char *box, const struct handover *h, struct walk *ret,
                      struct problem *p)
{
    struct stat st;
    pid_t pid;

    if (fstat(fd, &st) < 0)
        return failed(path, p);
    *ret = (struct walk){ .h = h, .roots = true };
    if (check(ret, &st, path, p) != 0)
        return p->code;
    ret->roots = st.st_uid == 0;
    if (!handover_store_in_use(fd, &pid))
        return 0;
    problem_set(p, LB_E_IN_USE, "box '%s' is running: process %ld has the store in %s open", box, (long)pid, path);
    problem_hint(p, "stop it first; under systemd: systemctl stop littleboxd@%s.socket littleboxd@%s.service", box, box);
    return LB_E_IN_USE;
}

int handover_dir(const struct rootdir *dir, const char *name, const struct handover *h, bool *ret_moved, struct problem *p)
{
    struct walk walk = { .h = h };
    char path[PATH_MAX];
    struct stat st;
    int fd = -1, r = path_of(dir, name, path, p);

    *ret_moved = false;
    if (r != 0)
        return r;
    if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? make_dir(dir, name, path, h, p) : failed(path, p);
    if (!S_ISDIR(st.st_mode)) {
        problem_set(p, LB_E_VALUE, "%s is not a directory", path);
        problem_hint(p, "move it away; for a store on another disk mount that disk, or a directory of it, at this place");
        return LB_E_VALUE;
    }
    fd = openat(dir->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return failed(path, p);
    if (st.st_uid == h->uid) {
        r = fchmod(fd, 0700) < 0 ? failed(path, p) : 0;
    } else {
        r = begin_walk(fd, path, name, h, &walk, p);
        if (r == 0)
            r = walk_dir(&walk, fd, path, 0, p);
        walk.change = true;
        if (r == 0)
            r = walk_dir(&walk, fd, path, 0, p);
        *ret_moved = r == 0;
    }
    socket_close(fd);
    return r;
}

int handover_file(const struct rootdir *dir, const char *name, const struct handover *h, bool *ret_moved, struct problem *p)
{
    struct walk walk = { .h = h, .roots = true };
    char path[PATH_MAX];
    struct stat st;
    int fd = -1, r = path_of(dir, name, path, p);

    *ret_moved = false;
    if (r != 0)
        return r;
    if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : failed(path, p);
    r = check(&walk, &st, path, p);
    if (r != 0)
        return r;
    if (S_ISDIR(st.st_mode))
        return problem_set(p, LB_E_VALUE, "%s is a directory", path);
    if (st.st_uid == h->uid && (st.st_mode & 07777) == 0400)
        return 0;
    fd = openat(dir->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || give(h, fd, 0400) != 0)
        r = failed(path, p);
    *ret_moved = r == 0;
    socket_close(fd);
    return r;
}
