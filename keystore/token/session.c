/* The pool of sessions, and work that is done again where the token was away. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "token/copy.h"
#include "token/message_api.h"
#include "token/token_priv.h"

/* A token that could not be had is not asked for again by every request meanwhile. */
#define RETRY_MS 500

/*
 * Modules keep lists of what is on the token, and some never look again: an object that is not there is looked for in a
 * new connection, if this one is older than that.
 */
#define STALE_MS 5000

/* What a failure asks for. */
enum cure {
    CURE_NONE,
    CURE_SESSION, /* a new session: this one is gone */
    CURE_LOGIN,   /* log in again */
    CURE_CONNECT  /* all anew: the module started again, the token found again */
};

static enum cure cure_of(CK_RV rv)
{
    switch (rv) {
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_OPERATION_ACTIVE: /* something of a call before is left in it */
    case CKR_OPERATION_NOT_INITIALIZED:
        return CURE_SESSION;
    case CKR_USER_NOT_LOGGED_IN:
        return CURE_LOGIN;
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
    case CKR_SLOT_ID_INVALID:
    case CKR_OBJECT_HANDLE_INVALID: /* found again already, and in vain: see token/key.c */
    case CKR_KEY_HANDLE_INVALID:
        return CURE_CONNECT;
    default:
        return CURE_NONE;
    }
}

static bool says_nothing(CK_RV rv)
{
    return rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED;
}

/* Some modules keep sessions by themselves, as tpm2-pkcs11 does: but a random byte comes from the token. */
CK_RV p11_alive(struct p11_session *s)
{
    CK_SESSION_INFO info;
    CK_BYTE byte;
    CK_RV rv = P11_CALL(&s->call, C_GetSessionInfo, s->h, &info);

    if (rv != CKR_OK)
        return says_nothing(rv) ? CKR_DEVICE_ERROR : rv;
    if ((s->token->flags & CKF_RNG) == 0 || s->call.f->C_GenerateRandom == NULL)
        return CKR_OK;
    rv = P11_CALL(&s->call, C_GenerateRandom, s->h, &byte, sizeof(byte));
    return says_nothing(rv) || cure_of(rv) == CURE_CONNECT ? CKR_DEVICE_ERROR : CKR_OK;
}

/* Has the token forgotten that this box logged in? Then it hides its private keys instead of saying so. */
static bool is_logged_out(struct p11_session *s)
{
    CK_SESSION_INFO info;

    return s->token->logged_in && P11_CALL(&s->call, C_GetSessionInfo, s->h, &info) == CKR_OK &&
           (info.state == CKS_RO_PUBLIC_SESSION || info.state == CKS_RW_PUBLIC_SESSION);
}

/*
 * Modules say CKR_GENERAL_ERROR and CKR_FUNCTION_FAILED both of a token that is gone and of an input that they do not
 * like; and that there is no such object also where it is not to be seen.
 */
static CK_RV look_behind(struct p11_session *s, CK_RV rv, const struct problem *p)
{
    CK_RV alive = says_nothing(rv) ? p11_alive(s) : CKR_OK;

    if (rv == P11_TOLD && p->code == LB_E_NO_OBJECT && is_logged_out(s))
        return CKR_USER_NOT_LOGGED_IN;
    return alive == CKR_OK ? rv : alive;
}

/* Sessions */

/*
 * Where sessions keep contexts: the one that has the thing's, else one that has none yet, else the one whose context was
 * not used for longest. Elsewhere any will do: the first.
 */
static struct p11_session **choose(struct p11_token *t, const void *thing)
{
    struct p11_session **fresh = NULL, **at = &t->idle;

    if (thing == NULL || !atomic_load(&t->keeps_contexts))
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

static struct p11_session *take(struct p11_token *t, const void *thing)
{
    struct p11_session **at, *s;

