/* littlebox deploy: servers get the handle and the chain of a key, now and whenever it rolls over. */
#include "command/deploy.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/keys.h"
#include "command/create.h"
#include "command/table.h"
#include "deploy/list.h"
#include "deploy/file_place.h"
#include "deploy/run.h"
#include "model/former_names.h"

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

/* Tasks */

static bool is_of(const struct deployment *d, const char *name, const char *former)
{
    return strcmp(d->key, name) == 0 || former_has(former, d->key);
}

/*
 * Bad files. With a name: one of that key's fails what is done for it, and any other is told of, and keeps nobody from anything. Without
 * a name each is a failure. The result is r where that is one, and p is said then or stays.
 */
static int tell_bad(const struct deployments *all, const char *name, const char *former, int r, struct problem *p)
{
    for (size_t i = 0; i < all->bad_count; i++) {
        const struct bad_deployment *bad = &all->bad[i];

        /* Two keys' deployments that write one file are one fault. */
        if (name == NULL && i > 0 && strcmp(bad->why.text, all->bad[i - 1].why.text) == 0)
            continue;
        if (name == NULL || strcmp(bad->key, name) == 0 || (bad->key[0] != '\0' && former_has(former, bad->key))) {
            if (r != 0)
                (void)cli_fail(p);
            *p = bad->why;
            r = p->code;
        } else {
            cli_note("%s", bad->why.text);
            cli_note("that deployment is left out, since %s", bad->key[0] == '\0' ? "it is not known of which key it is" : "it is another key's");
        }
    }
    return r;
}

static void json_task(struct json *j, const struct task *t)
{
    json_open(j, NULL, '{');
    json_string(j, "key", t->d->key);
    if (t->version == 0)
        json_null(j, "version");
    else
        json_number(j, "version", t->version);
    json_string(j, "handle", t->d->files[DEPLOY_HANDLE]);
    json_string(j, "chain", t->d->files[DEPLOY_CHAIN]);
    json_string(j, "combined", t->d->files[DEPLOY_COMBINED]);
    json_bool(j, "written", t->written);
    json_bool(j, "reloaded", t->reloaded);
    if (!t->looked || t->serves == 0)
        json_null(j, "serves");
    else
        json_number(j, "serves", t->serves);
    json_string(j, "error", t->why.code == 0 ? NULL : t->why.text);
    json_close(j, '}');
}

