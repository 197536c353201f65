/* openssl.cnf and the two files beside it, as they are on disk: read, and replaced in one step. */
#include "activation/conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/file_attributes.h"
#include "base/socket.h"

#define LINKS_MAX 40
/* What a path consists of that an .include line can name: OpenSSL takes quotes, '$', '#' and '\' for more than themselves. */
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-,:@%+"

bool conf_path_ok(const char *path)
{
    return path[strspn(path, PLAIN)] == '\0';
}

static int failed(const char *what, const char *path, struct problem *p)
{
    return problem_set(p, LB_E_SYSTEM, "cannot %s '%s': %s", what, path, strerror(errno));
}

static int too_long(const char *path, struct problem *p)
{
    return problem_set(p, LB_E_TOO_LONG, "the path '%.100s...' is too long", path);
}

/* The directory of path, as a path. */
static int directory_of(const char *path, char ret[PATH_MAX], struct problem *p)
{
    const char *slash = strrchr(path, '/');
    char dir[PATH_MAX];

    snprintf(dir, sizeof(dir), "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1, slash == NULL ? "." : path);
    return realpath(dir, ret) == NULL ? failed("open", dir, p) : 0;
}

/* Where the link at path leads. False: there is none. */
static bool follow(char path[PATH_MAX])
{
    char link[PATH_MAX], joined[2 * PATH_MAX];
    ssize_t n = readlink(path, link, sizeof(link) - 1);
    const char *slash = strrchr(path, '/');

    if (n <= 0)
        return false;
    link[n] = '\0';
    snprintf(joined, sizeof(joined), "%.*s%s", link[0] == '/' || slash == NULL ? 0 : (int)(slash - path) + 1, path, link);
    return snprintf(path, PATH_MAX, "%s", joined) < PATH_MAX;
}

/* The path of the file itself, also of one that is not there: Debian's link is, without the package that has openssl.cnf. */
static int resolve(const char *named, char ret[PATH_MAX], struct problem *p)
{
    char at[PATH_MAX], dir[PATH_MAX];
    const char *slash;
    int r;

    if (realpath(named, ret) != NULL)
        return 0;
    if (errno != ENOENT)
        return failed("open", named, p);
    if (snprintf(at, sizeof(at), "%s", named) >= PATH_MAX)
        return too_long(named, p);
    for (int i = 0; i < LINKS_MAX && follow(at); i++)
        continue;
    r = directory_of(at, dir, p);
    slash = strrchr(at, '/');
    if (r == 0 && snprintf(ret, PATH_MAX, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, slash == NULL ? at : slash + 1) >= PATH_MAX)
        return too_long(named, p);
    return r;
}

static int read_open(struct conf_file *f, int fd, struct problem *p)
{
    size_t len = 0;

    if (fstat(fd, &f->st) < 0)
        return failed("read", f->path, p);
    if (!S_ISREG(f->st.st_mode))
        return problem_set(p, LB_E_CONFIG, "'%s' is not a plain file", f->path);
    if (f->st.st_size > CONF_FILE_MAX)
        return problem_set(p, LB_E_CONFIG, "'%s' is longer than %d bytes: that is no openssl.cnf", f->path, CONF_FILE_MAX);
    f->text = malloc((size_t)f->st.st_size + 1);
    if (f->text == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    while (len < (size_t)f->st.st_size) {
        ssize_t n = read(fd, f->text + len, (size_t)f->st.st_size - len);

        if (n < 0 && errno != EINTR)
            return failed("read", f->path, p);
        if (n == 0)
            return problem_set(p, LB_E_VALUE, "'%s' became shorter while it was read", f->path);
        len += n > 0 ? (size_t)n : 0;
    }
    f->text[len] = '\0';
    if (strlen(f->text) != len)
        return problem_set(p, LB_E_CONFIG, "'%s' has NUL bytes: that is no openssl.cnf", f->path);
    f->there = true;
    return 0;
}

static int read_file(struct conf_file *f, struct problem *p)
{
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW), r;

    if (fd < 0)
        return errno == ENOENT ? 0 : failed("read", f->path, p);
    r = read_open(f, fd, p);
    socket_close(fd);
    return r;
}

/* What openssl.cnf is called without ".cnf", and this behind it. */
static int beside(const struct conf_file *conf, const char *ending, struct conf_file *ret, struct problem *p)
{
    size_t len = strlen(conf->path);

    if (len > 4 && strcmp(conf->path + len - 4, ".cnf") == 0)
        len -= 4;
    if (snprintf(ret->path, PATH_MAX, "%.*s-littlebox.%s", (int)len, conf->path, ending) >= PATH_MAX)
        return too_long(conf->path, p);
    return read_file(ret, p);
}

static int find(const struct cli *c, struct conf_files *ret, struct problem *p)
{
    const char *file = c->options[OPT_FILE];
    char *path = file == NULL ? CONF_get1_default_config_file() : NULL;
    int n = snprintf(ret->named, PATH_MAX, "%s", file != NULL ? file : path != NULL ? path : "");

    OPENSSL_free(path);
    ret->why = file != NULL ? " (--file)" : secure_getenv("OPENSSL_CONF") != NULL ? " (OPENSSL_CONF)" : "";
    if (n >= PATH_MAX)
        return too_long(ret->named, p);
    if (n > 0)
        return 0;
    problem_set(p, LB_E_CONFIG, "the name of openssl.cnf is empty%s: programs read none", ret->why);
    problem_hint(p, "name it: --file FILE");
    return LB_E_CONFIG;
}

int conf_files_read(const struct cli *c, struct conf_files *ret, struct problem *p)
{
    int r;

    memset(ret, 0, sizeof(*ret));
    r = find(c, ret, p);
    if (r == 0)
        r = resolve(ret->named, ret->conf.path, p);
    if (r == 0 && !conf_path_ok(ret->conf.path)) {
        r = problem_set(p, LB_E_CONFIG, "'%s' is a path that no .include line of an openssl.cnf can name", ret->conf.path);
        problem_hint(p, "it may have letters, digits and /._-,:@%%+");
    }
    if (r == 0)
        r = read_file(&ret->conf, p);
    if (r == 0)
        r = beside(&ret->conf, "cnf", &ret->drop_in, p);
    if (r == 0)
        r = beside(&ret->conf, "before", &ret->before, p);
    return r;
}

void conf_files_clear(struct conf_files *f)
{
    free(f->conf.text);
    free(f->drop_in.text);
    free(f->before.text);
    f->conf.text = f->drop_in.text = f->before.text = NULL;
}

/* Writing */

int conf_file_writable(const struct conf_file *f, struct problem *p)
{
    char dir[PATH_MAX];
    int r = directory_of(f->path, dir, p);

    if (r != 0 || access(dir, W_OK | X_OK) == 0)
        return r;
    problem_set(p, LB_E_SYSTEM, "cannot write '%s': %s: %s", f->path, dir, strerror(errno));
    if (geteuid() != 0)
        problem_hint(p, "run this as root");
    return LB_E_SYSTEM;
}

/* Is what has that name the file that was read? */
static int unchanged(const void *arg, int dir, const char *name, struct problem *p)
{
    const struct conf_file *f = arg;
    struct stat now;

    if (fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_dev == f->st.st_dev && now.st_ino == f->st.st_ino &&
        now.st_size == f->st.st_size && now.st_mtim.tv_sec == f->st.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == f->st.st_mtim.tv_nsec)
        return 0;
    problem_set(p, LB_E_VALUE, "'%s' was changed meanwhile", f->path);
    problem_hint(p, "run the command again");
    return LB_E_VALUE;
}

/* For newfile_exchange(), which knows the directory. */
struct exchange {
    const struct conf_file *file;
    int dir;
};

static int unchanged_in(const void *arg, const char *name, struct problem *p)
{
    const struct exchange *e = arg;

    return unchanged(e->file, e->dir, name, p);
}

/* The new file gets what like has beside its content, before it has a name. */
static int dress(const struct conf_file *f, const struct conf_file *like, const struct newfile *new, struct problem *p)
{
    struct stat st;
    int old, r;

    if (!like->there)
        return fchmod(new->fd, 0644) < 0 ? failed("make", f->path, p) : 0;
    if (fstat(new->fd, &st) < 0)
        return failed("replace", f->path, p);
    /* chown clears the set-id bits, so the mode comes last, and the ACL's mask with it. */
    if ((st.st_uid != like->st.st_uid || st.st_gid != like->st.st_gid) && fchown(new->fd, like->st.st_uid, like->st.st_gid) < 0) {
        failed("give its owner to the new", f->path, p);
        problem_hint(p, "run this as root");
        return p->code;
    }
    if (fchmod(new->fd, like->st.st_mode & 07777) < 0)
        return failed("replace", f->path, p);
    old = open(like->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    r = old < 0 ? failed("replace", f->path, p) : file_attributes_copy(old, new->fd, f->path, p);
    socket_close(old);
    return r;
}

static int remove_file(const struct conf_file *f, struct problem *p)
{
    int r = f->there ? unchanged(f, AT_FDCWD, f->path, p) : 0;

    if (r != 0 || !f->there || unlink(f->path) == 0)
        return r;
    return failed("remove", f->path, p);
}

int conf_file_put(const struct conf_file *f, const struct conf_file *like, const char *text, bool *ret_placed,
                  struct problem *p)
{
    struct exchange e = { f, -1 };
    struct newfile new;
    int r;

    *ret_placed = false;
    if (text == NULL) {
        r = remove_file(f, p);
        *ret_placed = r == 0;
        return r;
    }
    r = newfile_begin(f->path, &new, p);
    if (r != 0)
        return r;
    e.dir = new.dir;
    r = dress(f, like, &new, p);
    if (r == 0)
        r = newfile_write(&new, text, strlen(text), p);
    if (r == 0)
        r = f->there ? newfile_exchange(&new, unchanged_in, &e, ret_placed, p)
                     : newfile_commit(&new, /* replace= */ false, ret_placed, p);
    newfile_drop(&new);
    return r;
}
