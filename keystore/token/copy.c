/* Copies of keys in the session, used where signing with the copy was measured to be faster. */
#include "token/copy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "token/failure.h"
#include "token/parts_priv.h"
#include "token/timing.h"

/* Signatures by the key itself before a copy is made. For one or two a copy is not worth it. */
#define FIRST_USES 4
/* How long a copy is used before the key itself is used again. */
#define TRUST_MS 1000
/* Copies of a key in a connection: a token that lost so many is not asked for more. */
#define COPIES_MAX 3

enum state {
    FIRST,     /* no copy, too few signatures */
    MEASURING, /* object and copy in turn */
    USED,      /* the copy is faster */
    NOT_USED   /* refused, or not faster: no copy */
};

/* Its lock is taken with a key's lock held, and before the list's. */
struct p11_copy {
    pthread_mutex_t lock;
    CK_OBJECT_HANDLE object;
    CK_OBJECT_HANDLE copy;         /* in MEASURING and USED; else CK_INVALID_HANDLE. Changed with the list's lock as well */
    enum state state;
    unsigned uses;                 /* in FIRST and MEASURING */
    unsigned copies;               /* made */
    struct p11_timing timing;      /* signatures by object and by copy, in MEASURING */
    unsigned long long seen;       /* when the object itself was last used, in milliseconds */
    char name[80];
    struct p11_copy *next;
};

/*
 * All copies of a token. They are objects of the control session, which lives as long as the connection. So the lock guards
 * two things: the list, and the control session while the connection's lock is held for reading. No lock is taken with it.
 */
struct p11_copies {
    pthread_mutex_t lock;
    struct p11_copy *first; /* they live as long as the connection */
};

static unsigned long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000000000 + (unsigned long long)t.tv_nsec;
}

/* With the list's lock. */
static struct p11_copy *find(const struct p11_copies *all, CK_OBJECT_HANDLE object)
{
    struct p11_copy *c = all->first;

    while (c != NULL && c->object != object)
        c = c->next;
    return c;
}

struct p11_copy *p11_copy_of(struct p11_session *s, CK_OBJECT_HANDLE object, const struct p11_name *name)
{
    const struct p11_token *t = s->token;
    struct p11_copies *all = t->copies;
    struct p11_copy *c;

    if (!t->conf->session_copies || s->call.f->C_CopyObject == NULL)
        return NULL;
    pthread_mutex_lock(&all->lock);
    c = find(all, object);
    if (c == NULL && (c = calloc(1, sizeof(*c))) != NULL) {
        pthread_mutex_init(&c->lock, NULL);
        c->object = object;
        p11_name_text(name, c->name, sizeof(c->name));
        c->next = all->first;
        all->first = c;
    }
    pthread_mutex_unlock(&all->lock);
    return c;
}

/* With the list's lock, or the connection's for writing. */
static void destroy(struct p11_token *t, CK_OBJECT_HANDLE h)
{
    (void)P11_CALL(&t->connection.control.call, C_DestroyObject, t->connection.control.h, h); /* gone already, often */
}

/* The token must not make a copy that is kept less well than the key. */
static bool as_strong(struct p11_token *t, CK_OBJECT_HANDLE object, CK_OBJECT_HANDLE copy)
{
    struct p11_session *s = &t->connection.control;

    return !p11_flag(s, copy, CKA_TOKEN) && p11_flag(s, copy, CKA_PRIVATE) >= p11_flag(s, object, CKA_PRIVATE) &&
           p11_flag(s, copy, CKA_SENSITIVE) >= p11_flag(s, object, CKA_SENSITIVE) &&
           p11_flag(s, copy, CKA_EXTRACTABLE) <= p11_flag(s, object, CKA_EXTRACTABLE);
}

/* With c's lock. */
static void make(struct p11_token *t, struct p11_copy *c)
{
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE template[] = { { CKA_TOKEN, &no, sizeof(no) } };
    struct p11_session *control = &t->connection.control;
    CK_RV rv;

    pthread_mutex_lock(&t->copies->lock);
    rv = P11_CALL(&control->call, C_CopyObject, control->h, c->object, template, 1, &c->copy);
    if (rv == CKR_OK && !as_strong(t, c->object, c->copy)) {
        log_warning("token '%s': its copy of key %s in the session is not as well kept as the key, and is not used",
                    t->connection.slot.label, c->name);
        destroy(t, c->copy);
        rv = CKR_TEMPLATE_INCONSISTENT;
    }
    if (rv != CKR_OK)
        c->copy = CK_INVALID_HANDLE;
    pthread_mutex_unlock(&t->copies->lock);
    c->state = rv == CKR_OK ? MEASURING : NOT_USED;
    c->copies++;
    c->uses = 0;
    c->timing = (struct p11_timing){ .count = { 0 } };
}

/* With c's lock. */
static void end(struct p11_token *t, struct p11_copy *c, enum state next)
{
    if (c->state == MEASURING || c->state == USED) {
        pthread_mutex_lock(&t->copies->lock);
        destroy(t, c->copy);
        c->copy = CK_INVALID_HANDLE;
        pthread_mutex_unlock(&t->copies->lock);
    }
    if (c->state != NOT_USED)
        c->state = next == FIRST && c->copies >= COPIES_MAX ? NOT_USED : next;
    c->uses = 0;
}

