/* littlebox list, show: what is in the box. */
#include <grp.h>
#include <openssl/pem.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "cmd_cert.h"
#include "cmd_token.h"
#include "former.h"
#include "table.h"
#include "uri.h"

static const char *yes_no(bool b)
{
    return b ? "yes" : "no";
}

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

/* list */

static const struct column list_columns[] = {
    { "KEY", "key", CELL_STRING },           { "TYPE", "type", CELL_STRING },   { "STATE", "state", CELL_STRING },
    { "VERSION", "version", CELL_NUMBER },   { "OF", "versions", CELL_NUMBER }, { "CREATED", "created", CELL_STRING },
    { "DAMAGED", "damaged", CELL_BOOL },
};
#define LIST_COLUMNS (sizeof(list_columns) / sizeof(list_columns[0]))

static int add_entry(struct table *t, const struct list_entry *e)
{
    char version[12] = "", versions[12], created[TIME_TEXT_SIZE];
    const char *cells[LIST_COLUMNS] = { e->name,  e->type, key_state_name(e->state), version, versions, created,
                                        yes_no(e->damaged) };

    if (e->version != 0)
        snprintf(version, sizeof(version), "%u", e->version);
    snprintf(versions, sizeof(versions), "%u", e->versions);
    time_text(e->created, created);
    return table_add(t, cells);
}

static int fill_list(struct client *c, struct table *t, struct problem *p)
{
    const bool all = c->cli->options[OPT_ALL] != NULL;
    struct list_entry e = { .name = "" };
    unsigned scheduled = 0;
    bool more = true;

    while (more) {
        struct wire_reader r;
        uint16_t count;
        int result = client_list(c, e.name, &more, &count, &r, p);

        if (result != 0)
            return result;
        if (more && count == 0)
            return problem_set(p, LB_E_VALUE, "the box's list has no end");
        for (unsigned i = 0; i < count && r.error == 0; i++) {
            msg_list_entry_get(&r, &e);
            scheduled += r.error == 0 && e.state == STATE_DESTROY_SCHEDULED;
            /* A damaged one may be anything: it is to be seen. */
            if (!all && !e.damaged && (e.state == STATE_DESTROYED || e.state == STATE_DESTROY_SCHEDULED))
                continue;
            if (r.error == 0 && add_entry(t, &e) != 0)
                return out_of_memory(p);
        }
        if (wire_end(&r) != 0)
            return problem_set(p, LB_E_VALUE, "the box's list is damaged");
    }
    if (scheduled > 0 && !all)
        cli_note("%u key%s to be destroyed: littlebox --box %s list --all", scheduled, scheduled == 1 ? " is" : "s are",
                 c->cli->box);
    return 0;
}

int cmd_list(struct cli *cli)
{
    struct table *t = table_new(list_columns, LIST_COLUMNS);
    struct problem p = { 0 };
    struct client *c = NULL;
    struct json j;
    int r = t == NULL ? out_of_memory(&p) : client_open(cli, CLIENT_READY, &c, &p);

    if (r == 0 && cli->options[OPT_TOKEN] != NULL) {
        r = token_list(c, &p);
        table_free(t);
        client_close(c);
        return r == 0 ? EXIT_DONE : cli_fail(&p);
    }
    if (r == 0)
        r = fill_list(c, t, &p);
    if (r == 0 && cli->json) {
        json_start(&j, stdout);
        table_json(t, &j, NULL);
        json_end(&j);
    } else if (r == 0) {
        table_print(t, stdout);
    }
    table_free(t);
    client_close(c);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}

/* show */

static const struct column version_columns[] = {
    { "VERSION", "version", CELL_NUMBER }, { "STATE", "state", CELL_STRING },     { "TYPE", "type", CELL_STRING },
    { "CREATED", "created", CELL_STRING }, { "CHANGED", "changed", CELL_STRING }, { "DAMAGED", "damaged", CELL_BOOL },
    { "LAST USED", "used", CELL_STRING },  { NULL, "destroy_at", CELL_STRING },
    { "PUBLIC KEY (SHA-256)", "sha256", CELL_STRING },
};
#define VERSION_COLUMNS (sizeof(version_columns) / sizeof(version_columns[0]))

