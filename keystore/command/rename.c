/* littlebox rename: another name for a key; handles with the old one go on. */
#include <stdio.h>

#include "client/change.h"
#include "command/create.h"
#include "command/table.h"

int cmd_rename(struct cli *cli)
{
    struct rename_request m = { .name = "" };
    struct problem p = { 0 };
    struct client *c = NULL;
    struct json j;
    char uri[LB_URI_MAX + 1];
    int r = key_name_check(cli->args[0], &p);

    if (r == 0)
        r = key_name_check(cli->args[1], &p);
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0) {
        snprintf(m.name, sizeof(m.name), "%s", cli->args[0]);
        snprintf(m.to, sizeof(m.to), "%s", cli->args[1]);
        r = ask_rename(c->ask, &m, &p);
    }
    if (r == 0) {
        client_uri(c, m.to, 0, uri);
        if (cli->json) {
            json_start(&j, stdout);
            json_open(&j, NULL, '{');
            json_string(&j, "key", m.to);
            json_string(&j, "former", m.name);
            json_string(&j, "uri", uri);
            json_close(&j, '}');
            json_end(&j);
        } else {
            puts(uri);
        }
        cli_note("handles with the name '%s' go on, and no other key of box '%s' can get it", m.name, cli->box);
    }
    client_close(c);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
