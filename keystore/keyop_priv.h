/* What the files of keyop share. */
#ifndef LB_KEYOP_PRIV_H
#define LB_KEYOP_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "keyop.h"

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

#endif
