/* The database under the store: how it is opened, its schema and migrations, its failures as texts. */
#ifndef LB_STORE_SCHEMA_H
#define LB_STORE_SCHEMA_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/errors.h"
#include "store/record.h"

/* The file as this process left it. */
struct store_stamp {
    bool known;
    dev_t dev;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

/* Statements that are prepared once: those of a change of a key. */
#define STATEMENTS_KEPT 16

struct store {
    sqlite3 *db;
    pthread_mutex_t look;      /* of these two, which other threads ask for */
    struct store_stamp stamp;
    bool writing;              /* the file is about to be another one, by this process */
    uint8_t id[STORE_ID_SIZE];
    int schema;         /* of the file */
    bool readonly;      /* the file system or the mode of the file lets nobody write */
    struct {
        bool open;           /* changes are stored together (store/group.h) */
        bool began;          /* a transaction of them was begun */
        struct problem lost; /* code not 0: the changes of the group are gone, and why */
    } group;
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } kept[STATEMENTS_KEPT];
    bool scrub_pending; /* material was deleted, and the log that holds it is not overwritten yet */
    char *path;
};

/*
 * One step of the schema, from the version that is its index in the table to the next. sql: statements, one after the
 * other.
 */
struct migration {
    const char *sql;
};
extern const struct migration store_migrations[];
/* The schema that this code writes: as many as there are migrations. */
extern const int store_schema_version;
/*
 * The schema up to which a store is brought when it is opened. The step behind it comes with the first change of a key:
 * from then on keys are bound in another way, for which the store has to be unlocked (store/old_form.h).
 */
extern const int store_schema_at_open;

/*
 * Opens the file (which must exist) into s->db and s->readonly, with all settings of the store made. LB_E_STORE,
 * LB_E_IN_USE (another process has it open), LB_E_NOMEM; s->db may be set then and is store_close()'s.
 */
LB_MUST_USE int schema_connect(struct store *s, struct problem *p);

/*
 * Brings the schema from the version it has to count, all missing steps in one transaction; on a read-only store an
 * older one is LB_E_STORE_READONLY. A store that has it, or more, stays as it is. LB_E_STORE_SCHEMA when it is newer than
 * most, LB_E_STORE when this is not a store of ours. version 0 is an empty database.
 */
LB_MUST_USE int schema_migrate(struct store *s, const struct migration *steps, int count, int most, struct problem *p);
/*
 * The steps that are still missing, within a transaction of the caller. What s->schema says is for the caller to set, when
 * that is committed.
 */
LB_MUST_USE int schema_finish(struct store *s, struct problem *p);

/*
 * What SQLite's failure rc means to us, with the text: STORE_FULL, STORE_READONLY, IN_USE, NOMEM, else STORE. what:
 * "write to", for example.
 */
int schema_failure(const struct store *s, int rc, const char *what, struct problem *p);

/* A statement, or NULL with the problem set. */
sqlite3_stmt *schema_prepare(struct store *s, const char *sql, struct problem *p);
/* The same, kept for the next time: sql is static, and the statement goes to schema_run() alone. */
sqlite3_stmt *schema_prepare_kept(struct store *s, const char *sql, struct problem *p);
/* Forgets those that are kept, before the database is closed. */
void schema_forget_kept(struct store *s);
/* Steps a statement that gives no rows, and finalizes it, unless it is kept. LB_E_EXISTS for a broken UNIQUE, else as schema_failure(). */
LB_MUST_USE int schema_run(struct store *s, sqlite3_stmt *stmt, struct problem *p);
LB_MUST_USE int schema_exec(struct store *s, const char *sql, struct problem *p);

/*
 * This process writes to the file, or opens it: from the first call to the second nobody sees another's hand in it, and
 * then it is remembered as it is.
 */
void schema_writing(struct store *s);
void schema_stamp(struct store *s);
/* As store_was_replaced(). */
bool schema_was_replaced(struct store *s);
/* BEGIN IMMEDIATE. LB_E_STORE_READONLY and so on; LB_E_STORE where schema_was_replaced(). */
LB_MUST_USE int schema_begin(struct store *s, struct problem *p);
/* COMMIT when r is 0, and ROLLBACK when it is not or the commit fails. Returns r or the failure of the commit. */
LB_MUST_USE int schema_end(struct store *s, int r, struct problem *p);

#endif
