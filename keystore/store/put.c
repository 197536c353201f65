/* Changing keys: all rows of a key are written anew. */
#include <stdlib.h>
#include <string.h>

#include "model/chain.h"
#include "model/former_names.h"
#include "store/group.h"
#include "store/policy_blob.h"
#include "store/schema.h"
#include "store/store.h"

static int delete_rows(struct store *s, const char *sql, const uint8_t *key_id, struct problem *p)
{
    sqlite3_stmt *stmt = schema_prepare_kept(s, sql, p);

    if (stmt == NULL)
        return p->code;
    sqlite3_bind_blob(stmt, 1, key_id, KEY_ID_SIZE, SQLITE_STATIC);
    return schema_run(s, stmt, p);
}

static int put_key_row(struct store *s, const struct key_record *k, struct problem *p)
{
    sqlite3_stmt *stmt = schema_prepare_kept(s,
                                        "INSERT INTO key (key_id, name, versions, grants) VALUES (?, ?, ?, ?) "
                                        "ON CONFLICT (key_id) DO UPDATE SET name = excluded.name, "
                                        "versions = excluded.versions, grants = excluded.grants",
                                        p);
    int r;

    if (stmt == NULL)
        return p->code;
    sqlite3_bind_blob(stmt, 1, k->key_id, KEY_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, k->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, (sqlite3_int64)k->version_count);
    sqlite3_bind_int64(stmt, 4, (sqlite3_int64)k->grant_count);
    r = schema_run(s, stmt, p);
    return r == LB_E_EXISTS ? problem_set(p, r, "there is a key '%s' already", k->name) : r;
}

