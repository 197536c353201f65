/* Private-key operations inside of ASYNC_JOBs: paused while the box works, timed out, forked, not paused at all. */
#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "asyncbox.h"

#define TEXT "a text to be signed"
/* As provider/wait.c has it. */
#define PAUSED_MAX 256
/* Of the 32 kB that a job has; libssl needs some, and so does what a program adds. */
#define STACK_MAX 12288

/* A caller with little patience. */
static OSSL_LIB_CTX *hasty;
static EVP_PKEY *rsa, *ec_hasty;

struct work {
    OSSL_LIB_CTX *libctx;
    EVP_PKEY *key;
    uint8_t out[LB_SIGNATURE_MAX];
    size_t len;
};

static int sign_job(void *arg)
{
    struct work *w = *(struct work **)arg;

    w->len = sign_text(w->libctx, w->key, NULL, TEXT, strlen(TEXT), w->out, sizeof(w->out));
    return w->len > 0;
}

struct job {
    ASYNC_WAIT_CTX *ctx;
    ASYNC_JOB *job;
    struct work work;
    int result;
};

static void job_new(struct job *j, OSSL_LIB_CTX *of, EVP_PKEY *key)
{
    memset(j, 0, sizeof(*j));
    j->ctx = ASYNC_WAIT_CTX_new();
    j->work.libctx = of;
    j->work.key = key;
    NEED(j->ctx != NULL);
}

/* Starts or resumes it: ASYNC_PAUSE or ASYNC_FINISH. */
static int job_run(struct job *j, int (*f)(void *))
{
    struct work *w = &j->work;

    return ASYNC_start_job(&j->job, j->ctx, &j->result, f, &w, sizeof(w));
}

/* The only descriptor of the wait context. */
static int job_fd(const struct job *j)
{
    OSSL_ASYNC_FD fd = -1;
    size_t count = 0;

    NEED(ASYNC_WAIT_CTX_get_all_fds(j->ctx, NULL, &count) == 1);
    NEED(count == 1);
    NEED(ASYNC_WAIT_CTX_get_all_fds(j->ctx, &fd, &count) == 1);
    return fd;
}

static bool readable(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, ms) == 1;
}

static size_t descriptors_in(const struct job *j)
{
    size_t count = 0;

    NEED(ASYNC_WAIT_CTX_get_all_fds(j->ctx, NULL, &count) == 1);
    return count;
}

/* As an event loop does it: resumed whenever the descriptor can be read. How often it was paused meanwhile. */
static int job_finish(struct job *j, int (*f)(void *))
{
    int pauses = 0, r;

    while ((r = job_run(j, f)) == ASYNC_PAUSE) {
        pauses++;
        NEED(readable(job_fd(j), HANG_MS));
    }
    NEED(r == ASYNC_FINISH);
    return pauses;
}

static bool job_signed(const struct job *j)
{
    return j->result == 1 && verify_text(ec_plain, NULL, TEXT, strlen(TEXT), j->work.out, j->work.len);
}

/*
 * Signs with a box that is there again. On a busy machine the answer may take longer than the caller's patience: then it asks
 * again. How often the job that signed was paused.
 */
