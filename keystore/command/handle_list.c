/* littlebox handle --list: which servers' configurations name handles. */
#include <stdio.h>

#include "command/handle.h"
#include "command/known_handles.h"
#include "command/table.h"

static void print_text(const struct named_key *k, void *arg)
{
    (void)arg;
    if (k->sight == KEYFILE_HANDLE && k->path != NULL)
        cli_line("%s: %s (%s:%u): %s", k->server->name, k->path, k->key->file, k->key->line, k->uri);
    else if (k->sight == KEYFILE_HANDLE)
        cli_line("%s: %s (%s:%u)", k->server->name, k->uri, k->key->file, k->key->line);
}

static void print_json(const struct named_key *k, void *arg)
{
    struct json *j = arg;

    if (k->sight != KEYFILE_HANDLE)
        return;
    json_open(j, NULL, '{');
    json_string(j, "server", k->server->name);
    json_string(j, "file", k->path);
    json_string(j, "uri", k->uri);
    json_string(j, "configuration", k->key->file);
    json_number(j, "line", k->key->line);
    json_close(j, '}');
}

int handle_list(struct cli *cli)
{
    struct problem p = { 0 };
    struct json j;
    int n = 0, unread = 0;

    if (cli->json) {
        json_start(&j, stdout);
        json_open(&j, NULL, '[');
    }
    for (const struct server_program *s = servers; n >= 0 && s->name != NULL; s++) {
        n = servers_each_key(s, /* main= */ NULL, cli->json ? print_json : print_text, /* trouble= */ NULL, &j);
        unread += n > 0 ? n : 0;
    }
    if (cli->json) {
        json_close(&j, ']');
        json_end(&j);
    }
    if (n < 0) {
        problem_set(&p, n, "the servers' configurations cannot be read: %s", lb_strerror(n));
        return cli_fail(&p);
    }
    if (unread > 0)
        cli_note("%d key file%s of servers could not be read: only root sees all", unread, unread == 1 ? "" : "s");
    return EXIT_DONE;
}
