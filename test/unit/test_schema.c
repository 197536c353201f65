/* store/schema.c: stores of older schemas are brought up, newer ones refused, and a step that fails takes all back. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "store/schema.h"
#include "fixture.h"
#include "unit.h"

static int user_version(const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int version = -1;

    if (sqlite3_open(path, &db) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        version = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return version;
}

/* Takes away what came with schema 3. */
#define OF_SCHEMA_2 "DROP TABLE schedule; DROP TABLE former; DROP TABLE used; DROP TABLE handle;"

/* The first schema knew no chains. */
static void a_store_of_schema_1(void)
{
    struct fixture f;
    struct problem p;

    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 2, 1);
    fixture_make_old(&f);
    unit_sql(f.path, OF_SCHEMA_2 "DROP TABLE chain; PRAGMA user_version = 1");
    OK(store_open(f.path, &f.store, &p));
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    /* As a box does that is not unlocked yet: a chain is bound to nothing. */
    fixture_add_chain(&f, "web", 2, 2);
    fixture_reopen(&f);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    store_close(f.store);
    f.store = NULL;
    CU_ASSERT_EQUAL(user_version(f.path), 3);
    fixture_close(&f);
}

static void a_store_of_schema_2(void)
{
    struct fixture f;
    struct problem p;

    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 2, 1);
    fixture_add_chain(&f, "web", 2, 2);
    fixture_make_old(&f);
    unit_sql(f.path, OF_SCHEMA_2 "PRAGMA user_version = 2");
    OK(store_open(f.path, &f.store, &p));
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    store_close(f.store);
    f.store = NULL;
    CU_ASSERT_EQUAL(user_version(f.path), 3);
    fixture_close(&f);
}

/* A row out of form does not keep the others from being brought up. */
static void a_damaged_store_of_schema_2(void)
{
    struct fixture f;
    struct problem p;
    struct inspection seen;

    fixture_open(&f);
    fixture_add_key(&f, "other", "ed25519", 1, 0);
    fixture_add_key(&f, "web", "ed25519", 1, 0);
    fixture_make_old(&f);
    unit_sql(f.path, OF_SCHEMA_2 "PRAGMA ignore_check_constraints = ON; UPDATE version SET state = 77 WHERE name = 'web';"
                            "PRAGMA user_version = 2");
    fixture_inspect(&f, &seen);
    CU_ASSERT_EQUAL(seen.opened, 0);
    CU_ASSERT_EQUAL(seen.found[0], FOUND_GOOD);
    CU_ASSERT_EQUAL(seen.found[1], FOUND_DAMAGED);
    CU_ASSERT_EQUAL(user_version(f.path), 3);
    OK(store_open(f.path, &f.store, &p));
    fixture_close(&f);
}

/* A store of schema 3: what the next change of a key writes is of the new form; the other keys go on as they are. */
static void a_store_of_schema_3(void)
{
    struct key_record old;
    struct fixture f;
    struct problem p;

    fixture_open(&f);
    fixture_add_key(&f, "mail", "ed25519", 2, 3);
    fixture_add_key(&f, "web", "ed25519", 1, 1);
    fixture_schedule(&f, "mail", 1800000000, "post");
    fixture_make_old(&f);
    CU_ASSERT_EQUAL(user_version(f.path), 3);
    OK(store_open(f.path, &f.store, &p));
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_reopen(&f);
    /* Nothing is written in the old form. */
    FAILS(store_put_key(f.store, &f.keys[0], &p), LB_E_VALUE);
    TEXT_IS(p.text, "key 'mail' cannot be stored: it is of another form than this littlebox writes");
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    old = f.keys[0];
    old.versions = calloc(2, sizeof(*old.versions));
    memcpy(old.versions, f.keys[0].versions, 2 * sizeof(*old.versions));
    f.keys[0].old_form = false;
    for (size_t i = 0; i < 2; i++) {
        OK(backend_sealed_ops.rebind(f.backend, &old, &old.versions[i], &f.keys[0], &f.keys[0].versions[i]));
        free(old.versions[i].material);
    }
    free(old.versions);
    OK(store_put_key(f.store, &f.keys[0], &p));
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_reopen(&f);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    store_close(f.store);
    f.store = NULL;
    CU_ASSERT_EQUAL(user_version(f.path), 4);
    /* What is left of the old rows of that key does not count; those of the other do. */
    unit_sql(f.path, "SELECT CASE (SELECT count(*) FROM grant_) WHEN 1 THEN 1 ELSE json('{') END;"
                "INSERT INTO former SELECT key_id, 'other' FROM key WHERE name = 'mail'");
    OK(store_open(f.path, &f.store, &p));
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_close(&f);
}

/* All keys of one call, or none of them. */
/* Steps that a later version could have, after the real ones. */
static void migrations(void)
{
    struct migration steps[] = {
        store_migrations[0],
        store_migrations[1],
        store_migrations[2],
        store_migrations[3],
        { "ALTER TABLE key ADD COLUMN note TEXT NOT NULL DEFAULT 'none'" },
        { "UPDATE key SET note = 'some'; UPDATE nosuchtable SET x = 1" },
        { "UPDATE key SET note = 'more'" },
    };
    struct fixture f;
    struct problem p;

    CU_ASSERT_EQUAL(store_schema_version, 4);
    CU_ASSERT_EQUAL(store_schema_at_open, 3);
    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 1, 1);
    OK(schema_migrate(f.store, steps, 5, 5, &p));
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    store_close(f.store);
    CU_ASSERT_EQUAL(user_version(f.path), 5);
    /* A newer store is refused, not harmed. */
    f.store = NULL;
    FAILS(store_open(f.path, &f.store, &p), LB_E_STORE_SCHEMA);
    TEXT_HAS(p.text, "has schema 5, this littlebox knows up to 4");
    TEXT_HAS(p.hint, "newer littlebox");
    CU_ASSERT_PTR_NULL(f.store);
    unit_sql(f.path, "PRAGMA user_version = 4");
    OK(store_open(f.path, &f.store, &p));
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    /* A step that fails takes the ones before it back. */
    unit_sql(f.path, "");
    store_close(f.store);
    unit_sql(f.path, "PRAGMA user_version = 5");
    f.store = calloc(1, sizeof(*f.store));
    f.store->path = strdup(f.path);
    OK(schema_connect(f.store, &p));
    FAILS(schema_migrate(f.store, steps, 7, 7, &p), LB_E_STORE);
    store_close(f.store);
    CU_ASSERT_EQUAL(user_version(f.path), 5);
    unit_sql(f.path, "SELECT CASE note WHEN 'none' THEN 1 ELSE json('{') END FROM key; PRAGMA user_version = 4");
    f.store = NULL;
    OK(store_open(f.path, &f.store, &p));
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    { "a store of schema 1", a_store_of_schema_1 },
    { "a store of schema 2", a_store_of_schema_2 },
    { "a damaged store of schema 2", a_damaged_store_of_schema_2 },
    { "a store of schema 3", a_store_of_schema_3 },
    { "migrations", migrations },
    { NULL, NULL },
};
const struct unit_suite suite_schema = { "schema", tests };
