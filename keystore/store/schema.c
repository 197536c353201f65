/* The database under the store: how it is opened, its schema and migrations, its failures as texts. */
#include "store/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the header of the database file: what file(1) and schema_migrate() know a store by. */
#define APPLICATION_ID ((int)LB_STORE_APPLICATION)
/* How long to wait for a process that still has the store open: a box that is about to end. */
#define BUSY_MS 2000
/* Longest value or row. No row of ours comes near it; the limit keeps a damaged length from costing memory. */
#define VALUE_MAX (1 << 20)

/*
 * The names of keys stand in both tables, so that a key whose row in one of them is damaged can still be named.
 * key.versions and key.grants count rows: a row that went missing is noticed.
 */
const struct migration store_migrations[] = {
    { "CREATE TABLE meta ("
      "  id INTEGER PRIMARY KEY CHECK (id = 1),"
      "  store_id BLOB NOT NULL CHECK (length(store_id) = 16),"
      "  created INTEGER NOT NULL"
      ") STRICT;"
      "CREATE TABLE seal ("
      "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
      "  kind INTEGER NOT NULL,"
      "  label TEXT NOT NULL,"
      "  created INTEGER NOT NULL,"
      "  params BLOB NOT NULL,"
      "  wrapped BLOB NOT NULL"
      ") STRICT;"
      "CREATE TABLE key ("
      "  key_id BLOB NOT NULL UNIQUE CHECK (length(key_id) = 16),"
      "  name TEXT NOT NULL UNIQUE,"
      "  versions INTEGER NOT NULL,"
      "  grants INTEGER NOT NULL"
      ") STRICT;"
      "CREATE TABLE version ("
      "  key_id BLOB NOT NULL REFERENCES key (key_id),"
      "  name TEXT NOT NULL,"
      "  version INTEGER NOT NULL CHECK (version BETWEEN 1 AND 4294967295),"
      "  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),"
      "  type TEXT NOT NULL,"
      "  created INTEGER NOT NULL,"
      "  changed INTEGER NOT NULL,"
      "  spki BLOB NOT NULL,"
      "  material BLOB NOT NULL,"
      "  UNIQUE (key_id, version)"
      ") STRICT;"
      "CREATE TABLE grant_ ("
      "  key_id BLOB NOT NULL REFERENCES key (key_id),"
      "  kind INTEGER NOT NULL CHECK (kind IN (1, 2)),"
      "  id INTEGER NOT NULL CHECK (id BETWEEN 0 AND 4294967295),"
      "  ops INTEGER NOT NULL CHECK (ops BETWEEN 1 AND 65535),"
      "  UNIQUE (key_id, kind, id)"
      ") STRICT;" },
    { "CREATE TABLE chain ("
      "  key_id BLOB NOT NULL REFERENCES key (key_id),"
      "  version INTEGER NOT NULL CHECK (version BETWEEN 1 AND 4294967295),"
      "  certificates BLOB NOT NULL,"
      "  digest BLOB NOT NULL CHECK (length(digest) = 32),"
      "  UNIQUE (key_id, version)"
      ") STRICT;" },
    /*
     * Only new tables. A new column makes SQLite look at every row, and one damaged row would keep the store from being
     * brought up.
     */
    { "CREATE TABLE schedule ("
      "  key_id BLOB NOT NULL REFERENCES key (key_id),"
      "  version INTEGER NOT NULL CHECK (version BETWEEN 1 AND 4294967295),"
      "  destroy_at INTEGER NOT NULL CHECK (destroy_at > 0),"
      "  UNIQUE (key_id, version)"
      ") STRICT;"
      "CREATE TABLE former ("
      "  key_id BLOB NOT NULL UNIQUE REFERENCES key (key_id),"
      "  names TEXT NOT NULL"
      ") STRICT;"
      "CREATE TABLE used ("
      "  key_id BLOB NOT NULL,"
      "  version INTEGER NOT NULL,"
      "  used INTEGER NOT NULL,"
      "  UNIQUE (key_id, version)"
      ") STRICT;"
      "CREATE TABLE handle ("
      "  key_id BLOB NOT NULL,"
      "  path TEXT NOT NULL,"
      "  noted INTEGER NOT NULL,"
      "  UNIQUE (key_id, path)"
      ") STRICT;" },
    /*
     * All policy of a key in one row. A key without one is of the old form: its policy is in grant_, schedule and former.
     */
    { "CREATE TABLE policy ("
      "  key_id BLOB NOT NULL UNIQUE REFERENCES key (key_id),"
      "  entries BLOB NOT NULL"
      ") STRICT;" },
};
const int store_schema_version = sizeof(store_migrations) / sizeof(store_migrations[0]);
_Static_assert(sizeof(store_migrations) / sizeof(store_migrations[0]) == LB_STORE_SCHEMA, "each step is a schema");
const int store_schema_at_open = 3;

