/* littlebox allow, deny: who may use a key. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id_range.h"
#include "client/change.h"
#include "client/keys.h"
#include "command/client.h"
#include "command/create.h"
#include "command/table.h"
#include "protocol/header.h"

static bool is_number(const char *s, uint32_t *ret)
{
    char *end;
    unsigned long long n;

    if (s[0] < '0' || s[0] > '9')
        return false;
    errno = 0;
    n = strtoull(s, &end, 10);
    if (errno != 0 || *end != '\0' || n >= UINT32_MAX)
        return false;
    *ret = (uint32_t)n;
    return true;
}

int grant_find_user(const char *name, struct grant *ret, struct problem *p)
{
    const struct passwd *pw = getpwnam(name);

    ret->kind = SUBJECT_USER;
    if (pw != NULL)
        ret->id = pw->pw_uid;
    else if (!is_number(name, &ret->id)) {
        problem_set(p, LB_E_VALUE, "there is no user '%.100s'", name);
        problem_hint(p, "this machine's: getent passwd; a number will do where the name is not known here");
        return LB_E_VALUE;
    }
    return 0;
}

static int find_group(const char *name, struct grant *ret, struct problem *p)
{
    const struct group *gr = getgrnam(name);

    ret->kind = SUBJECT_GROUP;
    if (gr != NULL)
        ret->id = gr->gr_gid;
    else if (!is_number(name, &ret->id)) {
        problem_set(p, LB_E_VALUE, "there is no group '%.100s'", name);
        problem_hint(p, "this machine's: getent group; a number will do where the name is not known here");
        return LB_E_VALUE;
    }
    return 0;
}

/* The bits of "sign,decrypt"; *ret_bad is the first word that names no operation. */
static uint16_t parse_ops(const char *text, const char **ret_bad, size_t *ret_len)
{
    unsigned ops = 0;

    for (;;) {
        size_t len = strcspn(text, ",");
        unsigned op = key_op_by_name(text, len);

        if (op == 0) {
            *ret_bad = text;
            *ret_len = len;
            return 0;
        }
        ops |= op;
        if (text[len] == '\0')
            return (uint16_t)ops;
        text += len + 1;
    }
}

/* A warning only: there may be nothing better to grant it to. */
static void warn_lent(const struct grant *g)
{
    char text[200];
    const char *cure;

    if (!idrange_lent(g->kind == SUBJECT_GROUP, g->id, text, sizeof(text), &cure))
        return;
    cli_note("warning: %s", text);
    cli_hint("%s", cure);
}

/* Looks what that subject itself may still do, after something was taken away. */
static int look_at_rest(struct client *c, const struct grant_request *m, uint16_t *ret, struct problem *p)
{
    struct key_details *show = malloc(sizeof(*show));
    int r = show == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : ask_show(c->ask, m->name, show, p);

    *ret = 0;
    for (unsigned i = 0; r == 0 && i < show->grant_count; i++) {
        if (show->grants[i].kind == m->grant.kind && show->grants[i].id == m->grant.id)
            *ret = show->grants[i].ops;
    }
    free(show);
    return r;
}

/* Tells what is left: whoever denies without --op may think of signatures alone, or of everything. */
static void tell_rest(const struct cli *cli, const struct grant_request *m, uint16_t rest)
{
    const char *user = cli->options[OPT_USER], *group = cli->options[OPT_GROUP];
    char ops[OP_NAMES_SIZE];

    if (rest == 0)
        return;
    key_op_names(rest, ops);
    cli_note("%s '%s' may still use key '%s': %s", user != NULL ? "user" : "group", user != NULL ? user : group, m->name, ops);
    cli_hint("to take that too: littlebox --box %s deny %s %s %s --op %s", cli->box, m->name, user != NULL ? "--user" : "--group",
             user != NULL ? user : group, ops);
}

static int change(struct cli *cli, uint16_t type)
{
    const char *user = cli->options[OPT_USER], *group = cli->options[OPT_GROUP], *bad = NULL;
    const char *op = cli->options[OPT_OP] == NULL ? key_op_name(OP_SIGN) : cli->options[OPT_OP];
    char ops[OP_NAMES_SIZE];
    struct grant_request m = { 0 };
    struct problem p = { 0 };
    struct client *c = NULL;
    struct json j;
    uint16_t rest = 0;
    size_t len = 0;
    int r;

    if ((user == NULL) == (group == NULL))
        return cli_usage_error(cli, "give either --user or --group");
    m.grant.ops = parse_ops(op, &bad, &len);
    if (m.grant.ops == 0)
        return cli_usage_error(cli, "unknown operation '%.*s': there are sign, decrypt and derive", (int)len, bad);
    r = key_name_check(cli->args[0], &p);
    if (r == 0)
        r = user != NULL ? grant_find_user(user, &m.grant, &p) : find_group(group, &m.grant, &p);
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0) {
        snprintf(m.name, sizeof(m.name), "%s", cli->args[0]);
        r = ask_grant(c->ask, type, &m, &p);
    }
    if (r == 0 && type == MSG_ALLOW)
        warn_lent(&m.grant);
    if (r == 0 && type == MSG_DENY)
        r = look_at_rest(c, &m, &rest, &p);
    if (r == 0)
        tell_rest(cli, &m, rest);
    if (r == 0 && cli->json) {
        json_start(&j, stdout);
        json_open(&j, NULL, '{');
        json_string(&j, "key", m.name);
        json_string(&j, "kind", user != NULL ? "user" : "group");
        json_number(&j, "id", m.grant.id);
        key_op_names(m.grant.ops, ops);
        json_string(&j, "op", ops);
        json_bool(&j, "allowed", type == MSG_ALLOW);
        json_close(&j, '}');
        json_end(&j);
    }
    client_close(c);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}

int cmd_allow(struct cli *cli)
{
    return change(cli, MSG_ALLOW);
}

int cmd_deny(struct cli *cli)
{
    return change(cli, MSG_DENY);
}
