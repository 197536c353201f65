/* The connection with a token: the module started, the token found, logged in; brought back when it was away. */
#include "token/connection.h"

#include <string.h>

#include "base/fair_lock.h"
#include "base/log.h"
#include "token/failure.h"

/* For so long requests do not ask again for a token that could not be had. */
#define RETRY_MS 500

/*
 * An absent object is looked for in a new connection, if this one is older than that. Modules keep lists of what is on the
 * token, and some never look again.
 */
#define STALE_MS 5000

/* With the lock held for writing */

static void tell(struct p11_connection *c, enum p11_event event)
{
    for (const struct p11_listener *const *l = c->listeners; *l != NULL; l++) {
        if ((*l)->hear[event] != NULL)
            (*l)->hear[event](c->token);
    }
}

static void disconnect(struct p11_connection *c)
{
    c->connected = c->login.logged_in = c->control.open = false;
    atomic_fetch_add(&c->generation, 1);
    tell(c, P11_DISCONNECTED);
    p11_module_end(&c->module, &c->control.call);
}

static int open_control(struct p11_connection *c, struct problem *p)
{
    CK_RV rv = p11_session_open(&c->control, c->slot.id);

    return rv == CKR_OK ? 0 : p11_failed(c->slot.label, "C_OpenSession", rv, p);
}

/* Up to the login. */
static int reach(struct p11_connection *c, struct problem *p)
{
    struct p11_caller *call = &c->control.call;
    int r = p11_module_start(&c->module, call, c->slot.label, p);

    if (r == 0)
        r = p11_slot_find(&c->module, call, &c->slot, p);
    if (r == 0)
        r = p11_mechanisms_read(&c->mechanisms, call, &c->slot, p);
    return r == 0 ? open_control(c, p) : r;
}

/* What comes behind the login, which gave r. */
static int settle(struct p11_connection *c, int r, struct problem *p)
{
    if (r != 0) {
        disconnect(c);
        c->problem = *p;
        return r;
    }
    c->connected = true;
    c->control.generation = atomic_fetch_add(&c->generation, 1) + 1;
    memset(&c->problem, 0, sizeof(c->problem));
    tell(c, P11_CONNECTED);
    log_info("token '%s' (%s, serial %s) in slot %lu is ready", c->slot.label, c->slot.model, c->slot.serial, c->slot.id);
    return 0;
}

static int connect_now(struct p11_connection *c, struct problem *p)
{
    int r = reach(c, p);

    r = settle(c, r == 0 ? p11_login(&c->login, &c->control, &c->slot, p) : r, p);
    c->connected_at = p11_now_ms();
    return r;
}

/* Making and mending */

/* Why it connects: it was never connected, the connection was lost, or somebody wants it anew. */
enum why { WHY_FIRST, WHY_LOST, WHY_ASKED };

static int connect_anew(struct p11_connection *c, unsigned seen, enum why why, struct problem *p)
{
    int r = 0;

    pthread_rwlock_wrlock(&c->lock);
    if (c->locked) {
        r = problem_set(p, LB_E_LOCKED, "the box is locked");
        problem_hint(p, "run: littlebox unlock");
        goto out;
    }
    if (c->connected && (why == WHY_FIRST || atomic_load(&c->generation) != seen))
        goto out;
    if (!c->connected && c->problem.code != 0 && p11_now_ms() < c->retry_at) {
        *p = c->problem;
        r = p->code;
        goto out;
    }
    if (why == WHY_LOST)
        log_warning("token '%s': connecting again", c->slot.label);
    if (c->connected || why != WHY_FIRST)
        disconnect(c);
    c->reconnects += why == WHY_LOST;
    r = connect_now(c, p);
    if (r != 0) {
        c->retry_at = p11_now_ms() + RETRY_MS;
        log_error("%s%s%s", p->text, p->hint[0] == '\0' ? "" : "; ", p->hint);
    }
out:
    pthread_rwlock_unlock(&c->lock);
    return r;
}

int p11_connection_make(struct p11_connection *c, struct problem *p)
{
    bool connected;

    pthread_rwlock_rdlock(&c->lock);
    connected = c->connected;
    pthread_rwlock_unlock(&c->lock);
    return connected ? 0 : connect_anew(c, atomic_load(&c->generation), WHY_FIRST, p);
}

