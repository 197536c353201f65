/* The store in trouble: a full disk, a read-only one, a second box, a box that is killed. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/schema.h"
#include "fixture.h"
#include "unit.h"

static void one_box_at_a_time(void)
{
    struct fixture f;
    struct store *second = NULL;
    struct problem p;
    int pid;

    fixture_open(&f);
    pid = fork();
    if (pid == 0)
        _exit(store_open(f.path, &second, &p) == LB_E_IN_USE && second == NULL &&
                      strstr(p.text, "another process has it open") != NULL
                  ? 0
                  : 1);
    unit_reap(pid);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_close(&f);
}

/* A key that does not go in anywhere: nothing of it is there, and the next change goes in. */
static bool fails_whole(struct fixture *f, int code, const char *text)
{
    struct key_record k = fixture_make_key(f, "big", "rsa:2048", 1, 0);
    struct problem p = { 0 };
    bool good = true;
    int r = 0;

    /* Many names, until it is full. */
    for (int i = 0; r == 0 && i < 2000; i++) {
        snprintf(k.name, sizeof(k.name), "big-%d", i);
        memcpy(k.versions[0].name, k.name, sizeof(k.name));
        memset(k.key_id, 0xb0, sizeof(k.key_id));
        memcpy(k.key_id, &i, sizeof(i));
        memcpy(k.versions[0].key_id, k.key_id, sizeof(k.key_id));
        r = store_put_key(f->store, &k, &p);
    }
    if (r != code || strstr(p.text, text) == NULL) {
        fprintf(stderr, "%d %s\n", r, p.text);
        good = false;
    }
    key_record_clear(&k);
    return good;
}

static int count_big(const struct key_record *k, bool damaged, void *arg)
{
    unsigned *counts = arg;

    if (strncmp(k->name, "big-", 4) == 0)
        counts[damaged]++;
    return 0;
}

/* In a child: limits and mounts end with it. */
static void full_by_limit(void)
{
    unsigned failures = CU_get_number_of_failures();
    struct fixture f;
    int pid;

    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 1, 1);
    store_close(f.store);
    f.store = NULL;
    pid = fork();
    if (pid == 0) {
        struct rlimit limit = { 300000, RLIM_INFINITY };
        unsigned before[2] = { 0 }, after[2] = { 0 }, last[2] = { 0 };
        struct problem p;
        bool good;

        fixture_in_child(&f);
        setrlimit(RLIMIT_FSIZE, &limit);
        good = store_open(f.path, &f.store, &p) == 0 && fails_whole(&f, LB_E_STORE_FULL, "no space left") &&
               store_each_key(f.store, count_big, before, &p) == 0 && before[0] > 10 && before[1] == 0 &&
               fails_whole(&f, LB_E_STORE_FULL, "no space left") &&
               store_each_key(f.store, count_big, after, &p) == 0 && before[0] == after[0] && after[1] == 0;
        /* Room again: without a new start, the next change goes in. */
        limit.rlim_cur = RLIM_INFINITY;
        good = good && setrlimit(RLIMIT_FSIZE, &limit) == 0;
        if (good)
            fixture_add_key(&f, "late", "ed25519", 1, 0);
        good = good && store_each_key(f.store, count_big, last, &p) == 0 && last[0] == after[0];
        store_close(f.store);
        _exit(good && CU_get_number_of_failures() == failures ? 0 : 1);
    }
    unit_reap(pid);
    OK(store_open(f.path, &f.store, &(struct problem){ 0 }));
    {
        struct inspection i;

        fixture_compare(&f, f.store, &i);
        CU_ASSERT_EQUAL(i.found[0], FOUND_GOOD);
        /* "late", and the big ones, which are copies that do not open. */
        CU_ASSERT_EQUAL(i.impostors, 1);
    }
    fixture_close(&f);
}

/* A small file system of one's own, in a child with a mount namespace of its own. False: not allowed here. */
static bool small_tmpfs(const char *dir, const char *options)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", dir, "tmpfs", 0, options) == 0;
}