    pthread_mutex_lock(&t->pool_lock);
    while (t->idle == NULL)
        pthread_cond_wait(&t->pool_ready, &t->pool_lock);
    at = choose(t, thing);
    s = *at;
    *at = s->next;
    s->next = NULL;
    if (thing != NULL)
        s->last = thing;
    pthread_mutex_unlock(&t->pool_lock);
    return s;
}

/* To the front: the session that was used last is the one whose memory is warmest. */
static void give_back(struct p11_token *t, struct p11_session *s)
{
    pthread_mutex_lock(&t->pool_lock);
    s->next = t->idle;
    t->idle = s;
    pthread_cond_signal(&t->pool_ready);
    pthread_mutex_unlock(&t->pool_lock);
}

static void count_open(struct p11_token *t, bool more)
{
    pthread_mutex_lock(&t->pool_lock);
    if (more)
        t->open_count++;
    else if (t->open_count > 0)
        t->open_count--;
    pthread_mutex_unlock(&t->pool_lock);
}

/* With the token's lock held for reading: a session of this connection. */
static CK_RV ready(struct p11_token *t, struct p11_session *s)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    CK_RV rv;

    if (s->open && s->generation == t->control.generation)
        return CKR_OK;
    rv = P11_CALL(&s->call, C_OpenSession, t->slot, flags, NULL, NULL, &s->h);
    if (rv == CKR_TOKEN_WRITE_PROTECTED)
        rv = P11_CALL(&s->call, C_OpenSession, t->slot, CKF_SERIAL_SESSION, NULL, NULL, &s->h);
    s->open = rv == CKR_OK;
    s->kept.active = false;
    s->generation = t->control.generation;
    if (s->open)
        count_open(t, true);
    return rv;
}

static void drop(struct p11_token *t, struct p11_session *s)
{
    if (s->open && s->generation == t->control.generation) {
        (void)P11_CALL(&s->call, C_CloseSession, s->h);
        count_open(t, false);
    }
    s->open = false;
}

/* Curing. Several threads find out at once: the first one does it, the others see that the generation is another. */

/* Why: it was never there, it was lost, or it is asked anew on purpose. */
enum why { WHY_FIRST, WHY_LOST, WHY_ASKED };

static int connect_anew(struct p11_token *t, unsigned seen, enum why why, struct problem *p)
{
    int r = 0;

    pthread_rwlock_wrlock(&t->lock);
    if (t->locked) {
        r = problem_set(p, LB_E_LOCKED, "the box is locked");
        problem_hint(p, "run: littlebox unlock");
        goto out;
    }
    if (t->connected && (why == WHY_FIRST || atomic_load(&t->generation) != seen))
        goto out;
    if (!t->connected && t->info.problem.code != 0 && p11_now_ms() < t->retry_at) {
        *p = t->info.problem;
        r = p->code;
        goto out;
    }
    if (why == WHY_LOST)
        log_warning("token '%s': connecting again", t->info.label);
    if (t->connected || why != WHY_FIRST)
        p11_disconnect(t);
    t->info.reconnects += why == WHY_LOST;
    r = p11_connect(t, p);
    t->connected_at = p11_now_ms();
    if (r != 0) {
        t->retry_at = p11_now_ms() + RETRY_MS;
        log_error("%s%s%s", p->text, p->hint[0] == '\0' ? "" : "; ", p->hint);
    }
out:
    pthread_rwlock_unlock(&t->lock);
    return r;
}

static int login_anew(struct p11_token *t, unsigned seen, struct problem *p)
{
    int r = 0;

    pthread_rwlock_wrlock(&t->lock);
    if (atomic_load(&t->generation) == seen && t->connected) {
        log_warning("token '%s' has lost the login: logging in again", t->info.label);
        p11_copies_drop(t);
        p11_message_forget(t);
        r = p11_login(t, p);
        t->info.reconnects++;
        /* The session that logs in may be gone as well. A PIN that was refused is LB_E_PIN, and stays refused. */
        if (r == LB_E_TOKEN) {
            p11_disconnect(t);
            r = p11_connect(t, p);
            t->connected_at = p11_now_ms();
        }
    }
    pthread_rwlock_unlock(&t->lock);
    return r;
}

