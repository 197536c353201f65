/* The directory with a box's deployments: CONFIG/deploy/BOX, a file NAME.conf for each. */
#include "deploy/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/socket.h"
#include "base/trust_path.h"
#include "command/cli.h"
#include "deploy/file_place.h"
#include "deploy/wait.h"

#define ENDING ".conf"
/* As long as the ending: a name that fits with one fits with the other. */
#define MARK ".todo"
#define LOCK ".lock"
#define LOOK_EVERY_US 100000
/* In bytes: a file of more is none. */
#define CONF_MAX (64 * 1024)

static int failed(const struct shelf *s, const char *name, struct problem *p)
{
    return problem_set(p, LB_E_SYSTEM, "%.200s/%.100s: %s", s->path, name, strerror(errno));
}

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

static int make_one(const char *path, struct problem *p)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return 0;
    return problem_set(p, LB_E_SYSTEM, "cannot make %s: %s", path, strerror(errno));
}

/* CONFIG itself may be missing as well; what is above it is not. */
static int make_all(const struct dirs *dirs, const char *path, struct problem *p)
{
    char above[PATH_MAX];
    int r = make_one(dirs->config, p);

    if (r == 0) {
        snprintf(above, sizeof(above), "%.*s", (int)(strrchr(path, '/') - path), path);
        r = make_one(above, p);
    }
    return r == 0 ? make_one(path, p) : r;
}

int shelf_open(const struct dirs *dirs, const char *box, bool make, struct shelf *ret, struct problem *p)
{
    char inside[PATH_MAX + 10];
    struct trustpath way;
    int r;

    ret->dir = ret->lock = -1;
    if (snprintf(ret->path, sizeof(ret->path), "%s/deploy/%s", dirs->config, box) >= (int)sizeof(ret->path) - 2)
        return problem_set(p, LB_E_TOO_LONG, "the path '%.100s...' is too long", ret->path);
    if (make) {
        r = make_all(dirs, ret->path, p);
        if (r != 0)
            return r;
    } else if (access(ret->path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return 0;
    }
    /* A name in it, which need not be there: so the directory is looked at too. */
    snprintf(inside, sizeof(inside), "%s/*" ENDING, ret->path);
    r = trustpath_open(inside, &way, p);
    if (r != 0)
        return r;
    if (way.owner_count > 0) {
        problem_set(p, LB_E_DENIED, "uid %u owns %.200s or what is above it, and could choose the commands that are run from there",
                    way.owners[0], ret->path);
        problem_hint(p, "deployments are in a directory of root's, or of whoever does them");
        trustpath_close(&way);
        return LB_E_DENIED;
    }
    ret->dir = way.dir;
    return 0;
}

/* ".NAME.conf." and 16 hexadecimal digits: a deployment that a command which was killed did not save. */
static bool is_left_over(const char *name)
{
    size_t len = strlen(name), hex = len < 16 ? 0 : len - 16;

    return name[0] == '.' && hex > strlen(ENDING) + 2 && strspn(name + hex, "0123456789abcdef") == 16 &&
           strncmp(name + hex - strlen(ENDING) - 1, ENDING ".", strlen(ENDING) + 1) == 0;
}

static void sweep(const struct shelf *s)
{
    int copy = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *e;

    if (dir == NULL) {
        socket_close(copy);
        return;
    }
    while ((e = readdir(dir)) != NULL) {
        if (is_left_over(e->d_name))
            (void)unlinkat(s->dir, e->d_name, 0);
    }
    closedir(dir);
}

/* Nobody else opens it, so nobody else can keep it locked. One that was open to others is closed to them from now on. */
static int open_lock(struct shelf *s, struct problem *p)
{
    int fd = openat(s->dir, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    struct stat st;
    int r = 0;

    if (fd < 0 && errno != ELOOP && errno != ENXIO && errno != EISDIR)
        return failed(s, LOCK, p);
    if (fd >= 0 && fstat(fd, &st) < 0) {
        r = failed(s, LOCK, p);
    } else if (fd < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        r = problem_set(p, LB_E_CONFIG, "%.200s/" LOCK " is no plain file of yours: it is what commands that deploy lock", s->path);
        problem_hint(p, "move it away: the next command makes it anew");
    } else if ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) < 0) {
        r = failed(s, LOCK, p);
    }
    if (r != 0)
        socket_close(fd);
    else
        s->lock = fd;
    return r;
}

