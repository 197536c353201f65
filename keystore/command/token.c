/* littlebox attach, login, and what list --token shows: the token of a box. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/change.h"
#include "client/token.h"
#include "command/create.h"
#include "command/purposes.h"
#include "command/prompt.h"
#include "command/table.h"
#include "command/token.h"
#include "guard/secret.h"
#include "protocol/token.h"

static const struct column token_columns[] = {
    { "LABEL", "label", CELL_STRING },
    { "ID", "id", CELL_STRING },
    { "TYPE", "type", CELL_STRING },
    { "KEY", "key", CELL_STRING },
};
#define TOKEN_COLUMNS (sizeof(token_columns) / sizeof(token_columns[0]))

static int add_entry(struct table *t, const struct token_key *e)
{
    char label[P11_VALUE_MAX + 1], id[2 * P11_VALUE_MAX + 1] = "";
    const char *cells[TOKEN_COLUMNS] = { label, id, e->type, e->key };

    /* A label may have any bytes: these do no harm on a terminal. */
    for (size_t i = 0; i < e->label.len; i++)
        label[i] = e->label.p[i] < 0x20 || e->label.p[i] == 0x7f ? '?' : (char)e->label.p[i];
    label[e->label.len] = '\0';
    for (size_t i = 0; i < e->id.len; i++)
        snprintf(id + 2 * i, 3, "%02x", e->id.p[i]);
    return table_add(t, cells);
}

static int fill(struct client *c, struct table *t, struct problem *p)
{
    uint32_t from = 0;
    bool more = true;

    while (more) {
        struct wire_reader r;
        uint16_t count;
        int result = ask_token_list(c->ask, from, &more, &count, &r, p);

        if (result != 0)
            return result;
        if (more && count == 0)
            return problem_set(p, LB_E_VALUE, "the box's list has no end");
        for (unsigned i = 0; i < count && r.error == 0; i++) {
            struct token_key e;

            msg_token_entry_get(&r, &e);
            if (r.error == 0 && add_entry(t, &e) != 0)
                return problem_set(p, LB_E_NOMEM, "out of memory");
        }
        if (wire_end(&r) != 0)
            return problem_set(p, LB_E_VALUE, "the box's list is damaged");
        from += count;
    }
    return 0;
}

int token_list(struct client *c, struct problem *p)
{
    struct table *t = table_new(token_columns, TOKEN_COLUMNS);
    int r = t == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : fill(c, t, p);

    if (r == 0)
        table_say(t, c->cli->json);
    table_free(t);
    return r;
}

/* Parses the ids that tools print: "01:02", "0102", "%01%02". */
static int parse_id(const char *text, uint8_t *ret, size_t *ret_len, struct problem *p)
{
    size_t len = 0;

    for (const char *s = text; *s != '\0';) {
        unsigned byte;
        int n = 0;

        if (*s == ':' || *s == '%') {
            s++;
            continue;
        }
        if (len == P11_VALUE_MAX || sscanf(s, "%2x%n", &byte, &n) != 1 || n != 2) {
            problem_set(p, LB_E_VALUE, "'%.80s' is not the id of an object: pairs of hexadecimal digits", text);
            problem_hint(p, "the keys of the token: littlebox list --token");
            return LB_E_VALUE;
        }
        ret[len++] = (uint8_t)byte;
        s += 2;
    }
    *ret_len = len;
    return 0;
}

int cmd_attach(struct cli *cli)
{
    const char *id = cli->options[OPT_ID], *label = cli->options[OPT_LABEL];
    struct attach_request m = { .name = "" };
    uint8_t id_bytes[P11_VALUE_MAX];
    size_t id_len = 0;
    struct problem p = { 0 };
    struct client *c = NULL;
    struct key_info key;
    int r = key_name_check(cli->args[0], &p);

    /* If neither is given, the key is called on the token as it is here. */
    if (id == NULL && label == NULL)
        label = cli->args[0];
    if (r == 0 && id != NULL)
        r = parse_id(id, id_bytes, &id_len, &p);
    if (r == 0 && label != NULL && strlen(label) > P11_VALUE_MAX)
        r = problem_set(&p, LB_E_TOO_LONG, "the label is longer than %d bytes", P11_VALUE_MAX);
    if (r == 0)
        r = purpose_option(cli, &m.purposes, &p);
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0) {
        snprintf(m.name, sizeof(m.name), "%s", cli->args[0]);
        m.id = (struct bytes){ id_bytes, id_len };
        m.label = (struct bytes){ (const uint8_t *)label, label == NULL ? 0 : strlen(label) };
        r = purpose_refused(cli, ask_attach(c->ask, &m, &key, &p), m.purposes, &p);
    }
    if (r == 0)
        key_print(c, &key);
    client_close(c);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}

int cmd_login(struct cli *cli)
{
    struct passphrase pin = { NULL, 0 };
    struct problem p = { 0 };
    struct client *c = NULL;
    struct token_status token;
    struct json j;
    int r = client_open(cli, CLIENT_RUNNING, &c, &p);

    /* Checked first, so that nobody looks for the PIN of a box that has no token. */
    if (r == 0)
        r = ask_token(c->ask, &token, &p);
    if (r == 0)
        r = ask_passphrase(cli, "PIN of the token", /* as_new= */ false, &pin, &p);
    if (r == 0)
        r = ask_login(c->ask, (struct bytes){ (const uint8_t *)pin.data, pin.len }, &p);
    ask_clear(&pin);
    if (r == 0 && cli->json) {
        json_start(&j, stdout);
        json_open(&j, NULL, '{');
        json_string(&j, "box", cli->box);
        json_string(&j, "token", token.label);
        json_close(&j, '}');
        json_end(&j);
    }
    client_close(c);
    secret_wipe_stack();
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