static void full_and_read_only_file_system(void)
{
    unsigned failures = CU_get_number_of_failures();
    char *dir = unit_dir_new();
    int pid = fork(), status = 0;

    if (pid == 0) {
        struct key_record none;
        struct fixture f;
        struct problem p;
        bool good;
        int r;

        if (!small_tmpfs(dir, "size=256k,mode=700"))
            _exit(77);
        setenv("TMPDIR", dir, 1);
        fixture_open(&f);
        fixture_add_key(&f, "web", "ed25519", 1, 1);
        good = fixture_all_good(&f, f.store) && fails_whole(&f, LB_E_STORE_FULL, "no space left");
        fixture_reopen(&f);
        /* Removing needs a few pages of log: there is room for them, or it says so. */
        none = f.keys[0];
        none.version_count = 0;
        r = store_put_key(f.store, &none, &p);
        good = good && (r == 0 || r == LB_E_STORE_FULL);
        fixture_close(&f);
        /* Anew: a file system does not turn read-only under an open store, but between two starts, and back. */
        fixture_open(&f);
        fixture_add_key(&f, "web", "ed25519", 1, 1);
        good = good && mount("none", dir, "none", MS_REMOUNT | MS_RDONLY, NULL) < 0;
        store_close(f.store);
        good = good && mount("none", dir, "none", MS_REMOUNT | MS_RDONLY, NULL) == 0;
        good = good && store_open(f.path, &f.store, &p) == LB_E_STORE_READONLY && f.store != NULL &&
               strstr(p.text, "it is read-only") != NULL && fixture_all_good(&f, f.store) &&
               fails_whole(&f, LB_E_STORE_READONLY, "it is read-only") && fixture_all_good(&f, f.store);
        store_close(f.store);
        f.store = NULL;
        good = good && mount("none", dir, "none", MS_REMOUNT, NULL) == 0;
        fixture_reopen(&f);
        fixture_add_key(&f, "more", "ed25519", 1, 0);
        good = good && fixture_all_good(&f, f.store);
        fixture_close(&f);
        free(dir);
        _exit(good && CU_get_number_of_failures() == failures ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        fprintf(stderr, " (no mounts allowed here: skipped) ");
    else
        CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    unit_dir_remove(dir);
}

/* SQLite calls it once a change is in the log, and before the log goes into the database file. */
static int die(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)arg;
    (void)db;
    (void)name;
    (void)pages;
    return raise(SIGKILL);
}

/* By the modes of files, as a user whom they bind. with_log: the store was left with a log by a box that was killed. */
static void read_only_by_mode(bool with_log)
{
    struct fixture f;
    int pid, status = 0;

    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 1, 1);
    fixture_add_key(&f, "late", "ed25519", 1, 1);
    if (with_log) {
        struct key_record k = f.keys[1];

        /* The key goes into the log of a child that comes no further. */
        store_close(f.store);
        pid = fork();
        if (pid == 0) {
            struct key_record none = { .version_count = 0 };
            struct problem p;
            bool good = store_open(f.path, &f.store, &p) == 0;

            memcpy(none.key_id, k.key_id, KEY_ID_SIZE);
            memcpy(none.name, k.name, sizeof(none.name));
            good = good && store_put_key(f.store, &none, &p) == 0;
            if (good) {
                sqlite3_wal_hook(f.store->db, die, NULL);
                (void)!store_put_key(f.store, &k, &p);
            }
            _exit(1);
        }
        CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
        CU_ASSERT(WIFSIGNALED(status));
        f.store = NULL;
        CU_ASSERT_TRUE(
            unit_file_has(unit_path(f.dir, "store.db-wal"), k.versions[0].material, k.versions[0].material_len));
        CU_ASSERT_FALSE(unit_file_has(f.path, k.versions[0].material, k.versions[0].material_len));
        chmod(unit_path(f.dir, "store.db-wal"), 0444);
    } else {
        store_close(f.store);
        f.store = NULL;
    }
    chmod(f.path, 0444);
    chmod(f.dir, 0555);
    pid = fork();
    if (pid == 0) {
        struct problem p;
        bool good = geteuid() != 0 || setuid(65534) == 0;

        fixture_in_child(&f);
        good = good && store_open(f.path, &f.store, &p) == LB_E_STORE_READONLY && f.store != NULL &&
               strstr(p.text, "cannot write to the store") != NULL && strstr(p.hint, "writable") != NULL &&
               fixture_all_good(&f, f.store) && fails_whole(&f, LB_E_STORE_READONLY, "it is read-only") &&
               fixture_all_good(&f, f.store);
        if (!good)
            fprintf(stderr, "%s\n", p.text);
        store_close(f.store);
        _exit(good ? 0 : 1);
    }
    unit_reap(pid);
    chmod(f.path, 0600);
    chmod(f.dir, 0700);
    chmod(unit_path(f.dir, "store.db-wal"), 0600);
    fixture_reopen(&f);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_close(&f);
}

