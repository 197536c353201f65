/* littlebox purpose: what a key is for. */
#include <stdio.h>
#include <string.h>

#include "client/change.h"
#include "command/client.h"
#include "command/create.h"
#include "command/purposes.h"
#include "command/table.h"
#include "model/purpose.h"

static void tell(const struct client *c, const struct purpose_request *m)
{
    char names[PURPOSE_NAMES_SIZE];
    struct json j;

    purpose_names(m->purposes, names);
    if (!c->cli->json) {
        cli_note("key '%s' is for %s", m->name, names);
        return;
    }
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "key", m->name);
    json_string(&j, "box", c->cli->box);
    purpose_json(&j, m->purposes);
    json_close(&j, '}');
    json_end(&j);
}

int cmd_purpose(struct cli *cli)
{
    struct purpose_request m = { .purposes = PURPOSE_ANY };
    struct problem p = { 0 };
    struct client *c = NULL;
    unsigned purposes = PURPOSE_ANY;
    int r = key_name_check(cli->args[0], &p);

    if (r == 0)
        r = purpose_parse(cli->args[1], &purposes, &p);
    m.purposes = (uint16_t)purposes;
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0) {
        snprintf(m.name, sizeof(m.name), "%s", cli->args[0]);
        r = ask_purpose(c->ask, &m, &p);
        if (r == LB_E_MESSAGE)
            r = purpose_refused(cli, r, PURPOSE_ALL, &p);
    }
    if (r == 0)
        tell(c, &m);
    client_close(c);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
