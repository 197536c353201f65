/* A thread that connects the token of a box at its start, and how long it waits with that. */
#include "token/connector.h"

#include <time.h>

#include "token/watchdog.h"

/* Waiting */

/* False: the wait was ended, and there is nothing left to do. */
static bool wait_for_hold(struct p11_connector *c)
{
    unsigned long long until;
    struct timespec when;
    bool ended;

    pthread_mutex_lock(&c->hold_lock);
    until = c->hold_until;
    when = (struct timespec){ .tv_sec = (time_t)(until / 1000), .tv_nsec = (long)(until % 1000) * 1000000 };
    while (c->hold_until != 0 && p11_now_ms() < until)
        (void)pthread_cond_timedwait(&c->hold_over, &c->hold_lock, &when);
    ended = until != 0 && c->hold_until == 0;
    c->hold_until = 0;
    pthread_mutex_unlock(&c->hold_lock);
    return !ended;
}

static void end_hold(struct p11_connector *c)
{
    pthread_mutex_lock(&c->hold_lock);
    c->hold_until = 0;
    pthread_cond_signal(&c->hold_over);
    pthread_mutex_unlock(&c->hold_lock);
}

void p11_connector_hold(struct p11_connector *c, unsigned long long until, void (*settled)(void))
{
    c->settled = settled;
    pthread_mutex_lock(&c->hold_lock);
    c->hold_until = until;
    pthread_mutex_unlock(&c->hold_lock);
}

/* The thread */

static void *run(void *arg)
{
    struct p11_connector *c = arg;

    if (wait_for_hold(c))
        c->connect(c->arg);
    if (c->settled != NULL)
        c->settled();
    return NULL;
}

/* With the lock held. */
static void join(struct p11_connector *c)
{
    if (!c->running)
        return;
    end_hold(c);
    pthread_join(c->thread, NULL);
    c->running = false;
}

void p11_connector_start(struct p11_connector *c)
{
    pthread_mutex_lock(&c->lock);
    join(c);
    c->running = pthread_create(&c->thread, NULL, run, c) == 0;
    if (!c->running && c->settled != NULL)
        c->settled(); /* whoever needs the token connects it */
    pthread_mutex_unlock(&c->lock);
}

void p11_connector_end(struct p11_connector *c)
{
    pthread_mutex_lock(&c->lock);
    join(c);
    pthread_mutex_unlock(&c->lock);
}

/* Its life */

void p11_connector_init(struct p11_connector *c, void (*connect)(void *arg), void *arg)
{
    pthread_condattr_t monotonic;

    c->connect = connect;
    c->arg = arg;
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->hold_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->hold_over, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void p11_connector_clear(struct p11_connector *c)
{
    p11_connector_end(c);
    pthread_cond_destroy(&c->hold_over);
    pthread_mutex_destroy(&c->hold_lock);
    pthread_mutex_destroy(&c->lock);
}
