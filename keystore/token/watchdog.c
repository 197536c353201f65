/* Calls of the module are watched, so that none hangs unseen. */
#include "token/watchdog.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

unsigned long long p11_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000 + (unsigned long long)t.tv_nsec / 1000000;
}

void p11_enter(struct p11_caller *c, const char *what)
{
    atomic_store_explicit(&c->since, p11_now_ms(), memory_order_relaxed);
    atomic_store_explicit(&c->what, what, memory_order_release);
}

struct p11_watchdog {
    struct p11_caller *const *callers;
    unsigned count;
    unsigned long long limit; /* milliseconds */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
};

static void look(const struct p11_watchdog *w)
{
    unsigned long long now = p11_now_ms();

    for (unsigned i = 0; i < w->count; i++) {
        const char *what = atomic_load_explicit(&w->callers[i]->what, memory_order_acquire);

        if (what == NULL || now < atomic_load_explicit(&w->callers[i]->since, memory_order_relaxed) + w->limit)
            continue;
        /* Looks again: the caller may just have left that call and entered another one, and then since is new. */
        if (atomic_load_explicit(&w->callers[i]->what, memory_order_acquire) != what)
            continue;
        log_error("the module's %s did not return within %llu s (token-timeout): this process is replaced", what,
                  w->limit / 1000);
        _exit(EXIT_HUNG);
    }
}

static void *watch(void *arg)
{
    struct p11_watchdog *w = arg;
    unsigned long long pause = w->limit / 8 > 1000 ? 1000 : w->limit / 8;

    pthread_mutex_lock(&w->lock);
    while (!w->stopping) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_nsec += (long)(pause % 1000) * 1000000;
        t.tv_sec += (time_t)(pause / 1000) + t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&w->stop, &w->lock, &t);
        look(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

int p11_watchdog_start(struct p11_caller *const callers[], unsigned count, unsigned seconds,
                       struct p11_watchdog **ret)
{
    struct p11_watchdog *w = calloc(1, sizeof(*w));
    pthread_condattr_t monotonic;

    if (w == NULL)
        return LB_E_NOMEM;
    w->callers = callers;
    w->count = count;
    w->limit = seconds * 1000ULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->stop, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&w->thread, NULL, watch, w) != 0) {
        free(w);
        return LB_E_SYSTEM;
    }
    *ret = w;
    return 0;
}

void p11_watchdog_stop(struct p11_watchdog *w)
{
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->stop);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->stop);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
