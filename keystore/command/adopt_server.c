/* littlebox adopt --server: every plain key that a server's configuration names. */
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "command/adopt.h"
#include "command/create.h"
#include "command/known_handles.h"
#include "command/prompt.h"

struct server_list {
    struct cli *cli;
    struct bulk_list files; /* with plain keys, each once, and under a name of its own */
    void *paths;            /* a tree of whole paths that were seen */
    void *names;            /* a tree of struct taken */
    unsigned left_out;
    unsigned troubles; /* problems with the configuration: there may be keys that were not seen */
    char user[64]; /* of the server's workers; "": not known, or root */
    struct problem problem; /* code 0: none */
};

struct taken {
    char name[LB_NAME_MAX + 1]; /* the first thing in it, by which the tree is ordered */
    size_t at;
};

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void out_of_memory(struct server_list *l)
{
    problem_set(&l->problem, LB_E_NOMEM, "out of memory");
}

/* Is thing, which begins with a text, the first in the tree with that text? Then it belongs to the tree; else it is freed. */
static bool is_first(struct server_list *l, void **tree, void *thing, void **ret_there)
{
    void **node = thing == NULL ? NULL : tsearch(thing, tree, compare);

    if (node == NULL)
        out_of_memory(l);
    *ret_there = node == NULL ? NULL : *node;
    if (node != NULL && *node == thing)
        return true;
    free(thing);
    return false;
}

static void add(struct server_list *l, const char *path)
{
    struct taken *t = calloc(1, sizeof(*t));
    struct problem p = { 0 };
    void *there;

    if (t == NULL) {
        out_of_memory(l);
        return;
    }
    if (key_name_of_file(path, t->name, &p) != 0) {
        cli_note("%s: give one with --key: adopt it by itself", p.text);
        l->left_out++;
        free(t);
        return;
    }
    t->at = l->files.count;
    if (is_first(l, &l->names, t, &there)) {
        if (bulk_add(&l->files, path, &l->problem) == 0)
            memcpy(l->files.files[t->at].name, t->name, sizeof(t->name));
    } else if (there != NULL) {
        t = there;
        cli_note("'%s' would be key '%s', as '%s' will: adopt it by itself, with --key", path, t->name,
                 l->files.files[t->at].path);
        l->left_out++;
    }
}

static void list_key(const struct named_key *k, void *arg)
{
    struct server_list *l = arg;
    char *whole;
    void *there;

    snprintf(l->user, sizeof(l->user), "%s",
             k->conf->user[0] == '?'        ? ""
             : k->conf->user[0] != '\0'     ? k->conf->user
             : k->server->user != NULL ? k->server->user
                                       : "");
    if (l->problem.code != 0 || k->path == NULL || (k->sight != KEYFILE_PLAIN && k->sight != KEYFILE_ENCRYPTED))
        return;
    /* A key that no handle can stand for stays where it is, as doctor says. */
    if (k->key->kind == SRV_STAYS)
        return;
    whole = realpath(k->path, NULL);
    if (whole == NULL || !is_first(l, &l->paths, whole, &there))
        return;
    if (k->key->kind == SRV_WORD) {
        cli_note("'%s' (%s:%u) holds a key, and what for is not known here: adopt it by itself, if a handle will do there",
                 k->path, k->key->file, k->key->line);
        l->left_out++;
    } else if (k->sight == KEYFILE_ENCRYPTED) {
        cli_note("'%s' is encrypted: adopt it by itself", k->path);
        l->left_out++;
    } else {
        add(l, k->path);
    }
}

static void list_trouble(const char *text, void *arg)
{
    struct server_list *l = arg;

    cli_note("%s: %s", l->cli->options[OPT_SERVER], text);
    l->troubles++;
}

