/* What the files of keyop share. */
#ifndef LB_KEYS_KEY_OP_PRIV_H
#define LB_KEYS_KEY_OP_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "keys/key_op.h"

struct warm;

struct livekey {
    EVP_PKEY *key;
    atomic_uint refs;
    unsigned schemes; /* bits, 1 << enum scheme */
    struct token_object *object; /* NULL: it is on no token */
    pthread_mutex_t lock;
    struct warm *idle; /* guarded by lock */
    unsigned idle_count;
};

/* A digest of keyop_setup(); NULL: the box's libcrypto has none of that number. */
const EVP_MD *keyop_digest(unsigned digest);

/*
 * The problem that a backend's own provider left on libcrypto's queue (token/key.h), which is empty afterwards. False:
 * there is none, and the queue is as it was.
 */
bool keyop_backend_problem(struct problem *p);

#endif