CK_OBJECT_HANDLE p11_copy_pick(struct p11_session *s, struct p11_use *u)
{
    struct p11_copy *c = u->copy;
    unsigned long long now;
    CK_OBJECT_HANDLE h;

    u->by_copy = false;
    u->began = 0;
    if (c == NULL)
        return u->object;
    pthread_mutex_lock(&c->lock);
    if (c->state == FIRST && c->uses >= FIRST_USES)
        make(s->token, c);
    switch (c->state) {
    case FIRST:
        c->uses++;
        break;
    case MEASURING:
        u->by_copy = (c->uses++ & 1) != 0;
        u->began = now_ns();
        break;
    case USED:
        now = p11_now_ms();
        u->by_copy = now - c->seen < TRUST_MS;
        if (!u->by_copy)
            c->seen = now;
        break;
    case NOT_USED:
        break;
    }
    h = u->by_copy ? c->copy : u->object;
    pthread_mutex_unlock(&c->lock);
    return h;
}

/* With c's lock. */
static void measured(struct p11_token *t, struct p11_copy *c, bool by_copy, unsigned long long took)
{
    if (c->state != MEASURING)
        return;
    p11_timing_add(&c->timing, by_copy, took);
    if (!p11_timing_full(&c->timing))
        return;
    log_info("token '%s': key %s signs in %" PRIu64 " us, a copy of it in the session in %" PRIu64 " us", t->connection.slot.label,
             c->name, p11_timing_best(&c->timing, false) / 1000, p11_timing_best(&c->timing, true) / 1000);
    if (p11_timing_second_is_faster(&c->timing)) {
        c->state = USED;
        c->seen = p11_now_ms();
    } else {
        end(t, c, NOT_USED);
    }
}

/* Does the failure say something about the copy? Failures of session and token do not, and p11_do() cures them. */
static bool is_of_copy(CK_RV rv)
{
    return rv != CKR_SESSION_HANDLE_INVALID && rv != CKR_SESSION_CLOSED && rv != CKR_OPERATION_ACTIVE &&
           rv != CKR_OPERATION_NOT_INITIALIZED && rv != CKR_USER_NOT_LOGGED_IN && rv != CKR_DEVICE_ERROR &&
           rv != CKR_DEVICE_REMOVED && rv != CKR_TOKEN_NOT_PRESENT && rv != CKR_TOKEN_NOT_RECOGNIZED &&
           rv != CKR_CRYPTOKI_NOT_INITIALIZED && rv != CKR_HOST_MEMORY && rv != CKR_DEVICE_MEMORY && rv != P11_TOLD;
}

bool p11_copy_over(struct p11_session *s, struct p11_use *u, CK_RV rv)
{
    struct p11_copy *c = u->copy;
    unsigned long long took = u->began == 0 ? 0 : now_ns() - u->began;
    bool lost = rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID;
    bool again = u->by_copy && rv != CKR_OK && is_of_copy(rv);

    if (took == 0 && !again)
        return false;
    pthread_mutex_lock(&c->lock);
    if (again)
        end(s->token, c, lost ? FIRST : NOT_USED);
    else if (rv == CKR_OK)
        measured(s->token, c, u->by_copy, took);
    pthread_mutex_unlock(&c->lock);
    return again;
}

void p11_copy_drop(struct p11_session *s, struct p11_copy *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    end(s->token, c, FIRST);
    pthread_mutex_unlock(&c->lock);
}

void p11_copy_drop_of(struct p11_session *s, CK_OBJECT_HANDLE object)
{
    struct p11_copies *all = s->token->copies;
    struct p11_copy *c;

    pthread_mutex_lock(&all->lock);
    c = find(all, object);
    pthread_mutex_unlock(&all->lock);
    p11_copy_drop(s, c);
}

bool p11_copy_is(struct p11_session *s, CK_OBJECT_HANDLE h)
{
    struct p11_copies *all = s->token->copies;
    bool is = false;

    pthread_mutex_lock(&all->lock);
    for (struct p11_copy *c = all->first; c != NULL && !is; c = c->next)
        is = c->copy != CK_INVALID_HANDLE && c->copy == h;
    pthread_mutex_unlock(&all->lock);
    return is;
}

/* With the connection */

static void login_lost(struct p11_token *t)
{
    for (struct p11_copy *c = t->copies->first; c != NULL; c = c->next) {
        pthread_mutex_lock(&c->lock);
        end(t, c, FIRST);
        pthread_mutex_unlock(&c->lock);
    }
}

/* Nobody has a struct p11_copy of it any more. */
static void free_list(struct p11_copies *all)
{
    while (all->first != NULL) {
        struct p11_copy *c = all->first;

        all->first = c->next;
        pthread_mutex_destroy(&c->lock);
        free(c);
    }
}

static void disconnected(struct p11_token *t)
{
    free_list(t->copies);
}

const struct p11_listener p11_copies_listener = {
    .hear = { [P11_LOGIN_LOST] = login_lost, [P11_DISCONNECTED] = disconnected },
};

int p11_copies_new(struct p11_copies **ret)
{
    struct p11_copies *all = calloc(1, sizeof(*all));

    if (all == NULL)
        return LB_E_NOMEM;
    pthread_mutex_init(&all->lock, NULL);
    *ret = all;
    return 0;
}

void p11_copies_free(struct p11_copies *all)
{
    if (all == NULL)
        return;
    free_list(all);
    pthread_mutex_destroy(&all->lock);
    free(all);
}
