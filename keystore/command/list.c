/* littlebox list, show: what is in the box. */
#include <fnmatch.h>
#include <grp.h>
#include <openssl/pem.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/keys.h"
#include "client/life.h"
#include "client/status.h"
#include "client/token.h"
#include "command/cert.h"
#include "command/client.h"
#include "command/expiring.h"
#include "command/purposes.h"
#include "command/table.h"
#include "command/token.h"
#include "model/former_names.h"
#include "model/purpose.h"
#include "model/uri.h"
#include "protocol/keys.h"

static const char *yes_no(bool b)
{
    return b ? "yes" : "no";
}

/* How many who may use a key have room in a line of the list. */
#define ALLOWED_SHOWN 4

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

/* Who may use a key */

static const struct column grant_columns[] = {
    { "ALLOWED", "kind", CELL_STRING },
    { "NAME", "name", CELL_STRING },
    { "ID", "id", CELL_NUMBER },
    { "TO", "op", CELL_STRING },
};
enum { GRANT_KIND, GRANT_NAME, GRANT_ID, GRANT_OPS };
#define GRANT_COLUMNS (sizeof(grant_columns) / sizeof(grant_columns[0]))

static int fill_grants(const struct key_details *show, struct table *t)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < show->grant_count; i++) {
        const struct grant *g = &show->grants[i];
        const struct passwd *pw = g->kind == SUBJECT_USER ? getpwuid(g->id) : NULL;
        const struct group *gr = g->kind == SUBJECT_GROUP ? getgrgid(g->id) : NULL;
        const char *name = pw != NULL ? pw->pw_name : gr != NULL ? gr->gr_name : NULL;
        char id[12], ops[OP_NAMES_SIZE];
        const char *cells[GRANT_COLUMNS] = { g->kind == SUBJECT_USER ? "user" : "group", name, id, ops };

        key_op_names(g->ops, ops);
        snprintf(id, sizeof(id), "%u", g->id);
        r = table_add(t, cells);
    }
    return r;
}

/* list */

/* A key, and what the box tells of each key by itself. */
struct row {
    struct key_entry e;
    struct table *grants; /* NULL: only administrators may know them */
    uint64_t used; /* the last time; 0: never, as far as is known */
    char until[RFC3339_SIZE]; /* of the active version's certificate; "": it has none */
    uint16_t purposes;
};

struct rows {
    struct row *r;
    size_t count;
    size_t hidden; /* destroyed ones that match and were not asked for */
    size_t scheduled; /* and those that are to be destroyed */
    bool admin;       /* the caller may know who may use the keys, and when they were used */
};

static void rows_clear(struct rows *all)
{
    for (size_t i = 0; i < all->count; i++)
        table_free(all->r[i].grants);
    free(all->r);
}

static int add_row(const struct cli *cli, const struct key_entry *e, struct rows *all, struct problem *p)
{
    const char *pattern = cli->arg_count == 0 ? "*" : cli->args[0];
    struct row *grown;

    if (fnmatch(pattern, e->name, 0) != 0)
        return 0;
    /* Damaged keys are always shown: status sends people here. */
    if (key_state_ending(e->state) && !e->damaged &&
        cli->options[OPT_ALL] == NULL) {
        all->hidden += key_state_destroyed(e->state);
        all->scheduled += e->state == STATE_DESTROY_SCHEDULED;
        return 0;
    }
    grown = reallocarray(all->r, all->count + 1, sizeof(*all->r));
    if (grown == NULL)
        return out_of_memory(p);
    all->r = grown;
    all->r[all->count++] = (struct row){ .e = *e };
    return 0;
}

static int read_rows(struct client *c, struct rows *all, struct problem *p)
{
    struct key_entry e = { .name = "" };
    bool more = true;

    while (more) {
        struct wire_reader r;
        uint16_t count;
        int result = ask_list(c->ask, e.name, &more, &count, &r, p);

        if (result != 0)
            return result;
        if (more && count == 0)
            return problem_set(p, LB_E_VALUE, "the box's list has no end");
        for (unsigned i = 0; result == 0 && i < count && r.error == 0; i++) {
            msg_list_entry_get(&r, &e);
            if (r.error == 0)
                result = add_row(c->cli, &e, all, p);
        }
        if (result != 0)
            return result;
        if (wire_end(&r) != 0)
            return problem_set(p, LB_E_VALUE, "the box's list is damaged");
    }
    return 0;
}

/* What the box tells of its keys one by one, if it tells this caller. */
struct more {
    bool certificates;
    bool grants;
    struct key_details show; /* the last answer */
};