static int take_lock(const struct shelf *s, struct problem *p)
{
    long long end = wait_now() + 1000LL * SHELF_LOCK_SECONDS;
    bool told = false;

    while (flock(s->lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return failed(s, LOCK, p);
        if (wait_now() >= end) {
            problem_set(p, LB_E_TIMEOUT, "%.200s/" LOCK " has been locked by another command that deploys, for %d seconds and more",
                        s->path, SHELF_LOCK_SECONDS);
            problem_hint(p, "when that command has ended: littlebox --box %s deploy --all", strrchr(s->path, '/') + 1);
            return LB_E_TIMEOUT;
        }
        if (!told)
            cli_note("waiting for another command that deploys");
        told = true;
        usleep(LOOK_EVERY_US);
    }
    return 0;
}

int shelf_lock(struct shelf *s, struct problem *p)
{
    struct stat st;
    int r;

    if (fstat(s->dir, &st) < 0)
        return failed(s, "", p);
    if (st.st_uid != geteuid()) {
        problem_set(p, LB_E_DENIED, "the deployments in %.200s are not yours to do, but uid %u's", s->path, st.st_uid);
        problem_hint(p, "as %s: littlebox --box %s deploy --all", st.st_uid == 0 ? "root" : "that user", strrchr(s->path, '/') + 1);
        return LB_E_DENIED;
    }
    r = open_lock(s, p);
    if (r == 0)
        r = take_lock(s, p);
    if (r == 0)
        sweep(s);
    return r;
}

void shelf_close(struct shelf *s)
{
    socket_close(s->lock);
    socket_close(s->dir);
    s->dir = s->lock = -1;
}

void deployments_clear(struct deployments *all)
{
    for (size_t i = 0; i < all->count; i++) {
        deployment_clear(all->of[i]);
        free(all->of[i]);
    }
    free(all->of);
    free(all->bad);
    memset(all, 0, sizeof(*all));
}

int deployments_add(struct deployments *all, struct deployment *d, struct problem *p)
{
    struct deployment **more = realloc(all->of, (all->count + 1) * sizeof(*more));

    if (more == NULL)
        return out_of_memory(p);
    all->of = more;
    all->of[all->count++] = d;
    return 0;
}

static int add_bad(struct deployments *all, const char *key, const struct problem *why, struct problem *p)
{
    struct bad_deployment *more = realloc(all->bad, (all->bad_count + 1) * sizeof(*more));

    if (more == NULL)
        return out_of_memory(p);
    all->bad = more;
    more += all->bad_count++;
    snprintf(more->key, sizeof(more->key), "%s", key);
    more->why = *why;
    return 0;
}

/* On failure there may be text all the same: it says whose deployment it would be. */
static int read_text(const struct shelf *s, const char *name, char ret[CONF_MAX + 1], size_t *ret_len, struct problem *p)
{
    int fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st = { 0 };
    ssize_t n = 1;
    int r = 0;

    *ret_len = 0;
    if (fd < 0 && errno == ELOOP)
        return problem_set(p, LB_E_DENIED, "%.200s/%.100s is a symbolic link: a deployment is a file", s->path, name);
    if (fd < 0 || fstat(fd, &st) < 0) {
        r = failed(s, name, p);
    } else if (!S_ISREG(st.st_mode)) {
        r = problem_set(p, LB_E_DENIED, "%.200s/%.100s is no plain file", s->path, name);
    } else if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022) != 0) {
        r = problem_set(p, LB_E_DENIED, "%.200s/%.100s: others than root and you could choose the commands in it (uid %u, mode %04o)",
                        s->path, name, st.st_uid, st.st_mode & 07777);
        problem_hint(p, "look at what is in it; then: chown %u '%.100s/%.100s' && chmod go-w '%.100s/%.100s'",
                     (unsigned)geteuid(), s->path, name, s->path, name);
    }
    while (fd >= 0 && S_ISREG(st.st_mode) && n > 0 && *ret_len < CONF_MAX) {
        n = read(fd, ret + *ret_len, CONF_MAX - *ret_len);
        if (n < 0 && errno != EINTR) {
            r = failed(s, name, p);
            break;
        }
        *ret_len += n > 0 ? (size_t)n : 0;
        n = n < 0 ? 1 : n;
    }
    if (r == 0 && *ret_len == CONF_MAX)
        r = problem_set(p, LB_E_CONFIG, "%.200s/%.100s is too long for a deployment", s->path, name);
    ret[*ret_len] = '\0';
    socket_close(fd);
    return r;
}

