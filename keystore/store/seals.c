/* The store's seals: reading, adding, removing, never the last. */
#include "store/seals.h"

#include <stdlib.h>
#include <string.h>

#include "model/seal_kinds.h"
#include "store/column.h"
#include "store/schema.h"
#include "store/scrub.h"

/* More than any kind needs. */
#define PARAMS_MAX 1024
#define WRAPPED_MAX 1024

static bool read_seal(sqlite3_stmt *stmt, struct seal_record *ret)
{
    uint64_t id = 0, kind = 0;
    bool ok = true;

    memset(ret, 0, sizeof(*ret));
    ok &= column_uint(stmt, 0, 1, UINT32_MAX, &id);
    ok &= column_uint(stmt, 1, 1, UINT8_MAX, &kind) && seal_kind_find((unsigned)kind) != NULL;
    ok &= column_text(stmt, 2, ret->label, sizeof(ret->label));
    ok &= column_uint(stmt, 3, 0, INT64_MAX, &ret->created);
    ok &= column_blob(stmt, 4, 1, PARAMS_MAX, &ret->params, &ret->params_len);
    ok &= column_blob(stmt, 5, 1, WRAPPED_MAX, &ret->wrapped, &ret->wrapped_len);
    ret->id = (uint32_t)id;
    ret->kind = (uint8_t)kind;
    return ok;
}

int store_seals(struct store *s, struct seal_record **ret, size_t *ret_count, struct problem *p)
{
    struct seal_record *seals = calloc(LB_SEALS_MAX, sizeof(*seals));
    sqlite3_stmt *stmt = NULL;
    size_t count = 0, damaged = 0;
    int rc = SQLITE_DONE, r = LB_E_NOMEM;

    if (seals == NULL)
        return problem_set(p, LB_E_NOMEM, "cannot read the seals of %s: out of memory", s->path);
    stmt = schema_prepare(s, "SELECT id, kind, label, created, params, wrapped FROM seal ORDER BY id", p);
    if (stmt == NULL) {
        r = p->code;
        goto out;
    }
    while (count < LB_SEALS_MAX && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (read_seal(stmt, &seals[count])) {
            count++;
            continue;
        }
        damaged++;
        free(seals[count].params);
        free(seals[count].wrapped);
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW && count == 0) {
        r = schema_failure(s, rc, "read the seals of", p);
        goto out;
    }
    problem_set(p, 0, "%s", "");
    if (damaged > 0 || (rc != SQLITE_DONE && rc != SQLITE_ROW))
        problem_set(p, LB_E_DAMAGED, "a seal of the store %s is damaged and left out", s->path);
    *ret = seals;
    *ret_count = count;
    seals = NULL; /* now owned by the caller */
    r = 0;
out:
    sqlite3_finalize(stmt);
    seal_records_free(seals, count);
    return r;
}

int seal_insert(struct store *s, const struct seal_record *seal, uint32_t *ret_id, struct problem *p)
{
    sqlite3_stmt *stmt =
        schema_prepare(s, "INSERT INTO seal (kind, label, created, params, wrapped) VALUES (?, ?, ?, ?, ?)", p);
    int r;

    if (stmt == NULL)
        return p->code;
    sqlite3_bind_int(stmt, 1, seal->kind);
    sqlite3_bind_text(stmt, 2, seal->label, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, (sqlite3_int64)seal->created);
    sqlite3_bind_blob(stmt, 4, seal->params, (int)seal->params_len, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 5, seal->wrapped, (int)seal->wrapped_len, SQLITE_STATIC);
    r = schema_run(s, stmt, p);
    if (r == 0)
        *ret_id = (uint32_t)sqlite3_last_insert_rowid(s->db);
    return r;
}

int store_add_seal(struct store *s, const struct seal_record *seal, uint32_t *ret_id, struct problem *p)
{
    struct seal_record *seals = NULL;
    size_t count = 0;
    int r = store_seals(s, &seals, &count, p);

    seal_records_free(seals, count);
    if (r == 0 && count >= LB_SEALS_MAX) {
        problem_set(p, LB_E_TOO_LONG, "the store has %d seals already", LB_SEALS_MAX);
        problem_hint(p, "'littlebox seal list' shows them, and which one opens the store");
        return LB_E_TOO_LONG;
    }
    if (r == 0)
        r = schema_begin(s, p);
    if (r == 0)
        r = schema_end(s, seal_insert(s, seal, ret_id, p), p);
    if (r == 0)
        store_scrub(s);
    return r;
}

static int delete_seal(struct store *s, uint32_t id, struct problem *p)
{
    sqlite3_stmt *stmt = schema_prepare(s, "DELETE FROM seal WHERE id = ?", p);

    if (stmt == NULL)
        return p->code;
    sqlite3_bind_int64(stmt, 1, id);
    return schema_run(s, stmt, p);
}

int store_remove_seal(struct store *s, uint32_t id, struct problem *p)
{
    struct seal_record *seals = NULL;
    size_t count = 0;
    bool found = false;
    int r = store_seals(s, &seals, &count, p);

    if (r != 0)
        return r;
    for (size_t i = 0; i < count; i++)
        found |= seals[i].id == id;
    seal_records_free(seals, count);
    if (!found) {
        problem_set(p, LB_E_NO_SEAL, "the store has no seal %u", id);
        problem_hint(p, "'littlebox seal list' shows its seals");
        return LB_E_NO_SEAL;
    }
    /* Seals that are damaged do not count: what is left must open. */
    if (count == 1) {
        problem_set(p, LB_E_LAST_SEAL, "seal %u is the last: without it nobody could open the store again", id);
        problem_hint(p, "add another with 'littlebox seal add' first");
        return LB_E_LAST_SEAL;
    }
    r = schema_begin(s, p);
    if (r == 0)
        r = schema_end(s, delete_seal(s, id, p), p);
    if (r == 0)
        store_scrub(s);
    return r;
}
