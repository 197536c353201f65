/* littlebox boxes: the boxes of the system and of the user, and which of them a program of this user would ask. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/status.h"
#include "command/client.h"
#include "command/table.h"
#include "model/key_name.h"
#include "model/place.h"

struct found {
    char box[LB_NAME_MAX + 1];
    const char *place; /* "system", "own", or "directory" for --dir */
    struct box_paths paths;
};

struct all {
    struct found *f;
    size_t count;
};

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

/* Finding */

static int add(struct all *all, const struct dirs *dirs, const char *place, const char *box, struct problem *p)
{
    struct found *grown;

    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->f[i].box, box) == 0 && strcmp(all->f[i].place, place) == 0)
            return 0;
    }
    grown = reallocarray(all->f, all->count + 1, sizeof(*all->f));
    if (grown == NULL)
        return out_of_memory(p);
    all->f = grown;
    grown += all->count;
    snprintf(grown->box, sizeof(grown->box), "%s", box);
    grown->place = place;
    if (box_paths(dirs, box, &grown->paths) == 0)
        all->count++; /* else no box can have such long paths */
    return 0;
}

/* A box is what has a socket, NAME.sock, or a directory, NAME. What cannot be read has no boxes for this caller. */
static int look_in(const char *path, bool sockets, struct all *all, const struct dirs *dirs, const char *place,
                   struct problem *p)
{
    const char *suffix = sockets ? ".sock" : "";
    DIR *dir = opendir(path);
    const struct dirent *e;
    int r = 0;

    while (dir != NULL && r == 0 && (e = readdir(dir)) != NULL) {
        size_t len = strlen(e->d_name), tail = strlen(suffix);
        char box[LB_NAME_MAX + 1];
        struct stat st;

        if (len <= tail || len - tail > LB_NAME_MAX || strcmp(e->d_name + len - tail, suffix) != 0 ||
            !keyname_ok(e->d_name, len - tail) || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            (sockets ? !S_ISSOCK(st.st_mode) : !S_ISDIR(st.st_mode)))
            continue;
        snprintf(box, sizeof(box), "%.*s", (int)(len - tail), e->d_name);
        r = add(all, dirs, place, box, p);
    }
    if (dir != NULL)
        closedir(dir);
    return r;
}

static int look_at(const struct dirs *dirs, const char *place, struct all *all, struct problem *p)
{
    int r = look_in(dirs->run, /* sockets= */ true, all, dirs, place, p);

    return r != 0 ? r : look_in(dirs->state, /* sockets= */ false, all, dirs, place, p);
}

static int by_name(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int order = strcmp(x->box, y->box);

    return order != 0 ? order : strcmp(x->place, y->place);
}

static int find(const struct cli *cli, struct all *all, struct problem *p)
{
    struct dirs dirs;
    int r = 0;

    if (cli->dir != NULL) {
        r = dirs_find(cli->dir, DIRS_DEFAULT, &dirs);
        if (r != 0)
            return problem_set(p, r, "the directory '%s': %s", cli->dir, lb_strerror(r));
        r = look_at(&dirs, "directory", all, p);
    } else {
        if (dirs_find(/* dir= */ NULL, DIRS_SYSTEM, &dirs) == 0)
            r = look_at(&dirs, "system", all, p);
        /* A user without a home directory has no boxes. */
        if (r == 0 && !cli->system && geteuid() != 0 && dirs_find(/* dir= */ NULL, DIRS_USER, &dirs) == 0)
            r = look_at(&dirs, "own", all, p);
    }
    if (all->count > 0)
        qsort(all->f, all->count, sizeof(*all->f), by_name);
    return r;
}

/* Telling */

static const struct column columns[] = {
    { "BOX", "box", CELL_STRING },   { "OF", "place", CELL_STRING },    { "USER", "user", CELL_STRING },
    { NULL, "uid", CELL_NUMBER },    { "STATE", "state", CELL_STRING }, { "KEYS", "keys", CELL_NUMBER },
    { "ASKED", "asked", CELL_BOOL }, { "SOCKET", "socket", CELL_STRING },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* The owner of the directory: if nothing runs, that user would run the box. */
static bool owner_of(const struct box_paths *paths, uid_t *ret)
{
    struct stat st;

    if (stat(paths->state, &st) < 0)
        return false;
    *ret = st.st_uid;
    return true;
}

static const char *no_answer(int r)
{
    static const struct {
        int r;
        const char *state;
    } states[] = {
        { LB_E_NO_BOX, "not running" },
        { LB_E_STRANGER, "refused: a stranger's" },
    };

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (states[i].r == r)
            return states[i].state;
    }
    return r == LB_E_SYSTEM && errno == EACCES ? "closed to you" : "does not answer";
}

static bool is_found(const char *box, char ret_socket[PATH_MAX])
{
    struct problem ignored;
    enum place place;

    return place_find(box, &place, ret_socket, &ignored) == 0;
}

/* Says of one box what it says of itself. */
static int tell(const struct cli *cli, const struct found *f, struct table *t, struct problem *p)
{
    char uid_text[12] = "", keys[12] = "", asked[PATH_MAX];
    const char *state, *user = NULL;
    struct client *c = NULL;
    struct box_status s;
    struct problem why = { 0 };
    struct peer peer;
    uid_t uid;
    bool known = owner_of(&f->paths, &uid), is_asked;
    int r = client_open_at(cli, f->paths.socket, cli->users, LB_OWNERS_OPTION, &c, &why);

    state = r == 0 ? NULL : no_answer(r);
    if (r == 0)
        r = line_peer(&c->line, &peer, &why);
    if (r == 0) {
        uid = peer.uid;
        known = true;
        r = ask_status(c->ask, &s, &why);
    }
    client_close(c);
    if (r == 0) {
        state = lock_state_name(s.lock);
        snprintf(keys, sizeof(keys), "%u", s.keys);
    }
    if (known) {
        const struct passwd *pw = getpwuid(uid);

        snprintf(uid_text, sizeof(uid_text), "%lu", (unsigned long)uid);
        user = pw == NULL ? uid_text : pw->pw_name;
    }
    /* With --dir it is the program's own openssl.cnf that decides. */
    is_asked = cli->dir == NULL && is_found(f->box, asked) && strcmp(asked, f->paths.socket) == 0;
    if (state == NULL)
        state = "does not answer";
    r = table_add(t, (const char *[COLUMNS]){ f->box, f->place, user, uid_text, state, keys,
                                              cli->dir != NULL ? NULL : is_asked ? "yes" : "no", f->paths.socket });
    return r == 0 ? 0 : out_of_memory(p);
}

static void warn_of_twins(const struct all *all)
{
    for (size_t i = 1; i < all->count; i++) {
        char asked[PATH_MAX];

        if (strcmp(all->f[i].box, all->f[i - 1].box) != 0 || !is_found(all->f[i].box, asked))
            continue;
        cli_note("there are two boxes '%s': your programs ask the one at %s", all->f[i].box, asked);
    }
}

int cmd_boxes(struct cli *cli)
{
    struct table *t = table_new(columns, COLUMNS);
    struct all all = { 0 };
    struct problem p = { 0 };
    int r = t == NULL ? out_of_memory(&p) : find(cli, &all, &p);

    for (size_t i = 0; r == 0 && i < all.count; i++)
        r = tell(cli, &all.f[i], t, &p);
    if (r == 0)
        table_say(t, cli->json);
    if (r == 0 && !cli->json)
        warn_of_twins(&all);
    free(all.f);
    table_free(t);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