static int last_errno(sqlite3_file *file)
{
    int error = 0;

    if (file != NULL && file->pMethods != NULL)
        (void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    return error;
}

/*
 * The cause of a failure that SQLite tells only by errno: a file system gone read-only, a quota, a limit on the size of
 * files. It is kept with the file, and the log is written first.
 */
static int cause(const struct store *s, int rc)
{
    sqlite3_file *log = NULL, *db = NULL;
    int error = s->db == NULL ? 0 : sqlite3_system_errno(s->db);

    if (s->db == NULL || error != 0 || (rc & 0xff) != SQLITE_IOERR)
        return error;
    (void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    (void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &db);
    error = last_errno(log);
    return error != 0 ? error : last_errno(db);
}

/* Is the file another user's, as a copy that root has put there? SQLite only says that it cannot be written or opened. */
static bool is_anothers(const struct store *s, const char *what, struct problem *p)
{
    struct stat st;

    if (stat(s->path, &st) < 0 || st.st_uid == geteuid())
        return false;
    problem_set(p, LB_E_STORE_READONLY, "cannot %s the store %s: it is read-only or closed to uid %lu, as which the box runs: it belongs to uid %lu",
                what, s->path, (unsigned long)geteuid(), (unsigned long)st.st_uid);
    problem_hint(p, "make it writable for the box: chown %lu:%lu %s", (unsigned long)geteuid(), (unsigned long)getegid(), s->path);
    return true;
}

int schema_failure(const struct store *s, int rc, const char *what, struct problem *p)
{
    int error = cause(s, rc);

    if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN) {
        if (error == ENOSPC || error == EDQUOT || error == EFBIG)
            rc = SQLITE_FULL;
        else if (error == EROFS || error == EACCES || error == EPERM)
            rc = SQLITE_READONLY;
    }
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return problem_set(p, LB_E_NOMEM, "cannot %s the store %s: out of memory", what, s->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        problem_set(p, LB_E_IN_USE, "cannot %s the store %s: another process has it open", what, s->path);
        problem_hint(p, "a store belongs to one box at a time: see who has it with 'fuser %s'", s->path);
        return LB_E_IN_USE;
    case SQLITE_FULL:
        problem_set(p, LB_E_STORE_FULL, "cannot %s the store %s: no space left", what, s->path);
        problem_hint(p, "make room on the file system of %s; nothing was changed, and keys go on working", s->path);
        return LB_E_STORE_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        if (is_anothers(s, what, p))
            return LB_E_STORE_READONLY;
        problem_set(p, LB_E_STORE_READONLY, "cannot %s the store %s: it is read-only", what, s->path);
        problem_hint(p, "make %s and its directory writable for the user of the box and restart the box", s->path);
        return LB_E_STORE_READONLY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        problem_set(p, LB_E_STORE, "cannot %s the store %s: it is damaged", what, s->path);
        problem_hint(p, "restore it from a backup");
        return LB_E_STORE;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        if (error != 0)
            return problem_set(p, LB_E_STORE, "cannot %s the store %s: %s", what, s->path, strerror(error));
        /* fall through */
    default:
        return problem_set(p, LB_E_STORE, "cannot %s the store %s: %s", what, s->path, sqlite3_errmsg(s->db));
    }
}

sqlite3_stmt *schema_prepare(struct store *s, const char *sql, struct problem *p)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    if (rc != SQLITE_OK)
        schema_failure(s, rc, "read", p);
    return stmt;
}

sqlite3_stmt *schema_prepare_kept(struct store *s, const char *sql, struct problem *p)
{
    for (size_t i = 0; i < STATEMENTS_KEPT; i++) {
        if (s->kept[i].sql == NULL) {
            s->kept[i].stmt = schema_prepare(s, sql, p);
            if (s->kept[i].stmt != NULL)
                s->kept[i].sql = sql;
            return s->kept[i].stmt;
        }
        if (s->kept[i].sql == sql)
            return s->kept[i].stmt;
    }
    return schema_prepare(s, sql, p);
}

void schema_forget_kept(struct store *s)
{
    for (size_t i = 0; i < STATEMENTS_KEPT; i++) {
        sqlite3_finalize(s->kept[i].stmt);
        s->kept[i].stmt = NULL;
        s->kept[i].sql = NULL;
    }
}

