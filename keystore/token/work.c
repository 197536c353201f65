/* A piece of work on a token: done with a session, and again where the token was away meanwhile. */
#include "token/work.h"

#include <string.h>

#include "token/parts_priv.h"

/* What a session may ask of its token */

bool p11_token_can(const struct p11_token *t, CK_MECHANISM_TYPE m, CK_FLAGS flags)
{
    return p11_mechanisms_have(&t->connection.mechanisms, m, flags);
}

int p11_token_must(const struct p11_token *t, CK_MECHANISM_TYPE m, CK_FLAGS flags, struct problem *p)
{
    const struct p11_slot *slot = &t->connection.slot;

    if (p11_token_can(t, m, flags))
        return 0;
    return problem_set(p, LB_E_SCHEME, "token '%s' (%s) does not do this: it has no %s", slot->label, slot->model,
                       p11_mechanism_name(m));
}

CK_RV p11_context_login(struct p11_session *s, struct problem *p)
{
    return p11_login_for_use(&s->token->connection.login, s, s->token->connection.slot.label, p);
}

unsigned p11_token_generation(const struct p11_token *t)
{
    return atomic_load(&t->connection.generation);
}

int p11_token_connect(struct p11_token *t, struct problem *p)
{
    return p11_connection_make(&t->connection, p);
}

int p11_token_reconnect(struct p11_token *t, struct problem *p)
{
    return p11_connection_renew(&t->connection, p);
}

/* What went wrong, and its cure */

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

/*
 * Are the session and the token behind it there? Some modules answer for sessions by themselves, as tpm2-pkcs11 does. But a
 * random byte comes from the token.
 */
CK_RV p11_alive(struct p11_session *s)
{
    CK_SESSION_INFO info;
    CK_BYTE byte;
    CK_RV rv = P11_CALL(&s->call, C_GetSessionInfo, s->h, &info);

    if (rv != CKR_OK)
        return says_nothing(rv) ? CKR_DEVICE_ERROR : rv;
    if ((s->token->connection.slot.flags & CKF_RNG) == 0 || s->call.f->C_GenerateRandom == NULL)
        return CKR_OK;
    rv = P11_CALL(&s->call, C_GenerateRandom, s->h, &byte, sizeof(byte));
    return says_nothing(rv) || cure_of(rv) == CURE_CONNECT ? CKR_DEVICE_ERROR : CKR_OK;
}

/* Has the token forgotten that this box logged in? Then it hides its private keys instead of saying so. */
static bool is_logged_out(struct p11_session *s)
{
    CK_SESSION_INFO info;

    return s->token->connection.login.logged_in && P11_CALL(&s->call, C_GetSessionInfo, s->h, &info) == CKR_OK &&
           (info.state == CKS_RO_PUBLIC_SESSION || info.state == CKS_RW_PUBLIC_SESSION);
}

/*
 * Looks what is behind a failure that says little. Modules say CKR_GENERAL_ERROR and CKR_FUNCTION_FAILED both of a token
 * that is gone and of an input that they do not like. They say that there is no such object also if it is only hidden.
 */
static CK_RV look_behind(struct p11_session *s, CK_RV rv, const struct problem *p)
{
    CK_RV alive = says_nothing(rv) ? p11_alive(s) : CKR_OK;

    if (rv == P11_TOLD && p->code == LB_E_NO_OBJECT && is_logged_out(s))
        return CKR_USER_NOT_LOGGED_IN;
    return alive == CKR_OK ? rv : alive;
}

/* Doing it */

/* The connection in which a failure was. When the failure is told, there may be another one. */
struct seen {
    unsigned generation;
    char label[sizeof(((struct p11_slot *)NULL)->label)];
};

/* Does the work once, with a session. A failure sets *ret_seen. */
static CK_RV attempt(struct p11_token *t, const void *thing, p11_work *work, void *arg, struct seen *ret_seen,
                     struct problem *p)
{
    struct p11_session *s = p11_pool_take(&t->pool, thing);
    struct p11_connection *c = &t->connection;
    CK_RV rv = CKR_CRYPTOKI_NOT_INITIALIZED;

    pthread_rwlock_rdlock(&c->lock);
    if (c->connected)
        rv = p11_pool_ready(&t->pool, s, c->control.generation, c->slot.id);
    if (rv == CKR_OK)
        rv = look_behind(s, work(s, arg, p), p);
    if (cure_of(rv) == CURE_SESSION)
        p11_pool_drop(&t->pool, s, c->control.generation);
    if (rv != CKR_OK) {
        ret_seen->generation = atomic_load(&c->generation);
        memcpy(ret_seen->label, c->slot.label, sizeof(ret_seen->label));
    }
    pthread_rwlock_unlock(&c->lock);
    p11_pool_give_back(&t->pool, s);
    return rv;
}

/* The token is well, but it, or this key, is not for what was asked. */
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
        struct seen seen;
        enum cure cure;
        CK_RV rv;
        int r = p11_token_connect(t, p);

        if (r != 0)
            return r;
        rv = attempt(t, thing, work, arg, &seen, p);
        if (rv == CKR_OK)
            return 0;
        cure = cure_of(rv);
        if (rv == P11_TOLD && p->code == LB_E_NO_OBJECT && p11_connection_is_stale(&t->connection))
            cure = CURE_CONNECT;
        if (cure == CURE_SESSION && !new_session) {
            new_session = true;
            continue;
        }
        if (cure == CURE_LOGIN && !logged_in) {
            logged_in = true;
            r = p11_connection_mend_login(&t->connection, seen.generation, p);
        } else if (cure != CURE_NONE && !connected_anew) {
            connected_anew = true;
            r = p11_connection_mend(&t->connection, seen.generation, p);
        } else {
            r = p11_failed(seen.label, what, rv, p);
            return is_of_key(rv) ? p->code = LB_E_SCHEME : r;
        }
        if (r != 0)
            return r;
    }
}
