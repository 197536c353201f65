/* What the suites of test_unit share: their tables, and helpers for files and descriptors. */
#ifndef UNIT_H
#define UNIT_H

#include <CUnit/CUnit.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unit_test {
    const char *name;
    void (*run)(void);
};

/* tests ends with a row whose name is NULL. */
struct unit_suite {
    const char *name;
    const struct unit_test *tests;
};

/* All suites, a line each. */
#define UNIT_SUITES(X) \
    X(wire) \
    X(message) \
    X(entries) \
    X(names) \
    X(uri) \
    X(handle) \
    X(hold) \
    X(paths) \
    X(socket) \
    X(maker) \
    X(policy) \
    X(admit) \
    X(links) \
    X(fdstore) \
    X(channel) \
    X(line) \
    X(secret) \
    X(aead) \
    X(store) \
    X(storefile) \
    X(storename) \
    X(schema) \
    X(damage) \
    X(faults) \
    X(seal) \
    X(backend) \
    X(keytype) \
    X(keyop) \
    X(textfile) \
    X(chain) \
    X(p11uri) \
    X(p11conf) \
    X(timing) \
    X(opened) \
    X(turns) \
    X(spki) \
    X(request) \
    X(record) \
    X(use) \
    X(locking) \
    X(keeplink) \
    X(keyring) \
    X(identity) \
    X(shield) \
    X(sandbox) \
    X(log) \
    X(ending) \
    X(lifecycle) \
    X(roll) \
    X(schedule) \
    X(printable) \
    X(running) \
    X(connections) \
    X(stay) \
    X(policyblob) \
    X(vault) \
    X(batch) \
    X(boxclock) \
    X(der) \
    X(forms) \
    X(handshakes)

#define UNIT_SUITE(name) extern const struct unit_suite suite_##name;
UNIT_SUITES(UNIT_SUITE)
#undef UNIT_SUITE

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* 0 expected; says what it was otherwise. Both evaluate their arguments once. */
#define OK(expression) unit_check_code((expression), 0, #expression, __FILE__, __LINE__)
#define FAILS(expression, code) unit_check_code((expression), (code), #expression, __FILE__, __LINE__)
void unit_check_code(int got, int expected, const char *what, const char *file, unsigned line);

/* The text, or its part, as expected; says what it was otherwise. */
#define TEXT_IS(got, expected) unit_check_text((got), (expected), false, __FILE__, __LINE__)
#define TEXT_HAS(got, part) unit_check_text((got), (part), true, __FILE__, __LINE__)
void unit_check_text(const char *got, const char *expected, bool part, const char *file, unsigned line);

/*
 * A new directory below $TMPDIR (/dev/shm, /tmp), mode 0700; freed and removed with all it holds by unit_dir_remove().
 */
char *unit_dir_new(void);
void unit_dir_remove(char *dir);
/* "dir/name" in one of a few static buffers. */
const char *unit_path(const char *dir, const char *name);
void unit_write_file(const char *path, const void *data, size_t len);
/* The whole file, malloc()ed. */
uint8_t *unit_read_file(const char *path, size_t *ret_len);
bool unit_file_has(const char *path, const void *needle, size_t len);

/* Runs SQL on a database that nobody has open. joined(BLOB, ...) puts blobs together. */
void unit_sql(const char *path, const char *sql);

/* How many descriptors this process has open. */
unsigned unit_open_fds(void);
/* Waits for a child and expects it to have exited with 0. */
void unit_reap(int pid);
/* With AddressSanitizer, which lays out stacks in its own way and turns mlock(2) into nothing. */
bool unit_is_sanitized(void);
/* Under valgrind or a sanitizer: what takes long is done in part. */
bool unit_is_slow(void);

#endif
