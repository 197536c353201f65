/* Memory for secrets: locked, never dumped, not inherited by a fork, wiped when freed. */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdint.h>
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
#define SECURE_HEAP_MIN ((size_t)1 << 20)
#define SECURE_HEAP_MAX ((size_t)32 << 20)
/* Smallest block of the secure heap: half a P-256 scalar's size would only cost bookkeeping. */
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
    if (mprotect(map + page, usable, PROT_READ | PROT_WRITE) < 0 || mlock(map + page, usable) < 0) {
        munmap(map, usable + 2 * page);
        return NULL;
    }
    /*
     * Both are second lines of defence (the process is undumpable and does not fork), so an old kernel may do without.
     */
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

/* libcrypto's allocations: as malloc, but nothing is given back or moved without being wiped. */

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

/* realloc(3) may move the bytes and leave a copy behind, so it is never asked. */
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

/*
 * How many bytes may be locked; SIZE_MAX: as many as there are. A process that may lift the limit does so: the limit
 * holds also when it has become another user, its capabilities do not.
 */
static size_t lockable(void)
{
    static const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
    struct rlimit limit;

    if (setrlimit(RLIMIT_MEMLOCK, &none) == 0)
        return SIZE_MAX;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
        return 0;
    return limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : (size_t)limit.rlim_cur;
}

/* Half of what may be locked, a power of two: the other half is for secret_alloc(). */
static size_t secure_heap_size(void)
{
    size_t size = SECURE_HEAP_MIN, limit = lockable() / 2;

    while (size < SECURE_HEAP_MAX && size * 2 <= limit)
        size *= 2;
    return size;
}

/*
 * The sanitizer looks for pointers in all memory but this, and would call lost what only libcrypto's generators of
 * random numbers know, which are in there. libcrypto 4.0 keeps them until after the sanitizer has looked.
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

int secret_setup_libcrypto(void)
{
    size_t size;

    if (CRYPTO_secure_malloc_initialized())
        return 0;
    if (!CRYPTO_set_mem_functions(wiping_malloc, wiping_realloc, wiping_free))
        return LB_E_CRYPTO;
    /* A box whose openssl.cnf loads the plugin would end up asking itself. */
    if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
        return LB_E_CRYPTO;
    size = secure_heap_size();
    /* 2 says that it is there but could not be locked: no worse than the ordinary heap would be, so not refused. */
    if (CRYPTO_secure_malloc_init(size, SECURE_BLOCK_MIN) == 0)
        return LB_E_CRYPTO;
    heap_size = size;
    show_to_sanitizer(size);
    return 0;
}

/* A sanitizer would put the array elsewhere, between guards or on a stack of its own making. */
__attribute__((noinline, no_sanitize("address"))) void secret_wipe_stack(void)
{
    /*
     * Eight bytes less than a multiple of 16, the stack's alignment: with the stack protector's word behind it there
     * is no hole then between the array and the end of this frame, in which something of the last one could stay.
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
     * Under a limit, locking the future would make some later mmap fail: the 64 MiB of Argon2, a thread's stack. On
     * fault, because a page without a secret yet has nothing to keep off the disk, and stacks and heaps reserve much
     * more than they use.
     */
    if (lockable() == SIZE_MAX)
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
