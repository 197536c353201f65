/* The rows of which keys are put together, as they stand in a file that may be damaged. */
#include "store/rows.h"

#include <stdlib.h>
#include <string.h>

#include "model/chain.h"
#include "model/former_names.h"
#include "store/column.h"
#include "store/policy_blob.h"

static void *rows_add(struct rows *rows)
{
    if (rows->count == rows->room) {
        size_t room = rows->room == 0 ? 64 : rows->room * 2;
        void *at = reallocarray(rows->at, room, rows->size);

        if (at == NULL)
            return NULL;
        rows->at = at;
        rows->room = room;
    }
    return memset((uint8_t *)rows->at + rows->size * rows->count++, 0, rows->size);
}

/* A row whose key id cannot be read gets id zero. No key has that id, and a group of it is never whole. */
static bool column_key_id(sqlite3_stmt *stmt, int column, uint8_t ret[KEY_ID_SIZE])
{
    uint8_t *id = NULL;
    size_t len;

    if (!column_blob(stmt, column, KEY_ID_SIZE, KEY_ID_SIZE, &id, &len))
        return false;
    memcpy(ret, id, KEY_ID_SIZE);
    free(id);
    return true;
}

static bool column_name(sqlite3_stmt *stmt, int column, char ret[LB_NAME_MAX + 1])
{
    if (column_text(stmt, column, ret, LB_NAME_MAX + 1) && keyname_ok(ret, strlen(ret)))
        return true;
    ret[0] = '\0';
    return false;
}

static void read_key_row(sqlite3_stmt *stmt, void *row)
{
    struct key_row *k = row;

    k->ok = column_key_id(stmt, 1, k->key_id);
    k->ok &= column_name(stmt, 2, k->name);
    k->ok &= column_uint(stmt, 3, 1, UINT32_MAX, &k->versions);
    k->ok &= column_uint(stmt, 4, 0, LB_GRANTS_MAX, &k->grants);
}

static void read_version_row(sqlite3_stmt *stmt, void *row)
{
    struct version_row *r = row;
    struct version_record *v = &r->v;
    uint64_t version, state;

    r->ok = column_key_id(stmt, 1, v->key_id);
    r->ok &= column_name(stmt, 2, v->name);
    r->ok &= column_uint(stmt, 3, 1, UINT32_MAX, &version);
    r->ok &= column_uint(stmt, 4, 1, STATE_DESTROYED, &state);
    r->ok &= column_text(stmt, 5, v->type, sizeof(v->type)) && v->type[0] != '\0';
    r->ok &= column_uint(stmt, 6, 0, INT64_MAX, &v->created);
    r->ok &= column_uint(stmt, 7, 0, INT64_MAX, &v->changed);
    r->ok &= column_blob(stmt, 8, 1, LB_SPKI_MAX, &v->spki, &v->spki_len);
    r->ok &= column_blob(stmt, 9, 1, STORE_MATERIAL_MAX, &v->material, &v->material_len);
    v->version = (uint32_t)version;
    v->state = (uint8_t)state;
}

static void read_grant_row(sqlite3_stmt *stmt, void *row)
{
    struct grant_row *r = row;
    uint64_t kind, id, ops;

    r->ok = column_key_id(stmt, 1, r->key_id);
    r->ok &= column_uint(stmt, 2, SUBJECT_USER, SUBJECT_GROUP, &kind);
    r->ok &= column_uint(stmt, 3, 0, UINT32_MAX, &id);
    r->ok &= column_uint(stmt, 4, 1, OP_ALL, &ops);
    r->g = (struct grant){ .kind = (uint8_t)kind, .id = (uint32_t)id, .ops = (uint16_t)ops };
}

static void read_schedule_row(sqlite3_stmt *stmt, void *row)
{
    struct schedule_row *s = row;
    uint64_t version;

    s->ok = column_key_id(stmt, 1, s->key_id);
    s->ok &= column_uint(stmt, 2, 1, UINT32_MAX, &version);
    s->ok &= column_uint(stmt, 3, 1, INT64_MAX, &s->destroy_at);
    s->version = (uint32_t)version;
}

static void read_former_row(sqlite3_stmt *stmt, void *row)
{
    struct former_row *f = row;

    f->ok = column_key_id(stmt, 1, f->key_id);
    f->ok &= column_text(stmt, 2, f->names, sizeof(f->names)) && former_ok(f->names);
}

static void read_policy_row(sqlite3_stmt *stmt, void *row)
{
    struct policy_row *b = row;

    b->ok = column_key_id(stmt, 1, b->key_id);
    b->ok &= column_blob(stmt, 2, 0, POLICY_MAX, &b->entries, &b->len);
}

