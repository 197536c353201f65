/* The pool of sessions with a token: a thread takes one for the time of one piece of work. */
#ifndef LB_TOKEN_POOL_H
#define LB_TOKEN_POOL_H

#include <pthread.h>

#include "base/errors.h"
#include "token/session.h"

struct p11_pool {
    struct p11_session *all; /* size of them, for as long as the pool lives */
    unsigned size;
    atomic_bool keeps_contexts; /* sessions remember a key (token/message_api.h), so it matters which one is taken */

    /* Guards what follows. It may be taken with any lock held; no other is taken with it. */
    pthread_mutex_t lock;
    pthread_cond_t ready;
    struct p11_session *idle;
    unsigned open; /* sessions that are open */
};

/* size sessions of that token with the functions f. LB_E_NOMEM, and then nothing is to be cleared. */
LB_MUST_USE int p11_pool_init(struct p11_pool *pool, unsigned size, CK_FUNCTION_LIST *f, struct p11_token *token);
/* A pool that is zeroed, but was never initialised, may be cleared too. */
void p11_pool_clear(struct p11_pool *pool);

/*
 * Waits for an idle session. If sessions keep contexts, it is the session that was last used for this thing, else one that
 * was used for nothing, else the one that was idle for longest. Elsewhere, or with thing NULL, it is the session that was
 * used last, whose memory is warmest.
 */
struct p11_session *p11_pool_take(struct p11_pool *pool, const void *thing);
void p11_pool_give_back(struct p11_pool *pool, struct p11_session *s);

/* With the connection's lock held for reading, by who took it. */

/* Opens the session in the connection of that generation, if it is not open there. CKR_*. */
CK_RV p11_pool_ready(struct p11_pool *pool, struct p11_session *s, unsigned generation, CK_SLOT_ID slot);
/* The session is of no use any more: the next who takes it opens it anew. */
void p11_pool_drop(struct p11_pool *pool, struct p11_session *s, unsigned generation);

/* With the connection's lock held for writing: none is open any more. */
void p11_pool_disconnected(struct p11_pool *pool);
unsigned p11_pool_count_open(struct p11_pool *pool);

#endif
