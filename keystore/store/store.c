/* The SQLite store of a box: opening, making and closing it, and changing a key. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "model/chain.h"
#include "model/former_names.h"
#include "store/schema.h"
#include "store/seals.h"

static struct store *new_store(const char *path)
{
    struct store *s = calloc(1, sizeof(*s));

    if (s != NULL)
        pthread_mutex_init(&s->look, NULL);
    if (s != NULL && (s->path = strdup(path)) == NULL) {
        free(s);
        s = NULL;
    }
    return s;
}

static int read_id(struct store *s, struct problem *p)
{
    sqlite3_stmt *stmt = schema_prepare(s, "SELECT store_id FROM meta", p);
    int rc, r = 0;

    if (stmt == NULL)
        return p->code;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW && sqlite3_column_type(stmt, 0) == SQLITE_BLOB &&
        sqlite3_column_bytes(stmt, 0) == STORE_ID_SIZE)
        memcpy(s->id, sqlite3_column_blob(stmt, 0), STORE_ID_SIZE);
    else
        r = schema_failure(s, rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, "read", p);
    sqlite3_finalize(stmt);
    return r;
}

static int open_existing(const char *path, struct store **ret, struct problem *p)
{
    struct store *s = new_store(path);
    int r;

    if (s == NULL)
        return problem_set(p, LB_E_NOMEM, "cannot open the store %s: out of memory", path);
    r = schema_connect(s, p);
    if (r == 0)
        r = schema_migrate(s, store_migrations, store_schema_version, p);
    if (r == 0)
        r = read_id(s, p);
    if (r != 0) {
        store_close(s);
        return r;
    }
    schema_stamp(s);
    *ret = s;
    return s->readonly ? schema_failure(s, SQLITE_READONLY, "write to", p) : 0;
}

int store_open(const char *path, struct store **ret, struct problem *p)
{
    struct stat st;

    *ret = NULL;
    if (stat(path, &st) < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return problem_set(p, LB_E_STORE, "cannot open the store %s: %s", path, strerror(errno));
        problem_set(p, LB_E_NO_STORE, "there is no store %s", path);
        problem_hint(p, "make one with 'littlebox init'");
        return LB_E_NO_STORE;
    }
    return open_existing(path, ret, p);
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->scrub_pending && !store_was_replaced(s))
        store_scrub(s);
    sqlite3_close(s->db);
    free(s->path);
    free(s);
}

const uint8_t *store_id(const struct store *s)
{
    return s->id;
}

/* Making one */

static int insert_meta(struct store *s, const uint8_t *id, struct problem *p)
{
    sqlite3_stmt *stmt = schema_prepare(s, "INSERT INTO meta (id, store_id, created) VALUES (1, ?, ?)", p);

    if (stmt == NULL)
        return p->code;
    sqlite3_bind_blob(stmt, 1, id, STORE_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, (sqlite3_int64)time(NULL));
    return schema_run(s, stmt, p);
}

