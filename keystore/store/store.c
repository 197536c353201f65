/* The SQLite store of a box: opening, making and closing it. */
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

#include "store/schema.h"
#include "store/scrub.h"
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
        r = schema_migrate(s, store_migrations, store_schema_at_open, store_schema_version, p);
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

bool store_was_replaced(struct store *s)
{
    return schema_was_replaced(s);
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->scrub_pending && !store_was_replaced(s))
        store_scrub(s);
    schema_forget_kept(s);
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
        r = schema_migrate(s, store_migrations, store_schema_version, store_schema_version, p);
    if (r == 0)
        r = schema_begin(s, p);
    if (r == 0) {
        r = insert_meta(s, id, p);
        if (r == 0)
            r = seal_insert(s, seal, &seal_id, p);
        r = schema_end(s, r, p);
    }
    /* All goes into the one file before that gets its name: a log would not follow. */
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

/* The store is made under another name, and renamed when it is whole and on disk. So no store is ever without a seal. */
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