/* A key, its certificate or the token may go while others are looked at. Then that column of the key stays empty. */
static int read_more(struct client *c, struct more *m, struct row *row, struct problem *p)
{
    struct key_ref ref = { .version = row->e.version };
    struct problem ignored;

    memcpy(ref.name, row->e.name, sizeof(ref.name));
    if (m->certificates && row->e.certified && row->e.version != 0 && cert_until(c, &ref, row->until, &ignored) != 0)
        row->until[0] = '\0';
    if (!m->grants || ask_show(c->ask, row->e.name, &m->show, &ignored) != 0)
        return 0;
    for (unsigned i = 0; i < m->show.version_count; i++)
        row->used = m->show.versions[i].used > row->used ? m->show.versions[i].used : row->used;
    row->grants = table_new(grant_columns, GRANT_COLUMNS);
    return row->grants == NULL || fill_grants(&m->show, row->grants) != 0 ? out_of_memory(p) : 0;
}

/* Rows and entries have the same order, by name. */
static int read_purposes(struct client *c, struct rows *all, struct problem *p)
{
    struct purposes_entry e = { .name = "" };
    bool more = true;
    size_t at = 0;

    while (more) {
        struct wire_reader r;
        uint16_t count;
        int result = ask_purposes(c->ask, e.name, &more, &count, &r, p);

        if (result != 0)
            return result;
        for (unsigned i = 0; i < count && r.error == 0; i++) {
            msg_purposes_entry_get(&r, &e);
            while (at < all->count && strcmp(all->r[at].e.name, e.name) < 0)
                at++;
            if (r.error == 0 && at < all->count && strcmp(all->r[at].e.name, e.name) == 0)
                all->r[at].purposes = e.purposes;
        }
        if (wire_end(&r) != 0 || (more && count == 0))
            return problem_set(p, LB_E_VALUE, "the box's list of purposes is damaged");
    }
    return 0;
}

/* Once the token is away, it is not asked for the other keys' certificates. */
static int read_list(struct client *c, struct rows *all, struct problem *p)
{
    struct more *m = calloc(1, sizeof(*m));
    struct box_status status;
    struct token_status token = { .connected = true };
    int r = m == NULL ? out_of_memory(p) : read_rows(c, all, p);

    if (r == 0)
        r = read_purposes(c, all, p);
    if (r == 0)
        r = ask_status(c->ask, &status, p);
    all->admin = r == 0 && status.admin;
    if (r != 0 || all->count == 0)
        goto out;
    if (r == 0 && strcmp(status.backend, "pkcs11") == 0)
        r = ask_token(c->ask, &token, p);
    if (r == 0)
        *m = (struct more){ .certificates = token.connected, .grants = status.admin };
    for (size_t i = 0; r == 0 && i < all->count; i++)
        r = read_more(c, m, &all->r[i], p);
out:
    free(m);
    return r;
}

/* Only administrators are told what the last columns show. */
static const struct column list_columns[] = {
    { "KEY", NULL, CELL_STRING },     { "TYPE", NULL, CELL_STRING }, { "STATE", NULL, CELL_STRING },
    { "VERSION", NULL, CELL_NUMBER }, { "OF", NULL, CELL_NUMBER },   { "CREATED", NULL, CELL_STRING },
    { "CERTIFICATE UNTIL", NULL, CELL_STRING }, { "FOR", NULL, CELL_STRING }, { "LAST USED", NULL, CELL_STRING }, { "ALLOWED", NULL, CELL_STRING },
};
#define LIST_COLUMNS (sizeof(list_columns) / sizeof(list_columns[0]))
#define LIST_COLUMNS_OF_ALL (LIST_COLUMNS - 2)

/* "www-data, group ssl-cert (sign,decrypt)": operations are named unless they are signing alone. */
static void allowed_text(const struct table *grants, char *ret, size_t size)
{
    size_t len = 0, rows = grants == NULL ? 0 : table_rows(grants);

    ret[0] = '\0';
    for (size_t i = 0; i < rows && len < size; i++) {
        const char *kind = table_cell(grants, i, GRANT_KIND), *name = table_cell(grants, i, GRANT_NAME);
        const char *ops = table_cell(grants, i, GRANT_OPS);
        bool usual = strcmp(ops, key_op_name(OP_SIGN)) == 0;

        if (i == ALLOWED_SHOWN && rows > i + 1) {
            snprintf(ret + len, size - len, " and %zu more", rows - i);
            return;
        }
        len += (size_t)snprintf(ret + len, size - len, "%s%s%s%s%s%s", i == 0 ? "" : ", ",
                                strcmp(kind, "group") == 0 ? "group " : "",
                                name[0] == '\0' ? table_cell(grants, i, GRANT_ID) : name, usual ? "" : " (",
                                usual ? "" : ops, usual ? "" : ")");
    }
}

