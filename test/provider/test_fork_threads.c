/* Processes and threads: 10,000 signatures across forks with open connections all verify, and nothing leaks. */
#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto.h"

#define PROCESSES 2
#define THREADS 8
#define SIGNATURES 10000
/* Each thread may keep a channel; one more is the introducer. */
#define DESCRIPTORS_MORE (THREADS + 1)

static struct boxproc box;
static OSSL_LIB_CTX *libctx;
static EVP_PKEY *key, *plain;
static _Atomic int failures;

static void sign_one(unsigned process, unsigned thread, int i)
{
    uint8_t sig[LB_SIGNATURE_MAX];
    char text[64];
    size_t len;

    snprintf(text, sizeof(text), "process %u thread %u signature %d", process, thread, i);
    len = sign_text(libctx, key, NULL, text, strlen(text), sig, sizeof(sig));
    if (len == 0 || !verify_text(plain, NULL, text, strlen(text), sig, len)) {
        if (atomic_fetch_add(&failures, 1) == 0)
            boxproc_show_errors();
    }
}

struct work {
    unsigned process, thread;
};

static void *run_thread(void *arg)
{
    const struct work *w = arg;

    for (int i = 0; i < SIGNATURES / PROCESSES / THREADS; i++)
        sign_one(w->process, w->thread, i);
    return NULL;
}

static void run_process(unsigned process)
{
    pthread_t threads[THREADS];
    struct work work[THREADS];

    for (unsigned t = 0; t < THREADS; t++) {
        work[t] = (struct work){ process, t };
        NEED(pthread_create(&threads[t], NULL, run_thread, &work[t]) == 0);
    }
    for (unsigned t = 0; t < THREADS; t++)
        NEED(pthread_join(threads[t], NULL) == 0);
}