/* Leaves out the files whose key's name is taken in the box. */
static int check_names(struct server_list *l, struct problem *p)
{
    struct bulk_list *all = &l->files;
    struct client *c = NULL;
    size_t kept = 0;
    int r = client_open(l->cli, l->cli->options[OPT_DRY_RUN] == NULL ? CLIENT_READY : CLIENT_RUNNING, &c, p);

    for (size_t i = 0; i < all->count; i++) {
        struct bulk_file *f = &all->files[i];
        int taken = r == 0 ? adopt_check_name(c, f->name, p) : 0;

        if (taken == LB_E_EXISTS) {
            cli_note("'%s': %s: adopt it by itself, with --key", f->path, p->text);
            l->left_out++;
            free(f->path);
            continue;
        }
        r = r == 0 ? taken : r;
        all->files[kept++] = *f;
    }
    all->count = kept;
    client_close(c);
    return r;
}

static int ask_for_list(const struct server_list *l, struct problem *p)
{
    const struct cli *cli = l->cli;
    char question[200], line[PATH_MAX + LB_NAME_MAX + 20];
    size_t count = l->files.count;

    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "  %s -> key '%s'", l->files.files[i].path, l->files.files[i].name);
        make_printable(line);
        fprintf(stderr, "%s\n", line);
    }
    if (cli->options[OPT_ALLOW] == NULL && l->user[0] != '\0' && strcmp(l->user, "root") != 0)
        cli_note("the workers of %s are '%s', who may not use what is adopted unless that is said: --allow %s",
                 cli->options[OPT_SERVER], l->user, l->user);
    if (cli->options[OPT_YES] != NULL || cli->options[OPT_DRY_RUN] != NULL)
        return 0;
    snprintf(question, sizeof(question),
             "this moves %zu key%s into box '%s', and no command gives %s out again; type 'yes'", count,
             count == 1 ? "" : "s", cli->box, count == 1 ? "it" : "them");
    return ask_word(question, "yes", p);
}

/* What was not done, said last. */
static int tell_left_out(const struct server_list *l, const struct server_program *server, struct problem *p)
{
    if (l->troubles > 0) {
        problem_set(p, LB_E_CONFIG, "the configuration of %s could not be read as a whole: there may be more keys in it",
                    server->name);
        if (l->cli->options[OPT_CONFIG] == NULL)
            problem_hint(p, "if it is elsewhere, say where: --config FILE");
        return LB_E_CONFIG;
    }
    if (l->left_out > 0)
        return problem_set(p, LB_E_VALUE, "%u key%s left out", l->left_out, l->left_out == 1 ? " was" : "s were");
    return 0;
}

int adopt_server(struct cli *cli)
{
    const struct server_program *server = server_find(cli->options[OPT_SERVER]);
    struct server_list l = { .cli = cli };
    struct problem p = { 0 };
    size_t left_out = 0;
    int status = EXIT_DONE, r = servers_each_key(server, cli->options[OPT_CONFIG], list_key, list_trouble, &l);

    if (r < 0)
        problem_set(&p, r, "the configuration of %s cannot be read: %s", server->name, lb_strerror(r));
    else if (r > 0)
        cli_note("%d key file%s could not be read", r, r == 1 ? "" : "s");
    if (r >= 0 && l.problem.code != 0) {
        p = l.problem;
        r = p.code;
    }
    r = r < 0 ? r : check_names(&l, &p);
    if (r == 0 && l.files.count == 0 && l.troubles == 0)
        cli_note("%s: there is no plain key to adopt", server->name);
    else if (r == 0 && l.files.count > 0)
        r = ask_for_list(&l, &p);
    if (r == 0 && l.files.count > 0) {
        status = adopt_list(cli, &l.files, &left_out);
        l.left_out += (unsigned)left_out;
    }
    /* Where files were left out, the others have been done. Anything else that went wrong was said. */
    if (r == 0 && (status == EXIT_DONE || left_out > 0))
        r = tell_left_out(&l, server, &p);
    tdestroy(l.paths, free);
    tdestroy(l.names, free);
    bulk_clear(&l.files);
    return r == 0 ? status : cli_fail(&p);
}
