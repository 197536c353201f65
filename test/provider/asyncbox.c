#include "asyncbox.h"

#include <openssl/async.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct boxproc box;
OSSL_LIB_CTX *libctx;
EVP_PKEY *ec, *ec_plain;

/* What the provider has allocated for operations, told from all else by the file that asks for it. */

struct block {
    size_t size;
    bool ours;
    max_align_t bytes[];
};

static _Atomic long ours;

static void *count_malloc(size_t size, const char *file, int line)
{
    struct block *b = malloc(sizeof(*b) + size);

    (void)line;
    if (b == NULL || size == 0) {
        free(b);
        return NULL;
    }
    b->size = size;
    b->ours = file != NULL && (strstr(file, "provider/wait.c") != NULL || strstr(file, "client/box.c") != NULL);
    ours += b->ours;
    return b->bytes;
}

static struct block *block_of(void *p)
{
    return (struct block *)((char *)p - sizeof(struct block));
}

static void count_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    if (p == NULL)
        return;
    ours -= block_of(p)->ours;
    free(block_of(p));
}

static void *count_realloc(void *p, size_t size, const char *file, int line)
{
    void *q;

    if (p == NULL)
        return count_malloc(size, file, line);
    q = size == 0 ? NULL : count_malloc(size, file, line);
    if (q != NULL)
        memcpy(q, p, size < block_of(p)->size ? size : block_of(p)->size);
    if (q != NULL || size == 0)
        count_free(p, file, line);
    return q;
}

long asyncbox_blocks(void)
{
    return ours;
}

bool asyncbox_child(void (*run)(void))
{
    int status = -1;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
        unsigned before = CU_get_number_of_failures();

        alarm(600);
        run();
        for (CU_pFailureRecord f = CU_get_failure_list(); f != NULL; f = f->pNext)
            printf("\n    %s:%u %s", f->strFileName, f->uiLineNumber, f->strCondition);
        fflush(stdout);
        _exit(CU_get_number_of_failures() == before ? 0 : 1);
    }
    NEED(waitpid(pid, &status, 0) == pid);
    return status == 0;
}

static void box_begin(void)
{
    boxproc_new(&box, "default");
    boxproc_create(&box, "ec", "ec:P-256");
    boxproc_create(&box, "rsa", "rsa:2048");
    libctx = new_libctx(box.dir, /* littlebox_first= */ false, "littlebox-timeout = 20000");
    ec = load_key(libctx, "ec");
    ec_plain = plain_public(ec);
    /* It has been connected: only then a box that is gone is waited for. */
    NEED(signs(libctx, ec, ec_plain));
}

static void box_end(void)
{
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ec_plain);
    OSSL_LIB_CTX_free(libctx);
    boxproc_free(&box);
}

int asyncbox_run(const char *name, CU_TestInfo *tests, void (*begin)(void), void (*end)(void))
{
    unsigned at_start;
    int r;

    NEED(CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) == 1);
    if (!ASYNC_is_capable()) {
        fprintf(stderr, "skipped: this OpenSSL has no asynchronous jobs\n");
        return 77;
    }
    at_start = count_descriptors();
    signal(SIGPIPE, SIG_DFL);
    box_begin();
    begin();
    r = run_suite(name, tests);
    end();
    box_end();
    NEED(count_descriptors() == at_start);
    return r;
}