static int job_signs_again(struct job *j)
{
    int pauses = 0;

    j->result = 0;
    for (int i = 0; i < 10000 && j->result == 0; i++) {
        pauses = job_finish(j, sign_job);
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    CU_ASSERT(job_signed(j));
    ERR_clear_error();
    return pauses;
}

/* A program does not know a descriptor in the wait context of a job that was never paused: HAProxy ends then. */
static void test_never_paused(void)
{
    /* A box that was never reached is not waited for. */
    OSSL_LIB_CTX *other = new_libctx("/nonexistent", /* littlebox_first= */ false, "");
    char *pem = handle_pem(ec);
    EVP_PKEY *key = load_pem(other, pem);
    struct job j;

    NEED(key != NULL);
    job_new(&j, other, key);
    CU_ASSERT_EQUAL(job_run(&j, sign_job), ASYNC_FINISH);
    CU_ASSERT_EQUAL(j.result, 0);
    CU_ASSERT(littlebox_says("no box 'default' answers"));
    CU_ASSERT_EQUAL(descriptors_in(&j), 0);
    ASYNC_WAIT_CTX_free(j.ctx);
    EVP_PKEY_free(key);
    OSSL_LIB_CTX_free(other);
    OPENSSL_free(pem);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
}

/* A job that waits for a box that does nothing, until it is thawed. */
static void test_paused(void)
{
    size_t added = 0, deleted = 0;
    pid_t frozen = boxproc_freeze(&box);
    struct job j;
    int fd;

    job_new(&j, libctx, ec);
    CU_ASSERT_EQUAL_FATAL(job_run(&j, sign_job), ASYNC_PAUSE);
    fd = job_fd(&j);
    CU_ASSERT(!readable(fd, 0));
    CU_ASSERT(ASYNC_WAIT_CTX_get_changed_fds(j.ctx, NULL, &added, NULL, &deleted) == 1);
    CU_ASSERT_EQUAL(added, 1);
    /* Resumed for nothing, more often than it believes in: nothing changes. */
    for (int i = 0; i < 200; i++)
        CU_ASSERT_EQUAL_FATAL(job_run(&j, sign_job), ASYNC_PAUSE);
    CU_ASSERT(ASYNC_WAIT_CTX_get_changed_fds(j.ctx, NULL, &added, NULL, &deleted) == 1);
    CU_ASSERT_EQUAL(added + deleted, 0);
    CU_ASSERT_EQUAL(job_fd(&j), fd);
    boxproc_thaw(frozen);
    CU_ASSERT(readable(fd, HANG_MS));
    job_finish(&j, sign_job);
    CU_ASSERT(job_signed(&j));
    CU_ASSERT(!readable(fd, 0));
    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
    /* The next operation has the same descriptor, and a program hears of no other one. */
    CU_ASSERT(job_finish(&j, sign_job) > 0);
    CU_ASSERT(job_signed(&j));
    CU_ASSERT_EQUAL(job_fd(&j), fd);
    ASYNC_WAIT_CTX_free(j.ctx);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
}

static int decrypt_job(void *arg)
{
    struct work *w = *(struct work **)arg;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(w->libctx, w->key, NULL);
    uint8_t in[LB_CIPHERTEXT_MAX];
    size_t len = w->len;
    int ok;

    memcpy(in, w->out, len);
    w->len = sizeof(w->out);
    ok = EVP_PKEY_decrypt_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, 4 /* OAEP */) > 0 &&
         EVP_PKEY_decrypt(ctx, w->out, &w->len, in, len) > 0;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static int derive_job(void *arg)
{
    struct work *w = *(struct work **)arg;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(w->libctx, w->key, NULL);
    int ok;

    w->len = sizeof(w->out);
    ok = EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, ec_plain) > 0 &&
         EVP_PKEY_derive(ctx, w->out, &w->len) > 0;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static void encrypt(struct work *w)
{
    EVP_PKEY *plain = plain_public(w->key);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, plain, NULL);

    w->len = sizeof(w->out);
    NEED(EVP_PKEY_encrypt_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, 4 /* OAEP */) > 0);
    NEED(EVP_PKEY_encrypt(ctx, w->out, &w->len, (const uint8_t *)TEXT, strlen(TEXT)) > 0);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(plain);
}

/* Every private-key operation pauses. */
static void test_operations(void)
{
    struct job j;

    job_new(&j, libctx, rsa);
    encrypt(&j.work);
    CU_ASSERT(job_finish(&j, decrypt_job) > 0);
    CU_ASSERT_EQUAL(j.result, 1);
    CU_ASSERT(j.work.len == strlen(TEXT) && memcmp(j.work.out, TEXT, strlen(TEXT)) == 0);
    j.work.key = ec;
    CU_ASSERT(job_finish(&j, derive_job) > 0);
    CU_ASSERT_EQUAL(j.result, 1);
    CU_ASSERT_EQUAL(j.work.len, 32);
    ASYNC_WAIT_CTX_free(j.ctx);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
}

static int blocked_job(void *arg)
{
    int ok;

    ASYNC_block_pause();
    ok = sign_job(arg);
    ASYNC_unblock_pause();
    return ok;
}

static int ignore_call(void *arg)
{
    (void)arg;
    return 0;
}

/* SIGCONT in a moment, for a process that cannot do it since it waits; reap it with wait(2). */
static void thaw_later(pid_t frozen)
{
    pid_t pid = fork();

    NEED(pid >= 0);
    if (pid == 0) {
        poll(NULL, 0, 200);
        _exit(kill(frozen, SIGCONT) == 0 ? 0 : 1);
    }
}

/* Where a job cannot be paused, it blocks. */
static void test_not_paused(void)
{
    struct work *w;
    struct job j;

    job_new(&j, libctx, ec);
    CU_ASSERT_EQUAL(job_run(&j, blocked_job), ASYNC_FINISH);
    CU_ASSERT(job_signed(&j));
    /* The same where the answer takes its time. */
    thaw_later(boxproc_freeze(&box));
    CU_ASSERT_EQUAL(job_run(&j, blocked_job), ASYNC_FINISH);
    CU_ASSERT(job_signed(&j));
    NEED(wait(NULL) > 0);
    ASYNC_WAIT_CTX_free(j.ctx);

    /* A program that wants to be called back does not look at descriptors. */
    job_new(&j, libctx, ec);
    NEED(ASYNC_WAIT_CTX_set_callback(j.ctx, ignore_call, NULL) == 1);
    CU_ASSERT_EQUAL(job_run(&j, sign_job), ASYNC_FINISH);
    CU_ASSERT(job_signed(&j));
    CU_ASSERT_EQUAL(descriptors_in(&j), 0);
    ASYNC_WAIT_CTX_free(j.ctx);

    memset(&j, 0, sizeof(j));
    j.work.libctx = libctx;
    j.work.key = ec;
    w = &j.work;
    CU_ASSERT_EQUAL(ASYNC_start_job(&j.job, NULL, &j.result, sign_job, &w, sizeof(w)), ASYNC_FINISH);
    CU_ASSERT(job_signed(&j));
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
}