static int put_version_row(struct store *s, const struct key_record *k, const struct version_record *v,
                           struct problem *p)
{
    sqlite3_stmt *stmt = schema_prepare_kept(s,
                                        "INSERT INTO version (key_id, name, version, state, type, created, changed, "
                                        "spki, material) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                        p);

    if (stmt == NULL)
        return p->code;
    sqlite3_bind_blob(stmt, 1, k->key_id, KEY_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, k->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, v->version);
    sqlite3_bind_int(stmt, 4, version_row_state(v));
    sqlite3_bind_text(stmt, 5, v->type, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 6, (sqlite3_int64)v->created);
    sqlite3_bind_int64(stmt, 7, (sqlite3_int64)v->changed);
    sqlite3_bind_blob(stmt, 8, v->spki, (int)v->spki_len, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 9, v->material, (int)v->material_len, SQLITE_STATIC);
    return schema_run(s, stmt, p);
}

/* A key without policy has a row too: the row says that the key is of the form of schema 4. */
static int put_policy_row(struct store *s, const struct key_record *k, struct problem *p)
{
    uint8_t *blob = malloc(POLICY_MAX);
    sqlite3_stmt *stmt;
    struct wire_writer w;
    size_t len = 0;
    int r;

    if (blob == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    wire_write(&w, blob, POLICY_MAX);
    policy_put(k, &w);
    r = wire_written(&w, &len);
    if (r != 0) {
        problem_set(p, r, "key '%s' cannot be stored: its policy is too long", k->name);
        goto out;
    }
    stmt = schema_prepare_kept(s, "INSERT INTO policy (key_id, entries) VALUES (?, ?)", p);
    if (stmt == NULL) {
        r = p->code;
        goto out;
    }
    sqlite3_bind_blob(stmt, 1, k->key_id, KEY_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 2, blob, (int)len, SQLITE_STATIC);
    r = schema_run(s, stmt, p);
out:
    free(blob);
    return r;
}

static int put_chain_row(struct store *s, const struct key_record *k, const struct version_record *v,
                         struct problem *p)
{
    sqlite3_stmt *stmt;
    uint8_t digest[LB_HASH_SIZE];

    if (chain_digest(k->key_id, v->version, (struct bytes){ v->chain, v->chain_len }, digest) != 0)
        return problem_set(p, LB_E_CRYPTO, "SHA-256 failed");
    stmt = schema_prepare_kept(s, "INSERT INTO chain (key_id, version, certificates, digest) VALUES (?, ?, ?, ?)", p);
    if (stmt == NULL)
        return p->code;
    sqlite3_bind_blob(stmt, 1, k->key_id, KEY_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, v->version);
    sqlite3_bind_blob(stmt, 3, v->chain, (int)v->chain_len, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 4, digest, sizeof(digest), SQLITE_STATIC);
    return schema_run(s, stmt, p);
}

/* What a version is again if its destruction is cancelled; 0: none is scheduled. */
static bool may_be_before(uint8_t state)
{
    return state <= STATE_COMPROMISED || state == STATE_SUSPENDED;
}

/* Refuses a record that store_each_key() would call damaged. */
static int check_record(const struct key_record *k, struct problem *p)
{
    struct wire_reader reader;
    unsigned certificates;

    if (!keyname_ok(k->name, strnlen(k->name, sizeof(k->name))))
        return problem_set(p, LB_E_NAME, "'%.64s' is not a key name", k->name);
    if (k->grant_count > LB_GRANTS_MAX)
        return problem_set(p, LB_E_TOO_LONG, "key '%s' has more than %d grants", k->name, LB_GRANTS_MAX);
    if (k->former != NULL && !former_ok(k->former))
        return problem_set(p, LB_E_NAME, "key '%s' cannot be stored: its former names are none", k->name);
    if (k->old_form || k->unknown != 0 || k->policy_damaged)
        return problem_set(p, LB_E_VALUE, "key '%s' cannot be stored: it is of another form than this littlebox writes",
                           k->name);
    for (size_t i = 0; i < k->version_count; i++) {
        const struct version_record *v = &k->versions[i];

        if (v->spki_len < 1 || v->spki_len > LB_SPKI_MAX || v->material_len < 1 ||
            v->material_len > STORE_MATERIAL_MAX || v->version < 1 || v->state < 1 || v->state > STATE_LAST ||
            (v->state == STATE_DESTROY_SCHEDULED) != (v->destroy_at != 0) || v->destroy_at > INT64_MAX ||
            (v->state == STATE_DESTROY_SCHEDULED) != (v->state_before != 0) || !may_be_before(v->state_before) ||
            v->life.activate_at > INT64_MAX || v->life.deactivate_at > INT64_MAX || v->life.reason > REASON_LAST ||
            v->type[0] == '\0' || strcmp(v->name, k->name) != 0 || memcmp(v->key_id, k->key_id, KEY_ID_SIZE) != 0)
            return problem_set(p, LB_E_VALUE, "key '%s' cannot be stored: its version %u is not whole", k->name,
                               v->version);
        if (v->chain != NULL &&
            (chain_read((struct bytes){ v->chain, v->chain_len }, &certificates, &reader) != 0 ||
             certificates == 0))
            return problem_set(p, LB_E_VALUE, "key '%s' cannot be stored: the chain of its version %u is none", k->name,
                               v->version);
    }
    return 0;
}

/* Delete a key's rows in all tables but key. Its row there stays: the other rows refer to it. */
static const char *const delete_key[] = {
    "DELETE FROM chain WHERE key_id = ?",
    "DELETE FROM policy WHERE key_id = ?",
    "DELETE FROM version WHERE key_id = ?",
    /* Of the old form. */
    "DELETE FROM schedule WHERE key_id = ?",
    "DELETE FROM former WHERE key_id = ?",
    "DELETE FROM grant_ WHERE key_id = ?",
};

static int put_chain_rows(struct store *s, const struct key_record *k, struct problem *p)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < k->version_count; i++) {
        if (k->versions[i].chain != NULL)
            r = put_chain_row(s, k, &k->versions[i], p);
    }
    return r;
}

static int put_rows(struct store *s, const struct key_record *k, struct problem *p)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(delete_key) / sizeof(delete_key[0]); i++)
        r = delete_rows(s, delete_key[i], k->key_id, p);
    if (r != 0)
        return r;
    if (k->version_count == 0)
        return delete_rows(s, "DELETE FROM key WHERE key_id = ?", k->key_id, p);
    r = put_key_row(s, k, p);
    for (size_t i = 0; r == 0 && i < k->version_count; i++)
        r = put_version_row(s, k, &k->versions[i], p);
    if (r == 0)
        r = put_policy_row(s, k, p);
    return r == 0 ? put_chain_rows(s, k, p) : r;
}

int store_put_keys(struct store *s, const struct key_record *keys, size_t count, struct problem *p)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = check_record(&keys[i], p);
    if (r == 0)
        r = group_change_begin(s, p);
    if (r != 0)
        return r;
    r = schema_finish(s, p);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = put_rows(s, &keys[i], p);
    r = group_change_end(s, r, p);
    if (r == 0)
        s->schema = store_schema_version;
    return r;
}

int store_put_key(struct store *s, const struct key_record *k, struct problem *p)
{
    return store_put_keys(s, k, 1, p);
}

int store_put_chains(struct store *s, const struct key_record *k, struct problem *p)
{
    int r = group_change_begin(s, p);

    if (r != 0)
        return r;
    r = delete_rows(s, "DELETE FROM chain WHERE key_id = ?", k->key_id, p);
    return group_change_end(s, r == 0 ? put_chain_rows(s, k, p) : r, p);
}