static int print_list(const struct rows *all, struct problem *p)
{
    struct table *t = table_new(list_columns, all->admin ? LIST_COLUMNS : LIST_COLUMNS_OF_ALL);
    int r = t == NULL ? out_of_memory(p) : 0;

    for (size_t i = 0; r == 0 && i < all->count; i++) {
        const struct key_entry *e = &all->r[i].e;
        char version[12] = "", versions[12], created[RFC3339_SIZE], used[RFC3339_SIZE], state[40], allowed[400];
        char purposes[PURPOSE_NAMES_SIZE];

        if (e->version != 0)
            snprintf(version, sizeof(version), "%u", e->version);
        snprintf(versions, sizeof(versions), "%u", e->versions);
        snprintf(state, sizeof(state), "%s%s", key_state_name(e->state), e->damaged ? ", damaged" : "");
        rfc3339_text(e->created, created);
        rfc3339_text(all->r[i].used, used);
        allowed_text(all->r[i].grants, allowed, sizeof(allowed));
        purpose_names(all->r[i].purposes, purposes);
        if (table_add(t, (const char *[LIST_COLUMNS]){ e->name, e->type, state, version, versions, created,
                                                       all->r[i].until, purposes, used, allowed }) != 0)
            r = out_of_memory(p);
    }
    if (r == 0)
        table_print(t, stdout);
    table_free(t);
    return r;
}

static void json_list(const struct rows *all)
{
    struct json j;

    json_start(&j, stdout);
    json_open(&j, NULL, '[');
    for (size_t i = 0; i < all->count; i++) {
        const struct row *row = &all->r[i];
        char created[RFC3339_SIZE], used[RFC3339_SIZE];

        rfc3339_text(row->e.created, created);
        rfc3339_text(row->used, used);
        json_open(&j, NULL, '{');
        json_string(&j, "key", row->e.name);
        json_string(&j, "type", row->e.type);
        json_string(&j, "state", key_state_name(row->e.state));
        if (row->e.version != 0)
            json_number(&j, "version", row->e.version);
        else
            json_null(&j, "version");
        json_number(&j, "versions", row->e.versions);
        json_string(&j, "created", created);
        json_string(&j, "used", used[0] == '\0' ? NULL : used);
        json_bool(&j, "damaged", row->e.damaged);
        json_string(&j, "not_after", row->until[0] == '\0' ? NULL : row->until);
        purpose_json(&j, row->purposes);
        if (row->grants != NULL)
            table_json(row->grants, &j, "grants");
        else
            json_null(&j, "grants");
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_end(&j);
}

/*
 * Tells why the list is empty. A pattern that nothing matches is more often a slip than an answer. A caller who may use no
 * key looks at somebody else's box.
 */
static void tell_none(struct client *c, const struct rows *all)
{
    const struct cli *cli = c->cli;
    struct problem ignored;
    struct box_status s;

    if (ask_status(c->ask, &s, &ignored) == 0 && !s.admin) {
        cli_note("uid %u may use no key of box '%s'%s", s.uid, cli->box, cli->arg_count > 0 ? " of such a name" : "");
        cli_hint("its administrator can allow it: littlebox --box %s allow KEY --user %u", cli->box, s.uid);
        return;
    }
    if (cli->arg_count == 0)
        return;
    cli_note("no key in box '%s' matches '%s'", cli->box, cli->args[0]);
    if (all->hidden > 0)
        cli_hint("there are more with --all: littlebox --box %s list --all", cli->box);
}

int cmd_list(struct cli *cli)
{
    struct rows all = { 0 };
    struct problem p = { 0 };
    struct client *c = NULL;
    int r;

    if (cli->options[OPT_TOKEN] != NULL && (cli->arg_count > 0 || cli->options[OPT_ALL] != NULL))
        return cli_usage_error(cli, "'list --token' shows all of the token: it takes no pattern and no --all");
    if (cli->options[OPT_EXPIRING] != NULL && (cli->options[OPT_TOKEN] != NULL || cli->options[OPT_ALL] != NULL))
        return cli_usage_error(cli, "'list --expiring' goes without --token and --all");
    r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0)
        r = cli->options[OPT_TOKEN] != NULL ? token_list(c, &p) : cli->options[OPT_EXPIRING] != NULL ? expiring_list(c, &p) : read_list(c, &all, &p);
    if (r == 0 && cli->options[OPT_TOKEN] == NULL && cli->options[OPT_EXPIRING] == NULL) {
        if (cli->json)
            json_list(&all);
        else
            r = print_list(&all, &p);
        if (r == 0 && all.scheduled > 0)
            cli_note("%zu key%s to be destroyed: littlebox --box %s list --all", all.scheduled,
                     all.scheduled == 1 ? " is" : "s are", cli->box);
        else if (r == 0 && all.count == 0 && !cli->json)
            tell_none(c, &all);
    }
    rows_clear(&all);
    client_close(c);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}