static int read_one(const struct shelf *s, const char *name, struct deployments *all, struct problem *p)
{
    struct deployment *d = calloc(1, sizeof(*d));
    char path[PATH_MAX + NAME_MAX + 2], *text = malloc(CONF_MAX + 1), key[LB_NAME_MAX + 1] = "";
    struct problem why = { 0 };
    size_t len = 0;
    int r = d == NULL || text == NULL ? out_of_memory(&why) : read_text(s, name, text, &len, &why);

    snprintf(path, sizeof(path), "%s/%s", s->path, name);
    if (len > 0)
        deployment_key(text, key);
    if (r == 0)
        r = deployment_parse(path, text, len, d, &why);
    if (r == 0 && (d->conf = strdup(name)) == NULL)
        r = out_of_memory(&why);
    if (r == 0)
        r = deployments_add(all, d, &why);
    if (r == 0)
        d = NULL; /* now the list's */
    if (d != NULL)
        deployment_clear(d);
    free(d);
    free(text);
    if (r == LB_E_NOMEM)
        *p = why;
    return r == 0 || r == LB_E_NOMEM ? r : add_bad(all, key, &why, p);
}

/* A file that a deployment writes. */
struct written {
    struct file_place place;
    size_t by;
};

static int by_place(const void *a, const void *b)
{
    const struct written *x = a, *y = b;
    int r = fileplace_compare(&x->place, &y->place);

    return r != 0 ? r : x->by < y->by ? -1 : x->by > y->by;
}

static void drop(struct deployments *all, const bool *dropped)
{
    size_t kept = 0;

    for (size_t i = 0; i < all->count; i++) {
        if (dropped[i]) {
            deployment_clear(all->of[i]);
            free(all->of[i]);
        } else {
            all->of[kept++] = all->of[i];
        }
    }
    all->count = kept;
}

static int add_twins(const struct shelf *s, struct deployments *all, const struct written *x, const struct written *y, struct problem *p)
{
    const struct deployment *a = all->of[x->by], *b = all->of[y->by];
    struct problem why;
    int r;

    if (a == b) {
        problem_set(&why, LB_E_CONFIG, "%.150s/%.100s: '%.120s' cannot be two files at once", s->path, a->conf, x->place.path);
        return add_bad(all, a->key, &why, p);
    }
    problem_set(&why, LB_E_CONFIG, "%.150s: %.100s and %.100s both write '%.120s': neither is done", s->path, a->conf, b->conf,
                y->place.path);
    r = add_bad(all, a->key, &why, p);
    return r != 0 || strcmp(a->key, b->key) == 0 ? r : add_bad(all, b->key, &why, p);
}

/* Two that write the same file would take turns: neither is done, as nobody here knows which one is meant. */
static int drop_twins(const struct shelf *s, struct deployments *all, struct problem *p)
{
    struct written *files = calloc(all->count * DEPLOY_FILES + 1, sizeof(*files));
    bool *dropped = calloc(all->count + 1, sizeof(*dropped));
    size_t count = 0;
    int r = files == NULL || dropped == NULL ? out_of_memory(p) : 0;

    for (size_t i = 0; r == 0 && i < all->count; i++) {
        for (int f = 0; f < DEPLOY_FILES; f++) {
            if (all->of[i]->files[f] == NULL)
                continue;
            fileplace_of(all->of[i]->files[f], &files[count].place);
            files[count++].by = i;
        }
    }
    if (r == 0)
        qsort(files, count, sizeof(*files), by_place);
    for (size_t i = 1; r == 0 && i < count; i++) {
        if (fileplace_compare(&files[i - 1].place, &files[i].place) != 0)
            continue;
        r = add_twins(s, all, &files[i - 1], &files[i], p);
        dropped[files[i - 1].by] = dropped[files[i].by] = true;
    }
    if (r == 0)
        drop(all, dropped);
    free(dropped);
    free(files);
    return r;
}

