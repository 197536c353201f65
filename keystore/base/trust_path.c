/* The way to a file, walked once: the directory that holds it, and everybody who could have led it elsewhere. */
#include "base/trust_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/socket.h"

/* As many as the kernel follows (path_resolution(7)). */
#define LINKS_MAX 40

/* A walk: where it is, and what is left of the way. */
struct walk {
    const char *path; /* as it was given, for texts */
    struct trustpath *t;
    int at;
    char way[2 * PATH_MAX];
    const char *left; /* in way */
    unsigned links;
};

static int failed(const struct walk *w, struct problem *p)
{
    return problem_set(p, LB_E_SYSTEM, "cannot open '%s': %s", w->path, strerror(errno));
}

static int note_owner(struct walk *w, uid_t uid, struct problem *p)
{
    struct trustpath *t = w->t;

    if (uid == 0 || uid == geteuid())
        return 0;
    for (unsigned i = 0; i < t->owner_count; i++) {
        if (t->owners[i] == uid)
            return 0;
    }
    if (t->owner_count == TRUSTPATH_OWNERS_MAX)
        return problem_set(p, LB_E_DENIED, "too many users have directories on the way to '%s'", w->path);
    t->owners[t->owner_count++] = uid;
    return 0;
}

/* Refuses a directory that others may write to: they could replace any file in it. In a sticky one, only their own. */
static int note_directory(struct walk *w, struct problem *p)
{
    char self[40], name[PATH_MAX];
    struct stat st;
    ssize_t n;

    if (fstat(w->at, &st) < 0)
        return failed(w, p);
    if ((st.st_mode & 022) == 0 || (st.st_mode & S_ISVTX) != 0)
        return note_owner(w, st.st_uid, p);
    snprintf(self, sizeof(self), "/proc/self/fd/%d", w->at);
    n = readlink(self, name, sizeof(name) - 1);
    name[n < 0 ? 0 : n] = '\0';
    problem_set(p, LB_E_DENIED, "others than uid %u may put another file in the place of '%.150s': '%.150s' has mode %04o",
                st.st_uid, w->path, name, st.st_mode & 07777);
    problem_hint(p, "chmod go-w '%s', or move the file to where only its owner writes", name);
    return LB_E_DENIED;
}

static int enter(struct walk *w, const char *name, struct problem *p)
{
    int next = openat(w->at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (next < 0)
        return failed(w, p);
    socket_close(w->at);
    w->at = next;
    return note_directory(w, p);
}

/* What a link says goes before what is left of the way. */
static int follow(struct walk *w, const char *name, const struct stat *st, struct problem *p)
{
    char target[2 * PATH_MAX];
    ssize_t n = readlinkat(w->at, name, target, PATH_MAX);
    size_t left = strlen(w->left);
    int r;

    if (n <= 0)
        return failed(w, p);
    if (++w->links > LINKS_MAX) {
        errno = ELOOP;
        return failed(w, p);
    }
    if (n == PATH_MAX || (size_t)n + 1 + left >= sizeof(target))
        return problem_set(p, LB_E_TOO_LONG, "the path '%.100s...' is too long", w->path);
    target[n++] = '/';
    memcpy(target + n, w->left, left + 1);
    memcpy(w->way, target, (size_t)n + left + 1);
    w->left = w->way;
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        w->t->foreign_link = true;
        w->t->link_owner = st->st_uid;
    }
    r = note_owner(w, st->st_uid, p);
    return r == 0 && w->left[0] == '/' ? enter(w, "/", p) : r;
}

/* Takes the next component off the way; false: there is none. */
static bool next_component(struct walk *w, char ret[NAME_MAX + 1], bool *ret_last)
{
    const char *from = w->left + strspn(w->left, "/");
    size_t n = strcspn(from, "/");

    if (n == 0 || n > NAME_MAX)
        return false;
    memcpy(ret, from, n);
    ret[n] = '\0';
    w->left = from + n + strspn(from + n, "/");
    *ret_last = w->left[0] == '\0';
    return true;
}

static int walk(struct walk *w, struct problem *p)
{
    char name[NAME_MAX + 1];
    bool last;
    int r = 0;

    while (r == 0 && next_component(w, name, &last)) {
        bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        struct stat st;

        if (fstatat(w->at, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            if (errno != ENOENT || !last || dots)
                return failed(w, p);
            st.st_mode = S_IFREG; /* as if it were there */
        }
        if (S_ISLNK(st.st_mode)) {
            r = follow(w, name, &st, p);
        } else if (last && !dots) {
            memcpy(w->t->name, name, sizeof(name));
            return 0;
        } else {
            r = enter(w, name, p);
        }
    }
    return r != 0 ? r : problem_set(p, LB_E_VALUE, "'%s' is not a plain file", w->path);
}

int trustpath_open(const char *path, struct trustpath *ret, struct problem *p)
{
    struct walk w = { .path = path, .t = ret, .at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) };
    int r = w.at < 0 ? failed(&w, p) : 0;

    memset(ret, 0, sizeof(*ret));
    ret->dir = -1;
    if (r == 0 && path[0] != '/' && getcwd(w.way, PATH_MAX) == NULL)
        r = failed(&w, p);
    if (r == 0 && strlen(path) >= PATH_MAX)
        r = problem_set(p, LB_E_TOO_LONG, "the path '%.100s...' is too long", path);
    if (r == 0) {
        size_t n = strlen(w.way);

        snprintf(w.way + n, sizeof(w.way) - n, "/%s", path);
        w.left = w.way;
        r = note_directory(&w, p);
    }
    if (r == 0)
        r = walk(&w, p);
    if (r == 0) {
        ret->dir = openat(w.at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = ret->dir < 0 ? failed(&w, p) : 0;
    }
    socket_close(w.at);
    return r;
}

int trustpath_check(const struct trustpath *t, const char *path, uid_t file_owner, struct problem *p)
{
    for (unsigned i = 0; i < t->owner_count; i++) {
        if (t->owners[i] == file_owner)
            continue;
        problem_set(p, LB_E_DENIED, "uid %u, who owns a directory or a link on the way to '%.200s', may put another file "
                    "in its place", t->owners[i], path);
        problem_hint(p, "move it to where only root, you, or its owner (uid %u) may write", file_owner);
        return LB_E_DENIED;
    }
    return 0;
}

void trustpath_close(struct trustpath *t)
{
    socket_close(t->dir);
    t->dir = -1;
}