/* More than pause at once block. */
static void test_too_many(void)
{
    static struct job jobs[PAUSED_MAX];
    pid_t frozen = boxproc_freeze(&box);
    struct job more;

    for (size_t i = 0; i < PAUSED_MAX; i++) {
        job_new(&jobs[i], libctx, ec);
        CU_ASSERT_EQUAL(job_run(&jobs[i], sign_job), ASYNC_PAUSE);
    }
    job_new(&more, libctx, ec);
    thaw_later(frozen);
    CU_ASSERT_EQUAL(job_run(&more, sign_job), ASYNC_FINISH);
    CU_ASSERT(job_signed(&more));
    CU_ASSERT_EQUAL(descriptors_in(&more), 0);
    NEED(wait(NULL) > 0);
    for (size_t i = 0; i < PAUSED_MAX; i++) {
        job_finish(&jobs[i], sign_job);
        CU_ASSERT(job_signed(&jobs[i]));
    }
    CU_ASSERT(job_finish(&more, sign_job) > 0);
    for (size_t i = 0; i < PAUSED_MAX; i++)
        ASYNC_WAIT_CTX_free(jobs[i].ctx);
    ASYNC_WAIT_CTX_free(more.ctx);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
}

/* A box that is silent: the descriptor tells when the time is over. */
static void test_timeout(void)
{
    pid_t frozen = boxproc_freeze(&box);
    unsigned descriptors = count_descriptors();
    struct job j;

    job_new(&j, hasty, ec_hasty);
    CU_ASSERT(job_finish(&j, sign_job) > 0);
    CU_ASSERT_EQUAL(j.result, 0);
    CU_ASSERT(littlebox_says("box 'default' did not answer within 1000 ms"));
    /* The next ones do not wait for that. */
    job_finish(&j, sign_job);
    CU_ASSERT_EQUAL(j.result, 0);
    CU_ASSERT(littlebox_says("box 'default' is away: it has not answered for"));
    boxproc_thaw(frozen);
    (void)job_signs_again(&j);
    CU_ASSERT(job_signs_again(&j) > 0);
    ASYNC_WAIT_CTX_free(j.ctx);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
    CU_ASSERT(count_descriptors() <= descriptors);
}

/* A box that is gone: the pauses between tries pause the job too. */
static void test_absent(void)
{
    struct job j;
    int pauses;

    boxproc_kill(&box);
    job_new(&j, hasty, ec_hasty);
    pauses = job_finish(&j, sign_job);
    CU_ASSERT(pauses > 3);
    CU_ASSERT_EQUAL(j.result, 0);
    CU_ASSERT(littlebox_says("no box 'default' answers"));
    boxproc_start(&box);
    CU_ASSERT(job_signs_again(&j) > 0);
    ASYNC_WAIT_CTX_free(j.ctx);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
}

/* How much stack the job's operation touches, from the function on which it begins. */
static size_t stack_used;

#ifndef LB_SANITIZED
#define PAINTED 20000
#define LEFT_OUT 1000 /* this frame */

static int painting_job(void *arg)
{
    volatile uint8_t *here = __builtin_frame_address(0);
    size_t at = PAINTED;
    int ok;

    for (size_t i = LEFT_OUT; i < PAINTED; i++)
        here[-(ptrdiff_t)i] = 0xa5;
    ok = sign_job(arg);
    while (at > LEFT_OUT && here[-(ptrdiff_t)(at - 1)] == 0xa5)
        at--;
    stack_used = at;
    return ok;
}

/* Whether it signed. */
static bool stack_of(OSSL_LIB_CTX *of, EVP_PKEY *key)
{
    struct job j;

    job_new(&j, of, key);
    job_finish(&j, painting_job);
    CU_ASSERT(stack_used > LEFT_OUT && stack_used <= STACK_MAX);
    ASYNC_WAIT_CTX_free(j.ctx);
    ERR_clear_error();
    return j.result == 1;
}

