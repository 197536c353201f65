/* All keys of a store whose file may be damaged: one bad byte must not hide a key, nor harm another. */
#include <stdlib.h>
#include <string.h>

#include "store/rows.h"
#include "store/store.h"

/*
 * Rows are put together here. A key is whole when its rows agree with each other in everything that does not need the
 * store key to check; the rest is bound to the material.
 */

/* One key to report. The rows are slices of the arrays. */
struct group {
    const struct key_row *keys;
    const struct version_row *versions;
    const struct grant_row *grants;
    size_t key_count, version_count, grant_count;
    bool whole;
};

struct report {
    const char *name;
    const struct group *group;
};

struct reports {
    struct report *at;
    size_t count;
};

static bool is_whole(const struct group *g)
{
    static const uint8_t unknown[KEY_ID_SIZE];
    const struct key_row *k = g->keys;

    if (g->key_count != 1 || !k->ok || memcmp(k->key_id, unknown, KEY_ID_SIZE) == 0)
        return false;
    if (k->versions != g->version_count || k->grants != g->grant_count)
        return false;
    for (size_t i = 0; i < g->version_count; i++) {
        const struct version_row *v = &g->versions[i];

        if (!v->ok || strcmp(v->v.name, k->name) != 0 || (i > 0 && v->v.version == v[-1].v.version))
            return false;
    }
    for (size_t i = 0; i < g->grant_count; i++) {
        const struct grant_row *r = &g->grants[i];

        if (!r->ok || (i > 0 && grant_compare(&r->g, &r[-1].g) == 0))
            return false;
    }
    return true;
}

/* The lowest of the ids at the heads of the three sorted arrays; NULL when all are used up. */
static const uint8_t *lowest(const uint8_t *a, const uint8_t *b, const uint8_t *c)
{
    const uint8_t *all[] = { a, b, c }, *low = NULL;

    for (size_t i = 0; i < 3; i++) {
        if (all[i] != NULL && (low == NULL || memcmp(all[i], low, KEY_ID_SIZE) < 0))
            low = all[i];
    }
    return low;
}

static bool is_of(const uint8_t *row_id, const uint8_t *id)
{
    return row_id != NULL && memcmp(row_id, id, KEY_ID_SIZE) == 0;
}

/* NULL behind the last. */
static const void *row_at(const struct rows *rows, size_t i)
{
    return i < rows->count ? (const uint8_t *)rows->at + rows->size * i : NULL;
}

static const uint8_t *key_at(const struct reading *all, size_t i)
{
    const struct key_row *row = row_at(&all->keys, i);

    return row == NULL ? NULL : row->key_id;
}

static const uint8_t *version_at(const struct reading *all, size_t i)
{
    const struct version_row *row = row_at(&all->versions, i);

    return row == NULL ? NULL : row->v.key_id;
}

static const uint8_t *grant_at(const struct reading *all, size_t i)
{
    const struct grant_row *row = row_at(&all->grants, i);

    return row == NULL ? NULL : row->key_id;
}

/*
 * Chains go to their versions; both are sorted in the same way. What is left over is lost: it is damaged, or its
 * version is not there.
 */
static void hand_out_chains(struct reading *all)
{
    size_t at = 0;

    for (size_t i = 0; i < all->versions.count; i++) {
        struct version_record *v = &((struct version_row *)all->versions.at)[i].v;

        for (; at < all->chains.count; at++) {
            struct chain_row *c = &((struct chain_row *)all->chains.at)[at];
            int order = memcmp(c->key_id, v->key_id, KEY_ID_SIZE);

            if (order == 0)
                order = (c->version > v->version) - (c->version < v->version);
            if (order > 0)
                break;
            if (order == 0 && c->ok && v->chain == NULL) {
                v->chain = c->certificates;
                v->chain_len = c->len;
                c->certificates = NULL; /* now the version's */
                continue;
            }
            v->chain_damaged = order == 0 && v->chain == NULL;
            all->chains_lost++;
        }
    }
    all->chains_lost += (unsigned)(all->chains.count - at);
}

/*
 * A version whose destruction is scheduled has its state of before in its row. Rows of no version, and of what is destroyed
 * already, do not matter.
 */
