/* Helpers of the unit tests: files, descriptors, children, checks that say what they saw. */
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/errors.h"
#include "unit.h"

void unit_check_code(int got, int expected, const char *what, const char *file, unsigned line)
{
    char text[400];

    if (got == expected) {
        CU_assertImplementation(CU_TRUE, line, what, file, "", CU_FALSE);
        return;
    }
    snprintf(text, sizeof(text), "%s is %d (%s), expected %d (%s)", what, got, lb_strerror(got), expected,
             lb_strerror(expected));
    CU_assertImplementation(CU_FALSE, line, text, file, "", CU_FALSE);
}

void unit_check_text(const char *got, const char *expected, bool part, const char *file, unsigned line)
{
    bool good = part ? strstr(got, expected) != NULL : strcmp(got, expected) == 0;
    char text[900];

    snprintf(text, sizeof(text), "'%s', expected%s '%s'", got, part ? " to find" : "", expected);
    CU_assertImplementation(good ? CU_TRUE : CU_FALSE, line, text, file, "", CU_FALSE);
}

/* In memory where there is such a place: thousands of stores are opened and closed, and each waits for its disk. */
static const char *place_for_files(void)
{
    const char *tmp = getenv("TMPDIR");

    if (tmp != NULL && tmp[0] == '/')
        return tmp;
    return access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
}

char *unit_dir_new(void)
{
    char *dir = NULL;

    if (asprintf(&dir, "%s/littlebox-unit-XXXXXX", place_for_files()) < 0 || mkdtemp(dir) == NULL) {
        perror("mkdtemp");
        exit(99);
    }
    return dir;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void unit_dir_remove(char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(dir);
}

const char *unit_path(const char *dir, const char *name)
{
    static char paths[8][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % COUNT(paths)];

    snprintf(path, PATH_MAX, "%s/%s", dir, name);
    return path;
}

void unit_write_file(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "w");

    if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
        perror(path);
        exit(99);
    }
}

uint8_t *unit_read_file(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "r");
    struct stat st;
    uint8_t *data;

    if (f == NULL || fstat(fileno(f), &st) < 0 || (data = malloc((size_t)st.st_size + 1)) == NULL ||
        fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
        perror(path);
        exit(99);
    }
    fclose(f);
    *ret_len = (size_t)st.st_size;
    return data;
}

bool unit_file_has(const char *path, const void *needle, size_t len)
{
    size_t size;
    uint8_t *data;
    bool found;

    if (access(path, F_OK) < 0)
        return false;
    data = unit_read_file(path, &size);
    found = memmem(data, size, needle, len) != NULL;
    free(data);
    return found;
}

unsigned unit_open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    while (dir != NULL && readdir(dir) != NULL)
        count++;
    if (dir != NULL)
        closedir(dir);
    return count;
}

void unit_reap(int pid)
{
    int status = -1;

    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT(WIFEXITED(status));
    CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}

bool unit_is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

bool unit_is_slow(void)
{
    /* valgrind puts its own libraries in front of a program. */
    const char *preload = getenv("LD_PRELOAD");

    return unit_is_sanitized() || (preload != NULL && strstr(preload, "vgpreload") != NULL);
}

static void join_blobs(sqlite3_context *ctx, int count, sqlite3_value **parts)
{
    uint8_t all[4096];
    size_t at = 0;

    for (int i = 0; i < count; i++) {
        size_t len = (size_t)sqlite3_value_bytes(parts[i]);

        if (sqlite3_value_type(parts[i]) != SQLITE_BLOB || len > sizeof(all) - at) {
            sqlite3_result_error(ctx, "joined: not a blob, or too long", -1);
            return;
        }
        if (len > 0)
            memcpy(all + at, sqlite3_value_blob(parts[i]), len);
        at += len;
    }
    sqlite3_result_blob(ctx, all, (int)at, SQLITE_TRANSIENT);
}

void unit_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *error = NULL;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_create_function(db, "joined", -1, SQLITE_UTF8, NULL, join_blobs, NULL, NULL), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        fprintf(stderr, "\n%s: %s", sql, error);
        CU_FAIL("SQL failed");
    }
    sqlite3_free(error);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}