int p11_token_connect(struct p11_token *t, struct problem *p)
{
    bool connected;

    pthread_rwlock_rdlock(&t->lock);
    connected = t->connected;
    pthread_rwlock_unlock(&t->lock);
    return connected ? 0 : connect_anew(t, p11_token_generation(t), WHY_FIRST, p);
}

static bool is_stale(struct p11_token *t)
{
    bool stale;

    pthread_rwlock_rdlock(&t->lock);
    stale = t->connected && p11_now_ms() - t->connected_at > STALE_MS;
    pthread_rwlock_unlock(&t->lock);
    return stale;
}

int p11_token_reconnect(struct p11_token *t, struct problem *p)
{
    return connect_anew(t, p11_token_generation(t), WHY_ASKED, p);
}

/* Once, with a session; *ret_seen is the connection that it was in. */
static CK_RV attempt(struct p11_token *t, const void *thing, p11_work *work, void *arg, unsigned *ret_seen,
                     struct problem *p)
{
    struct p11_session *s = take(t, thing);
    CK_RV rv;

    pthread_rwlock_rdlock(&t->lock);
    *ret_seen = atomic_load(&t->generation);
    rv = t->connected ? ready(t, s) : CKR_CRYPTOKI_NOT_INITIALIZED;
    if (rv == CKR_OK)
        rv = look_behind(s, work(s, arg, p), p);
    if (cure_of(rv) == CURE_SESSION)
        drop(t, s);
    pthread_rwlock_unlock(&t->lock);
    give_back(t, s);
    return rv;
}

/* The token is well; what was asked is not what it, or this key, is for. */
static bool is_of_key(CK_RV rv)
{
    return rv == CKR_KEY_FUNCTION_NOT_PERMITTED || rv == CKR_MECHANISM_INVALID || rv == CKR_MECHANISM_PARAM_INVALID;
}

int p11_do(struct p11_token *t, const char *what, p11_work *work, void *arg, struct problem *p)
{
    return p11_do_for(/* thing= */ NULL, t, what, work, arg, p);
}

int p11_do_for(const void *thing, struct p11_token *t, const char *what, p11_work *work, void *arg, struct problem *p)
{
    bool connected_anew = false, logged_in = false, new_session = false;

    for (;;) {
        unsigned seen = 0;
        enum cure cure;
        CK_RV rv;
        int r = p11_token_connect(t, p);

        if (r != 0)
            return r;
        rv = attempt(t, thing, work, arg, &seen, p);
        if (rv == CKR_OK)
            return 0;
        cure = rv != P11_TOLD ? cure_of(rv) : p->code == LB_E_NO_OBJECT && is_stale(t) ? CURE_CONNECT : CURE_NONE;
        if (cure == CURE_SESSION && !new_session) {
            new_session = true;
            continue;
        }
        if (cure == CURE_LOGIN && !logged_in) {
            logged_in = true;
            r = login_anew(t, seen, p);
        } else if (cure != CURE_NONE && !connected_anew) {
            connected_anew = true;
            r = connect_anew(t, seen, WHY_LOST, p);
        } else {
            r = p11_failed(t, what, rv, p);
            return is_of_key(rv) ? p->code = LB_E_SCHEME : r;
        }
        if (r != 0)
            return r;
    }
}

CK_RV p11_context_login(struct p11_session *s, struct problem *p)
{
    struct p11_token *t = s->token;
    CK_RV rv = CKR_PIN_INCORRECT;

    if (!atomic_load(&t->pin_refused))
        rv = P11_CALL(&s->call, C_Login, s->h, CKU_CONTEXT_SPECIFIC, t->pin_len == 0 ? NULL : t->pin, t->pin_len);
    if (rv != CKR_PIN_INCORRECT && rv != CKR_PIN_LOCKED)
        return rv;
    /* Once is enough: each further signature would be one more wrong PIN. */
    atomic_store(&t->pin_refused, true);
    problem_set(p, LB_E_PIN, "token '%s' refuses the PIN that this key wants for each use", t->info.label);
    problem_hint(p, "give the right one: littlebox login");
    return P11_TOLD;
}
