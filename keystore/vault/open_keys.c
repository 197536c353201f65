/* The opened keys of a box: those that were used last. The others are sealed; a key is opened again when it is used. */
#include "vault/open_keys.h"

#include "guard/secret.h"
#include "vault/box_key.h"

/*
 * The most versions that one turn closes because the secure heap is short. Threads at work fill that heap too, and give
 * their part back by themselves.
 */
#define CLOSE_TURN 8

int opened_init(struct opened *o, size_t most)
{
    *o = (struct opened){ .most = most };
    return pthread_mutex_init(&o->lock, NULL) == 0 ? 0 : LB_E_NOMEM;
}

void opened_clear(struct opened *o)
{
    opened_close_all(o);
    pthread_mutex_destroy(&o->lock);
}

/* The list, with the lock held */

static void link_in(struct opened *o, struct keyversion *v)
{
    v->older = o->newest;
    v->newer = NULL;
    v->used = o->now;
    if (o->newest != NULL)
        o->newest->newer = v;
    else
        o->oldest = v;
    o->newest = v;
    o->count++;
}

static void link_out(struct opened *o, struct keyversion *v)
{
    if (v->older != NULL)
        v->older->newer = v->newer;
    else
        o->oldest = v->newer;
    if (v->newer != NULL)
        v->newer->older = v->older;
    else
        o->newest = v->older;
    v->older = v->newer = NULL;
    o->count--;
}

static struct livekey *take_out(struct opened *o, struct keyversion *v)
{
    struct livekey *live = v->live;

    if (live != NULL)
        link_out(o, v);
    v->live = NULL;
    return live;
}

struct livekey *opened_use(struct opened *o, struct keyversion *v)
{
    struct livekey *live = NULL;

    pthread_mutex_lock(&o->lock);
    if (v->live != NULL) {
        live = livekey_ref(v->live);
        v->used = o->now;
        if (o->newest != v) {
            link_out(o, v);
            link_in(o, v);
        }
    }
    pthread_mutex_unlock(&o->lock);
    return live;
}

/* Closes without the lock: keys are freed, and thereby wiped. */
static void close_oldest(struct opened *o)
{
    struct livekey *live = NULL;
    unsigned closed = 0;

    do {
        bool short_of_heap = o->most != 0 && closed < CLOSE_TURN && secret_heap_is_short();

        pthread_mutex_lock(&o->lock);
        live = o->most != 0 && o->count > 1 && (o->count > o->most || short_of_heap) ? take_out(o, o->oldest) : NULL;
        pthread_mutex_unlock(&o->lock);
        livekey_unref(live);
        closed++;
    } while (live != NULL);
}

struct livekey *opened_put(struct opened *o, struct keyversion *v, struct livekey *live)
{
    struct livekey *late = NULL, *now;

    pthread_mutex_lock(&o->lock);
    if (v->live == NULL) {
        v->live = live;
        link_in(o, v);
    } else {
        late = live;
    }
    now = livekey_ref(v->live);
    pthread_mutex_unlock(&o->lock);
    livekey_unref(late);
    close_oldest(o);
    return now;
}

void opened_rest(struct opened *o, uint64_t now, uint64_t after)
{
    struct livekey *live;
    bool rests;

    do {
        pthread_mutex_lock(&o->lock);
        o->now = now;
        rests = o->most != 0 && o->oldest != NULL && now - o->oldest->used > after;
        live = rests ? take_out(o, o->oldest) : NULL;
        pthread_mutex_unlock(&o->lock);
        livekey_unref(live);
    } while (live != NULL);
}

void opened_close(struct opened *o, struct keyversion *v)
{
    struct livekey *live;

    pthread_mutex_lock(&o->lock);
    live = take_out(o, v);
    pthread_mutex_unlock(&o->lock);
    livekey_unref(live);
}

void opened_close_all(struct opened *o)
{
    struct livekey *live;

    do {
        pthread_mutex_lock(&o->lock);
        live = o->oldest == NULL ? NULL : take_out(o, o->oldest);
        pthread_mutex_unlock(&o->lock);
        livekey_unref(live);
    } while (live != NULL);
}
