/* The thread that connects the token of a box at its start, and how long it waits with that; locking. */
#include <string.h>

#include "guard/secret.h"
#include "token/token_priv.h"

void p11_token_hold(struct p11_token *t, unsigned failures, unsigned wait, void (*settled)(void))
{
    unsigned long long until = p11_now_ms() + wait;
    struct problem *p = &t->info.problem;

    t->settled = settled;
    if (wait == 0)
        return;
    pthread_rwlock_wrlock(&t->lock);
    problem_set(p, LB_E_TOKEN, "the module of the token has ended %u processes of this box in a row when it was started",
                failures);
    problem_hint(p, "the log says how each ended; it is started again %u.%u s after the last time", wait / 1000,
                 wait % 1000 / 100);
    t->retry_at = until;
    pthread_rwlock_unlock(&t->lock);
    pthread_mutex_lock(&t->hold_lock);
    t->hold_until = until;
    pthread_mutex_unlock(&t->hold_lock);
}

/* False: the wait was ended, and there is nothing to do any more. */
static bool wait_for_hold(struct p11_token *t)
{
    unsigned long long until;
    struct timespec when;
    bool ended;

    pthread_mutex_lock(&t->hold_lock);
    until = t->hold_until;
    when = (struct timespec){ .tv_sec = (time_t)(until / 1000), .tv_nsec = (long)(until % 1000) * 1000000 };
    while (t->hold_until != 0 && p11_now_ms() < until)
        (void)pthread_cond_timedwait(&t->hold_over, &t->hold_lock, &when);
    ended = until != 0 && t->hold_until == 0;
    t->hold_until = 0;
    pthread_mutex_unlock(&t->hold_lock);
    return !ended;
}

static void end_hold(struct p11_token *t)
{
    pthread_mutex_lock(&t->hold_lock);
    t->hold_until = 0;
    pthread_cond_signal(&t->hold_over);
    pthread_mutex_unlock(&t->hold_lock);
}

static void *connector(void *arg)
{
    struct p11_token *t = arg;
    struct problem p = { 0 };

    if (wait_for_hold(t))
        (void)!p11_token_connect(t, &p); /* it is in the log, and whoever needs the token is told again */
    if (t->settled != NULL)
        t->settled();
    return NULL;
}

void p11_join_connector(struct p11_token *t)
{
    if (!t->has_connector)
        return;
    end_hold(t);
    pthread_join(t->connector, NULL);
    t->has_connector = false;
}

void p11_token_connect_soon(struct p11_token *t)
{
    pthread_mutex_lock(&t->connector_lock);
    p11_join_connector(t);
    t->has_connector = pthread_create(&t->connector, NULL, connector, t) == 0;
    if (!t->has_connector && t->settled != NULL)
        t->settled(); /* whoever needs the token connects it */
    pthread_mutex_unlock(&t->connector_lock);
}

void p11_token_lock(struct p11_token *t, bool locked)
{
    pthread_mutex_lock(&t->connector_lock);
    p11_join_connector(t);
    pthread_mutex_unlock(&t->connector_lock);
    pthread_rwlock_wrlock(&t->lock);
    t->locked = locked;
    if (locked) {
        p11_disconnect(t);
        secret_wipe(t->pin, P11_PIN_MAX + 1);
        t->pin_len = 0;
        t->pin_good = false;
        memset(&t->info.problem, 0, sizeof(t->info.problem));
    }
    pthread_rwlock_unlock(&t->lock);
}