static void print_json(const struct client *c, const struct task *tasks, size_t count)
{
    struct json j;

    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "box", c->cli->box);
    json_open(&j, "deployments", '[');
    for (size_t i = 0; i < count; i++)
        json_task(&j, &tasks[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    json_end(&j);
}

/* Which deployments are done: those of a key, and of the names that it had; or all. */
struct wish {
    const char *name; /* NULL: all */
    char now[LB_NAME_MAX + 1]; /* the name that the key has by now */
    char former[LB_FORMER_MAX + 1];
    bool always;      /* --reload-always */
    bool tells;       /* on standard output, with --json */
    size_t found;     /* set: how many there are */
    bool tried;       /* set: what failed is a deployment */
};

static int do_again(struct client *c, const struct shelf *s, struct wish *w, struct problem *p)
{
    struct deployments all = { .count = 0 };
    struct task *tasks = NULL;
    size_t count = 0;
    int r = shelf_read(s, &all, p);

    if (r != 0)
        goto out;
    tasks = calloc(all.count + 1, sizeof(*tasks));
    if (tasks == NULL) {
        r = out_of_memory(p);
        goto out;
    }
    for (size_t i = 0; i < all.count; i++) {
        if (w->name == NULL || is_of(all.of[i], w->now, w->former))
            tasks[count++].d = all.of[i];
    }
    w->found = count;
    w->tried = true;
    r = deploy_run(c, s, tasks, count, w->always, p);
    if (w->tells && c->cli->json)
        print_json(c, tasks, count);
    r = tell_bad(&all, w->name == NULL ? NULL : w->now, w->former, r, p);
out:
    tasks_clear(tasks, count);
    free(tasks);
    deployments_clear(&all);
    return r;
}

/* The names that the key has and had, whichever of them was said. One that is not there: its deployments say what is wrong. */
static void find_names(struct client *c, struct wish *w)
{
    struct key_details *show = malloc(sizeof(*show));
    struct problem ignored;

    snprintf(w->now, sizeof(w->now), "%s", w->name);
    if (show != NULL && ask_show(c->ask, w->name, show, &ignored) == 0) {
        memcpy(w->now, show->name, sizeof(show->name));
        memcpy(w->former, show->former, sizeof(show->former));
    }
    free(show);
}

/* Deployments that others change */

struct deploying {
    struct shelf shelf;
    struct problem denied; /* code 0: they are the caller's */
};

static int open_locked(struct client *c, struct deploying *d, struct problem *p)
{
    int r = shelf_open(&c->dirs, c->cli->box, /* make= */ false, &d->shelf, p);

    if (r == 0 && d->shelf.dir >= 0)
        r = shelf_lock(&d->shelf, p);
    if (r != LB_E_DENIED)
        return r;
    d->denied = *p;
    return 0;
}

int deploy_begin(struct client *c, struct deploying **ret, struct problem *p)
{
    struct deploying *d = calloc(1, sizeof(*d));
    int r;

    *ret = NULL;
    if (d == NULL)
        return out_of_memory(p);
    d->shelf = (struct shelf)SHELF_NONE;
    r = open_locked(c, d, p);
    if (r == LB_E_TIMEOUT)
        problem_hint(p, "nothing was changed; when that command has ended: the same once more");
    if (r != 0) {
        deploy_end(d);
        return r;
    }
    *ret = d;
    return 0;
}

/* Of another user's deployments only their keys are looked at. One that is not known to be of another key may be of this one. */
static bool has_any(const struct shelf *s, const struct wish *w)
{
    struct deployments all = { .count = 0 };
    struct problem ignored;
    bool any = s->dir < 0 || shelf_read(s, &all, &ignored) != 0;

    for (size_t i = 0; i < all.count; i++)
        any = any || is_of(all.of[i], w->now, w->former);
    for (size_t i = 0; i < all.bad_count; i++)
        any = any || strcmp(all.bad[i].key, w->now) == 0 || former_has(w->former, all.bad[i].key);
    deployments_clear(&all);
    return any;
}

int deploy_key(struct client *c, struct deploying *d, const char *name, struct problem *p)
{
    struct wish w = { .name = name };
    int r = 0;

    /* Somebody may have made the first one since. */
    if (d->denied.code == 0 && d->shelf.dir < 0)
        r = open_locked(c, d, p);
    if (r == LB_E_TIMEOUT)
        problem_hint(p, "when that command has ended: littlebox --box %s deploy %s", c->cli->box, name);
    if (r != 0 || (d->denied.code == 0 && d->shelf.dir < 0))
        return r;
    find_names(c, &w);
    if (d->denied.code == 0)
        return do_again(c, &d->shelf, &w, p);
    if (!has_any(&d->shelf, &w))
        return 0;
    *p = d->denied;
    return p->code;
}

void deploy_end(struct deploying *d)
{
    if (d != NULL)
        shelf_close(&d->shelf);
    free(d);
}

void deploy_each(const struct client *c, const char *name, const char *former, void (*each)(const char *file, void *arg), void *arg)
{
    struct deployments all = { .count = 0 };
    struct problem ignored;
    struct shelf s;

    if (shelf_open(&c->dirs, c->cli->box, /* make= */ false, &s, &ignored) != 0)
        return;
    if (shelf_read(&s, &all, &ignored) == 0) {
        for (size_t i = 0; i < all.count; i++) {
            if (is_of(all.of[i], name, former))
                each(deployment_file(all.of[i]), arg);
        }
    }
    deployments_clear(&all);
    shelf_close(&s);
}

/* A new deployment */

/* Which options of the command are settings, by their names in the file. */
static const struct {
    enum cli_option option;
    const char *name;
    bool file;
} options[] = {
    { OPT_HANDLE, "handle", true },     { OPT_CHAIN, "chain", true },  { OPT_COMBINED, "combined", true },
    { OPT_OWNER, "owner", false },      { OPT_MODE, "mode", false },   { OPT_CHECK, "check", false },
    { OPT_SNI, "sni", false },
};

static int absolute(const char *path, char ret[PATH_MAX], struct problem *p)
{
    char here[PATH_MAX];

    while (path[0] == '.' && path[1] == '/')
        path += 2 + strspn(path + 2, "/");
    if (path[0] == '/')
        here[0] = '\0';
    else if (getcwd(here, sizeof(here)) == NULL)
        return problem_set(p, LB_E_SYSTEM, "'%s': there is no such directory any more", path);
    if (snprintf(ret, PATH_MAX, "%s%s%s", here, path[0] == '/' ? "" : "/", path) >= PATH_MAX)
        return problem_set(p, LB_E_TOO_LONG, "the path '%.100s...' is too long", path);
    return 0;
}

static int option_problem(int r, struct problem *p)
{
    struct problem why = *p;

    problem_set(p, r, "--%s", why.text);
    problem_hint(p, "%s", why.hint);
    return r;
}

static int take_options(const struct cli *cli, struct deployment *d, struct problem *p)
{
    char path[PATH_MAX];
    int r = deployment_set(d, "key", cli->args[0], p);

    for (size_t i = 0; r == 0 && i < sizeof(options) / sizeof(options[0]); i++) {
        const char *value = cli->options[options[i].option];

        if (value == NULL)
            continue;
        if (options[i].file) {
            r = absolute(value, path, p);
            value = path;
        }
        if (r == 0)
            r = deployment_set(d, options[i].name, value, p);
        if (r == LB_E_CONFIG)
            r = option_problem(r, p);
    }
    for (size_t i = 0; r == 0 && i < cli->repeat_count; i++) {
        r = deployment_set(d, "reload", cli->repeats[i], p);
        if (r == LB_E_CONFIG)
            r = option_problem(r, p);
    }
    return r == 0 ? deployment_check(d, p) : r;
}

static bool same_file(const char *a, const char *b)
{
    struct file_place x, y;

    fileplace_of(a, &x);
    fileplace_of(b, &y);
    return fileplace_compare(&x, &y) == 0;
}

/* The path, in a, of a file that both write; NULL: there is none. */
static const char *common_file(const struct deployment *a, const struct deployment *b)
{
    for (int i = 0; i < DEPLOY_FILES; i++) {
        for (int k = 0; k < DEPLOY_FILES; k++) {
            if (a->files[i] != NULL && b->files[k] != NULL && same_file(a->files[i], b->files[k]))
                return a->files[i];
        }
    }
    return NULL;
}

static int check_own(const struct deployment *d, struct problem *p)
{
    for (int i = 0; i < DEPLOY_FILES; i++) {
        for (int k = i + 1; k < DEPLOY_FILES; k++) {
            if (d->files[i] != NULL && d->files[k] != NULL && same_file(d->files[i], d->files[k]))
                return problem_set(p, LB_E_CONFIG, "'%s' and '%s' are one file", d->files[i], d->files[k]);
        }
    }
    return 0;
}

/* Takes the name of the one that is about the same file, so that it is replaced. A file of any other deployment is refused. */
static int take_place(const struct cli *cli, const struct deployments *all, struct deployment *d, struct problem *p)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct deployment *other = all->of[i];
        const char *file = common_file(d, other);

        if (file == NULL)
            continue;
        if (strcmp(other->key, d->key) == 0 && same_file(deployment_file(other), deployment_file(d)) && d->conf == NULL) {
            d->conf = strdup(other->conf);
            if (d->conf == NULL)
                return out_of_memory(p);
            continue;
        }
        problem_set(p, LB_E_EXISTS, "'%s' is written by a deployment of key '%s' already, that of '%s'", file, other->key,
                    deployment_file(other));
        problem_hint(p, "if that one is no longer meant: littlebox --box %s deploy %s --forget %.100s", cli->box, other->key,
                     deployment_file(other));
        return LB_E_EXISTS;
    }
    return 0;
}

