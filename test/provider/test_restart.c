/* The box dies between and under signatures: the next one works, nothing leaks, nobody waits for ever. */
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto.h"

/* How long a caller waits whose box does not come back. */
#define TIMEOUT_MS 3000
/* Only what hangs takes that long; and how long a caller waits whose box does. */
#define HANG_MS 300000
#define REPLACEMENTS 100
/* The keeper waits longer before each new child when they die young: 0, 20, 40, 80 and so on, in ms. */
#define KILLS 6

static struct boxproc box;
static OSSL_LIB_CTX *libctx;
static EVP_PKEY *key, *plain;

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void must_sign(void)
{
    NEED(signs(libctx, key, plain));
    NEED(ERR_peek_error() == 0);
}

/* The keeper makes a new child; callers notice a pause. */
static void test_child_killed(void)
{
    unsigned descriptors;

    must_sign();
    descriptors = count_descriptors();
    for (int i = 0; i < KILLS; i++) {
        boxproc_kill_child(&box);
        must_sign();
    }
    NEED(count_descriptors() <= descriptors);
}

/* Another child serves now than at the time of s. */
static void wait_replaced(const struct box_status *s)
{
    uint64_t deadline = now_ms() + HANG_MS;
    struct box_status now = *s;

    while (now.pid == s->pid) {
        struct timespec t = { .tv_nsec = 1000000 };

        NEED(now_ms() < deadline);
        nanosleep(&t, NULL);
        boxproc_status(&box, &now);
    }
}

/* An upgrade: SIGHUP. */
static void test_replaced(void)
{
    unsigned descriptors;
    struct box_status s;

    must_sign();
    descriptors = count_descriptors();
    for (int i = 0; i < REPLACEMENTS; i++) {
        boxproc_status(&box, &s);
        NEED(kill(box.keeper, SIGHUP) == 0);
        must_sign();
        wait_replaced(&s);
        must_sign();
    }
    NEED(count_descriptors() <= descriptors);
}

/* Nobody holds the connections: all are made again, by the path. */
static void test_all_killed(void)
{
    unsigned descriptors;

    must_sign();
    descriptors = count_descriptors();
    for (int i = 0; i < 10; i++) {
        boxproc_kill(&box);
        boxproc_start(&box);
        must_sign();
        must_sign();
    }
    NEED(count_descriptors() <= descriptors + 1);
}

static void test_stopped(void)
{
    must_sign();
    boxproc_stop(&box);
    boxproc_start(&box);
    must_sign();
}

struct waiting {
    _Atomic bool stop;
    _Atomic int made;
};

static void *sign_along(void *arg)
{
    struct waiting *w = arg;

    while (!atomic_load(&w->stop)) {
        must_sign();
        atomic_fetch_add(&w->made, 1);
    }
    return NULL;
}

/* Waits until the other threads made some more signatures. */
static void wait_for_more(struct waiting *w, int more)
{
    int from = atomic_load(&w->made);
    uint64_t deadline = now_ms() + HANG_MS;

    while (atomic_load(&w->made) < from + more) {
        struct timespec t = { .tv_nsec = 1000000 };

        NEED(now_ms() < deadline);
        nanosleep(&t, NULL);
    }
}

/* Under a loop of signatures in four threads none fails. */
static void test_under_load(void)
{
    struct waiting w = { false, 0 };
    pthread_t threads[4];

    for (size_t t = 0; t < 4; t++)
        NEED(pthread_create(&threads[t], NULL, sign_along, &w) == 0);
    for (int i = 0; i < 5; i++) {
        wait_for_more(&w, 20);
        boxproc_kill(&box);
        boxproc_start(&box);
    }
    for (int i = 0; i < KILLS; i++) {
        wait_for_more(&w, 20);
        boxproc_kill_child(&box);
    }
    for (int i = 0; i < 10; i++) {
        struct box_status s;

        wait_for_more(&w, 20);
        boxproc_status(&box, &s);
        NEED(kill(box.keeper, SIGHUP) == 0);
        wait_replaced(&s);
    }
    wait_for_more(&w, 20);
    atomic_store(&w.stop, true);
    for (size_t t = 0; t < 4; t++)
        NEED(pthread_join(threads[t], NULL) == 0);
}

/* Without waiting: the box was waited for once. */
static bool is_refused_as_away(void)
{
    uint8_t sig[LB_SIGNATURE_MAX];
    bool refused = sign_text(libctx, key, NULL, "abc", 3, sig, sizeof(sig)) == 0 &&
                   littlebox_says("box 'default' is away: it has not answered for");

    ERR_clear_error();
    return refused;
}

