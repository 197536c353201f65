/* What a store remembers for people alone: when keys were used last, where their handles were written. */
#include "store/notes.h"

#include <string.h>

#include "store/column.h"
#include "store/group.h"
#include "store/schema.h"

static int put_one(struct store *s, const struct used_note *n, struct problem *p)
{
    sqlite3_stmt *stmt = schema_prepare(s,
                                        "INSERT INTO used (key_id, version, used) VALUES (?, ?, ?) "
                                        "ON CONFLICT (key_id, version) DO UPDATE SET used = excluded.used",
                                        p);

    if (stmt == NULL)
        return p->code;
    sqlite3_bind_blob(stmt, 1, n->key_id, KEY_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, n->version);
    sqlite3_bind_int64(stmt, 3, (sqlite3_int64)n->used);
    return schema_run(s, stmt, p);
}

int store_put_used(struct store *s, const struct used_note *notes, size_t count, struct problem *p)
{
    int r = group_change_begin(s, p);

    if (r != 0)
        return r;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = put_one(s, &notes[i], p);
    return group_change_end(s, r, p);
}

void store_each_used(struct store *s, void (*each)(const struct used_note *n, void *arg), void *arg)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(s->db, "SELECT key_id, version, used FROM used NOT INDEXED", -1, &stmt, NULL) != SQLITE_OK)
        return;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        struct used_note n;
        uint64_t version;

        if (sqlite3_column_type(stmt, 0) != SQLITE_BLOB || sqlite3_column_bytes(stmt, 0) != KEY_ID_SIZE ||
            !column_uint(stmt, 1, 1, UINT32_MAX, &version) || !column_uint(stmt, 2, 1, INT64_MAX, &n.used))
            continue;
        memcpy(n.key_id, sqlite3_column_blob(stmt, 0), KEY_ID_SIZE);
        n.version = (uint32_t)version;
        each(&n, arg);
    }
    sqlite3_finalize(stmt);
}

int store_put_handle(struct store *s, const uint8_t key_id[KEY_ID_SIZE], const char *path, uint64_t noted,
                     struct problem *p)
{
    static const char *const steps[] = {
        "INSERT INTO handle (key_id, path, noted) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (key_id, path) DO UPDATE SET noted = excluded.noted",
        "DELETE FROM handle WHERE key_id = ?1 AND rowid NOT IN "
        "(SELECT rowid FROM handle WHERE key_id = ?1 ORDER BY noted DESC, rowid DESC LIMIT ?4)",
    };
    int r = group_change_begin(s, p);

    if (r != 0)
        return r;
    for (size_t i = 0; r == 0 && i < sizeof(steps) / sizeof(steps[0]); i++) {
        sqlite3_stmt *stmt = schema_prepare(s, steps[i], p);

        if (stmt == NULL) {
            r = p->code;
            break;
        }
        /* A statement may have fewer parameters: failures do not matter. */
        (void)sqlite3_bind_blob(stmt, 1, key_id, KEY_ID_SIZE, SQLITE_STATIC);
        (void)sqlite3_bind_text(stmt, 2, path, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)noted);
        (void)sqlite3_bind_int(stmt, 4, LB_HANDLES_MAX);
        r = schema_run(s, stmt, p);
    }
    return group_change_end(s, r, p);
}

void store_each_handle(struct store *s, const uint8_t key_id[KEY_ID_SIZE], void (*each)(const char *path, void *arg),
                       void *arg)
{
    sqlite3_stmt *stmt = NULL;
    char path[LB_PATH_TEXT_MAX + 1];

    if (sqlite3_prepare_v2(s->db, "SELECT path FROM handle WHERE key_id = ? ORDER BY path", -1, &stmt, NULL) != SQLITE_OK)
        return;
    sqlite3_bind_blob(stmt, 1, key_id, KEY_ID_SIZE, SQLITE_STATIC);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        if (column_text(stmt, 0, path, sizeof(path)))
            each(path, arg);
    }
    sqlite3_finalize(stmt);
}