static void read_chain_row(sqlite3_stmt *stmt, void *row)
{
    struct chain_row *c = row;
    uint8_t digest[LB_HASH_SIZE], *stored = NULL;
    struct wire_reader reader;
    unsigned count = 0;
    uint64_t version;
    size_t len;

    c->ok = column_key_id(stmt, 1, c->key_id);
    c->ok &= column_uint(stmt, 2, 1, UINT32_MAX, &version);
    c->ok &= column_blob(stmt, 3, 1, LB_CHAIN_MAX, &c->certificates, &c->len);
    c->ok &= column_blob(stmt, 4, sizeof(digest), sizeof(digest), &stored, &len);
    c->version = (uint32_t)version;
    c->ok = c->ok && chain_read((struct bytes){ c->certificates, c->len }, &count, &reader) == 0 && count > 0 &&
            chain_digest(c->key_id, c->version, (struct bytes){ c->certificates, c->len }, digest) == 0 &&
            memcmp(stored, digest, sizeof(digest)) == 0;
    free(stored);
}

/* Any failure but a want of memory counts as a place that cannot be read: a page out of form, a bad sector. */
static bool is_damage(int rc)
{
    return rc != SQLITE_ROW && rc != SQLITE_DONE && (rc & 0xff) != SQLITE_NOMEM;
}

static int walk(struct store *s, const char *sql, struct rows *rows, void (*read)(sqlite3_stmt *, void *),
                const sqlite3_int64 *stop, struct problem *p)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        void *row;

        if (stop != NULL && sqlite3_column_int64(stmt, 0) <= *stop)
            break;
        row = rows_add(rows);
        if (row != NULL) {
            memcpy(row, &(sqlite3_int64){ sqlite3_column_int64(stmt, 0) }, sizeof(sqlite3_int64));
            read(stmt, row);
            rc = SQLITE_OK;
        } else
            rc = SQLITE_NOMEM;
    }
    sqlite3_finalize(stmt);
    if ((rc & 0xff) == SQLITE_NOMEM)
        schema_failure(s, rc, "read", p);
    return rc;
}

/* on: one cell out of form makes SQLite refuse its whole page; else that cell alone. */
static void check_cells(struct store *s, bool on)
{
    (void)sqlite3_exec(s->db, on ? "PRAGMA cell_size_check = ON" : "PRAGMA cell_size_check = OFF", NULL, NULL, NULL);
}

/* Reads from the first row up to the damage, then from the last row down to it. Only what lies between is lost. */
static int read_table(struct store *s, const char *up, const char *down, struct rows *rows,
                      void (*read)(sqlite3_stmt *, void *), struct reading *all, struct problem *p)
{
    sqlite3_int64 last = INT64_MIN;
    int rc;

    check_cells(s, false);
    rc = walk(s, up, rows, read, /* stop= */ NULL, p);
    if (is_damage(rc)) {
        all->partial++;
        all->failure = rc;
        if (rows->count > 0)
            memcpy(&last, (uint8_t *)rows->at + rows->size * (rows->count - 1), sizeof(last));
        rc = walk(s, down, rows, read, &last, p);
    }
    check_cells(s, true);
    return (rc & 0xff) == SQLITE_NOMEM ? LB_E_NOMEM : 0;
}

#define VERSION_COLUMNS "key_id, name, version, state, type, created, changed, spki, material"
#define UP_AND_DOWN(columns, table)                                                                                    \
    "SELECT rowid, " columns " FROM " table " NOT INDEXED ORDER BY rowid ASC",                                         \
        "SELECT rowid, " columns " FROM " table " NOT INDEXED ORDER BY rowid DESC"

#define ROWS_OF(type, id_member) { .size = sizeof(type), .id = offsetof(type, id_member) }

int reading_load(struct store *s, struct reading *all, struct problem *p)
{
    unsigned partial;
    int r;

    *all = (struct reading){ .keys = ROWS_OF(struct key_row, key_id),
                             .versions = ROWS_OF(struct version_row, v.key_id),
                             .policies = ROWS_OF(struct policy_row, key_id),
                             .chains = ROWS_OF(struct chain_row, key_id),
                             .grants = ROWS_OF(struct grant_row, key_id),
                             .schedules = ROWS_OF(struct schedule_row, key_id),
                             .formers = ROWS_OF(struct former_row, key_id) };
    r = read_table(s, UP_AND_DOWN("key_id, name, versions, grants", "key"), &all->keys, read_key_row, all, p);

    if (r == 0)
        r = read_table(s, UP_AND_DOWN(VERSION_COLUMNS, "version"), &all->versions, read_version_row, all, p);
    if (r == 0)
        r = read_table(s, UP_AND_DOWN("key_id, kind, id, ops", "grant_"), &all->grants, read_grant_row, all, p);
    if (r == 0 && s->schema > store_schema_at_open)
        r = read_table(s, UP_AND_DOWN("key_id, entries", "policy"), &all->policies, read_policy_row, all, p);
    if (r == 0 && all->partial > 0 && all->keys.count == 0 && all->versions.count == 0)
        r = schema_failure(s, all->failure, "read", p);
    /* A missing row of these two is noticed when the store is unlocked: its version does not authenticate. */
    if (r == 0)
        r = read_table(s, UP_AND_DOWN("key_id, version, destroy_at", "schedule"), &all->schedules, read_schedule_row, all,
                       p);
    if (r == 0)
        r = read_table(s, UP_AND_DOWN("key_id, names", "former"), &all->formers, read_former_row, all, p);
    /* Damage of chains is counted apart: it is not damage of keys. */
    partial = all->partial;
    if (r == 0)
        r = read_table(s, UP_AND_DOWN("key_id, version, certificates, digest", "chain"), &all->chains, read_chain_row,
                       all, p);
    all->chains_lost = all->partial - partial;
    all->partial = partial;
    return r;
}