static void hand_out_schedules(struct reading *all)
{
    size_t at = 0;

    for (size_t i = 0; i < all->versions.count; i++) {
        struct version_record *v = &((struct version_row *)all->versions.at)[i].v;

        for (; at < all->schedules.count; at++) {
            const struct schedule_row *s = &((const struct schedule_row *)all->schedules.at)[at];
            int order = memcmp(s->key_id, v->key_id, KEY_ID_SIZE);

            if (order == 0)
                order = (s->version > v->version) - (s->version < v->version);
            if (order > 0)
                break;
            if (order < 0 || !s->ok || v->state < 1 || v->state > STATE_COMPROMISED)
                continue;
            v->state_before = v->state;
            v->state = STATE_DESTROY_SCHEDULED;
            v->destroy_at = s->destroy_at;
        }
    }
}

/* To each version of the key, because they are bound to each. */
static int hand_out_formers(struct reading *all)
{
    size_t at = 0;

    for (size_t i = 0; i < all->versions.count; i++) {
        struct version_record *v = &((struct version_row *)all->versions.at)[i].v;
        const struct former_row *f = all->formers.at;

        while (at < all->formers.count && memcmp(f[at].key_id, v->key_id, KEY_ID_SIZE) < 0)
            at++;
        if (at == all->formers.count || !f[at].ok || memcmp(f[at].key_id, v->key_id, KEY_ID_SIZE) != 0)
            continue;
        v->former = strdup(f[at].names);
        if (v->former == NULL)
            return LB_E_NOMEM;
    }
    return 0;
}

/* groups has room for as many as there are rows. Returns how many there are. */
static size_t make_groups(struct reading *all, struct group *groups)
{
    size_t count = 0, k = 0, v = 0, g = 0;
    const uint8_t *id;

    while ((id = lowest(key_at(all, k), version_at(all, v), grant_at(all, g))) != NULL) {
        struct group *group = &groups[count++];

        *group = (struct group){ .keys = row_at(&all->keys, k),
                                 .versions = row_at(&all->versions, v),
                                 .grants = row_at(&all->grants, g) };
        for (; is_of(key_at(all, k), id); k++)
            group->key_count++;
        for (; is_of(version_at(all, v), id); v++)
            group->version_count++;
        for (; is_of(grant_at(all, g), id); g++)
            group->grant_count++;
        group->whole = is_whole(group);
    }
    return count;
}

/* Reporting */

static void add_report(struct reports *reports, const char *name, const struct group *group)
{
    reports->at[reports->count++] = (struct report){ name, group };
}

/*
 * Under which names: a whole key under its own; a damaged one under each name that stands in its rows, since nobody can
 * say which of them is the right one. reports has room for twice as many as there are rows.
 */
static void make_reports(const struct group *groups, size_t count, struct reports *reports)
{
    for (size_t i = 0; i < count; i++) {
        const struct group *g = &groups[i];

        if (g->whole) {
            add_report(reports, g->keys->name, g);
            continue;
        }
        for (size_t j = 0; j < g->key_count; j++)
            add_report(reports, g->keys[j].name, g);
        for (size_t j = 0; j < g->version_count; j++)
            add_report(reports, g->versions[j].v.name, g);
        if (g->key_count + g->version_count == 0)
            add_report(reports, "", g);
    }
}

/* By name, and of one name a whole key first, then one that has a key row: the first of each name is reported. */
static int by_name(const void *a, const void *b)
{
    const struct report *x = a, *y = b;
    int c = strcmp(x->name, y->name);

    if (c == 0)
        c = (int)y->group->whole - (int)x->group->whole;
    if (c == 0)
        c = (y->group->key_count > 0) - (x->group->key_count > 0);
    return c != 0 ? c : (x->group > y->group) - (x->group < y->group);
}