static int fill_new(const char *path, const uint8_t *id, const struct seal_record *seal, struct problem *p)
{
    struct store *s = new_store(path);
    uint32_t seal_id;
    int r;

    if (s == NULL)
        return problem_set(p, LB_E_NOMEM, "cannot make the store %s: out of memory", path);
    r = schema_connect(s, p);
    if (r == 0)
        r = schema_migrate(s, store_migrations, store_schema_version, p);
    if (r == 0)
        r = schema_begin(s, p);
    if (r == 0) {
        r = insert_meta(s, id, p);
        if (r == 0)
            r = seal_insert(s, seal, &seal_id, p);
        r = schema_end(s, r, p);
    }
    /* All in the one file before it gets its name: the log does not follow. */
    if (r == 0 && sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
        r = schema_failure(s, sqlite3_errcode(s->db), "write to", p);
    store_close(s);
    return r;
}

static void sync_directory_of(const char *path)
{
    char *copy = strdup(path);
    int fd = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(copy);
}

static int create_failure(const char *path, struct problem *p)
{
    int error = errno;
    int r = error == ENOSPC || error == EDQUOT                    ? LB_E_STORE_FULL
            : error == EROFS || error == EACCES || error == EPERM ? LB_E_STORE_READONLY
                                                                  : LB_E_STORE;

    problem_set(p, r, "cannot make the store %s: %s", path, strerror(error));
    if (r == LB_E_STORE_READONLY)
        problem_hint(p, "its directory must be writable for the user of the box");
    return r;
}

static void remove_draft(const char *draft)
{
    static const char *const beside[] = { "", "-wal", "-journal", "-shm" };
    char *name = malloc(strlen(draft) + 16);

    for (size_t i = 0; name != NULL && i < sizeof(beside) / sizeof(beside[0]); i++) {
        sprintf(name, "%s%s", draft, beside[i]);
        (void)unlink(name);
    }
    free(name);
}

/* Made under another name and renamed when it is whole and on disk: a store without a seal never exists. */
int store_create(const char *path, const uint8_t id[STORE_ID_SIZE], const struct seal_record *seal, struct store **ret,
                 struct problem *p)
{
    struct stat st;
    char *draft = NULL;
    int fd, r;

    *ret = NULL;
    if (stat(path, &st) == 0) {
        problem_set(p, LB_E_EXISTS, "there is a store %s already", path);
        problem_hint(p, "a box has one store, and its keys are in it: for another one make another box");
        return LB_E_EXISTS;
    }
    draft = malloc(strlen(path) + 5);
    if (draft == NULL)
        return problem_set(p, LB_E_NOMEM, "cannot make the store %s: out of memory", path);
    sprintf(draft, "%s.new", path);
    remove_draft(draft);
    fd = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        r = create_failure(path, p);
        goto out;
    }
    close(fd);
    r = fill_new(draft, id, seal, p);
    if (r == 0 && rename(draft, path) < 0)
        r = create_failure(path, p);
    if (r != 0) {
        remove_draft(draft);
        goto out;
    }
    sync_directory_of(path);
    r = open_existing(path, ret, p);
out:
    free(draft);
    return r;
}

/* Changing a key */

/*
 * Overwrites the log, in which deleted material still stands. Only when all of it is in the database and synced: then
 * nobody reads the log any more. Its header first, synced: without it, what is left of the log after a power failure is
 * not replayed.
 */
static int overwrite_log(struct store *s)
{
    static const uint8_t zeros[4096];
    sqlite3_file *log = NULL;
    sqlite3_int64 size = 0;
    int rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

    if (rc != SQLITE_OK || log == NULL || log->pMethods == NULL)
        return rc;
    rc = log->pMethods->xFileSize(log, &size);
    for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size; at += (sqlite3_int64)sizeof(zeros)) {
        sqlite3_int64 left = size - at, most = sizeof(zeros);

        rc = log->pMethods->xWrite(log, zeros, (int)(left < most ? left : most), at);
        if (rc == SQLITE_OK && at == 0)
            rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    }
    return rc == SQLITE_OK ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : rc;
}

void store_scrub(struct store *s)
{
    int frames = 0, done = 0;
    int rc;

    schema_writing(s);
    rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_FULL, &frames, &done);
    if (rc == SQLITE_OK && frames == done)
        rc = overwrite_log(s);
    if (rc == SQLITE_OK)
        rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    schema_stamp(s);
    /* The change itself is on disk: what could not be overwritten now is after the next change, or at the end. */
    s->scrub_pending = rc != SQLITE_OK;
}

static int delete_rows(struct store *s, const char *sql, const uint8_t *key_id, struct problem *p)
{
    sqlite3_stmt *stmt = schema_prepare(s, sql, p);

    if (stmt == NULL)
        return p->code;
    sqlite3_bind_blob(stmt, 1, key_id, KEY_ID_SIZE, SQLITE_STATIC);
    return schema_run(s, stmt, p);
}