static void let_go(struct store *s, sqlite3_stmt *stmt)
{
    for (size_t i = 0; i < STATEMENTS_KEPT; i++) {
        if (s->kept[i].stmt != stmt)
            continue;
        sqlite3_reset(stmt);
        sqlite3_clear_bindings(stmt);
        return;
    }
    sqlite3_finalize(stmt);
}

int schema_run(struct store *s, sqlite3_stmt *stmt, struct problem *p)
{
    int rc = sqlite3_step(stmt), r = 0;

    if (rc == SQLITE_CONSTRAINT_UNIQUE)
        r = problem_set(p, LB_E_EXISTS, "the store has such a row already");
    else if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        r = schema_failure(s, rc, "write to", p);
    let_go(s, stmt);
    return r;
}

int schema_exec(struct store *s, const char *sql, struct problem *p)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : schema_failure(s, rc, "write to", p);
}

/* The inode alone does not tell: a copy over the file keeps it. A copy that keeps times has other times than ours. */
static bool look(const struct store *s, struct store_stamp *ret)
{
    struct stat st;

    if (stat(s->path, &st) < 0)
        return false;
    *ret = (struct store_stamp){ true, st.st_dev, st.st_ino, st.st_size, st.st_mtim };
    return true;
}

void schema_writing(struct store *s)
{
    pthread_mutex_lock(&s->look);
    s->writing = true;
    pthread_mutex_unlock(&s->look);
}

void schema_stamp(struct store *s)
{
    struct store_stamp now;

    pthread_mutex_lock(&s->look);
    if (look(s, &now))
        s->stamp = now;
    s->writing = false;
    pthread_mutex_unlock(&s->look);
}

static bool differs(const struct store *s)
{
    const struct store_stamp *then = &s->stamp;
    struct store_stamp now;

    if (!then->known || s->writing)
        return false;
    return !look(s, &now) || now.dev != then->dev || now.inode != then->inode || now.size != then->size ||
           now.changed.tv_sec != then->changed.tv_sec || now.changed.tv_nsec != then->changed.tv_nsec;
}

bool schema_was_replaced(struct store *s)
{
    bool r;

    pthread_mutex_lock(&s->look);
    r = differs(s);
    pthread_mutex_unlock(&s->look);
    return r;
}

/* Refuses the change: SQLite would write pages of the store that it knows into the other store. */
static int replaced(const struct store *s, struct problem *p)
{
    problem_set(p, LB_E_STORE, "the store %s was replaced or written by somebody else while the box has it open: nothing is changed",
                s->path);
    problem_hint(p, "what was made since is in the running box alone, and a restart would lose it: see examples/backup/README.md");
    return LB_E_STORE;
}

int schema_begin(struct store *s, struct problem *p)
{
    int r;

    if (s->readonly)
        return schema_failure(s, SQLITE_READONLY, "write to", p);
    if (schema_was_replaced(s))
        return replaced(s, p);
    schema_writing(s);
    r = schema_exec(s, "BEGIN IMMEDIATE", p);
    if (r != 0)
        schema_stamp(s);
    return r;
}

int schema_end(struct store *s, int r, struct problem *p)
{
    if (r == 0)
        r = schema_exec(s, "COMMIT", p);
    /* A failed commit may leave the transaction open, as one without space does. After some errors SQLite closed it. */
    if (r != 0 && !sqlite3_get_autocommit(s->db))
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    schema_stamp(s);
    return r;
}

/* The first column of the first row of a pragma. */
static int get_int(struct store *s, const char *sql, int *ret, struct problem *p)
{
    sqlite3_stmt *stmt = schema_prepare(s, sql, p);
    int rc, r = 0;

    if (stmt == NULL)
        return p->code;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int(stmt, 0);
    else
        r = schema_failure(s, rc, "read", p);
    sqlite3_finalize(stmt);
    return r;
}

static int settings(struct store *s, struct problem *p)
{
    static const char always[] = "PRAGMA trusted_schema = OFF;"
                                 "PRAGMA cell_size_check = ON;"
                                 "PRAGMA foreign_keys = ON;"
                                 "PRAGMA secure_delete = ON;"
                                 "PRAGMA temp_store = MEMORY;";
    /* Exclusive, before the log is first touched: one box, one store, and no shared-memory file beside it. */
    static const char writable[] = "PRAGMA locking_mode = EXCLUSIVE;"
                                   "PRAGMA journal_mode = WAL;"
                                   "PRAGMA synchronous = FULL;";
    int r;

    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    r = schema_exec(s, always, p);
    if (r == 0 && !s->readonly)
        r = schema_exec(s, writable, p);
    return r;
}

