/* littlebox box: the system's boxes, and the user of its own that each one has. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/socket.h"
#include "command/box_user.h"
#include "command/cli.h"
#include "command/hand_over.h"
#include "command/own_box.h"
#include "command/table.h"
#include "model/key_name.h"
#include "model/paths.h"

static int find_dirs(const struct cli *c, struct dirs *ret, struct problem *p)
{
    int r = dirs_find(c->dir, DIRS_SYSTEM, ret);

    return r == 0 ? 0 : problem_set(p, r, "the directories of the boxes: %s", lb_strerror(r));
}

/* create */

/* What was done. */
struct created {
    struct dirs dirs;
    struct box_paths paths;
    struct boxuser user;
    bool store;      /* the directory was another's, and is the user's now */
    bool credential; /* and so was the credential */
};

/* The user whose files a box may have had before it got its own user. */
static uid_t former_user(void)
{
    const struct passwd *pw = getpwnam(BOXUSER_FORMER);

    return pw == NULL || pw->pw_uid == 0 ? (uid_t)-1 : pw->pw_uid;
}

static int hand_over(const char *box, struct created *done, struct problem *p)
{
    struct handover h = { done->user.uid, done->user.gid, former_user() };
    struct rootdir state = { .fd = -1 }, config = { .fd = -1 };
    char credential[LB_NAME_MAX + sizeof(".credential")];
    int r = rootdir_open(done->dirs.state, /* make= */ true, &state, p);

    snprintf(credential, sizeof(credential), "%s.credential", box);
    if (r == 0)
        r = rootdir_open(done->dirs.config, /* make= */ false, &config, p);
    if (r == 0)
        r = handover_dir(&state, box, &h, &done->store, p);
    if (r == 0 && config.fd >= 0)
        r = handover_file(&config, credential, &h, &done->credential, p);
    rootdir_close(&config);
    rootdir_close(&state);
    return r;
}

static int create_box(const struct cli *c, const char *box, struct created *ret, struct problem *p)
{
    int r;

    if (geteuid() != 0) {
        problem_set(p, LB_E_DENIED, "only root can make a user for box '%s'", box);
        problem_hint(p, "run this as root; a box of your own runs as you, and is made with its first key: littlebox --box %s create KEY", box);
        return LB_E_DENIED;
    }
    r = find_dirs(c, &ret->dirs, p);
    if (r == 0) {
        r = box_paths(&ret->dirs, box, &ret->paths);
        if (r != 0)
            problem_set(p, r, "the files of box '%s': %s", box, lb_strerror(r));
    }
    if (r == 0)
        r = boxuser_get(box, &ret->user, p);
    return r != 0 ? r : hand_over(box, ret, p);
}

static void tell_next(const struct cli *c, const char *box, const struct created *done)
{
    const bool has_store = access(done->paths.store, F_OK) == 0;
    char path[PATH_MAX];
    const char *daemon = launch_daemon_name(path);

    if (done->store)
        cli_note("gave %s to it", done->paths.state);
    if (done->credential)
        cli_note("gave %s to it", done->paths.credential);
    if (access(done->paths.config, F_OK) == 0)
        cli_note("what %s names, such as a PIN or a token's files, must be for user %s to read", done->paths.config,
                 done->user.name);
    if (c->dir != NULL)
        cli_hint("%s --box %s --user %s --dir %s", daemon, box, done->user.name, c->dir);
    else if (access("/run/systemd/system", F_OK) == 0)
        cli_hint("systemctl enable --now littleboxd@%s.socket", box);
    else
        cli_hint("%s --system --box %s --user %s", daemon, box, done->user.name);
    if (!has_store)
        cli_hint("then: littlebox --box %s%s%s init", box, c->dir == NULL ? "" : " --dir ", c->dir == NULL ? "" : c->dir);
}

static int box_create(struct cli *c, struct problem *p)
{
    struct created done = { 0 };
    const char *box = c->args[1];
    struct json j;
    int r = create_box(c, box, &done, p);

    if (r != 0)
        return r;
    cli_note("box '%s' runs as user %s (uid %lu), with its store in %s", box, done.user.name, (unsigned long)done.user.uid,
             done.paths.state);
    tell_next(c, box, &done);
    if (!c->json)
        return 0;
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "box", box);
    json_string(&j, "user", done.user.name);
    json_number(&j, "uid", done.user.uid);
    json_string(&j, "directory", done.paths.state);
    json_bool(&j, "user_made", done.user.made);
    json_bool(&j, "store_moved", done.store);
    json_bool(&j, "credential_moved", done.credential);
    json_close(&j, '}');
    json_end(&j);
    return 0;
}

/* list */

struct entry {
    char box[LB_NAME_MAX + 1];
    uid_t uid;
    const char *store; /* NULL: it is not for this caller to know */
};

struct entries {
    struct entry *e;
    size_t count;
};

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return strcmp(x->box, y->box);
}

