/* What is known of a token and told to whoever asks. */
#include "token/info.h"

#include <stdio.h>
#include <string.h>

#include "token/connection.h"
#include "token/pool.h"

void p11_told_init(struct p11_told *told, const struct p11conf *conf)
{
    pthread_mutex_init(&told->lock, NULL);
    told->last.id = conf->token;
}

void p11_told_clear(struct p11_told *told)
{
    pthread_mutex_destroy(&told->lock);
}

/* With the connection's lock held for reading. */
static void describe(const struct p11_connection *c, struct p11_token_info *ret)
{
    const struct p11_slot *slot = &c->slot;

    snprintf(ret->module, sizeof(ret->module), "%s", c->conf->module);
    memcpy(ret->library, c->module.library, sizeof(ret->library));
    ret->id = slot->uri;
    memcpy(ret->label, slot->label, sizeof(ret->label));
    memcpy(ret->manufacturer, slot->manufacturer, sizeof(ret->manufacturer));
    memcpy(ret->model, slot->model, sizeof(ret->model));
    memcpy(ret->serial, slot->serial, sizeof(ret->serial));
    ret->slot = slot->id;
    ret->connected = c->connected;
    ret->reconnects = c->reconnects;
    ret->problem = c->problem;
}

void p11_told_ask(struct p11_told *told, struct p11_connection *c, struct p11_pool *pool, struct p11_token_info *ret)
{
    bool busy = pthread_rwlock_tryrdlock(&c->lock) != 0;

    pthread_mutex_lock(&told->lock);
    if (!busy)
        describe(c, &told->last);
    *ret = told->last;
    pthread_mutex_unlock(&told->lock);
    if (!busy)
        pthread_rwlock_unlock(&c->lock);
    ret->sessions = p11_pool_count_open(pool);
    ret->sessions_max = pool->size;
    if (busy) {
        ret->connected = false;
        problem_set(&ret->problem, LB_E_BUSY, "the token is being connected");
    }
}