static int by_key_id(const void *a, const void *b)
{
    const struct key_row *x = a, *y = b;
    int c = memcmp(x->key_id, y->key_id, KEY_ID_SIZE);

    return c != 0 ? c : (x->rowid > y->rowid) - (x->rowid < y->rowid);
}

static int by_version(const void *a, const void *b)
{
    const struct version_row *x = a, *y = b;
    int c = memcmp(x->v.key_id, y->v.key_id, KEY_ID_SIZE);

    if (c == 0)
        c = (x->v.version > y->v.version) - (x->v.version < y->v.version);
    return c != 0 ? c : (x->rowid > y->rowid) - (x->rowid < y->rowid);
}

static int by_grant(const void *a, const void *b)
{
    const struct grant_row *x = a, *y = b;
    int c = memcmp(x->key_id, y->key_id, KEY_ID_SIZE);

    if (c == 0)
        c = grant_compare(&x->g, &y->g);
    return c != 0 ? c : (x->rowid > y->rowid) - (x->rowid < y->rowid);
}

static int by_chain(const void *a, const void *b)
{
    const struct chain_row *x = a, *y = b;
    int c = memcmp(x->key_id, y->key_id, KEY_ID_SIZE);

    if (c == 0)
        c = (x->version > y->version) - (x->version < y->version);
    if (c == 0)
        c = (int)y->ok - (int)x->ok;
    return c != 0 ? c : (x->rowid > y->rowid) - (x->rowid < y->rowid);
}

static int by_schedule(const void *a, const void *b)
{
    const struct schedule_row *x = a, *y = b;
    int c = memcmp(x->key_id, y->key_id, KEY_ID_SIZE);

    if (c == 0)
        c = (x->version > y->version) - (x->version < y->version);
    return c != 0 ? c : (x->rowid > y->rowid) - (x->rowid < y->rowid);
}

static int by_policy(const void *a, const void *b)
{
    const struct policy_row *x = a, *y = b;
    int c = memcmp(x->key_id, y->key_id, KEY_ID_SIZE);

    return c != 0 ? c : (x->rowid > y->rowid) - (x->rowid < y->rowid);
}

static int by_former(const void *a, const void *b)
{
    const struct former_row *x = a, *y = b;
    int c = memcmp(x->key_id, y->key_id, KEY_ID_SIZE);

    return c != 0 ? c : (x->rowid > y->rowid) - (x->rowid < y->rowid);
}

/* Rows that compare equal have the same rowid too: they are one row. */
static void sort_rows(struct rows *rows, int (*compare)(const void *, const void *), void (*clear)(void *row))
{
    size_t kept = 1;

    if (rows->count < 2)
        return;
    qsort(rows->at, rows->count, rows->size, compare);
    for (size_t i = 1; i < rows->count; i++) {
        uint8_t *row = (uint8_t *)rows->at + rows->size * i, *last = (uint8_t *)rows->at + rows->size * (kept - 1);

        if (compare(last, row) == 0)
            clear(row);
        else
            memmove((uint8_t *)rows->at + rows->size * kept++, row, rows->size);
    }
    rows->count = kept;
}

static void clear_nothing(void *row)
{
    (void)row;
}

static void clear_version_row(void *row)
{
    version_record_clear(&((struct version_row *)row)->v);
}

static void clear_policy_row(void *row)
{
    free(((struct policy_row *)row)->entries);
}

static void clear_chain_row(void *row)
{
    free(((struct chain_row *)row)->certificates);
}

void reading_sort(struct reading *all)
{
    sort_rows(&all->keys, by_key_id, clear_nothing);
    sort_rows(&all->versions, by_version, clear_version_row);
    sort_rows(&all->grants, by_grant, clear_nothing);
    sort_rows(&all->policies, by_policy, clear_policy_row);
    sort_rows(&all->chains, by_chain, clear_chain_row);
    sort_rows(&all->schedules, by_schedule, clear_nothing);
    sort_rows(&all->formers, by_former, clear_nothing);
}

void reading_clear(struct reading *all)
{
    struct version_row *v = all->versions.at;
    struct policy_row *b = all->policies.at;
    struct chain_row *c = all->chains.at;

    for (size_t i = 0; i < all->policies.count; i++)
        clear_policy_row(&b[i]);
    for (size_t i = 0; i < all->versions.count; i++)
        version_record_clear(&v[i].v);
    for (size_t i = 0; i < all->chains.count; i++)
        clear_chain_row(&c[i]);
    free(all->keys.at);
    free(all->versions.at);
    free(all->policies.at);
    free(all->grants.at);
    free(all->chains.at);
    free(all->schedules.at);
    free(all->formers.at);
}
