/*
 * A thread that stays with a busy connection, while there are threads to spare. The next request finds it waiting on the
 * socket itself: no event queue, no lock and no other thread are in between.
 */
#include <sys/socket.h>
#include <sys/time.h>

#include "box/serve_priv.h"

/* So many requests in a row make a connection busy. That pays for the hand-over of a place. */
#define STAY_AFTER 16
/* So long after an answer this thread waits for the next request, in milliseconds. A box that stops waits as long for it. */
#define STAY_MS 10
/* A thread takes locked memory, whether it stays anywhere or not. */
#define STAY_THREADS_MAX 8

unsigned stay_threads(unsigned threads)
{
    return threads < STAY_THREADS_MAX ? threads : STAY_THREADS_MAX;
}

/* Only this process has this end of c, beside the keeper, who does not read there. */
static bool limit(struct conn *c)
{
    const struct timeval t = { .tv_usec = STAY_MS * 1000 };

    if (!c->limited)
        c->limited = setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0;
    return c->limited;
}

/* Gives this thread's place to one that waits for a place. */
static bool leave(struct server *s)
{
    bool left;

    pthread_mutex_lock(&s->turns_lock);
    left = s->parked > 0 && !s->ended;
    if (left) {
        s->parked--;
        s->places++;
        pthread_cond_signal(&s->place_free);
    }
    pthread_mutex_unlock(&s->turns_lock);
    return left;
}

bool stay_with(struct worker *w, struct conn *c)
{
    struct server *s = w->server;

    if (w->changes)
        return false;
    if (atomic_load_explicit(&s->idle, memory_order_relaxed) == 0) {
        c->in_a_row = 0;
        return false;
    }
    if (w->apart)
        return true;
    if (c->class != TURNS_KNOWN || c->in_a_row++ < STAY_AFTER || !limit(c))
        return false;
    w->apart = leave(s);
    return w->apart;
}

bool stay_goes_on(const struct worker *w)
{
    return atomic_load_explicit(&w->server->idle, memory_order_relaxed) > 0;
}

void stay_ended(struct worker *w)
{
    struct server *s = w->server;

    if (!w->apart)
        return;
    s->parked++;
    while (s->places == 0 && !s->ended)
        pthread_cond_wait(&s->place_free, &s->turns_lock);
    if (s->places > 0)
        s->places--;
    w->apart = false;
}

void stay_end_all(struct server *s)
{
    pthread_cond_broadcast(&s->place_free);
}
