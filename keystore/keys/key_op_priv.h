/* What the files of keyop share. */
#ifndef LB_KEYS_KEY_OP_PRIV_H
#define LB_KEYS_KEY_OP_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "keys/key_op.h"
#include "model/key_types.h"

struct warm;

struct livekey {
    EVP_PKEY *key;
    atomic_uint refs;
    const struct key_algorithm *algorithm; /* NULL: one that does nothing here */
    unsigned operations; /* what it does, of enum key_operation */
    unsigned schemes;    /* 1 << enum scheme, each that it signs with */
    struct token_object *object; /* NULL: it is on no token */
    pthread_mutex_t lock;
    struct warm *idle; /* guarded by lock */
    unsigned idle_count;
};

/* A digest of keyop_setup(); NULL: the box's libcrypto has none of that number. */
const EVP_MD *keyop_digest(unsigned digest);

#endif
