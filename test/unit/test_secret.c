/* secret.c: memory that is locked, guarded and wiped, and a process that keeps secrets. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard/secret.h"
#include "unit.h"

/*
 * What stands at an address, also one that was freed: read through the kernel, which asks no allocator. False: nothing
 * is there.
 */
static bool peek(const void *at, void *ret, size_t len)
{
    int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && pread(fd, ret, len, (off_t)(uintptr_t)at) == (ssize_t)len;

    if (fd >= 0)
        close(fd);
    return good;
}

static bool all_are(const uint8_t *p, size_t len, uint8_t value)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != value)
            return false;
    }
    return true;
}

/* The flags of the mapping that holds p, from smaps ("rd wr mr lo dd wf ..."). */
static void mapping_flags(const void *p, char *ret, size_t size)
{
    FILE *f = fopen("/proc/self/smaps", "re");
    char line[512];
    bool inside = false;

    ret[0] = '\0';
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        unsigned long from, to;

        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (uintptr_t)p >= from && (uintptr_t)p < to;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(ret, size, "%s", line + 8);
    }
    if (f != NULL)
        fclose(f);
}

static void allocations(void)
{
    static const size_t sizes[] = { 1, 16, 17, 32, 4095, 4096, 4097, 16384 };

    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint8_t *p = secret_alloc(sizes[i]);

        CU_ASSERT_PTR_NOT_NULL_FATAL(p);
        CU_ASSERT_EQUAL((uintptr_t)p % 16, 0);
        CU_ASSERT_TRUE(all_are(p, sizes[i], 0));
        memset(p, 0x5a, sizes[i]);
        secret_free(p, sizes[i]);
    }
    CU_ASSERT_PTR_NULL(secret_alloc(0));
    CU_ASSERT_PTR_NULL(secret_alloc(SIZE_MAX));
    secret_free(NULL, 10);
    secret_wipe(NULL, 10);
}

static void pages_are_locked_and_not_dumped(void)
{
    uint8_t *p = secret_alloc(100);
    char flags[512];

    mapping_flags(p, flags, sizeof(flags));
    if (!unit_is_sanitized())
        TEXT_HAS(flags, " lo");
    TEXT_HAS(flags, " dd");
    TEXT_HAS(flags, " wf");
    secret_free(p, 100);
    CU_ASSERT_FALSE(peek(p, flags, 1));
}

/* "rw-p", "---p" ... of the page at p; "" when there is none. */
static void permissions(const uint8_t *p, char ret[5])
{
    FILE *f = fopen("/proc/self/maps", "re");
    char line[512];

    ret[0] = '\0';
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        unsigned long from, to;
        char perms[5];

        if (sscanf(line, "%lx-%lx %4s", &from, &to, perms) == 3 && (uintptr_t)p >= from && (uintptr_t)p < to)
            memcpy(ret, perms, sizeof(perms));
    }
    if (f != NULL)
        fclose(f);
}

static void guard_pages(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *p = secret_alloc(page);
    char perms[5];

    permissions(p - 1, perms);
    TEXT_IS(perms, "---p");
    permissions(p, perms);
    TEXT_IS(perms, "rw-p");
    permissions(p + page, perms);
    TEXT_IS(perms, "---p");
    secret_free(p, page);
    /* A short one ends at the guard, but for the alignment. */
    p = secret_alloc(30);
    permissions(p + 31, perms);
    TEXT_IS(perms, "rw-p");
    permissions(p + 32, perms);
    TEXT_IS(perms, "---p");
    secret_free(p, 30);
}

static void children_inherit_nothing(void)
{
    uint8_t *p = secret_alloc(64);
    int pid;

    memset(p, 0x77, 64);
    pid = fork();
    if (pid == 0)
        _exit(all_are(p, 64, 0) ? 0 : 1);
    unit_reap(pid);
    CU_ASSERT_TRUE(all_are(p, 64, 0x77));
    secret_free(p, 64);
}