static int put_key_row(struct store *s, const struct key_record *k, struct problem *p)
{
    sqlite3_stmt *stmt = schema_prepare(s,
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
    sqlite3_stmt *stmt = schema_prepare(s,
                                        "INSERT INTO version (key_id, name, version, state, type, created, changed, "
                                        "spki, material) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                        p);

    if (stmt == NULL)
        return p->code;
    sqlite3_bind_blob(stmt, 1, k->key_id, KEY_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, k->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, v->version);
    sqlite3_bind_int(stmt, 4, v->state == STATE_DESTROY_SCHEDULED ? v->state_before : v->state);
    sqlite3_bind_text(stmt, 5, v->type, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 6, (sqlite3_int64)v->created);
    sqlite3_bind_int64(stmt, 7, (sqlite3_int64)v->changed);
    sqlite3_bind_blob(stmt, 8, v->spki, (int)v->spki_len, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 9, v->material, (int)v->material_len, SQLITE_STATIC);
    return schema_run(s, stmt, p);
}

static int put_grant_row(struct store *s, const struct key_record *k, const struct grant *g, struct problem *p)
{
    sqlite3_stmt *stmt = schema_prepare(s, "INSERT INTO grant_ (key_id, kind, id, ops) VALUES (?, ?, ?, ?)", p);

    if (stmt == NULL)
        return p->code;
    sqlite3_bind_blob(stmt, 1, k->key_id, KEY_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_int(stmt, 2, g->kind);
    sqlite3_bind_int64(stmt, 3, g->id);
    sqlite3_bind_int(stmt, 4, g->ops);
    return schema_run(s, stmt, p);
}

static int put_schedule_row(struct store *s, const struct key_record *k, const struct version_record *v,
                            struct problem *p)
{
    sqlite3_stmt *stmt = schema_prepare(s, "INSERT INTO schedule (key_id, version, destroy_at) VALUES (?, ?, ?)", p);

    if (stmt == NULL)
        return p->code;
    sqlite3_bind_blob(stmt, 1, k->key_id, KEY_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, v->version);
    sqlite3_bind_int64(stmt, 3, (sqlite3_int64)v->destroy_at);
    return schema_run(s, stmt, p);
}

static int put_former_row(struct store *s, const struct key_record *k, struct problem *p)
{
    sqlite3_stmt *stmt;

    if (k->version_count == 0 || k->versions[0].former == NULL)
        return 0;
    stmt = schema_prepare(s, "INSERT INTO former (key_id, names) VALUES (?, ?)", p);
    if (stmt == NULL)
        return p->code;
    sqlite3_bind_blob(stmt, 1, k->key_id, KEY_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, k->versions[0].former, -1, SQLITE_STATIC);
    return schema_run(s, stmt, p);
}

static int put_chain_row(struct store *s, const struct key_record *k, const struct version_record *v,
                         struct problem *p)
{
    sqlite3_stmt *stmt;
    uint8_t digest[LB_HASH_SIZE];

    if (chain_digest(k->key_id, v->version, (struct bytes){ v->chain, v->chain_len }, digest) != 0)
        return problem_set(p, LB_E_CRYPTO, "SHA-256 failed");
    stmt = schema_prepare(s, "INSERT INTO chain (key_id, version, certificates, digest) VALUES (?, ?, ?, ?)", p);
    if (stmt == NULL)
        return p->code;
    sqlite3_bind_blob(stmt, 1, k->key_id, KEY_ID_SIZE, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, v->version);
    sqlite3_bind_blob(stmt, 3, v->chain, (int)v->chain_len, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 4, digest, sizeof(digest), SQLITE_STATIC);
    return schema_run(s, stmt, p);
}

/* A record that store_each_key() would call damaged is not written. */
static int check_record(const struct key_record *k, struct problem *p)
{
    struct wire_reader reader;
    unsigned certificates;

    if (!keyname_ok(k->name, strnlen(k->name, sizeof(k->name))))
        return problem_set(p, LB_E_NAME, "'%.64s' is not a key name", k->name);
    if (k->grant_count > LB_GRANTS_MAX)
        return problem_set(p, LB_E_TOO_LONG, "key '%s' has more than %d grants", k->name, LB_GRANTS_MAX);
    for (size_t i = 0; i < k->version_count; i++) {
        const struct version_record *v = &k->versions[i];

        if (v->spki_len < 1 || v->spki_len > LB_SPKI_MAX || v->material_len < 1 ||
            v->material_len > STORE_MATERIAL_MAX || v->version < 1 || v->state < 1 || v->state > STATE_LAST ||
            (v->state == STATE_DESTROY_SCHEDULED) != (v->destroy_at != 0) || v->destroy_at > INT64_MAX ||
            (v->state == STATE_DESTROY_SCHEDULED) != (v->state_before != 0) || v->state_before > STATE_COMPROMISED ||
            v->type[0] == '\0' || strcmp(v->name, k->name) != 0 || memcmp(v->key_id, k->key_id, KEY_ID_SIZE) != 0)
            return problem_set(p, LB_E_VALUE, "key '%s' cannot be stored: its version %u is not whole", k->name,
                               v->version);
        if (v->former != NULL && !former_ok(v->former))
            return problem_set(p, LB_E_NAME, "key '%s' cannot be stored: its former names are none", k->name);
        if (v->chain != NULL &&
            (chain_read((struct bytes){ v->chain, v->chain_len }, &certificates, &reader) != 0 ||
             certificates == 0))
            return problem_set(p, LB_E_VALUE, "key '%s' cannot be stored: the chain of its version %u is none", k->name,
                               v->version);
    }
    return 0;
}

int store_put_key(struct store *s, const struct key_record *k, struct problem *p)
{
    int r = check_record(k, p);

    if (r == 0)
        r = schema_begin(s, p);
    if (r != 0)
        return r;
    r = delete_rows(s, "DELETE FROM chain WHERE key_id = ?", k->key_id, p);
    if (r == 0)
        r = delete_rows(s, "DELETE FROM schedule WHERE key_id = ?", k->key_id, p);
    if (r == 0)
        r = delete_rows(s, "DELETE FROM former WHERE key_id = ?", k->key_id, p);
    if (r == 0)
        r = delete_rows(s, "DELETE FROM version WHERE key_id = ?", k->key_id, p);
    if (r == 0)
        r = delete_rows(s, "DELETE FROM grant_ WHERE key_id = ?", k->key_id, p);
    if (r == 0 && k->version_count > 0)
        r = put_key_row(s, k, p);
    else if (r == 0)
        r = delete_rows(s, "DELETE FROM key WHERE key_id = ?", k->key_id, p);
    for (size_t i = 0; r == 0 && i < k->version_count; i++)
        r = put_version_row(s, k, &k->versions[i], p);
    for (size_t i = 0; r == 0 && i < k->version_count; i++) {
        if (k->versions[i].chain != NULL)
            r = put_chain_row(s, k, &k->versions[i], p);
        if (r == 0 && k->versions[i].destroy_at != 0)
            r = put_schedule_row(s, k, &k->versions[i], p);
    }
    if (r == 0)
        r = put_former_row(s, k, p);
    for (size_t i = 0; r == 0 && k->version_count > 0 && i < k->grant_count; i++)
        r = put_grant_row(s, k, &k->grants[i], p);
    r = schema_end(s, r, p);
    /* Also where nothing was deleted: as long as a log is left, the file alone is not the store, and a copy put in its place
     * would be mixed with it. */
    if (r == 0)
        store_scrub(s);
    return r;
}
