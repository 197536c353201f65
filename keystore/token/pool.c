/* The pool of sessions with a token: a thread takes one for the time of one piece of work. */
#include "token/pool.h"

#include <stdlib.h>

int p11_pool_init(struct p11_pool *pool, unsigned size, CK_FUNCTION_LIST *f, struct p11_token *token)
{
    pool->all = calloc(size, sizeof(*pool->all));
    if (pool->all == NULL)
        return LB_E_NOMEM;
    pool->size = size;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->ready, NULL);
    for (unsigned i = 0; i < size; i++) {
        pool->all[i] = (struct p11_session){ .call.f = f, .token = token, .next = pool->idle };
        pool->idle = &pool->all[i];
    }
    return 0;
}

void p11_pool_clear(struct p11_pool *pool)
{
    if (pool->all == NULL)
        return;
    pthread_cond_destroy(&pool->ready);
    pthread_mutex_destroy(&pool->lock);
    free(pool->all);
    pool->all = NULL;
}

static struct p11_session **choose(struct p11_pool *pool, const void *thing)
{
    struct p11_session **fresh = NULL, **at = &pool->idle;

    if (thing == NULL || !atomic_load(&pool->keeps_contexts))
        return at;
    for (;; at = &(*at)->next) {
        if ((*at)->last == thing)
            return at;
        if ((*at)->last == NULL && fresh == NULL)
            fresh = at;
        if ((*at)->next == NULL)
            return fresh != NULL ? fresh : at;
    }
}

struct p11_session *p11_pool_take(struct p11_pool *pool, const void *thing)
{
    struct p11_session **at, *s;

    pthread_mutex_lock(&pool->lock);
    while (pool->idle == NULL)
        pthread_cond_wait(&pool->ready, &pool->lock);
    at = choose(pool, thing);
    s = *at;
    *at = s->next;
    s->next = NULL;
    if (thing != NULL)
        s->last = thing;
    pthread_mutex_unlock(&pool->lock);
    return s;
}

/* Puts the session to the front, so that the one that was used last is the next. */
void p11_pool_give_back(struct p11_pool *pool, struct p11_session *s)
{
    pthread_mutex_lock(&pool->lock);
    s->next = pool->idle;
    pool->idle = s;
    pthread_cond_signal(&pool->ready);
    pthread_mutex_unlock(&pool->lock);
}

static void count_open(struct p11_pool *pool, bool more)
{
    pthread_mutex_lock(&pool->lock);
    if (more)
        pool->open++;
    else if (pool->open > 0)
        pool->open--;
    pthread_mutex_unlock(&pool->lock);
}

CK_RV p11_pool_ready(struct p11_pool *pool, struct p11_session *s, unsigned generation, CK_SLOT_ID slot)
{
    CK_RV rv;

    if (s->open && s->generation == generation)
        return CKR_OK;
    rv = p11_session_open(s, slot);
    s->kept.active = false;
    s->generation = generation;
    if (s->open)
        count_open(pool, true);
    return rv;
}

void p11_pool_drop(struct p11_pool *pool, struct p11_session *s, unsigned generation)
{
    if (s->open && s->generation == generation) {
        (void)P11_CALL(&s->call, C_CloseSession, s->h);
        count_open(pool, false);
    }
    s->open = false;
}

void p11_pool_disconnected(struct p11_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    for (struct p11_session *s = pool->idle; s != NULL; s = s->next)
        s->open = false;
    pool->open = 0;
    pthread_mutex_unlock(&pool->lock);
}

unsigned p11_pool_count_open(struct p11_pool *pool)
{
    unsigned open;

    pthread_mutex_lock(&pool->lock);
    open = pool->open;
    pthread_mutex_unlock(&pool->lock);
    return open;
}