static int wait_child(pid_t pid)
{
    int status = 0;

    NEED(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Signatures in both before and after, so that both processes hold channels that were opened by themselves. */
static void test_two_processes(void)
{
    unsigned before;
    pid_t pid;

    sign_one(0, 0, -1);
    before = count_descriptors();
    pid = fork();
    NEED(pid >= 0);
    run_process(pid == 0);
    /* A daemon thread of libcrypto or the C library may keep nothing open: what is open now are channels. */
    NEED(count_descriptors() <= before + DESCRIPTORS_MORE);
    if (pid == 0)
        _exit(atomic_load(&failures) == 0 ? 0 : 1);
    NEED(wait_child(pid) == 0);
    NEED(atomic_load(&failures) == 0);
}

#ifndef LB_SANITIZED
static void *keep_signing(void *arg)
{
    _Atomic bool *stop = arg;

    for (int i = 0; !atomic_load(stop); i++)
        sign_one(9, 9, i);
    return NULL;
}

/*
 * Forks while other threads are inside of requests, where a lock would be inherited locked. The sanitizers' allocator
 * has such locks itself, so it cannot be done under them.
 */
static void test_fork_while_busy(void)
{
    _Atomic bool stop = false;
    pthread_t threads[4];

    for (size_t t = 0; t < 4; t++)
        NEED(pthread_create(&threads[t], NULL, keep_signing, &stop) == 0);
    for (int i = 0; i < 100; i++) {
        pid_t pid = fork();

        NEED(pid >= 0);
        if (pid == 0) {
            alarm(600);
            sign_one(1, 0, i);
            sign_one(1, 0, i + 1000);
            _exit(atomic_load(&failures) == 0 ? 0 : 1);
        }
        NEED(wait_child(pid) == 0);
    }
    atomic_store(&stop, true);
    for (size_t t = 0; t < 4; t++)
        NEED(pthread_join(threads[t], NULL) == 0);
    NEED(atomic_load(&failures) == 0);
}

#else
static void test_fork_while_busy(void)
{
}
#endif

/* A child of a child, the middle one not having signed. */
static void test_grandchild(void)
{
    pid_t pid = fork();

    NEED(pid >= 0);
    if (pid == 0) {
        pid = fork();
        NEED(pid >= 0);
        sign_one(2, 0, 0);
        _exit(pid == 0 ? atomic_load(&failures) != 0 : wait_child(pid) != 0 || atomic_load(&failures) != 0);
    }
    NEED(wait_child(pid) == 0);
    sign_one(2, 1, 0);
    NEED(atomic_load(&failures) == 0);
}

/* A daemon that closes every descriptor, and opens others under the same numbers. */
static void test_descriptors_closed(void)
{
    pid_t pid = fork();

    NEED(pid >= 0);
    if (pid == 0) {
        int pipes[40][2];

        for (int fd = 3; fd < 256; fd++)
            close(fd);
        for (size_t i = 0; i < 40; i++)
            NEED(pipe(pipes[i]) == 0);
        sign_one(3, 0, 0);
        for (size_t i = 0; i < 40; i++) {
            char c = 'x';

            NEED(write(pipes[i][1], &c, 1) == 1 && read(pipes[i][0], &c, 1) == 1);
        }
        _exit(atomic_load(&failures) == 0 ? 0 : 1);
    }
    NEED(wait_child(pid) == 0);
}

/* How many sockets this process has below a number. */
static unsigned sockets_below(int end)
{
    unsigned count = 0;

    for (int fd = 0; fd < end; fd++) {
        struct stat st;

        count += fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    }
    return count;
}

/*
 * Libraries close what they have closed before: openCryptoki, when it is initialised twice. By then the number may be another
 * one's, so ours are where nobody's are; but for a process that has no such numbers.
 */
static void test_numbers(void)
{
    unsigned low = sockets_below(100);
    const struct rlimit few = { 64, 64 };
    pid_t pid = fork();

    NEED(pid >= 0);
    if (pid == 0) {
        sign_one(4, 0, 0);
        NEED(sockets_below(100) == low && sockets_below(1024) > low);
        _exit(atomic_load(&failures) == 0 ? 0 : 1);
    }
    NEED(wait_child(pid) == 0);
    pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
        NEED(setrlimit(RLIMIT_NOFILE, &few) == 0);
        sign_one(5, 0, 0);
        NEED(sockets_below(64) > low);
        _exit(atomic_load(&failures) == 0 ? 0 : 1);
    }
    NEED(wait_child(pid) == 0);
}

static void *sign_once(void *arg)
{
    sign_one(0, *(unsigned *)arg, 0);
    return NULL;
}

/* More threads than channels are kept; the box lets them pile up. */
static void test_many_threads(void)
{
    static pthread_t threads[300];
    static unsigned numbers[300];
    unsigned before = count_descriptors();
    pid_t frozen = boxproc_freeze(&box);

    for (unsigned t = 0; t < 300; t++) {
        numbers[t] = t;
        NEED(pthread_create(&threads[t], NULL, sign_once, &numbers[t]) == 0);
    }
    boxproc_thaw(frozen);
    for (unsigned t = 0; t < 300; t++)
        NEED(pthread_join(threads[t], NULL) == 0);
    NEED(atomic_load(&failures) == 0);
    NEED(count_descriptors() <= before + 256);
}

int main(void)
{
    unsigned at_start = count_descriptors();

    boxproc_new(&box, "default");
    boxproc_create(&box, "key", "ec:P-256");
    libctx = new_libctx(box.dir, /* littlebox_first= */ false, "");
    key = load_key(libctx, "key");
    plain = plain_public(key);
    test_two_processes();
    test_fork_while_busy();
    test_grandchild();
    test_descriptors_closed();
    test_numbers();
    test_many_threads();
    EVP_PKEY_free(plain);
    EVP_PKEY_free(key);
    OSSL_LIB_CTX_free(libctx);
    boxproc_free(&box);
    NEED(count_descriptors() == at_start);
    return 0;
}
