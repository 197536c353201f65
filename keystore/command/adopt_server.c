/* littlebox adopt --server: every plain key that a server's configuration names. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "command/adopt.h"
#include "command/create.h"
#include "command/known_handles.h"
#include "command/prompt.h"

#define LIST_MAX 1000

struct server_list {
    struct cli *cli;
    char *paths[LIST_MAX]; /* of plain keys, each once */
    char *names[LIST_MAX];
    size_t count;
    unsigned left_out;
    unsigned troubles; /* problems with the configuration: there may be keys that were not seen */
    char user[64]; /* of the server's workers; "": not known, or root */
};

static void list_key(const struct named_key *k, void *arg)
{
    struct server_list *l = arg;
    char name[LB_NAME_MAX + 1], *whole;
    struct problem p = { 0 };

    snprintf(l->user, sizeof(l->user), "%s",
             k->conf->user[0] == '?'        ? ""
             : k->conf->user[0] != '\0'     ? k->conf->user
             : k->server->user != NULL ? k->server->user
                                       : "");
    if (k->path == NULL || (k->sight != KEYFILE_PLAIN && k->sight != KEYFILE_ENCRYPTED))
        return;
    /* A key that no handle can stand for stays where it is, as doctor says. */
    if (k->key->kind == SRV_STAYS)
        return;
    whole = realpath(k->path, NULL);
    if (whole == NULL)
        return;
    if (k->key->kind == SRV_WORD) {
        cli_note("'%s' (%s:%u) holds a key, and what for is not known here: adopt it by itself, if a handle will do there",
                 k->path, k->key->file, k->key->line);
        l->left_out++;
        goto out;
    }
    for (size_t i = 0; i < l->count; i++) {
        char *other = realpath(l->paths[i], NULL);
        bool same = other != NULL && strcmp(other, whole) == 0;

        free(other);
        if (same)
            goto out;
    }
    if (k->sight == KEYFILE_ENCRYPTED) {
        cli_note("'%s' is encrypted: adopt it by itself", k->path);
        l->left_out++;
        goto out;
    }
    if (key_name_of_file(k->path, name, &p) != 0) {
        cli_note("%s: give one with --key: adopt it by itself", p.text);
        l->left_out++;
        goto out;
    }
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->names[i], name) == 0) {
            cli_note("'%s' would be key '%s', as '%s' will: adopt it by itself, with --key", k->path, name, l->paths[i]);
            l->left_out++;
            goto out;
        }
    }
    if (l->count < LIST_MAX && (l->paths[l->count] = strdup(k->path)) != NULL) {
        l->names[l->count] = strdup(name);
        if (l->names[l->count] != NULL)
            l->count++;
        else
            free(l->paths[l->count]);
    }
out:
    free(whole);
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
    struct client *c = NULL;
    size_t kept = 0;
    int r = client_open(l->cli, l->cli->options[OPT_DRY_RUN] == NULL ? CLIENT_READY : CLIENT_RUNNING, &c, p);

    for (size_t i = 0; r == 0 && i < l->count; i++) {
        int taken = adopt_check_name(c, l->names[i], p);

        if (taken != 0 && taken != LB_E_EXISTS) {
            r = taken;
            break;
        }
        if (taken == 0) {
            char *path = l->paths[i], *name = l->names[i];

            l->paths[i] = l->paths[kept];
            l->names[i] = l->names[kept];
            l->paths[kept] = path;
            l->names[kept++] = name;
            continue;
        }
        cli_note("'%s': %s: adopt it by itself, with --key", l->paths[i], p->text);
        l->left_out++;
    }
    client_close(c);
    if (r != 0)
        return r;
    for (size_t i = kept; i < l->count; i++) {
        free(l->paths[i]);
        free(l->names[i]);
    }
    l->count = kept;
    return 0;
}

static int ask_for_list(const struct server_list *l, struct problem *p)
{
    const struct cli *cli = l->cli;
    char question[200], line[PATH_MAX + LB_NAME_MAX + 20];

    for (size_t i = 0; i < l->count; i++) {
        snprintf(line, sizeof(line), "  %s -> key '%s'", l->paths[i], l->names[i]);
        make_printable(line);
        fprintf(stderr, "%s\n", line);
    }
    if (cli->options[OPT_ALLOW] == NULL && l->user[0] != '\0' && strcmp(l->user, "root") != 0)
        cli_note("the workers of %s are '%s', who may not use what is adopted unless that is said: --allow %s",
                 cli->options[OPT_SERVER], l->user, l->user);
    if (cli->options[OPT_YES] != NULL || cli->options[OPT_DRY_RUN] != NULL)
        return 0;
    snprintf(question, sizeof(question),
             "this moves %zu key%s into box '%s', and no command gives %s out again; type 'yes'", l->count,
             l->count == 1 ? "" : "s", cli->box, l->count == 1 ? "it" : "them");
    return ask_word(question, "yes", p);
}

int adopt_server(struct cli *cli, struct problem *p)
{
    const struct server_program *server = server_find(cli->options[OPT_SERVER]);
    struct server_list l = { .cli = cli };
    int r = servers_each_key(server, cli->options[OPT_CONFIG], list_key, list_trouble, &l);

    if (r < 0)
        problem_set(p, r, "the configuration of %s cannot be read: %s", server->name, lb_strerror(r));
    else if (r > 0)
        cli_note("%d key file%s could not be read", r, r == 1 ? "" : "s");
    r = r < 0 ? r : check_names(&l, p);
    if (r == 0 && l.count == 0 && l.troubles == 0)
        cli_note("%s: there is no plain key to adopt", server->name);
    else if (r == 0 && l.count > 0)
        r = ask_for_list(&l, p);
    for (size_t i = 0; r == 0 && i < l.count; i++) {
        r = adopt_path(cli, l.paths[i], /* asked= */ true, p);
        /*
         * The same key is in two files, of which the first has been adopted. The files behind this one are no worse for
         * that.
         */
        if (r == LB_E_EXISTS) {
            cli_note("'%s': %s", l.paths[i], p->text);
            cli_hint("%s", p->hint);
            l.left_out++;
            r = 0;
        }
    }
    for (size_t i = 0; i < l.count; i++) {
        free(l.paths[i]);
        free(l.names[i]);
    }
    if (r == 0 && l.troubles > 0) {
        r = problem_set(p, LB_E_CONFIG, "the configuration of %s could not be read as a whole: there may be more keys in it",
                        server->name);
        if (cli->options[OPT_CONFIG] == NULL)
            problem_hint(p, "if it is elsewhere, say where: --config FILE");
    }
    if (r == 0 && l.left_out > 0)
        r = problem_set(p, LB_E_VALUE, "%u key%s left out", l.left_out, l.left_out == 1 ? " was" : "s were");
    return r;
}
