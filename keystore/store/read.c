/* All keys of a store whose file may be damaged: one bad byte must not hide a key, nor harm another. */
#include <stdlib.h>
#include <string.h>

#include "store/policy_blob.h"
#include "store/rows.h"
#include "store/store.h"

/*
 * Puts rows together to keys. A key is whole when its rows agree with each other, as far as that is checked without the store
 * key. The rest is bound to the material.
 */

/* One key to report. The rows are slices of the arrays. A key without a policy row is of the old form. */
struct group {
    const struct key_row *keys;
    const struct version_row *versions;
    const struct policy_row *policies;
    const struct grant_row *grants;
    const struct schedule_row *schedules;
    const struct former_row *formers;
    size_t key_count, version_count, policy_count, grant_count, schedule_count, former_count;
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

static bool versions_agree(const struct group *g)
{
    for (size_t i = 0; i < g->version_count; i++) {
        const struct version_row *v = &g->versions[i];

        if (!v->ok || strcmp(v->v.name, g->keys->name) != 0 || (i > 0 && v->v.version == v[-1].v.version))
            return false;
    }
    return true;
}

static bool grants_agree(const struct group *g)
{
    for (size_t i = 0; i < g->grant_count; i++) {
        const struct grant_row *r = &g->grants[i];

        if (!r->ok || (i > 0 && grant_compare(&r->g, &r[-1].g) == 0))
            return false;
    }
    return true;
}

/* k: the record that the rows give, as far as they can be read. That its policy is damaged is told by itself. */
static bool is_whole(const struct group *g, const struct key_record *k)
{
    static const uint8_t unknown[KEY_ID_SIZE];

    if (g->key_count != 1 || !g->keys->ok || memcmp(g->keys->key_id, unknown, KEY_ID_SIZE) == 0)
        return false;
    if (g->keys->versions != g->version_count || !versions_agree(g))
        return false;
    return !k->old_form ||
           (g->keys->grants == k->grant_count && k->grant_count == g->grant_count && grants_agree(g));
}

/* The record of a group */

/*
 * Gives versions their schedule. The row of a scheduled version has the state of before. A schedule is passed over if its
 * version is not there, or is destroyed already.
 */
static void hand_out_schedules(const struct group *g, struct key_record *k)
{
    size_t at = 0;

    for (size_t i = 0; i < k->version_count; i++) {
        struct version_record *v = &k->versions[i];

        for (; at < g->schedule_count && g->schedules[at].version <= v->version; at++) {
            const struct schedule_row *s = &g->schedules[at];

            if (s->version < v->version || !s->ok || v->state < 1 || v->state > STATE_COMPROMISED)
                continue;
            v->state_before = v->state;
            v->state = STATE_DESTROY_SCHEDULED;
            v->destroy_at = s->destroy_at;
        }
    }
}

/* Reads the policy from the tables of stores before schema 4. */
static int old_policy(const struct group *g, struct key_record *k)
{
    k->old_form = true;
    k->grants = calloc(g->grant_count + 1, sizeof(*k->grants));
    if (k->grants == NULL)
        return LB_E_NOMEM;
    for (size_t i = 0; i < g->grant_count; i++) {
        if (g->grants[i].ok)
            k->grants[k->grant_count++] = g->grants[i].g;
    }
    hand_out_schedules(g, k);
    if (g->former_count == 0 || !g->formers->ok)
        return 0;
    k->former = strdup(g->formers->names);
    return k->former == NULL ? LB_E_NOMEM : 0;
}

/* The policy as its row has it. Where that is damaged, what could be read of it is told, and is of no other use. */
static int read_policy(const struct group *g, struct key_record *k)
{
    int r = LB_E_VALUE;

    if (g->policy_count == 1 && g->policies->ok)
        r = policy_load((struct bytes){ g->policies->entries, g->policies->len }, k);
    if (r == LB_E_NOMEM)
        return r;
    k->policy_damaged = r != 0 || (g->key_count > 0 && g->keys->grants != k->grant_count);
    if (k->policy_damaged)
        k->unknown = 0;
    return 0;
}

/*
 * Makes the record of a group. The reading owns what its versions point to; the record owns the rest. name NULL: with all
 * versions; else with those of that name that could be read.
 */
static int make_record(const struct group *g, const char *name, struct key_record *k)
{
    memset(k, 0, sizeof(*k));
    k->versions = calloc(g->version_count + 1, sizeof(*k->versions));
    if (k->versions == NULL)
        return LB_E_NOMEM;
    for (size_t i = 0; i < g->version_count; i++) {
        if (name == NULL || (g->versions[i].ok && strcmp(g->versions[i].v.name, name) == 0))
            k->versions[k->version_count++] = g->versions[i].v;
    }
    return g->policy_count == 0 ? old_policy(g, k) : read_policy(g, k);
}

static void drop_record(struct key_record *k)
{
    free(k->versions);
    key_record_drop_policy(k);
}

static int find_whole(struct group *g)
{
    struct key_record k;
    int r = make_record(g, /* name= */ NULL, &k);

    g->whole = r == 0 && is_whole(g, &k);
    drop_record(&k);
    return r;
}

/* Groups */

/* The key id of the i-th row; NULL behind the last. */
static const uint8_t *id_at(const struct rows *rows, size_t i)
{
    return i < rows->count ? (const uint8_t *)rows->at + rows->size * i + rows->id : NULL;
}

/*
 * Gives chains to their versions; both are sorted in the same way. A chain that is left over is lost: it is damaged, or its
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

/* The rows at *at that are of this key, past which it moves. */
static const void *take(const struct rows *rows, size_t *at, const uint8_t *id, size_t *ret_count)
{
    const uint8_t *is;
    size_t from = *at;

    while ((is = id_at(rows, *at)) != NULL && memcmp(is, id, KEY_ID_SIZE) == 0)
        ++*at;
    *ret_count = *at - from;
    return *ret_count == 0 ? NULL : (const uint8_t *)rows->at + rows->size * from;
}

/* The tables of which groups are made. Rows of no key make a group of their own. */
enum { KEYS, VERSIONS, POLICIES, GRANTS, OWNERS };

static const uint8_t *lowest(const struct rows *const rows[OWNERS], const size_t at[OWNERS])
{
    const uint8_t *low = NULL;

    for (size_t i = 0; i < OWNERS; i++) {
        const uint8_t *id = id_at(rows[i], at[i]);

        if (id != NULL && (low == NULL || memcmp(id, low, KEY_ID_SIZE) < 0))
            low = id;
    }
    return low;
}

/* Passes over rows of lower key ids, which belong to no key. */
static void skip_to(const struct rows *rows, size_t *at, const uint8_t *id)
{
    const uint8_t *is;

    while ((is = id_at(rows, *at)) != NULL && memcmp(is, id, KEY_ID_SIZE) < 0)
        ++*at;
}

/* groups has room for as many as there are rows. *ret_count is how many there are. */
static int make_groups(const struct reading *all, struct group *groups, size_t *ret_count)
{
    const struct rows *const rows[OWNERS] = { &all->keys, &all->versions, &all->policies, &all->grants };
    size_t at[OWNERS] = { 0 }, schedule = 0, former = 0, count = 0;
    const uint8_t *id;
    int r = 0;

    while (r == 0 && (id = lowest(rows, at)) != NULL) {
        struct group *g = &groups[count++];

        g->keys = take(rows[KEYS], &at[KEYS], id, &g->key_count);
        g->versions = take(rows[VERSIONS], &at[VERSIONS], id, &g->version_count);
        g->policies = take(rows[POLICIES], &at[POLICIES], id, &g->policy_count);
        g->grants = take(rows[GRANTS], &at[GRANTS], id, &g->grant_count);
        skip_to(&all->schedules, &schedule, id);
        g->schedules = take(&all->schedules, &schedule, id, &g->schedule_count);
        skip_to(&all->formers, &former, id);
        g->formers = take(&all->formers, &former, id, &g->former_count);
        r = find_whole(g);
    }
    *ret_count = count;
    return r;
}

/* Reporting */

static void add_report(struct reports *reports, const char *name, const struct group *group)
{
    reports->at[reports->count++] = (struct report){ name, group };
}

/*
 * A whole key is reported under its name. A damaged key is reported under each name in its rows, since nobody can say which
 * is the right one. reports has room for twice as many as there are rows.
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

/* Sorts by name. For one name a whole key is first, then one that has a key row: only the first is reported. */
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

/* Is a damaged key reported under this name? The reports are sorted and have each name once. */
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

/* Is a damaged key reported under one of the group's names? Then the damage is told by name. */
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
    /* Sorted again: "?" stands behind the digits and before the letters. */
    add_report(reports, "?", nameless);
    qsort(reports->at, reports->count, sizeof(*reports->at), by_name);
}

