/* Memory for secrets: locked, never dumped, not inherited by a fork, wiped when freed. */
#include "guard/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef LB_SANITIZED
#include <sanitizer/lsan_interface.h>
#endif

#define ALIGNMENT 16
/* For a tool's buffers: two packets, and as much again for what comes and goes. */
#define TOOL_BUFFERS ((size_t)256 << 10)
#define TOOL_HEAP_MIN ((size_t)64 << 10)
#define SECURE_HEAP_MAX ((size_t)32 << 20)
/* Smallest block of the secure heap: the size of a P-256 scalar. Smaller ones would only cost bookkeeping. */
#define SECURE_BLOCK_MIN 32
/* More than the deepest private-key operation of libcrypto was seen to use (Ed448, about 12 KiB). */
#define STACK_WIPED (32 * 1024)

void secret_wipe(void *p, size_t size)
{
    if (p != NULL)
        explicit_bzero(p, size);
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

size_t secret_locks(size_t size)
{
    return round_up(size, page_size());
}

/* Set before there are threads. */
static bool lock_needed = true;

void secret_need_lock(bool need)
{
    lock_needed = need;
}

/*
 * The errno with which even one page cannot be locked, where something else than the limit is the reason; else 0. Where the
 * limit is the reason, mlock(2) says ENOMEM or EAGAIN, and EPERM of a limit of 0.
 */
static int lock_refused(void)
{
    struct rlimit limit;
    size_t page = page_size();
    void *map;
    int e;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur < page)
        return 0;
    map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return 0;
    e = mlock(map, page) == 0 ? 0 : errno;
    munmap(map, page);
    return e == ENOMEM || e == EAGAIN ? 0 : e;
}

int secret_no_memory(struct problem *p)
{
    struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
    int refused = lock_refused();

    if (refused != 0) {
        problem_set(p, LB_E_NOMEM, "the system refuses to lock memory: %s", strerror(refused));
        problem_hint(p, "%s", SECRET_REFUSED_CURE);
        return LB_E_NOMEM;
    }
    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return problem_set(p, LB_E_NOMEM, "no memory left that can be locked");
    problem_set(p, LB_E_NOMEM, "no locked memory left: the limit is %llu KiB", (unsigned long long)limit.rlim_cur / 1024);
    problem_hint(p, "raise the limit on locked memory: ulimit -l, LimitMEMLOCK= in a unit");
    return LB_E_NOMEM;
}

/*
 * guard page | filler, then size bytes rounded up to ALIGNMENT | guard page
 */
void *secret_alloc(size_t size)
{
    size_t page = page_size(), usable;
    uint8_t *map;

    if (size == 0 || size > SIZE_MAX / 2)
        return NULL;
    usable = round_up(size, page);
    map = mmap(NULL, usable + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return NULL;
    if (mprotect(map + page, usable, PROT_READ | PROT_WRITE) < 0 || (mlock(map + page, usable) < 0 && lock_needed)) {
        munmap(map, usable + 2 * page);
        return NULL;
    }
    /* An old kernel may do without these two: the process is undumpable and does not fork anyway. */
    (void)madvise(map + page, usable, MADV_DONTDUMP);
    (void)madvise(map + page, usable, MADV_WIPEONFORK);
    return map + page + usable - round_up(size, ALIGNMENT);
}

void secret_free(void *p, size_t size)
{
    size_t page = page_size(), usable = round_up(size, page);

    if (p == NULL)
        return;
    explicit_bzero(p, size);
    /* Unlocks too. */
    munmap((uint8_t *)p + round_up(size, ALIGNMENT) - usable - page, usable + 2 * page);
}

/* libcrypto's allocations: as malloc, but memory is wiped before it is given back or moved. */

static void *wiping_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void wiping_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    if (p == NULL)
        return;
    explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

/* Does not ask realloc(3), which may move the bytes and leave a copy behind. */
static void *wiping_realloc(void *p, size_t size, const char *file, int line)
{
    void *moved = malloc(size);
    size_t had = p == NULL ? 0 : malloc_usable_size(p);

    if (moved == NULL)
        return NULL;
    if (p != NULL)
        memcpy(moved, p, had < size ? had : size);
    wiping_free(p, file, line);
    return moved;
}

/* Tries whether a capability lifts the limit. Nothing else tells: the capability of a user namespace does not count. */
static bool may_exceed(size_t limit)
{
    size_t size = round_up(limit, page_size()) + page_size();
    void *map = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bool may;

    if (map == MAP_FAILED)
        return false;
    may = mlock2(map, size, MLOCK_ONFAULT) == 0;
    munmap(map, size);
    return may;
}

/* Lifts the limit where the process may. A lifted limit stays when the process becomes another user; capabilities do not. */
size_t secret_lockable(void)
{
    static const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
    struct rlimit limit;

    if (setrlimit(RLIMIT_MEMLOCK, &none) == 0)
        return SIZE_MAX;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
        return 0;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0)
            return 0;
    }
    return may_exceed((size_t)limit.rlim_cur) ? SIZE_MAX : (size_t)limit.rlim_cur;
}

const char *secret_limit_text(size_t limit, char ret[SECRET_LIMIT_SIZE])
{
    if (limit == SIZE_MAX)
        snprintf(ret, SECRET_LIMIT_SIZE, "none");
    else
        snprintf(ret, SECRET_LIMIT_SIZE, "%zu KiB", limit / 1024);
    return ret;
}