static bool is_refused_in_a_child(void)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(is_refused_as_away() && is_refused_as_away() ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* It is back, and nobody has to start anything again. */
static void wait_for_signature(void)
{
    uint64_t deadline = now_ms() + HANG_MS;

    while (!signs(libctx, key, plain)) {
        struct timespec t = { .tv_nsec = 1000000 };

        ERR_clear_error();
        NEED(now_ms() < deadline);
        nanosleep(&t, NULL);
    }
}

/* Gone for good: an error at the timeout, not before (it may come back) and not much later; and then it works again. */
static void test_absent(void)
{
    uint8_t sig[LB_SIGNATURE_MAX];
    uint64_t start, took;

    boxproc_kill(&box);
    start = now_ms();
    NEED(sign_text(libctx, key, NULL, "abc", 3, sig, sizeof(sig)) == 0);
    took = now_ms() - start;
    NEED(littlebox_says("no box 'default' answers"));
    NEED(took >= TIMEOUT_MS - 100 && took < 20 * TIMEOUT_MS);
    ERR_clear_error();
    for (int i = 0; i < 100; i++)
        NEED(is_refused_as_away());
    boxproc_start(&box);
    wait_for_signature(); /* who asks a box that was away waits for a moment only, which a busy machine may need longer than */
    must_sign();
}

/* Alive and silent: the same, with another text. */
static void test_silent(void)
{
    uint8_t sig[LB_SIGNATURE_MAX];
    uint64_t start, took;
    unsigned descriptors;
    pid_t frozen;

    must_sign();
    descriptors = count_descriptors();
    frozen = boxproc_freeze(&box);
    start = now_ms();
    NEED(sign_text(libctx, key, NULL, "abc", 3, sig, sizeof(sig)) == 0);
    took = now_ms() - start;
    NEED(littlebox_says("did not answer within 3000 ms"));
    NEED(took >= TIMEOUT_MS - 100 && took < 20 * TIMEOUT_MS);
    ERR_clear_error();
    for (int i = 0; i < 100; i++)
        NEED(is_refused_as_away());
    NEED(is_refused_in_a_child());
    boxproc_thaw(frozen);
    wait_for_signature();
    /* The answer that came late is not taken for this one's. */
    must_sign();
    NEED(count_descriptors() <= descriptors);
}

struct changing {
    _Atomic int thread; /* its id */
    bool made;
    bool said;
};

static void *change(void *arg)
{
    struct changing *c = arg;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, "ED25519", "provider=littlebox");
    EVP_PKEY *torn = NULL;

    NEED(ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0);
    NEED(EVP_PKEY_CTX_ctrl_str(ctx, "littlebox_uri", "littlebox:torn") > 0);
    atomic_store(&c->thread, (int)syscall(SYS_gettid));
    c->made = EVP_PKEY_keygen(ctx, &torn) > 0;
    c->said = littlebox_says("box 'default' was restarted while it worked on this; hint: key 'torn' may have been made: "
                             "look with 'littlebox --box default list'");
    EVP_PKEY_free(torn);
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

/* The thread has sent its request and waits for the answer. */
static void wait_receiving(struct changing *c)
{
    uint64_t deadline = now_ms() + HANG_MS;
    long number = -1;

    while (number != SYS_recvmsg) {
        struct timespec t = { .tv_nsec = 1000000 };
        char path[64], text[64] = "";
        FILE *f = NULL;

        nanosleep(&t, NULL);
        NEED(now_ms() < deadline);
        if (atomic_load(&c->thread) == 0)
            continue;
        snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", atomic_load(&c->thread));
        f = fopen(path, "r");
        NEED(f != NULL && fgets(text, sizeof(text), f) != NULL && fclose(f) == 0);
        number = strncmp(text, "running", 7) == 0 ? -1 : strtol(text, NULL, 10);
    }
}

/* A key that is being made when the box dies is not asked for again; the next child finds the request, and makes it. */
static void test_change(void)
{
    struct changing c = { 0, false, false };
    uint64_t deadline = now_ms() + HANG_MS;
    struct box_status before, now;
    EVP_PKEY *torn;
    pthread_t thread;

    must_sign(); /* over the channel that the change will take */
    boxproc_status(&box, &before);
    NEED(boxproc_freeze(&box) == (pid_t)before.pid);
    NEED(pthread_create(&thread, NULL, change, &c) == 0);
    wait_receiving(&c);
    NEED(kill((pid_t)before.pid, SIGKILL) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    NEED(!c.made && c.said);
    while ((torn = load_uri(libctx, "littlebox:torn", 0)) == NULL)
        NEED(now_ms() < deadline);
    EVP_PKEY_free(torn);
    ERR_clear_error();
    boxproc_status(&box, &now);
    NEED(now.keys == before.keys + 1);
}

/* A caller of the box, which waits so long for it. */
static void caller_new(unsigned timeout_ms)
{
    char settings[64];

    snprintf(settings, sizeof(settings), "littlebox-timeout = %u", timeout_ms);
    libctx = new_libctx(box.dir, /* littlebox_first= */ false, settings);
    key = load_key(libctx, "key");
    plain = plain_public(key);
}

static void caller_free(void)
{
    EVP_PKEY_free(plain);
    EVP_PKEY_free(key);
    OSSL_LIB_CTX_free(libctx);
}

int main(void)
{
    unsigned at_start = count_descriptors();

    boxproc_new(&box, "default");
    boxproc_create(&box, "key", "ec:P-256");
    signal(SIGPIPE, SIG_DFL);
    caller_new(HANG_MS);
    test_child_killed();
    test_replaced();
    test_all_killed();
    test_stopped();
    test_under_load();
    test_change();
    caller_free();
    caller_new(TIMEOUT_MS);
    test_absent();
    test_silent();
    caller_free();
    boxproc_free(&box);
    NEED(count_descriptors() == at_start);
    return 0;
}