static const uint8_t *id_of(const struct group *g)
{
    if (g->key_count > 0)
        return g->keys->key_id;
    if (g->version_count > 0)
        return g->versions->v.key_id;
    return g->policy_count > 0 ? g->policies->key_id : g->grants->key_id;
}

static int report_one(const struct report *report, int (*each)(const struct key_record *, bool, void *), void *arg)
{
    const struct group *g = report->group;
    struct key_record k;
    int r = make_record(g, g->whole ? NULL : report->name, &k);

    memcpy(k.key_id, id_of(g), KEY_ID_SIZE);
    memcpy(k.name, report->name, strlen(report->name) + 1);
    if (r == 0)
        r = each(&k, !g->whole, arg);
    drop_record(&k);
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
    rows = all.keys.count + all.versions.count + all.policies.count + all.grants.count;
    groups = calloc(rows + 1, sizeof(*groups));
    reports.at = calloc(rows + 2, sizeof(*reports.at));
    if (groups == NULL || reports.at == NULL) {
        r = problem_set(p, LB_E_NOMEM, "cannot read the keys of %s: out of memory", s->path);
        goto out;
    }
    reading_sort(&all);
    hand_out_chains(&all);
    r = make_groups(&all, groups, &count);
    if (r != 0) {
        problem_set(p, r, "cannot read the keys of %s: out of memory", s->path);
        goto out;
    }
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