/*
 * What is left of size bytes of a pattern where they stood. In runs of eight: one byte of a pointer may look like it by
 * chance.
 */
static size_t left_of_pattern(const void *at, size_t size)
{
    static uint8_t seen[4096]; /* not on the stack, which is looked at */
    size_t left = 0, run = 0;

    CU_ASSERT_FATAL(size <= sizeof(seen));
    if (!peek(at, seen, size))
        return 0;
    for (size_t i = 0; i < size; i++) {
        run = seen[i] == 0xc3 ? run + 1 : 0;
        left += run == 8 ? 8 : run > 8 ? 1 : 0;
    }
    return left;
}

static void libcrypto_wipes_what_it_frees(void)
{
    void *volatile p = malloc(600), *volatile q;

    /* Positive control: malloc alone leaves it there. */
    memset(p, 0xc3, 600);
    q = p;
    free(p);
    CU_ASSERT(left_of_pattern(q, 600) > 500);
    p = OPENSSL_malloc(600);
    memset(p, 0xc3, 600);
    CU_ASSERT_EQUAL(left_of_pattern(p, 600), 600);
    q = p;
    OPENSSL_free(p);
    CU_ASSERT_EQUAL(left_of_pattern(q, 600), 0);
}

static void libcrypto_wipes_what_it_moves(void)
{
    uint8_t *p = OPENSSL_malloc(600), *moved;
    const void *volatile old = p;

    memset(p, 0xc3, 600);
    moved = OPENSSL_realloc(p, 3000);
    CU_ASSERT_TRUE(all_are(moved, 600, 0xc3));
    CU_ASSERT_PTR_NOT_EQUAL(moved, old);
    CU_ASSERT_EQUAL(left_of_pattern(old, 600), 0);
    old = moved;
    moved = OPENSSL_realloc(moved, 100);
    CU_ASSERT_TRUE(all_are(moved, 100, 0xc3));
    CU_ASSERT_EQUAL(left_of_pattern(old, 600), 0);
    OPENSSL_free(moved);
    moved = OPENSSL_realloc(NULL, 10);
    CU_ASSERT_PTR_NOT_NULL(moved);
    OPENSSL_free(moved);
}

static void the_secure_heap_is_there(void)
{
    void *p;

    CU_ASSERT_EQUAL(CRYPTO_secure_malloc_initialized(), 1);
    p = OPENSSL_secure_malloc(100);
    CU_ASSERT_EQUAL(CRYPTO_secure_allocated(p), 1);
    OPENSSL_secure_free(p);
    OK(secret_setup_libcrypto());
}

static void limits_are_told(void)
{
    char text[SECRET_LIMIT_SIZE];

    TEXT_IS(secret_limit_text(0, text), "0 KiB");
    TEXT_IS(secret_limit_text(65536, text), "64 KiB");
    TEXT_IS(secret_limit_text(SIZE_MAX, text), "none");
    CU_ASSERT(secret_locks(1) == (size_t)sysconf(_SC_PAGESIZE));
    CU_ASSERT(secret_locks(secret_locks(1)) == secret_locks(1));
}

/* An address as a number: to a compiler, a pointer to a stack that is gone is nothing. */
static volatile uintptr_t deep_stack;

static __attribute__((noinline, no_sanitize("address"))) void leave_on_stack(void)
{
    volatile uint8_t key[3000];

    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = 0xc3;
    deep_stack = (uintptr_t)key;
}

static void the_stack_is_wiped(void)
{
    leave_on_stack();
    CU_ASSERT(left_of_pattern((const void *)deep_stack, 2000) > 0);
    leave_on_stack();
    secret_wipe_stack();
    CU_ASSERT_EQUAL(left_of_pattern((const void *)deep_stack, 3000), 0);
}

