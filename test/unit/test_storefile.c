/* store/store.c: the store as a file: made, absent, half made, replaced by another one, or none of ours. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "unit.h"

static void a_new_store(void)
{
    struct fixture f;
    struct store *again = NULL;
    struct seal_record seal;
    struct problem p = { 0 };
    struct stat st;

    fixture_open(&f);
    CU_ASSERT(memcmp(store_id(f.store), f.id, STORE_ID_SIZE) == 0);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    CU_ASSERT_EQUAL(stat(f.path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
    CU_ASSERT_EQUAL(stat(unit_path(f.dir, "store.db-wal"), &st) == 0 ? st.st_mode & 07777 : 0600, 0600);
    seal = fixture_make_seal(&f, "second");
    FAILS(store_create(f.path, f.id, &seal, &again, &p), LB_E_EXISTS);
    TEXT_HAS(p.text, "there is a store ");
    TEXT_HAS(p.hint, "for another one make another box");
    CU_ASSERT_PTR_NULL(again);
    free(seal.params);
    free(seal.wrapped);
    fixture_reopen(&f);
    CU_ASSERT(memcmp(store_id(f.store), f.id, STORE_ID_SIZE) == 0);
    fixture_close(&f);
}

static void no_store(void)
{
    char *dir = unit_dir_new();
    struct store *s = NULL;
    struct problem p;

    FAILS(store_open(unit_path(dir, "store.db"), &s, &p), LB_E_NO_STORE);
    TEXT_HAS(p.text, "there is no store ");
    TEXT_HAS(p.hint, "littlebox init");
    FAILS(store_open(unit_path(dir, "none/store.db"), &s, &p), LB_E_NO_STORE);
    CU_ASSERT_PTR_NULL(s);
    unit_dir_remove(dir);
    store_close(NULL);
}

static void a_draft_left_by_a_crash_is_replaced(void)
{
    struct fixture f;
    struct seal_record seal;
    struct problem p;
    DIR *d;
    unsigned files = 0;

    fixture_open(&f);
    store_close(f.store);
    CU_ASSERT_EQUAL(unlink(f.path), 0);
    unit_write_file(unit_path(f.dir, "store.db.new"), "half a store", 12);
    unit_write_file(unit_path(f.dir, "store.db.new-wal"), "half a log", 10);
    seal = fixture_make_seal(&f, "first");
    OK(store_create(f.path, f.id, &seal, &f.store, &p));
    store_close(f.store);
    d = opendir(f.dir);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        files += e->d_name[0] != '.';
    closedir(d);
    CU_ASSERT_EQUAL(files, 1);
    OK(store_open(f.path, &f.store, &p));
    free(seal.params);
    free(seal.wrapped);
    fixture_close(&f);
}

static void what_is_no_store_of_ours(void)
{
    char *dir = unit_dir_new();
    const char *path = unit_path(dir, "store.db");
    static const char text[] = "this is a text of more than one hundred bytes, and it is no database, so it cannot be "
                               "opened as one, however one tries";
    struct store *s = NULL;
    struct problem p;

    unit_write_file(path, "", 0);
    unit_sql(path, "CREATE TABLE key (x); PRAGMA user_version = 1");
    FAILS(store_open(path, &s, &p), LB_E_STORE);
    TEXT_HAS(p.text, "is not a store of littlebox");
    CU_ASSERT_PTR_NULL(s);
    unit_write_file(path, text, sizeof(text));
    FAILS(store_open(path, &s, &p), LB_E_STORE);
    TEXT_HAS(p.text, "it is damaged");
    TEXT_HAS(p.hint, "restore it from a backup");
    CU_ASSERT_PTR_NULL(s);
    CU_ASSERT_TRUE(unit_file_has(path, "this is a text", 14));
    FAILS(store_open(dir, &s, &p), LB_E_STORE);
    CU_ASSERT_PTR_NULL(s);
    unit_dir_remove(dir);
}

static void copy_file(const char *from, const char *to)
{
    char buf[4096];
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    size_t n;

    if (in == NULL || out == NULL)
        abort();
    while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
        CU_ASSERT_EQUAL(fwrite(buf, 1, n, out), n);
    fclose(in);
    CU_ASSERT_EQUAL(fclose(out), 0);
}

/* The kernel stamps files by its tick. From here on a change of path gets another time than the last one did. */
static void await_tick(const char *dir, const char *path)
{
    const char *probe = unit_path(dir, "probe");
    struct stat was, is;

    CU_ASSERT_EQUAL_FATAL(stat(path, &was), 0);
    do {
        unit_write_file(probe, "x", 1);
        CU_ASSERT_EQUAL_FATAL(utimensat(AT_FDCWD, probe, NULL, 0), 0);
        CU_ASSERT_EQUAL_FATAL(stat(probe, &is), 0);
    } while (is.st_mtim.tv_sec == was.st_mtim.tv_sec && is.st_mtim.tv_nsec == was.st_mtim.tv_nsec);
}