int p11_connection_renew(struct p11_connection *c, struct problem *p)
{
    return connect_anew(c, atomic_load(&c->generation), WHY_ASKED, p);
}

int p11_connection_mend(struct p11_connection *c, unsigned seen, struct problem *p)
{
    return connect_anew(c, seen, WHY_LOST, p);
}

int p11_connection_mend_login(struct p11_connection *c, unsigned seen, struct problem *p)
{
    int r = 0;

    pthread_rwlock_wrlock(&c->lock);
    if (atomic_load(&c->generation) == seen && c->connected) {
        log_warning("token '%s' has lost the login: logging in again", c->slot.label);
        tell(c, P11_LOGIN_LOST);
        r = p11_login(&c->login, &c->control, &c->slot, p);
        c->reconnects++;
        /* The session that logs in may be gone too. A PIN that was refused is LB_E_PIN, and stays refused. */
        if (r == LB_E_TOKEN) {
            disconnect(c);
            r = connect_now(c, p);
        }
    }
    pthread_rwlock_unlock(&c->lock);
    return r;
}

int p11_connection_login(struct p11_connection *c, struct bytes pin, struct problem *p)
{
    int r = 0;

    if (pin.len == 0 || pin.len > P11_PIN_MAX)
        return problem_set(p, LB_E_PIN, "a PIN has 1 to %d bytes", P11_PIN_MAX);
    pthread_rwlock_wrlock(&c->lock);
    disconnect(c);
    r = c->locked ? problem_set(p, LB_E_LOCKED, "the box is locked") : reach(c, p);
    if (r == 0)
        r = p11_login_with(&c->login, &c->control, &c->slot, pin, p);
    r = settle(c, r, p);
    pthread_rwlock_unlock(&c->lock);
    return r;
}

void p11_connection_lock(struct p11_connection *c, bool locked)
{
    pthread_rwlock_wrlock(&c->lock);
    c->locked = locked;
    if (locked) {
        disconnect(c);
        p11_login_forget(&c->login);
        memset(&c->problem, 0, sizeof(c->problem));
    }
    pthread_rwlock_unlock(&c->lock);
}

bool p11_connection_hold(struct p11_connection *c, unsigned long long until, const struct problem *why)
{
    bool held;

    pthread_rwlock_wrlock(&c->lock);
    held = !c->locked;
    if (held) {
        c->problem = *why;
        c->retry_at = until;
    }
    pthread_rwlock_unlock(&c->lock);
    return held;
}

/* How it is */

bool p11_connection_is_there(struct p11_connection *c)
{
    bool connected;

    if (pthread_rwlock_tryrdlock(&c->lock) != 0)
        return false;
    connected = c->connected;
    pthread_rwlock_unlock(&c->lock);
    return connected;
}

bool p11_connection_is_stale(struct p11_connection *c)
{
    bool stale;

    pthread_rwlock_rdlock(&c->lock);
    stale = c->connected && p11_now_ms() - c->connected_at > STALE_MS;
    pthread_rwlock_unlock(&c->lock);
    return stale;
}

/* Its life */

int p11_connection_init(struct p11_connection *c, const struct p11conf *conf, const char *remember,
                        const struct p11_listener *const *listeners, struct p11_token *token, struct problem *p)
{
    int r = fairlock_init(&c->lock);

    if (r != 0)
        return problem_set(p, r, "out of memory");
    c->conf = c->module.conf = conf;
    c->token = c->control.token = token;
    c->listeners = listeners;
    c->locked = true;
    /* Until the token is found, the configuration says what is known of it. */
    c->slot.uri = conf->token;
    r = p11_module_load(&c->module, p);
    if (r != 0)
        return r;
    c->control.call.f = c->module.f;
    r = p11_login_init(&c->login, conf, remember);
    return r == 0 ? 0 : problem_set(p, r, "cannot make the sessions of the token: %s", lb_strerror(r));
}

void p11_connection_clear(struct p11_connection *c)
{
    if (c->conf == NULL)
        return;
    if (c->module.libp11 != NULL)
        disconnect(c);
    p11_login_clear(&c->login);
    pthread_rwlock_destroy(&c->lock);
}