/* In the reports, which are sorted and have each name once: is it that of a damaged key? */
static bool is_damaged_name(const char *name, const struct reports *reports)
{
    size_t low = 0, high = reports->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(reports->at[middle].name, name);

        if (order == 0)
            return !reports->at[middle].group->whole;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* Does one of the group's names stand in the reports as that of a damaged key? Then the damage is told by name. */
static bool is_told(const struct group *g, const struct reports *reports)
{
    for (size_t j = 0; j < g->key_count; j++) {
        if (is_damaged_name(g->keys[j].name, reports))
            return true;
    }
    for (size_t j = 0; j < g->version_count; j++) {
        if (is_damaged_name(g->versions[j].v.name, reports))
            return true;
    }
    return false;
}

static void keep_first_of_each_name(struct reports *reports, const struct group *groups, size_t count)
{
    const struct group *nameless = NULL;
    size_t kept = 0;

    qsort(reports->at, reports->count, sizeof(*reports->at), by_name);
    for (size_t i = 0; i < reports->count; i++) {
        const char *name = reports->at[i].name;

        if (name[0] != '\0' && (kept == 0 || strcmp(name, reports->at[kept - 1].name) != 0))
            reports->at[kept++] = reports->at[i];
    }
    reports->count = kept;
    for (size_t i = 0; nameless == NULL && i < count; i++) {
        if (!groups[i].whole && !is_told(&groups[i], reports))
            nameless = &groups[i];
    }
    if (nameless == NULL)
        return;
    /* "?" sorts behind the digits and before the letters: put it where it belongs. */
    add_report(reports, "?", nameless);
    qsort(reports->at, reports->count, sizeof(*reports->at), by_name);
}

static int report_one(const struct report *report, int (*each)(const struct key_record *, bool, void *), void *arg)
{
    const struct group *g = report->group;
    const uint8_t *id = g->key_count > 0       ? g->keys->key_id
                        : g->version_count > 0 ? g->versions->v.key_id
                                               : g->grants->key_id;
    struct key_record k = { .grant_count = 0 };
    int r = LB_E_NOMEM;

    memcpy(k.key_id, id, KEY_ID_SIZE);
    memcpy(k.name, report->name, strlen(report->name) + 1);
    k.versions = calloc(g->version_count + 1, sizeof(*k.versions));
    k.grants = calloc(g->grant_count + 1, sizeof(*k.grants));
    if (k.versions == NULL || k.grants == NULL)
        goto out;
    /* Shallow copies: what they point to is the reading's. */
    for (size_t i = 0; i < g->version_count; i++) {
        if (g->whole || (g->versions[i].ok && strcmp(g->versions[i].v.name, k.name) == 0))
            k.versions[k.version_count++] = g->versions[i].v;
    }
    for (size_t i = 0; i < g->grant_count; i++) {
        if (g->grants[i].ok)
            k.grants[k.grant_count++] = g->grants[i].g;
    }
    r = each(&k, !g->whole, arg);
out:
    free(k.versions);
    free(k.grants);
    return r;
}

int store_each_key(struct store *s, int (*each)(const struct key_record *k, bool damaged, void *arg), void *arg,
                   struct problem *p)
{
    struct reading all;
    struct reports reports = { NULL, 0 };
    struct group *groups = NULL;
    size_t rows, count;
    int r = reading_load(s, &all, p);

    if (r != 0)
        goto out;
    rows = all.keys.count + all.versions.count + all.grants.count;
    groups = calloc(rows + 1, sizeof(*groups));
    reports.at = calloc(rows + 2, sizeof(*reports.at));
    if (groups == NULL || reports.at == NULL) {
        r = problem_set(p, LB_E_NOMEM, "cannot read the keys of %s: out of memory", s->path);
        goto out;
    }
    reading_sort(&all);
    hand_out_chains(&all);
    hand_out_schedules(&all);
    r = hand_out_formers(&all);
    if (r != 0) {
        problem_set(p, r, "cannot read the keys of %s: out of memory", s->path);
        goto out;
    }
    count = make_groups(&all, groups);
    make_reports(groups, count, &reports);
    keep_first_of_each_name(&reports, groups, count);
    problem_set(p, 0, "%s", "");
    if (all.partial > 0) {
        problem_set(p, LB_E_DAMAGED, "a part of the store %s cannot be read: its keys are reported as damaged",
                    s->path);
        problem_hint(p, "restore it from a backup");
    } else if (all.chains_lost > 0) {
        problem_set(p, LB_E_DAMAGED, "certificate chains in the store %s are damaged: their keys go on without", s->path);
        problem_hint(p, "set them again: littlebox cert set");
    }
    for (size_t i = 0; r == 0 && i < reports.count; i++)
        r = report_one(&reports.at[i], each, arg);
out:
    free(groups);
    free(reports.at);
    reading_clear(&all);
    return r;
}