/* *ret_undone: it is remembered, and can be done again. */
static int deploy_new(struct cli *cli, bool *ret_undone, struct problem *p)
{
    struct deployments all = { .count = 0 };
    struct deployment d;
    struct task task = { .d = &d, .fresh = true };
    struct shelf s = SHELF_NONE;
    struct client *c = NULL;
    int r;

    deployment_init(&d);
    r = take_options(cli, &d, p);
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, p);
    if (r == 0)
        r = shelf_open(&c->dirs, cli->box, /* make= */ true, &s, p);
    if (r == 0)
        r = shelf_lock(&s, p);
    if (r == 0)
        r = shelf_read(&s, &all, p);
    /* What a file that cannot be read writes is not known. */
    if (r == 0 && all.bad_count > 0) {
        *p = all.bad[0].why;
        r = p->code;
    }
    if (r == 0)
        r = check_own(&d, p);
    if (r == 0)
        r = take_place(cli, &all, &d, p);
    if (r == 0) {
        r = deploy_run(c, &s, &task, 1, cli->options[OPT_RELOAD_ALWAYS] != NULL, p);
        *ret_undone = task.saved;
        if (cli->json && (r == 0 || task.version != 0))
            print_json(c, &task, 1);
    }
    tasks_clear(&task, 1);
    deployment_clear(&d);
    deployments_clear(&all);
    shelf_close(&s);
    client_close(c);
    return r;
}