static bool is_conf(const char *name)
{
    size_t len = strlen(name);

    return name[0] != '.' && len > strlen(ENDING) && strcmp(name + len - strlen(ENDING), ENDING) == 0;
}

static int conf_filter(const struct dirent *e)
{
    return is_conf(e->d_name);
}

int shelf_read(const struct shelf *s, struct deployments *ret, struct problem *p)
{
    struct dirent **names = NULL;
    int count, r = 0;

    memset(ret, 0, sizeof(*ret));
    if (s->dir < 0)
        return 0;
    count = scandirat(s->dir, ".", &names, conf_filter, alphasort);
    if (count < 0)
        return failed(s, "", p);
    for (int i = 0; i < count; i++) {
        r = r == 0 ? read_one(s, names[i]->d_name, ret, p) : r;
        free(names[i]);
    }
    free(names);
    return r == 0 ? drop_twins(s, ret, p) : r;
}

/* /etc/nginx/tls/web.pem is etc-nginx-tls-web.pem.conf; the end of a long path says more than its beginning. */
static void name_of(const char *path, unsigned number, char ret[NAME_MAX + 1])
{
    size_t len = strlen(path), at = 0;
    char digits[16] = "";

    if (number > 1)
        snprintf(digits, sizeof(digits), "-%u", number);
    for (size_t i = len > 180 ? len - 180 : 1; i < len; i++) {
        char c = path[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c == '.' && at > 0);

        ret[at++] = plain ? c : '-';
    }
    snprintf(ret + at, NAME_MAX + 1 - at, "%s%s", digits, ENDING);
}

int shelf_name(const struct shelf *s, struct deployment *d, struct problem *p)
{
    char name[NAME_MAX + 1];
    struct stat st;
    unsigned n = 1;

    if (d->conf != NULL)
        return 0;
    do
        name_of(deployment_file(d), n++, name);
    while (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
    d->conf = strdup(name);
    return d->conf == NULL ? out_of_memory(p) : 0;
}

int shelf_save(const struct shelf *s, const struct deployment *d, struct problem *p)
{
    struct newfile file = { .dir = -1, .fd = -1 };
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    int r = 0;

    if (out == NULL)
        return out_of_memory(p);
    deployment_write(d, out);
    if (fclose(out) != 0)
        r = out_of_memory(p);
    if (r == 0)
        r = newfile_begin_at(s->dir, d->conf, &file, p);
    if (r == 0)
        r = newfile_write(&file, text, len, p);
    if (r == 0 && fchmod(file.fd, 0644) < 0)
        r = failed(s, d->conf, p);
    if (r == 0)
        r = newfile_commit(&file, /* replace= */ true, /* ret_placed= */ NULL, p);
    newfile_drop(&file);
    free(text);
    return r;
}

static void mark_name(const struct deployment *d, char ret[NAME_MAX + 1])
{
    snprintf(ret, NAME_MAX + 1, "%.*s%s", (int)(strlen(d->conf) - strlen(ENDING)), d->conf, MARK);
}

int shelf_forget(const struct shelf *s, const struct deployment *d, struct problem *p)
{
    int r = shelf_unmark(s, d, p);

    if (r == 0 && unlinkat(s->dir, d->conf, 0) < 0)
        r = failed(s, d->conf, p);
    if (r == 0 && fsync(s->dir) < 0)
        r = failed(s, "", p);
    return r;
}

bool shelf_marked(const struct shelf *s, const struct deployment *d)
{
    char name[NAME_MAX + 1];
    struct stat st;

    mark_name(d, name);
    return fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int shelf_mark(const struct shelf *s, const struct deployment *d, struct problem *p)
{
    char name[NAME_MAX + 1];
    int fd;

    mark_name(d, name);
    fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return failed(s, name, p);
    socket_close(fd);
    return fsync(s->dir) < 0 ? failed(s, name, p) : 0;
}

int shelf_unmark(const struct shelf *s, const struct deployment *d, struct problem *p)
{
    char name[NAME_MAX + 1];

    mark_name(d, name);
    if (unlinkat(s->dir, name, 0) < 0 && errno != ENOENT)
        return failed(s, name, p);
    return 0;
}
