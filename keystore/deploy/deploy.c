/* littlebox deploy: servers get the handle and the chain of a key, now and whenever it rolls over. */
#include "command/deploy.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/keys.h"
#include "command/create.h"
#include "command/table.h"
#include "deploy/list.h"
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

/* A file that is bad may be of this key: that is said, and the others are done. */
static int tell_bad(const struct deployments *all, int r, struct problem *p)
{
    if (all->bad > 1)
        cli_note("%u more file%s of deployments are bad", all->bad - 1, all->bad == 2 ? "" : "s");
    if (all->bad == 0)
        return r;
    if (r != 0)
        (void)cli_fail(p);
    *p = all->why;
    return p->code;
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

/* Does those of a key (former: the names that it had), or all with name NULL. *ret_count: how many there were. */
static int do_again(struct client *c, const struct shelf *s, const char *name, const char *former, bool tells, size_t *ret_count,
                    struct problem *p)
{
    struct deployments all = { .count = 0 };
    struct task *tasks = NULL;
    size_t count = 0;
    int r = shelf_read(s, &all, p);

    *ret_count = 0;
    if (r != 0)
        goto out;
    tasks = calloc(all.count + 1, sizeof(*tasks));
    if (tasks == NULL) {
        r = out_of_memory(p);
        goto out;
    }
    for (size_t i = 0; i < all.count; i++) {
        if (name == NULL || is_of(all.of[i], name, former))
            tasks[count++].d = all.of[i];
    }
    *ret_count = count;
    r = deploy_run(c, s, tasks, count, c->cli->options[OPT_RELOAD_ALWAYS] != NULL, p);
    if (tells && c->cli->json)
        print_json(c, tasks, count);
    r = tell_bad(&all, r, p);
out:
    tasks_clear(tasks, count);
    free(tasks);
    deployments_clear(&all);
    return r;
}

/* The names that a key had before. A key that is not there had none: its deployments say what is wrong. */
static void names_before(struct client *c, const char *name, char ret[LB_FORMER_MAX + 1])
{
    struct key_details *show = malloc(sizeof(*show));
    struct problem ignored;

    ret[0] = '\0';
    if (show != NULL && ask_show(c->ask, name, show, &ignored) == 0)
        memcpy(ret, show->former, sizeof(show->former));
    free(show);
}

int deploy_key(struct client *c, const char *name, struct problem *p)
{
    char former[LB_FORMER_MAX + 1];
    struct shelf s;
    size_t count;
    int r = shelf_open(&c->dirs, c->cli->box, /* make= */ false, &s, p);

    if (r != 0 || s.dir < 0)
        return r;
    r = shelf_lock(&s, p);
    names_before(c, name, former);
    if (r == 0)
        r = do_again(c, &s, name, former, /* tells= */ false, &count, p);
    shelf_close(&s);
    return r;
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

/* Takes the name of the one that is about the same file, so that it is replaced. A file of any other deployment is refused. */
static int take_place(const struct cli *cli, const struct deployments *all, struct deployment *d, struct problem *p)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct deployment *other = all->of[i];
        const char *file = NULL;

        for (int f = 0; file == NULL && f < DEPLOY_FILES; f++) {
            if (d->files[f] != NULL && deployment_has(other, d->files[f]) != NULL)
                file = d->files[f];
        }
        if (file == NULL)
            continue;
        if (strcmp(other->key, d->key) == 0 && strcmp(deployment_file(other), deployment_file(d)) == 0 && d->conf == NULL) {
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

static int deploy_new(struct cli *cli, struct problem *p)
{
    struct deployments all = { .count = 0 };
    struct deployment d;
    struct task task = { .d = &d, .fresh = true };
    struct shelf s = { .dir = -1 };
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
    if (r == 0 && all.bad > 0) {
        *p = all.why;
        r = p->code;
    }
    if (r == 0)
        r = take_place(cli, &all, &d, p);
    if (r == 0) {
        r = deploy_run(c, &s, &task, 1, cli->options[OPT_RELOAD_ALWAYS] != NULL, p);
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

static int deploy_again(struct cli *cli, struct problem *p)
{
    const char *name = cli->arg_count > 0 ? cli->args[0] : NULL;
    char former[LB_FORMER_MAX + 1] = "";
    struct client *c = NULL;
    struct shelf s = { .dir = -1 };
    size_t count = 0;
    int r = client_open(cli, CLIENT_READY, &c, p);

    if (r == 0)
        r = shelf_open(&c->dirs, cli->box, /* make= */ false, &s, p);
    if (r == 0 && s.dir >= 0)
        r = shelf_lock(&s, p);
    if (r == 0 && name != NULL)
        names_before(c, name, former);
    if (r == 0)
        r = do_again(c, &s, name, former, /* tells= */ true, &count, p);
    if (r == 0 && count == 0 && name != NULL) {
        r = problem_set(p, LB_E_VALUE, "key '%s' in box '%s' has no deployment", name, cli->box);
        problem_hint(p, "make one: littlebox --box %s deploy %s --handle FILE --chain FILE --reload LINE", cli->box, name);
    } else if (r == 0 && count == 0) {
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
    bool is_new = cli->repeat_count > 0;
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
        r = list ? deploy_list(cli, &p) : forget ? deploy_forget(cli, &p) : is_new ? deploy_new(cli, &p) : deploy_again(cli, &p);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