/* show */

static const struct column version_columns[] = {
    { "VERSION", "version", CELL_NUMBER },  { "STATE", NULL, CELL_STRING },        { NULL, "state", CELL_STRING },
    { NULL, "current", CELL_BOOL },         { "TYPE", "type", CELL_STRING },       { "CREATED", "created", CELL_STRING },
    { "CHANGED", "changed", CELL_STRING },  { "DAMAGED", "damaged", CELL_BOOL },   { "LAST USED", "used", CELL_STRING },
    { NULL, "activate_at", CELL_STRING },   { NULL, "deactivate_at", CELL_STRING }, { NULL, "destroy_at", CELL_STRING },
    { NULL, "reason", CELL_STRING },        { NULL, "changed_by", CELL_NUMBER },
    { "PUBLIC KEY (SHA-256)", "sha256", CELL_STRING },
};
#define VERSION_COLUMNS (sizeof(version_columns) / sizeof(version_columns[0]))

/* Is there a choice, so that which one is current is worth a word? */
static bool more_than_one(const struct key_details *show)
{
    unsigned there = 0;

    for (unsigned i = 0; i < show->version_count; i++)
        there += !key_state_ending(show->versions[i].state);
    return there > 1;
}

static int fill_versions(const struct key_details *show, uint32_t only, struct table *t)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < show->version_count; i++) {
        const struct version_entry *v = &show->versions[i];
        char number[12], created[RFC3339_SIZE], changed[RFC3339_SIZE], hash[2 * LB_HASH_SIZE + 1];
        char used[RFC3339_SIZE], activate_at[RFC3339_SIZE], deactivate_at[RFC3339_SIZE], destroy_at[RFC3339_SIZE];
        char state[40], by[12] = "";
        const char *cells[VERSION_COLUMNS] = { number,        state,      key_state_name(v->state),       yes_no(v->current), v->type,
                                               created,       changed,    yes_no(v->damaged),             used,   activate_at,
                                               deactivate_at, destroy_at, life_reason_name(v->life.reason), by,     hash };

        if (only != 0 && v->version != only)
            continue;
        snprintf(number, sizeof(number), "%u", v->version);
        rfc3339_text(v->created, created);
        rfc3339_text(v->changed, changed);
        rfc3339_text(v->used, used);
        rfc3339_text(v->life.activate_at, activate_at);
        rfc3339_text(v->life.deactivate_at, deactivate_at);
        rfc3339_text(v->destroy_at, destroy_at);
        snprintf(state, sizeof(state), "%s%s", key_state_name(v->state), v->current && more_than_one(show) ? ", current" : "");
        if (v->life.by_known)
            snprintf(by, sizeof(by), "%u", v->life.by);
        for (int k = 0; k < LB_HASH_SIZE; k++)
            snprintf(hash + 2 * k, 3, "%02x", v->hash[k]);
        r = table_add(t, cells);
    }
    return r;
}

static void tell_rest(const struct key_details *show)
{
    char at[RFC3339_SIZE];
    bool said = show->former[0] != '\0';

    for (unsigned i = 0; i < show->version_count; i++) {
        const struct version_entry *v = &show->versions[i];

        if (v->state == STATE_DESTROY_SCHEDULED) {
            rfc3339_text(v->destroy_at, at);
            cli_line("version %u is to be destroyed at %s", v->version, at);
        } else if (v->state == STATE_PRE_ACTIVATION && v->life.activate_at != 0) {
            rfc3339_text(v->life.activate_at, at);
            cli_line("version %u becomes the current one at %s", v->version, at);
        } else if ((v->state == STATE_ACTIVE || v->state == STATE_SUSPENDED) && v->life.deactivate_at != 0) {
            rfc3339_text(v->life.deactivate_at, at);
            cli_line("version %u signs for those who have loaded it until %s", v->version, at);
        } else if (v->life.reason > REASON_UNSPECIFIED) {
            cli_line("version %u is %s: %s", v->version, key_state_name(v->state), life_reason_name(v->life.reason));
        } else {
            continue;
        }
        said = true;
    }
    if (show->former[0] != '\0')
        cli_line("it is also found by the names that it had before: %s", show->former);
    if (said)
        putchar('\n');
}

