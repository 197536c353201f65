/* The certificates on a token: read now and then, and kept as they were read. */
#include "token/certificate_cache.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "token/certificates_priv.h"
#include "token/parts_priv.h"
#include "token/work.h"

/*
 * Certificates older than this, in seconds, are read anew. So long it may take until writes of other programs to the token
 * are noticed.
 */
#define KEEP_SECONDS 30
/*
 * In seconds. A token that cannot give certificates is left alone for so long, because whoever can connect may ask for
 * them.
 */
#define RETRY_SECONDS 10

struct p11_certs_cache {
    atomic_uint epoch; /* how often they were forgotten */

    /* Guards known. No lock is taken with it. */
    pthread_mutex_t lock;
    struct p11_certs *known; /* a reference; NULL: nothing was read yet */

    /*
     * Held by the one who reads the certificates, and guards what follows. Work is done with it held, so it is taken before
     * the connection's lock.
     */
    pthread_mutex_t reading;
    /* The last failure of a token that is there. */
    struct problem problem;
    unsigned long long retry_at; /* seconds, in the connection of that generation; 0: never */
    unsigned generation;
};

int p11_certs_cache_new(struct p11_certs_cache **ret)
{
    struct p11_certs_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        return LB_E_NOMEM;
    pthread_mutex_init(&cache->lock, NULL);
    pthread_mutex_init(&cache->reading, NULL);
    *ret = cache;
    return 0;
}

void p11_certs_cache_free(struct p11_certs_cache *cache)
{
    if (cache == NULL)
        return;
    p11_certs_unref(cache->known);
    pthread_mutex_destroy(&cache->reading);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static unsigned long long now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec;
}

struct p11_certs *p11_certs_known(struct p11_token *t)
{
    struct p11_certs *c;

    pthread_mutex_lock(&t->certs->lock);
    c = t->certs->known;
    if (c != NULL)
        atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&t->certs->lock);
    return c;
}

static bool is_current(struct p11_token *t, const struct p11_certs *c)
{
    return c != NULL && c->epoch == atomic_load(&t->certs->epoch) && c->generation == p11_token_generation(t) &&
           now() - c->at < KEEP_SECONDS;
}

bool p11_certs_are_current(struct p11_token *t)
{
    struct p11_certs *c = p11_certs_known(t);
    bool current = is_current(t, c);

    p11_certs_unref(c);
    return current;
}

void p11_certs_forget(struct p11_token *t)
{
    atomic_fetch_add(&t->certs->epoch, 1);
}

/* Reading */

struct reading {
    struct p11_certs *certs;
    CK_OBJECT_HANDLE found[P11_CERTS_MAX + 1];
    CK_ULONG count;
    CK_OBJECT_HANDLE one;
    unsigned useless; /* objects that are no certificates, or for which there is no room */
    bool moved;       /* the handles are of another connection by now */
};

static CK_RV find(struct p11_session *s, void *arg, struct problem *p)
{
    struct reading *r = arg;
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
                                { CKA_CERTIFICATE_TYPE, &type, sizeof(type) } };

    (void)p;
    r->certs->generation = s->generation;
    return p11_find(s, template, 2, r->found, P11_CERTS_MAX + 1, &r->count);
}

/*
 * Reads one object at a time, so that the session serves others in between. An object that cannot be read does not hide the
 * rest.
 */
static CK_RV read_one(struct p11_session *s, void *arg, struct problem *p)
{
    struct reading *r = arg;
    struct p11_name name;
    uint8_t *der = NULL;
    size_t len = 0;
    CK_RV rv, alive;

    (void)p;
    r->moved = s->generation != r->certs->generation;
    if (r->moved)
        return CKR_OK;
    rv = p11_name_of(s, r->one, &name);
    if (rv == CKR_OK)
        rv = p11_attribute_new(s, r->one, CKA_VALUE, &der, &len);
    if (rv == CKR_OK) {
        if (!p11_certs_put(r->certs, &name, der, len))
            r->useless++;
        return CKR_OK;
    }
    alive = rv == CKR_USER_NOT_LOGGED_IN ? rv : p11_alive(s);
    r->useless += alive == CKR_OK;
    return alive;
}

static int read_all(struct p11_token *t, struct reading *r, struct problem *p)
{
    struct p11_certs *c = calloc(1, sizeof(*c));
    int result;

    r->certs = c;
    r->useless = 0;
    r->moved = false;
    if (c == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    atomic_init(&c->refs, 1);
    c->epoch = atomic_load(&t->certs->epoch);
    result = p11_do(t, "looking for certificates", find, r, p);
    if (result != 0)
        return result;
    if (!p11_certs_make_room(c, r->count))
        return problem_set(p, LB_E_NOMEM, "out of memory");
    for (CK_ULONG i = 0; result == 0 && !r->moved && i < r->count; i++) {
        r->one = r->found[i];
        result = p11_do(t, "reading a certificate", read_one, r, p);
    }
    return result;
}

static int read_now(struct p11_token *t, struct p11_certs **ret, struct problem *p)
{
    struct reading r = { .moved = true };
    int result = 0;

    for (int tries = 0; result == 0 && r.moved && tries < 3; tries++) {
        p11_certs_unref(r.certs);
        result = read_all(t, &r, p);
    }
    if (result == 0 && r.moved)
        result = problem_set(p, LB_E_TOKEN, "the token went away while its certificates were read");
    if (result != 0) {
        p11_certs_unref(r.certs);
        return result;
    }
    if (r.useless > 0)
        log_warning("%u certificate objects on the token are left out: they are no X.509 certificates, or too many", r.useless);
    p11_certs_finish(r.certs);
    r.certs->at = now();
    *ret = r.certs;
    return 0;
}

/* Keeping */

static void publish(struct p11_certs_cache *cache, struct p11_certs *c)
{
    struct p11_certs *old;

    pthread_mutex_lock(&cache->lock);
    old = cache->known;
    cache->known = c;
    pthread_mutex_unlock(&cache->lock);
    p11_certs_unref(old);
}

/* With the reading lock held. Notes no failure of a token that is away: p11_do() knows how long to wait for that. */
static void note_failure(struct p11_token *t, const struct problem *p)
{
    struct p11_certs_cache *cache = t->certs;

    if (!p11_connection_is_there(&t->connection))
        return;
    cache->problem = *p;
    cache->generation = p11_token_generation(t);
    cache->retry_at = now() + RETRY_SECONDS;
}

/* With the reading lock held. */
static int read_unless_failed(struct p11_token *t, struct p11_certs **ret, struct problem *p)
{
    struct p11_certs_cache *cache = t->certs;
    int r;

    if (now() < cache->retry_at && cache->generation == p11_token_generation(t)) {
        *p = cache->problem;
        return p->code;
    }
    r = read_now(t, ret, p);
    if (r != 0)
        note_failure(t, p);
    return r;
}

int p11_certs_read(struct p11_token *t, struct p11_certs **ret, struct problem *p)
{
    struct p11_certs *c = p11_certs_known(t), *more = NULL;
    int r = 0;

    if (!is_current(t, c)) {
        pthread_mutex_lock(&t->certs->reading);
        /* Somebody may have read them while this thread waited. */
        p11_certs_unref(c);
        c = p11_certs_known(t);
        if (!is_current(t, c)) {
            r = read_unless_failed(t, &more, p);
            if (r == 0) {
                publish(t->certs, more);
                p11_certs_unref(c);
                c = p11_certs_known(t);
            }
        }
        pthread_mutex_unlock(&t->certs->reading);
    }
    *ret = c;
    return c != NULL ? 0 : r;
}