static const char *store_state(int dir, const char *box)
{
    int fd = openat(dir, box, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const char *state = NULL;
    pid_t pid;

    if (fd < 0)
        return NULL;
    if (faccessat(fd, "store.db", F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        state = errno == ENOENT ? "none" : NULL;
    else
        state = handover_store_in_use(fd, &pid) ? "open" : "closed";
    socket_close(fd);
    return state;
}

/* An entry is a box if it is a directory with the name of a box. */
static int add_entry(struct entries *all, int dir, const char *name, struct problem *p)
{
    struct entry *grown;
    struct stat st;

    if (!keyname_ok(name, strlen(name)) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
        return 0;
    grown = reallocarray(all->e, all->count + 1, sizeof(*all->e));
    if (grown == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    all->e = grown;
    grown += all->count++;
    *grown = (struct entry){ .uid = st.st_uid, .store = store_state(dir, name) };
    snprintf(grown->box, sizeof(grown->box), "%.*s", LB_NAME_MAX, name);
    return 0;
}

static int read_entries(const char *path, struct entries *all, struct problem *p)
{
    DIR *dir = opendir(path);
    const struct dirent *e;
    int r = 0;

    if (dir == NULL)
        return errno == ENOENT ? 0 : problem_set(p, LB_E_SYSTEM, "%s: %s", path, strerror(errno));
    while (r == 0 && (errno = 0, e = readdir(dir)) != NULL)
        r = add_entry(all, dirfd(dir), e->d_name, p);
    if (r == 0 && errno != 0)
        r = problem_set(p, LB_E_SYSTEM, "%s: %s", path, strerror(errno));
    closedir(dir);
    if (all->count > 0)
        qsort(all->e, all->count, sizeof(*all->e), compare);
    return r;
}

static void warn_of_shared(const struct entries *all)
{
    for (size_t i = 1; i < all->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (all->e[i].uid != all->e[k].uid)
                continue;
            cli_note("boxes '%s' and '%s' have one user: each may do all with the other's keys", all->e[k].box, all->e[i].box);
            cli_hint("give each a user of its own: littlebox box create %s", all->e[i].box);
            break;
        }
    }
}

static const struct column box_columns[] = {
    { "BOX", "box", CELL_STRING },
    { "USER", "user", CELL_STRING },
    { NULL, "uid", CELL_NUMBER },
    { "STORE", "store", CELL_STRING },
    { "DIRECTORY", "directory", CELL_STRING },
};
#define BOX_COLUMNS (sizeof(box_columns) / sizeof(box_columns[0]))

static int fill(const struct entries *all, const char *dir, struct table *t, struct problem *p)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct passwd *pw = getpwuid(all->e[i].uid);
        char uid[12], path[PATH_MAX + LB_NAME_MAX + 1];
        const char *cells[BOX_COLUMNS] = { all->e[i].box, pw == NULL ? uid : pw->pw_name, uid, all->e[i].store, path };

        snprintf(uid, sizeof(uid), "%lu", (unsigned long)all->e[i].uid);
        snprintf(path, sizeof(path), "%s/%s", dir, all->e[i].box);
        if (table_add(t, cells) != 0)
            return problem_set(p, LB_E_NOMEM, "out of memory");
    }
    return 0;
}

static int box_list(struct cli *c, struct problem *p)
{
    struct table *t = table_new(box_columns, BOX_COLUMNS);
    struct entries all = { 0 };
    struct dirs dirs;
    int r = t == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : find_dirs(c, &dirs, p);

    if (r == 0)
        r = read_entries(dirs.state, &all, p);
    if (r == 0)
        r = fill(&all, dirs.state, t, p);
    if (r == 0)
        table_say(t, c->json);
    if (r == 0)
        warn_of_shared(&all);
    free(all.e);
    table_free(t);
    return r;
}

int cmd_box(struct cli *c)
{
    static const struct {
        const char *name;
        size_t args;
        int (*run)(struct cli *c, struct problem *p);
    } verbs[] = { { "create", 2, box_create }, { "list", 1, box_list } };
    const size_t count = sizeof(verbs) / sizeof(verbs[0]);
    struct problem p = { 0 };
    size_t i = 0;

    while (i < count && strcmp(verbs[i].name, c->args[0]) != 0)
        i++;
    if (i == count)
        return cli_usage_error(c, "unknown 'box %s': there are create and list", c->args[0]);
    if (c->arg_count != verbs[i].args)
        return cli_usage_error(c, verbs[i].args == 2 ? "'box %s' needs the name of a box" : "'box %s' takes no argument",
                               verbs[i].name);
    if (verbs[i].args == 2 && !keyname_ok(c->args[1], strlen(c->args[1])))
        return cli_usage_error(c, "'%s' is not a box name: that is %s", c->args[1], LB_NAME_RULE);
    if (verbs[i].args == 2 && c->box_named && strcmp(c->box, c->args[1]) != 0)
        return cli_usage_error(c, "--box %s and 'box create %s' are two boxes", c->box, c->args[1]);
    return verbs[i].run(c, &p) == 0 ? EXIT_DONE : cli_fail(&p);
}
