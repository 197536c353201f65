/* A real littleboxd for a test: started in a directory of its own, set up over its socket, gone when the test ends. */
#ifndef LB_TEST_BOXPROC_H
#define LB_TEST_BOXPROC_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "model/description.h"
#include "model/limits.h"

/* Ends the test, loudly, with what failed. For what must be true for the test to make sense at all. */
#define NEED(condition)                                                             \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            boxproc_show_errors();                                                  \
            exit(1);                                                                \
        }                                                                           \
    } while (0)

struct boxproc {
    char name[LB_NAME_MAX + 1];
    char dir[64]; /* everything is in here, mode 0755 */
    char socket[192];
    pid_t keeper; /* 0: not running */
    bool guest;   /* the directory is another's */
};

/* Prints OpenSSL's queue. */
void boxproc_show_errors(void);

/*
 * A new directory with a credential in it, and a box that opens its store with it: started, initialised, unlocked.
 * LITTLEBOX_BOX_CONF of the environment is a further line of its configuration ("sandbox = no" under valgrind).
 */
void boxproc_new(struct boxproc *b, const char *name);
/* The same in the directory of another one, which must live longer. */
void boxproc_beside(struct boxproc *b, const char *name, const struct boxproc *other);
/* Starts a box that is not running; returns when it is ready. */
void boxproc_start(struct boxproc *b);
/* SIGTERM, and waits for its end. */
void boxproc_stop(struct boxproc *b);
/* SIGKILL to the process that holds the keys; its keeper lives. Returns at once. */
void boxproc_kill_child(struct boxproc *b);
/* SIGSTOP to the process that holds the keys, which is returned; no request is answered any more. SIGCONT thaws it. */
pid_t boxproc_freeze(struct boxproc *b);
void boxproc_thaw(pid_t pid);
/* SIGKILL to the keeper, and the child with it; waits for the end of both. */
void boxproc_kill(struct boxproc *b);
/* Also happens at exit() of the process that called boxproc_new(). */
void boxproc_free(struct boxproc *b);

void boxproc_create(struct boxproc *b, const char *key, const char *type);
/* The next version; it becomes the current one, and the one before goes on for seconds; a version is over. */
void boxproc_roll(struct boxproc *b, const char *key);
void boxproc_activate(struct boxproc *b, const char *key, uint32_t drain);
void boxproc_deactivate(struct boxproc *b, const char *key, uint32_t version);
void boxproc_destroy(struct boxproc *b, const char *key, uint32_t version);
/* Copies a private key into the box, under a name that is not taken. */
void boxproc_import(struct boxproc *b, const char *key, EVP_PKEY *pkey);
/* The same, of which the box may have something to say: 0, or its LB_E_* with p. */
int boxproc_try_import(struct boxproc *b, const char *key, EVP_PKEY *pkey, struct problem *p);
/*
 * What the box answers a peer (DER SubjectPublicKeyInfo) that no libcrypto of the caller has looked at: 0 and
 * LB_SHARED_MAX bytes at most, or its LB_E_* with p.
 */
int boxproc_try_derive(struct boxproc *b, const char *key, struct bytes peer, uint8_t ret[LB_SHARED_MAX],
                       size_t *ret_len, struct problem *p);
void boxproc_allow(struct boxproc *b, const char *key, uid_t uid);
/* ops: of enum key_op. */
void boxproc_allow_ops(struct boxproc *b, const char *key, uid_t uid, unsigned ops);
/* The certificates that go with a version (0: the active one), DER, that of the key first; none: takes them away. */
void boxproc_certify(struct boxproc *b, const char *key, uint32_t version, const struct bytes *certificates,
                     size_t count);
void boxproc_lock(struct boxproc *b);
void boxproc_status(struct boxproc *b, struct box_status *ret);

/* How many descriptors this process has open. */
unsigned count_descriptors(void);

#endif
