/* littlebox deploy --list, --forget: what asks no box. */
#include "deploy/list.h"

#include <string.h>
#include <unistd.h>

#include "command/client.h"
#include "command/table.h"
#include "deploy/file_place.h"
#include "deploy/shelf.h"

static const struct column columns[] = {
    { "KEY", NULL, CELL_STRING },   { "FILE", NULL, CELL_STRING },   { "CHAIN", NULL, CELL_STRING },
    { "CHECK", NULL, CELL_STRING }, { "RELOAD", NULL, CELL_STRING }, { "UNFINISHED", NULL, CELL_BOOL },
};

static int print_table(const struct shelf *s, const struct deployments *all, struct problem *p)
{
    struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    int r = t == NULL ? LB_E_NOMEM : 0;

    for (size_t i = 0; r == 0 && i < all->count; i++) {
        const struct deployment *d = all->of[i];
        const char *cells[] = { d->key,   deployment_file(d),
                                d->files[DEPLOY_CHAIN] != NULL ? d->files[DEPLOY_CHAIN] : d->files[DEPLOY_COMBINED],
                                d->check, d->reload_count == 0 ? NULL : d->reload[0],
                                shelf_marked(s, d) ? "yes" : "no" };

        r = table_add(t, cells);
    }
    if (r == 0)
        table_print(t, stdout);
    else
        problem_set(p, r, "out of memory");
    table_free(t);
    return r;
}

static void print_one(struct json *j, const struct shelf *s, const struct deployment *d)
{
    char text[2 * PATH_MAX];

    json_open(j, NULL, '{');
    json_string(j, "key", d->key);
    json_string(j, "handle", d->files[DEPLOY_HANDLE]);
    json_string(j, "chain", d->files[DEPLOY_CHAIN]);
    json_string(j, "combined", d->files[DEPLOY_COMBINED]);
    json_string(j, "owner", d->owner);
    snprintf(text, sizeof(text), "%04o", (unsigned)d->mode);
    json_string(j, "mode", text);
    json_open(j, "reload", '[');
    for (unsigned i = 0; i < d->reload_count; i++)
        json_string(j, NULL, d->reload[i]);
    json_close(j, ']');
    json_number(j, "reload_seconds", d->reload_seconds);
    json_string(j, "check", d->check);
    json_string(j, "sni", d->sni);
    json_bool(j, "unfinished", shelf_marked(s, d));
    snprintf(text, sizeof(text), "%s/%s", s->path, d->conf);
    json_string(j, "configuration", text);
    json_close(j, '}');
}

static void print_json(const struct cli *cli, const struct shelf *s, const struct deployments *all)
{
    struct json j;

    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "box", cli->box);
    json_open(&j, "deployments", '[');
    for (size_t i = 0; i < all->count; i++)
        print_one(&j, s, all->of[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    json_end(&j);
}

int deploy_list(struct cli *cli, struct problem *p)
{
    struct deployments all = { .count = 0 };
    struct shelf s = SHELF_NONE;
    struct dirs dirs;
    int r = client_dirs(cli, &dirs, p);

    if (r == 0)
        r = shelf_open(&dirs, cli->box, /* make= */ false, &s, p);
    if (r == 0)
        r = shelf_read(&s, &all, p);
    if (r == 0 && cli->json)
        print_json(cli, &s, &all);
    else if (r == 0 && all.count > 0)
        r = print_table(&s, &all, p);
    if (r == 0 && all.bad_count > 0) {
        *p = all.bad[0].why;
        r = p->code;
    }
    deployments_clear(&all);
    shelf_close(&s);
    return r;
}

/* By any path that leads to the file; a deployment whose file or directory is gone by the path that it has. */
static const struct deployment *find(const struct deployments *all, const char *path)
{
    char here[PATH_MAX], whole[2 * PATH_MAX];
    struct file_place meant, place;

    if (path[0] != '/' && getcwd(here, sizeof(here)) != NULL)
        snprintf(whole, sizeof(whole), "%s/%s", here, path);
    else
        snprintf(whole, sizeof(whole), "%s", path);
    fileplace_of(whole, &meant);
    for (size_t i = 0; i < all->count; i++) {
        if (deployment_has(all->of[i], whole) != NULL)
            return all->of[i];
    }
    for (size_t i = 0; i < all->count * DEPLOY_FILES; i++) {
        struct deployment *d = all->of[i / DEPLOY_FILES];
        const char *file = d->files[i % DEPLOY_FILES];

        if (file == NULL)
            continue;
        fileplace_of(file, &place);
        if (fileplace_compare(&meant, &place) == 0)
            return d;
    }
    return NULL;
}

int deploy_forget(struct cli *cli, struct problem *p)
{
    const char *path = cli->options[OPT_FORGET], *name = cli->args[0];
    struct deployments all = { .count = 0 };
    const struct deployment *d = NULL;
    struct shelf s = SHELF_NONE;
    struct dirs dirs;
    int r = client_dirs(cli, &dirs, p);

    if (r == 0)
        r = shelf_open(&dirs, cli->box, /* make= */ false, &s, p);
    if (r == 0 && s.dir >= 0)
        r = shelf_lock(&s, p);
    if (r == 0)
        r = shelf_read(&s, &all, p);
    if (r == 0)
        d = find(&all, path);
    if (r == 0 && d == NULL && all.bad_count > 0) {
        *p = all.bad[0].why;
        r = p->code;
    } else if (r == 0 && d == NULL) {
        r = problem_set(p, LB_E_VALUE, "no deployment in box '%s' writes '%s'", cli->box, path);
        problem_hint(p, "those that there are: littlebox --box %s deploy --list", cli->box);
    } else if (r == 0 && strcmp(d->key, name) != 0) {
        r = problem_set(p, LB_E_VALUE, "'%s' is written by a deployment of key '%s', not of '%s'", path, d->key, name);
    }
    if (r == 0)
        r = shelf_forget(&s, d, p);
    if (r == 0)
        cli_note("the files of it stay as they are, and nobody renews them");
    deployments_clear(&all);
    shelf_close(&s);
    return r;
}