/* The largest power of two that fits into what may be locked, beside the buffers; at least heap_min. */
static size_t secure_heap_size(const struct secret_memory *m)
{
    size_t size = m->heap_min, left = m->limit < m->needed ? 0 : m->limit - m->buffers;

    while (size < SECURE_HEAP_MAX && size * 2 <= left)
        size *= 2;
    return size;
}

/*
 * Has the sanitizer look for pointers in the secure heap too. libcrypto's generators of random numbers are there, and what
 * only they point to would be called lost: libcrypto 4.0 keeps them until after the sanitizer has looked.
 */
static void show_to_sanitizer(size_t size)
{
#ifdef LB_SANITIZED
    void *whole = OPENSSL_secure_malloc(size);

    __lsan_register_root_region(whole, size);
    OPENSSL_secure_free(whole);
#else
    (void)size;
#endif
}

/* Set once, before there are threads: the heap itself is libcrypto's, and there is one. */
static size_t heap_size;

bool secret_heap_is_short(void)
{
    return CRYPTO_secure_used() > heap_size / 2;
}

/*
 * Makes the largest heap that is locked; the smallest is kept, locked or not. CRYPTO_secure_malloc_init() says 2 of a heap
 * that is not locked.
 */
static int open_heap(struct secret_memory *m, bool *ret_locked)
{
    size_t size = secure_heap_size(m);
    int r = CRYPTO_secure_malloc_init(size, SECURE_BLOCK_MIN);

    while (r == 2 && size > m->heap_min && CRYPTO_secure_malloc_done()) {
        size /= 2;
        r = CRYPTO_secure_malloc_init(size, SECURE_BLOCK_MIN);
    }
    if (r == 0)
        return LB_E_CRYPTO;
    heap_size = size;
    *ret_locked = r == 1;
    return 0;
}

int secret_setup(struct secret_memory *m)
{
    bool heap_locked;
    int r;

    if (!CRYPTO_set_mem_functions(wiping_malloc, wiping_realloc, wiping_free))
        return LB_E_CRYPTO;
    /* No openssl.cnf: where that loads the plugin, a box would ask itself. */
    if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
        return LB_E_CRYPTO;
    m->limit = secret_lockable();
    m->needed = m->buffers + m->heap_min;
    r = open_heap(m, &heap_locked);
    if (r != 0)
        return r;
    show_to_sanitizer(heap_size);
    m->refused = 0;
    if (heap_locked && m->limit >= m->needed) {
        m->state = m->all_locked ? SECRETS_ALL_LOCKED : SECRETS_LOCKED;
        return 0;
    }
    m->state = SECRETS_NOT_LOCKED;
    m->refused = lock_refused();
    if (m->refused != 0)
        m->limit = SIZE_MAX;
    return 0;
}

int secret_setup_libcrypto(void)
{
    struct secret_memory m = { .buffers = TOOL_BUFFERS, .heap_min = TOOL_HEAP_MIN };
    int r;

    if (CRYPTO_secure_malloc_initialized())
        return 0;
    r = secret_setup(&m);
    return r == 0 && m.state == SECRETS_NOT_LOCKED ? LB_E_NOMEM : r;
}

/* Not under a sanitizer, which puts the array elsewhere: between guards, or on a stack of its own. */
__attribute__((noinline, no_sanitize("address"))) void secret_wipe_stack(void)
{
    /*
     * The array and the stack protector's word of 8 bytes fill a multiple of 16, the stack's alignment. So the frame has no
     * hole behind the array, in which something of an earlier frame could stay.
     */
    uint8_t below[STACK_WIPED - 8];

    explicit_bzero(below, sizeof(below));
}

int secret_harden_process(bool *ret_locked)
{
    static const struct rlimit none = { 0, 0 };

    *ret_locked = false;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
        return LB_E_SYSTEM;
    /*
     * Future memory is locked only without a limit. Under one, a later mmap would fail: the 64 MiB of Argon2, a thread's
     * stack. Pages are locked when they are first used: stacks and heaps reserve much more than they use.
     */
    if (secret_lockable() == SIZE_MAX)
        *ret_locked = mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
    return 0;
}

static ssize_t read_some(int fd, void *buf, size_t size)
{
    ssize_t n;

    do
        n = read(fd, buf, size);
    while (n < 0 && errno == EINTR);
    return n;
}

int secret_read_fd(int fd, size_t max, void **ret, size_t *ret_len)
{
    size_t len = 0;
    uint8_t *buf = secret_alloc(max), more = 0;
    ssize_t n = 1;
    int r = LB_E_SYSTEM, saved;

    if (buf == NULL)
        return LB_E_NOMEM;
    while (n > 0 && len < max) {
        n = read_some(fd, buf + len, max - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (n > 0 && (n = read_some(fd, &more, 1)) > 0) {
        r = LB_E_TOO_LONG;
        goto out;
    }
    if (n == 0 && len == 0)
        errno = ENODATA;
    if (n < 0 || len == 0)
        goto out;
    *ret = buf;
    *ret_len = len;
    buf = NULL; /* now owned by the caller */
    r = 0;
out:
    saved = errno;
    secret_wipe(&more, sizeof(more));
    secret_free(buf, max);
    errno = saved;
    return r;
}

int secret_read_file(const char *path, size_t max, void **ret, size_t *ret_len)
{
    int r, saved, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return LB_E_SYSTEM;
    r = secret_read_fd(fd, max, ret, ret_len);
    saved = errno;
    close(fd);
    errno = saved;
    return r;
}