static void read_only(void)
{
    read_only_by_mode(false);
}

static void read_only_with_a_log(void)
{
    read_only_by_mode(true);
}

static void odd_paths(void)
{
    struct fixture f;
    const char *odd;
    int pid;

    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 1, 0);
    store_close(f.store);
    odd = unit_path(f.dir, "a?b#c%20d e.db");
    CU_ASSERT_EQUAL(rename(f.path, odd), 0);
    snprintf(f.path, sizeof(f.path), "%s", odd);
    OK(store_open(f.path, &f.store, &(struct problem){ 0 }));
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    store_close(f.store);
    f.store = NULL;
    chmod(f.path, 0444);
    chmod(f.dir, 0555);
    pid = fork();
    if (pid == 0) {
        bool good = geteuid() != 0 || setuid(65534) == 0;

        fixture_in_child(&f);
        good = good && store_open(f.path, &f.store, &(struct problem){ 0 }) == LB_E_STORE_READONLY &&
               fixture_all_good(&f, f.store);
        store_close(f.store);
        _exit(good ? 0 : 1);
    }
    unit_reap(pid);
    chmod(f.dir, 0700);
    fixture_close(&f);
}

/* A child that puts and removes without end, and is killed: each key is there whole, or not at all. */
static void killed_at_any_time(void)
{
    struct fixture f;
    int rounds = unit_is_slow() ? 4 : 25;

    fixture_open(&f);
    fixture_add_key(&f, "stays", "ed25519", 2, 2);
    fixture_add_key(&f, "comes", "ed25519", 3, 3);
    store_close(f.store);
    f.store = NULL;
    for (int i = 0; i < rounds; i++) {
        struct inspection found;
        int ready[2], pid, status;
        char byte;

        CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
            struct key_record k = f.keys[0], none = f.keys[0];
            struct problem p;

            none.version_count = 0;
            none.grant_count = 0;
            if (store_open(f.path, &f.store, &p) != 0 || write(ready[1], "r", 1) != 1)
                _exit(1);
            for (;;) {
                if (store_put_key(f.store, &none, &p) != 0 || store_put_key(f.store, &k, &p) != 0)
                    _exit(2);
            }
        }
        CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
        usleep((useconds_t)(rand() % 20000));
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        CU_ASSERT(WIFSIGNALED(status));
        close(ready[0]);
        close(ready[1]);
        fixture_inspect(&f, &found);
        OK(found.opened);
        OK(found.walked);
        CU_ASSERT(found.found[0] == FOUND_GOOD || found.found[0] == FOUND_NOT);
        CU_ASSERT_EQUAL(found.found[1], FOUND_GOOD);
        CU_ASSERT_EQUAL(found.strangers + found.impostors, 0);
    }
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    { "one box at a time", one_box_at_a_time },
    { "full by a limit", full_by_limit },
    { "full and read-only file system", full_and_read_only_file_system },
    { "read-only", read_only },
    { "read-only with a log", read_only_with_a_log },
    { "odd paths", odd_paths },
    { "killed at any time", killed_at_any_time },
    { NULL, NULL },
};
const struct unit_suite suite_faults = { "faults", tests };