static bool is_hardened(bool limited)
{
    struct rlimit core, small = { 65536, 65536 };
    bool locked = limited;
    void *big;

    /* Not root's: it may lift the limit. */
    if (limited && (setrlimit(RLIMIT_MEMLOCK, &small) < 0 || (geteuid() == 0 && setuid(65534) < 0)))
        return false;
    if (secret_harden_process(&locked) != 0 || prctl(PR_GET_DUMPABLE) != 0 || getrlimit(RLIMIT_CORE, &core) < 0)
        return false;
    if (core.rlim_cur != 0 || core.rlim_max != 0 || (limited && locked))
        return false;
    /* Argon2's memory must still be had. */
    big = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (big == MAP_FAILED)
        return false;
    if (locked && !unit_is_sanitized()) {
        char flags[512];

        mapping_flags(big, flags, sizeof(flags));
        return strstr(flags, " lo") != NULL;
    }
    return true;
}

static void processes_are_hardened(void)
{
    for (int limited = 0; limited < 2; limited++) {
        int pid = fork();

        if (pid == 0)
            _exit(is_hardened(limited) ? 0 : 1);
        unit_reap(pid);
    }
}

static void files_are_read_whole(void)
{
    char *dir = unit_dir_new();
    const char *path = unit_path(dir, "secret");
    void *data = NULL;
    size_t len = 0;

    FAILS(secret_read_file(path, 10, &data, &len), LB_E_SYSTEM);
    CU_ASSERT_EQUAL(errno, ENOENT);
    unit_write_file(path, "", 0);
    FAILS(secret_read_file(path, 10, &data, &len), LB_E_SYSTEM);
    CU_ASSERT_EQUAL(errno, ENODATA);
    unit_write_file(path, "0123456789a", 11);
    FAILS(secret_read_file(path, 10, &data, &len), LB_E_TOO_LONG);
    CU_ASSERT_PTR_NULL(data);
    unit_write_file(path, "0123456789", 10);
    OK(secret_read_file(path, 10, &data, &len));
    CU_ASSERT_EQUAL(len, 10);
    CU_ASSERT(memcmp(data, "0123456789", 10) == 0);
    secret_free(data, 10);
    unit_write_file(path, "x", 1);
    OK(secret_read_file(path, 10, &data, &len));
    CU_ASSERT_EQUAL(len, 1);
    secret_free(data, 10);
    data = NULL;
    FAILS(secret_read_file(dir, 10, &data, &len), LB_E_SYSTEM);
    CU_ASSERT_EQUAL(errno, EISDIR);
    unit_dir_remove(dir);
}

static void files_may_come_in_pieces(void)
{
    char *dir = unit_dir_new();
    const char *path = unit_path(dir, "fifo");
    void *data = NULL;
    size_t len = 0;
    int pid;

    CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
    pid = fork();
    if (pid == 0) {
        int fd = open(path, O_WRONLY);
        bool good = write(fd, "abc", 3) == 3 && write(fd, "def", 3) == 3;

        free(dir);
        _exit(good ? 0 : 1);
    }
    OK(secret_read_file(path, 100, &data, &len));
    CU_ASSERT_EQUAL(len, 6);
    CU_ASSERT(memcmp(data, "abcdef", 6) == 0);
    secret_free(data, 100);
    unit_reap(pid);
    unit_dir_remove(dir);
}

static const struct unit_test tests[] = {
    { "allocations", allocations },
    { "pages are locked and not dumped", pages_are_locked_and_not_dumped },
    { "guard pages", guard_pages },
    { "children inherit nothing", children_inherit_nothing },
    { "libcrypto wipes what it frees", libcrypto_wipes_what_it_frees },
    { "libcrypto wipes what it moves", libcrypto_wipes_what_it_moves },
    { "the secure heap is there", the_secure_heap_is_there },
    { "limits are told", limits_are_told },
    { "the stack is wiped", the_stack_is_wiped },
    { "processes are hardened", processes_are_hardened },
    { "files are read whole", files_are_read_whole },
    { "files may come in pieces", files_may_come_in_pieces },
    { NULL, NULL },
};
const struct unit_suite suite_secret = { "secret", tests };
