/* littlebox list --expiring: certificates and versions that end soon. */
#include "command/expiring.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/life.h"
#include "command/table.h"
#include "command/times.h"
#include "protocol/life.h"

struct entries {
    struct expiring_entry *e;
    size_t count, room;
};

static const struct column columns[] = {
    { "KEY", "key", CELL_STRING },
    { "VERSION", "version", CELL_NUMBER },
    { "WHAT", "what", CELL_STRING },
    { "AT", "at", CELL_STRING },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static int compare(const void *a, const void *b)
{
    const struct expiring_entry *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int add(struct entries *all, const struct expiring_entry *e, struct problem *p)
{
    if (all->count == all->room) {
        size_t room = all->room == 0 ? 256 : 2 * all->room;
        struct expiring_entry *grown = reallocarray(all->e, room, sizeof(*grown));

        if (grown == NULL)
            return problem_set(p, LB_E_NOMEM, "out of memory");
        all->e = grown;
        all->room = room;
    }
    all->e[all->count++] = *e;
    return 0;
}

/*
 * A page ends within a key, maybe: the key is asked for again then, from its beginning. A key with more than a page of its own
 * is told as far as a page goes.
 */
static int read_page(struct client *c, struct expiring_request *m, const char *pattern, struct entries *all, bool *ret_more,
                     struct problem *p)
{
    struct expiring_entry e = { .name = "" };
    char last[LB_NAME_MAX + 1] = "", before[LB_NAME_MAX + 1] = "";
    struct wire_reader r;
    uint16_t count;
    size_t kept = all->count;
    int result = ask_expiring(c->ask, m, ret_more, &count, &r, p);

    for (unsigned i = 0; result == 0 && i < count && r.error == 0; i++) {
        msg_expiring_entry_get(&r, &e);
        if (r.error == 0 && strcmp(e.name, last) != 0) {
            memcpy(before, last, sizeof(before));
            memcpy(last, e.name, sizeof(last));
            kept = all->count;
        }
        if (r.error == 0 && fnmatch(pattern, e.name, 0) == 0)
            result = add(all, &e, p);
    }
    if (result == 0 && (wire_end(&r) != 0 || (*ret_more && count == 0)))
        result = problem_set(p, LB_E_VALUE, "the box's list is damaged");
    if (result != 0 || !*ret_more)
        return result;
    if (strcmp(before[0] == '\0' ? last : before, m->after) <= 0)
        return problem_set(p, LB_E_VALUE, "the box's list has no end");
    if (before[0] == '\0') {
        memcpy(m->after, last, sizeof(m->after));
        return 0;
    }
    all->count = kept;
    memcpy(m->after, before, sizeof(m->after));
    return 0;
}

static int print(const struct cli *cli, struct entries *all, struct problem *p)
{
    static const char *const words[] = { [EXPIRING_CERTIFICATE] = "certificate ends",
                                         [EXPIRING_DEACTIVATION] = "is deactivated",
                                         [EXPIRING_DESTRUCTION] = "is destroyed" };
    struct table *t = table_new(columns, COLUMNS);
    int r = t == NULL ? LB_E_NOMEM : 0;

    if (all->count > 0)
        qsort(all->e, all->count, sizeof(*all->e), compare);
    for (size_t i = 0; r == 0 && i < all->count; i++) {
        char version[12], at[RFC3339_SIZE];

        snprintf(version, sizeof(version), "%u", all->e[i].version);
        rfc3339_text(all->e[i].at, at);
        r = table_add(t, (const char *[COLUMNS]){ all->e[i].name, version, words[all->e[i].what], at });
    }
    if (r == 0)
        table_say(t, cli->json);
    table_free(t);
    return r == 0 ? 0 : problem_set(p, r, "out of memory");
}

int expiring_list(struct client *c, struct problem *p)
{
    const struct cli *cli = c->cli;
    struct expiring_request m = { .before = (uint64_t)time(NULL) };
    struct entries all = { 0 };
    uint32_t within;
    bool more = true;
    int r = times_duration("--expiring", cli->options[OPT_EXPIRING], &within, p);

    if (r == 0)
        m.before += within;
    while (r == 0 && more)
        r = read_page(c, &m, cli->arg_count == 0 ? "*" : cli->args[0], &all, &more, p);
    if (r == 0)
        r = print(cli, &all, p);
    free(all.e);
    return r;
}
