/* A worker that dropped root, in an empty chroot: it signs if the box lets its own uid sign. */
#include <errno.h>
#include <grp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto.h"

#define WORKER 33
#define SKIPPED 77

static struct boxproc box;
static OSSL_LIB_CTX *libctx;
static EVP_PKEY *key, *plain;
static char empty[] = "/tmp/littlebox-test-empty-XXXXXX";

static void become_worker(bool in_chroot)
{
    if (in_chroot) {
        NEED(chroot(empty) == 0 && chdir("/") == 0);
        NEED(access(box.socket, F_OK) < 0);
    }
    NEED(setgroups(0, NULL) == 0 && setgid(WORKER) == 0 && setuid(WORKER) == 0);
    alarm(600);
}

static void must_sign(const char *what)
{
    if (signs(libctx, key, plain))
        return;
    fprintf(stderr, "cannot sign: %s\n", what);
    boxproc_show_errors();
    _exit(1);
}

static void must_be_refused(const char *what)
{
    if (signs(libctx, key, plain)) {
        fprintf(stderr, "may sign: %s\n", what);
        _exit(1);
    }
    /* The box says who was refused what. */
    NEED(littlebox_says("not allowed"));
}

static void in_child(void (*run)(void))
{
    int status = 0;
    pid_t pid = fork();

    NEED(pid >= 0);
    if (pid == 0) {
        run();
        _exit(0);
    }
    NEED(waitpid(pid, &status, 0) == pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    fprintf(stderr, "a worker failed: status %x\n", (unsigned)status);
    exit(1);
}

/* The connection was opened by root, and root's channels are open in the child: neither lends root's authority. */
static void refused_worker(void)
{
    become_worker(/* in_chroot= */ false);
    must_be_refused("worker without a grant");
}

static void refused_in_chroot(void)
{
    become_worker(/* in_chroot= */ true);
    must_be_refused("worker in a chroot, without a grant");
}

/* Same process, same channel: root before, nobody in particular after. */
static void refused_after_setuid(void)
{
    must_sign("root in the child");
    become_worker(/* in_chroot= */ false);
    must_be_refused("a channel made as root, used after setuid");
}

static void granted_worker(void)
{
    become_worker(/* in_chroot= */ false);
    must_sign("worker with a grant");
}

static void granted_in_chroot(void)
{
    become_worker(/* in_chroot= */ true);
    for (int i = 0; i < 100; i++)
        must_sign("worker in a chroot, with a grant");
}

static void granted_after_setuid(void)
{
    must_sign("root in the child");
    become_worker(/* in_chroot= */ true);
    must_sign("a channel made as root, used after setuid with a grant");
}

/* A handle file is read before the chroot and used behind it, though nobody signed in between. */
static void granted_from_handle(void)
{
    OSSL_LIB_CTX *fresh = new_libctx(box.dir, /* littlebox_first= */ true, "");
    char *pem = handle_pem(key);
    EVP_PKEY *k = load_pem(fresh, pem);

    NEED(k != NULL);
    become_worker(/* in_chroot= */ true);
    NEED(signs(fresh, k, plain));
}

/* A worker in its chroot signs before and after this happens, and so does a child of its own, which needs a new channel. */
static void granted_around(void (*happens)(void))
{
    int go[2], done[2], status = 0;
    char c = 'x';
    pid_t pid;

    NEED(pipe(go) == 0 && pipe(done) == 0);
    pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
        become_worker(/* in_chroot= */ true);
        for (int i = 0; i < 50; i++)
            must_sign("before");
        NEED(write(done[1], &c, 1) == 1 && read(go[0], &c, 1) == 1);
        must_sign("after");
        pid = fork();
        NEED(pid >= 0);
        if (pid == 0) {
            must_sign("a child of the worker, after");
            _exit(0);
        }
        NEED(waitpid(pid, &status, 0) == pid);
        _exit(status == 0 ? 0 : 1);
    }
    NEED(read(done[0], &c, 1) == 1);
    happens();
    NEED(write(go[1], &c, 1) == 1);
    NEED(waitpid(pid, &status, 0) == pid && status == 0);
    for (int i = 0; i < 2; i++) {
        close(go[i]);
        close(done[i]);
    }
}

/* The box's child dies while the worker cannot come back by the path. */
static void restart(void)
{
    boxproc_kill_child(&box);
}

/* What a hostile child of the same parent can do to what both inherited: the worker has an introducer of its own by then. */
static void spoil(void)
{
    NEED(setgroups(0, NULL) == 0 && setgid(WORKER + 1) == 0 && setuid(WORKER + 1) == 0);
    for (int fd = 3; fd < 256; fd++)
        (void)shutdown(fd, SHUT_RDWR); /* what is no socket does not mind */
}

static void spoil_in_child(void)
{
    in_child(spoil);
}

int main(void)
{
    if (geteuid() != 0) {
        fprintf(stderr, "skipped: chroot and setuid need root\n");
        return SKIPPED;
    }
    NEED(mkdtemp(empty) != NULL);
    boxproc_new(&box, "default");
    boxproc_create(&box, "key", "ec:P-256");
    libctx = new_libctx(box.dir, /* littlebox_first= */ false, "littlebox-timeout = 300000");
    key = load_key(libctx, "key");
    plain = plain_public(key);
    NEED(signs(libctx, key, plain));

    in_child(refused_worker);
    in_child(refused_in_chroot);
    in_child(refused_after_setuid);
    boxproc_allow(&box, "key", WORKER);
    in_child(granted_worker);
    in_child(granted_in_chroot);
    in_child(granted_after_setuid);
    in_child(granted_from_handle);
    granted_around(restart);
    granted_around(spoil_in_child);

    NEED(signs(libctx, key, plain));
    EVP_PKEY_free(plain);
    EVP_PKEY_free(key);
    OSSL_LIB_CTX_free(libctx);
    boxproc_free(&box);
    rmdir(empty);
    return 0;
}