static int open_db(struct store *s, const char *name, int flags, const char *vfs, struct problem *p)
{
    int rc;

    schema_forget_kept(s);
    sqlite3_close(s->db);
    s->db = NULL;
    rc = sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
    if (rc != SQLITE_OK)
        return schema_failure(s, rc, "open", p);
    /* SQLite opens a file that cannot be written all the same. */
    if ((flags & SQLITE_OPEN_READWRITE) != 0 && sqlite3_db_readonly(s->db, "main") == 1)
        return schema_failure(s, SQLITE_READONLY, "write to", p);
    return settings(s, p);
}

/* The path as an SQLite URI, RFC 3986 2.1; freed with free(). */
static char *immutable_uri(const char *path)
{
    static const char head[] = "file:", tail[] = "?immutable=1";
    char *uri = malloc(sizeof(head) + 3 * strlen(path) + sizeof(tail)), *to = uri;

    if (uri == NULL)
        return NULL;
    to += sprintf(to, "%s", head);
    for (const char *from = path; *from != '\0'; from++)
        to += sprintf(to, strchr("?#%", *from) != NULL ? "%%%02x" : "%c", (unsigned char)*from);
    strcpy(to, tail);
    return uri;
}

/*
 * Opens without locks: where nobody can write, nobody has to be kept out, and SQLite would write beside the database to read
 * its log. A log that a killed box left is read too. Without one the file is all there is.
 */
static int open_readonly(struct store *s, struct problem *p)
{
    struct stat st;
    char *wal = sqlite3_mprintf("%s-wal", s->path);
    char *uri = immutable_uri(s->path);
    int r;

    s->readonly = true;
    if (wal == NULL || uri == NULL)
        r = LB_E_NOMEM;
    else if (stat(wal, &st) < 0 || st.st_size == 0)
        r = open_db(s, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, /* vfs= */ NULL, p);
    else {
        r = open_db(s, s->path, SQLITE_OPEN_READONLY, "unix-none", p);
        if (r == 0)
            r = schema_exec(s, "PRAGMA locking_mode = EXCLUSIVE", p);
    }
    sqlite3_free(wal);
    free(uri);
    return r;
}

int schema_connect(struct store *s, struct problem *p)
{
    int r = open_db(s, s->path, SQLITE_OPEN_READWRITE, /* vfs= */ NULL, p);

    return r == LB_E_STORE_READONLY ? open_readonly(s, p) : r;
}

static int check_application(struct store *s, int version, struct problem *p)
{
    int id = 0, r = get_int(s, "PRAGMA application_id", &id, p);

    if (r != 0 || id == APPLICATION_ID || (id == 0 && version == 0))
        return r;
    problem_set(p, LB_E_STORE, "%s is not a store of littlebox, or its header is damaged", s->path);
    problem_hint(p, "restore it from a backup");
    return LB_E_STORE;
}

static int run_steps(struct store *s, const struct migration *steps, int from, int to, struct problem *p)
{
    char set[100];
    int r = 0;

    for (int i = from; r == 0 && i < to; i++)
        r = schema_exec(s, steps[i].sql, p);
    /* Both are kept in the first page, under the same transaction as the tables. */
    snprintf(set, sizeof(set), "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID, to);
    return r == 0 ? schema_exec(s, set, p) : r;
}

int schema_finish(struct store *s, struct problem *p)
{
    return s->schema == store_schema_version ? 0 : run_steps(s, store_migrations, s->schema, store_schema_version, p);
}

int schema_migrate(struct store *s, const struct migration *steps, int count, int most, struct problem *p)
{
    int version = 0, r = get_int(s, "PRAGMA user_version", &version, p);

    if (r == 0)
        r = check_application(s, version, p);
    if (r != 0)
        return r;
    if (version < 0 || version > most) {
        problem_set(p, LB_E_STORE_SCHEMA, "the store %s has schema %d, this littlebox knows up to %d", s->path, version,
                    most);
        problem_hint(p, "it was made by a newer littlebox: install that one");
        return LB_E_STORE_SCHEMA;
    }
    s->schema = version;
    if (version >= count)
        return 0;
    r = schema_begin(s, p);
    if (r != 0)
        return r;
    r = schema_end(s, run_steps(s, steps, version, count, p), p);
    if (r == 0)
        s->schema = count;
    return r;
}