static int print_key(struct client *c, const struct key_ref *ref, const struct key_details *show, struct problem *p)
{
    struct table *versions = table_new(version_columns, VERSION_COLUMNS);
    struct table *grants = table_new(grant_columns, GRANT_COLUMNS), *certificates = NULL;
    char uri[LB_URI_MAX + 1], former[LB_NAME_MAX + 1], purposes[PURPOSE_NAMES_SIZE];
    struct json j;
    int r = LB_E_NOMEM;

    if (versions == NULL || grants == NULL || fill_versions(show, ref->version, versions) != 0 ||
        fill_grants(show, grants) != 0) {
        out_of_memory(p);
        goto out;
    }
    r = cert_overview(c, show, ref->version, &certificates, p);
    if (r != 0)
        goto out;
    client_uri(c, ref->name, ref->version, uri);
    if (c->cli->json) {
        json_start(&j, stdout);
        json_open(&j, NULL, '{');
        json_string(&j, "key", show->name);
        json_string(&j, "box", c->cli->box);
        json_string(&j, "uri", uri);
        json_open(&j, "former", '[');
        for (const char *at = show->former; former_next(&at, former);)
            json_string(&j, NULL, former);
        json_close(&j, ']');
        purpose_json(&j, show->purposes);
        table_json(versions, &j, "versions");
        table_json(certificates, &j, "certificates");
        table_json(grants, &j, "grants");
        json_close(&j, '}');
        json_end(&j);
        goto out;
    }
    purpose_names(show->purposes, purposes);
    cli_line("%s", uri);
    cli_line("for %s", purposes);
    putchar('\n');
    table_print(versions, stdout);
    putchar('\n');
    tell_rest(show);
    if (table_rows(certificates) > 0) {
        table_print(certificates, stdout);
        putchar('\n');
    }
    if (show->grant_count == 0)
        puts("only administrators of the box may use this key");
    else
        table_print(grants, stdout);
out:
    table_free(versions);
    table_free(certificates);
    table_free(grants);
    return r;
}

static int print_public(struct client *c, const struct key_ref *ref, struct problem *p)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct key_info key;
    struct json j;
    char *pem = NULL;
    int r = bio == NULL ? out_of_memory(p) : ask_get(c->ask, ref, &key, p);

    if (r == 0 && (PEM_write_bio(bio, PEM_STRING_PUBLIC, "", key.spki.p, (long)key.spki.len) <= 0 ||
                   BIO_write(bio, "", 1) != 1 || BIO_get_mem_data(bio, &pem) <= 0))
        r = out_of_memory(p);
    if (r == 0 && c->cli->json) {
        json_start(&j, stdout);
        json_open(&j, NULL, '{');
        json_string(&j, "key", key.name);
        json_number(&j, "version", key.version);
        json_string(&j, "public", pem);
        json_close(&j, '}');
        json_end(&j);
    } else if (r == 0) {
        fputs(pem, stdout);
    }
    BIO_free(bio);
    return r;
}

static bool has_version(const struct key_details *show, uint32_t version)
{
    for (unsigned i = 0; i < show->version_count; i++) {
        if (show->versions[i].version == version)
            return true;
    }
    return version == 0;
}

int cmd_show(struct cli *cli)
{
    struct key_details *show = malloc(sizeof(*show));
    struct problem p = { 0 };
    struct client *c = NULL;
    struct key_ref ref;
    int r = show == NULL ? out_of_memory(&p) : client_key_ref(cli->args[0], &ref, &p);

    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0 && cli->options[OPT_PUBLIC] != NULL) {
        r = print_public(c, &ref, &p);
    } else if (r == 0) {
        r = ask_show(c->ask, ref.name, show, &p);
        if (r == 0 && !has_version(show, ref.version)) {
            r = problem_set(&p, LB_E_NO_VERSION, "key '%s' in box '%s' has no version %u", ref.name, cli->box,
                            ref.version);
            problem_hint(&p, "its versions: littlebox --box %s show %s", cli->box, ref.name);
        }
        if (r == 0)
            r = ask_lives(c->ask, show, &p);
        if (r == 0)
            r = print_key(c, &ref, show, &p);
    }
    free(show);
    client_close(c);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