static int note_key(const struct key_record *k, bool damaged, void *arg)
{
    char *names = arg;

    strcat(strcat(names, k->name), damaged ? "! " : " ");
    return 0;
}

/*
 * A copy of the file alone is all of the store. One that is put in its place while the store is open is seen, in whatever
 * way it came there: nothing is written into it, and what is there afterwards is the copy and no mixture.
 */
static void a_file_that_is_replaced(void)
{
    static const enum { COPIED, RENAMED, TOUCHED, GONE, HOWS } first = COPIED;

    for (int how = first; how < HOWS; how++) {
        char backup[PATH_MAX], names[200] = "";
        struct fixture f;
        struct problem p = { 0 };
        struct seal_record seal;
        uint32_t id;

        fixture_open(&f);
        fixture_add_key(&f, "web", "ed25519", 1, 1);
        CU_ASSERT_TRUE(fixture_log_is_empty(&f));
        snprintf(backup, sizeof(backup), "%s", unit_path(f.dir, "backup"));
        copy_file(f.path, backup);
        fixture_add_key(&f, "late", "ed25519", 1, 1);
        CU_ASSERT_TRUE(fixture_log_is_empty(&f));
        CU_ASSERT_FALSE(store_was_replaced(f.store));
        await_tick(f.dir, f.path);
        if (how == COPIED)
            copy_file(backup, f.path);
        else
            OK(how == RENAMED   ? rename(backup, f.path)
               : how == TOUCHED ? utimensat(AT_FDCWD, f.path, NULL, 0)
                                : rename(f.path, backup));
        CU_ASSERT_TRUE(store_was_replaced(f.store));
        FAILS(store_put_key(f.store, &f.keys[0], &p), LB_E_STORE);
        TEXT_HAS(p.text, "was replaced or written by somebody else");
        TEXT_HAS(p.hint, "examples/backup/README.md");
        seal = fixture_make_seal(&f, "second");
        FAILS(store_add_seal(f.store, &seal, &id, &p), LB_E_STORE);
        free(seal.params);
        free(seal.wrapped);
        store_close(f.store);
        f.store = NULL;
        OK(how == GONE ? rename(backup, f.path) : 0);
        OK(store_open(f.path, &f.store, &p));
        CU_ASSERT_FALSE(store_was_replaced(f.store));
        OK(store_each_key(f.store, note_key, names, &p));
        TEXT_IS(names, how == COPIED || how == RENAMED ? "web " : "late web ");
        fixture_close(&f);
    }
}

static const struct unit_test tests[] = {
    { "a new store", a_new_store },
    { "no store", no_store },
    { "a draft left by a crash is replaced", a_draft_left_by_a_crash_is_replaced },
    { "a file that is replaced", a_file_that_is_replaced },
    { "what is no store of ours", what_is_no_store_of_ours },
    { NULL, NULL },
};
const struct unit_suite suite_storefile = { "storefile", tests };