static const struct column grant_columns[] = {
    { "ALLOWED", "kind", CELL_STRING },
    { "NAME", "name", CELL_STRING },
    { "ID", "id", CELL_NUMBER },
    { "TO", "op", CELL_STRING },
};
#define GRANT_COLUMNS (sizeof(grant_columns) / sizeof(grant_columns[0]))

static int fill_versions(const struct msg_show *show, uint32_t only, struct table *t)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < show->version_count; i++) {
        const struct version_entry *v = &show->versions[i];
        char number[12], created[TIME_TEXT_SIZE], changed[TIME_TEXT_SIZE], hash[2 * LB_HASH_SIZE + 1];
        char used[TIME_TEXT_SIZE], destroy_at[TIME_TEXT_SIZE];
        const char *cells[VERSION_COLUMNS] = { number,  key_state_name(v->state), v->type, created,
                                               changed, yes_no(v->damaged),       used,    destroy_at, hash };

        if (only != 0 && v->version != only)
            continue;
        snprintf(number, sizeof(number), "%u", v->version);
        time_text(v->created, created);
        time_text(v->changed, changed);
        time_text(v->used, used);
        time_text(v->destroy_at, destroy_at);
        for (int k = 0; k < LB_HASH_SIZE; k++)
            snprintf(hash + 2 * k, 3, "%02x", v->hash[k]);
        r = table_add(t, cells);
    }
    return r;
}

static int fill_grants(const struct msg_show *show, struct table *t)
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

static void tell_rest(const struct msg_show *show)
{
    char at[TIME_TEXT_SIZE];
    bool said = show->former[0] != '\0';

    for (unsigned i = 0; i < show->version_count; i++) {
        const struct version_entry *v = &show->versions[i];

        if (v->state != STATE_DESTROY_SCHEDULED)
            continue;
        time_text(v->destroy_at, at);
        printf("version %u is to be destroyed at %s\n", v->version, at);
        said = true;
    }
    if (show->former[0] != '\0')
        printf("it is also found by the names that it had before: %s\n", show->former);
    if (said)
        putchar('\n');
}

static int print_key(struct client *c, const struct key_ref *ref, const struct msg_show *show, struct problem *p)
{
    struct table *versions = table_new(version_columns, VERSION_COLUMNS);
    struct table *grants = table_new(grant_columns, GRANT_COLUMNS), *certificates = NULL;
    char uri[LB_URI_MAX + 1], former[LB_NAME_MAX + 1];
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
        table_json(versions, &j, "versions");
        table_json(certificates, &j, "certificates");
        table_json(grants, &j, "grants");
        json_close(&j, '}');
        json_end(&j);
        goto out;
    }
    printf("%s\n\n", uri);
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
    struct msg_key key;
    struct json j;
    char *pem = NULL;
    int r = bio == NULL ? out_of_memory(p) : client_get(c, ref, &key, p);

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

static bool has_version(const struct msg_show *show, uint32_t version)
{
    for (unsigned i = 0; i < show->version_count; i++) {
        if (show->versions[i].version == version)
            return true;
    }
    return version == 0;
}

int cmd_show(struct cli *cli)
{
    struct msg_show *show = malloc(sizeof(*show));
    struct problem p = { 0 };
    struct client *c = NULL;
    struct key_ref ref;
    int r = show == NULL ? out_of_memory(&p) : client_key_ref(cli->args[0], &ref, &p);

    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0 && cli->options[OPT_PUBLIC] != NULL) {
        r = print_public(c, &ref, &p);
    } else if (r == 0) {
        r = client_show(c, ref.name, show, &p);
        if (r == 0 && !has_version(show, ref.version))
            r = problem_set(&p, LB_E_NO_VERSION, "key '%s' in box '%s' has no version %u", ref.name, cli->box,
                            ref.version);
        if (r == 0)
            r = print_key(c, &ref, show, &p);
    }
    free(show);
    client_close(c);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