static int deploy_again(struct cli *cli, bool *ret_undone, struct problem *p)
{
    struct wish w = { .name = cli->arg_count > 0 ? cli->args[0] : NULL, .tells = true };
    struct client *c = NULL;
    struct shelf s = SHELF_NONE;
    int r = client_open(cli, CLIENT_READY, &c, p);

    w.always = cli->options[OPT_RELOAD_ALWAYS] != NULL;
    if (r == 0)
        r = shelf_open(&c->dirs, cli->box, /* make= */ false, &s, p);
    if (r == 0 && s.dir >= 0)
        r = shelf_lock(&s, p);
    if (r == LB_E_TIMEOUT && w.name != NULL)
        problem_hint(p, "when that command has ended: littlebox --box %s deploy %s", cli->box, w.name);
    if (r == 0 && w.name != NULL)
        find_names(c, &w);
    if (r == 0)
        r = do_again(c, &s, &w, p);
    *ret_undone = w.tried;
    if (r == 0 && w.found == 0 && w.name != NULL) {
        *ret_undone = false;
        r = problem_set(p, LB_E_VALUE, "key '%s' in box '%s' has no deployment", w.name, cli->box);
        problem_hint(p, "make one: littlebox --box %s deploy %s --handle FILE --chain FILE --reload LINE", cli->box, w.name);
    } else if (r == 0 && w.found == 0) {
        cli_note("box '%s' has no deployments", cli->box);
    }
    shelf_close(&s);
    client_close(c);
    return r;
}

int cmd_deploy(struct cli *cli)
{
    const bool list = cli->options[OPT_LIST] != NULL, all = cli->options[OPT_ALL] != NULL;
    const bool forget = cli->options[OPT_FORGET] != NULL;
    bool is_new = cli->repeat_count > 0, undone = false;
    struct problem p = { 0 };
    int r;

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        is_new = is_new || cli->options[options[i].option] != NULL;
    if (list + all + (cli->arg_count > 0) != 1)
        return cli_usage_error(cli, "'deploy' needs a key, --all or --list");
    if ((list || all || forget) && is_new)
        return cli_usage_error(cli, "'deploy --%s' takes no settings of a deployment", list ? "list" : all ? "all" : "forget");
    if (forget && cli->arg_count == 0)
        return cli_usage_error(cli, "--forget goes with a key");
    if ((list || forget) && cli->options[OPT_RELOAD_ALWAYS] != NULL)
        return cli_usage_error(cli, "'deploy --%s' runs nothing", list ? "list" : "forget");
    if (is_new && cli->options[OPT_HANDLE] == NULL && cli->options[OPT_COMBINED] == NULL)
        return cli_usage_error(cli, "a deployment needs --handle FILE or --combined FILE");
    if (cli->options[OPT_SNI] != NULL && cli->options[OPT_CHECK] == NULL)
        return cli_usage_error(cli, "--sni goes with --check");
    r = cli->arg_count > 0 ? key_name_check(cli->args[0], &p) : 0;
    if (r == 0)
        r = list     ? deploy_list(cli, &p)
            : forget ? deploy_forget(cli, &p)
            : is_new ? deploy_new(cli, &undone, &p)
                     : deploy_again(cli, &undone, &p);
    if (r == 0)
        return EXIT_DONE;
    return undone ? cli_fail_undone(&p) : cli_fail(&p);
}