static void test_stack(void)
{
    bool connected = false;

    CU_ASSERT(stack_of(libctx, ec));
    printf("(%zu bytes) ", stack_used);
    boxproc_stop(&box);
    CU_ASSERT(!stack_of(hasty, ec_hasty));
    printf("(%zu bytes) ", stack_used);
    boxproc_start(&box);
    /* Each that asks what is there connects, until it is answered in time. */
    for (int i = 0; i < 10000 && !connected; i++) {
        connected = stack_of(hasty, ec_hasty);
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    CU_ASSERT(connected);
    printf("(%zu bytes) ", stack_used);
}
#else
static void test_stack(void)
{
    stack_used = 0;
}
#endif

/* A job of the same wait context, after one that is never resumed: there is no descriptor for it, so it blocks. */
static void go_on_with_another(void)
{
    pid_t frozen = boxproc_freeze(&box);
    struct job j;

    job_new(&j, libctx, ec);
    CU_ASSERT_EQUAL(job_run(&j, sign_job), ASYNC_PAUSE);
    boxproc_thaw(frozen);
    j.job = NULL;
    CU_ASSERT_EQUAL(job_run(&j, sign_job), ASYNC_FINISH);
    CU_ASSERT(job_signed(&j));
    ASYNC_WAIT_CTX_free(j.ctx);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
}

static void test_another_job(void)
{
    CU_ASSERT(asyncbox_child(go_on_with_another));
}

static struct job forked;

static void finish_in_child(void)
{
    struct job fresh;

    /* The parent waits for that answer: the child asks for one of its own, without the descriptor that both have. */
    CU_ASSERT_EQUAL(job_run(&forked, sign_job), ASYNC_FINISH);
    CU_ASSERT(job_signed(&forked));
    CU_ASSERT_EQUAL(job_run(&forked, sign_job), ASYNC_FINISH);
    CU_ASSERT(job_signed(&forked));
    ASYNC_WAIT_CTX_free(forked.ctx);
    job_new(&fresh, libctx, ec);
    CU_ASSERT(job_finish(&fresh, sign_job) > 0);
    CU_ASSERT(job_signed(&fresh));
    ASYNC_WAIT_CTX_free(fresh.ctx);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
}

static void drop_in_child(void)
{
    ASYNC_WAIT_CTX_free(forked.ctx);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
}

static void test_fork(void)
{
    void (*const children[])(void) = { drop_in_child, finish_in_child };

    for (size_t i = 0; i < 2; i++) {
        pid_t frozen = boxproc_freeze(&box);

        job_new(&forked, libctx, ec);
        CU_ASSERT_EQUAL_FATAL(job_run(&forked, sign_job), ASYNC_PAUSE);
        /* The child is there while the parent still waits. */
        if (children[i] == finish_in_child)
            thaw_later(frozen);
        CU_ASSERT(asyncbox_child(children[i]));
        if (children[i] == finish_in_child)
            NEED(wait(NULL) > 0);
        else
            boxproc_thaw(frozen);
        CU_ASSERT(readable(job_fd(&forked), HANG_MS));
        job_finish(&forked, sign_job);
        CU_ASSERT(job_signed(&forked));
        ASYNC_WAIT_CTX_free(forked.ctx);
        CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
    }
}

/* The provider is gone when the program frees what it waited with. */
static void test_unloaded(void)
{
    OSSL_LIB_CTX *other = new_libctx(box.dir, /* littlebox_first= */ false, "");
    EVP_PKEY *key = load_key(other, "ec");
    struct job j;

    job_new(&j, other, key);
    CU_ASSERT(job_finish(&j, sign_job) > 0);
    CU_ASSERT(job_signed(&j));
    EVP_PKEY_free(key);
    OSSL_LIB_CTX_free(other);
    ASYNC_WAIT_CTX_free(j.ctx);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
}

static void begin(void)
{
    hasty = new_libctx(box.dir, /* littlebox_first= */ true, "littlebox-timeout = 1000");
    ec_hasty = load_key(hasty, "ec");
    rsa = load_key(libctx, "rsa");
    NEED(signs(hasty, ec_hasty, ec_plain));
}

static void end(void)
{
    EVP_PKEY_free(ec_hasty);
    EVP_PKEY_free(rsa);
    OSSL_LIB_CTX_free(hasty);
}

int main(void)
{
    CU_TestInfo tests[] = {
        { "a job waits for a box that does nothing", test_paused },
        { "a job that is never paused has no descriptor", test_never_paused },
        { "decryption and key agreement", test_operations },
        { "jobs that cannot be paused", test_not_paused },
        { "more than pause at once", test_too_many },
        { "a silent box", test_timeout },
        { "a box that is gone", test_absent },
        { "stack", test_stack },
        { "another job with the same wait context", test_another_job },
        { "fork while a job waits", test_fork },
        { "a wait context outlives the provider", test_unloaded },
        CU_TEST_INFO_NULL,
    };

    return asyncbox_run("async", tests, begin, end);
}
