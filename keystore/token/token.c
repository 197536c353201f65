/* The token of a box: made, locked and unlocked, asked how it is. What is done with it is token/work.h's. */
#include "token/token.h"

#include <stdlib.h>

#include "token/certificate_cache.h"
#include "token/copy.h"
#include "token/message_api.h"
#include "token/parts_priv.h"

/* Who hears what happens to the connection */

static void pool_disconnected(struct p11_token *t)
{
    p11_pool_disconnected(&t->pool);
}

static const struct p11_listener pool_listener = { .hear = { [P11_DISCONNECTED] = pool_disconnected } };

/*
 * In this order. Certificates need not hear anything: they are read anew in another connection, which they know by its
 * number.
 */
static const struct p11_listener *const listeners[] = {
    &pool_listener,
    &p11_copies_listener,
    &p11_messages_listener,
    NULL,
};

/* What it does */

static void connect_it(void *arg)
{
    struct problem p = { 0 };

    (void)!p11_token_connect(arg, &p); /* the reason is in the log, and whoever needs the token is told again */
}

void p11_token_connect_soon(struct p11_token *t)
{
    p11_connector_start(&t->connector);
}

void p11_token_hold(struct p11_token *t, unsigned failures, unsigned wait, void (*settled)(void))
{
    unsigned long long until = wait == 0 ? 0 : p11_now_ms() + wait;
    struct problem why;

    if (wait > 0) {
        problem_set(&why, LB_E_TOKEN,
                    "the module of the token has ended %u processes of this box in a row when it was started", failures);
        problem_hint(&why, "the log says how each ended; it is started again %u.%u s after the last time", wait / 1000,
                     wait % 1000 / 100);
        if (!p11_connection_hold(&t->connection, until, &why))
            until = 0;
    }
    p11_connector_hold(&t->connector, until, settled);
}

void p11_token_lock(struct p11_token *t, bool locked)
{
    p11_connector_end(&t->connector);
    p11_connection_lock(&t->connection, locked);
}

int p11_token_login(struct p11_token *t, struct bytes pin, struct problem *p)
{
    return p11_connection_login(&t->connection, pin, p);
}

void p11_token_info(struct p11_token *t, struct p11_token_info *ret)
{
    p11_told_ask(&t->told, &t->connection, &t->pool, ret);
}

/* Its life */

static int start_watchdog(struct p11_token *t)
{
    unsigned n = t->pool.size;

    t->callers = calloc(n + 1, sizeof(*t->callers));
    if (t->callers == NULL)
        return LB_E_NOMEM;
    t->callers[0] = &t->connection.control.call;
    for (unsigned i = 0; i < n; i++)
        t->callers[i + 1] = &t->pool.all[i].call;
    return p11_watchdog_start(t->callers, n + 1, t->conf->timeout, &t->watchdog);
}

static int make_parts(struct p11_token *t)
{
    int r = p11_pool_init(&t->pool, t->conf->sessions, t->connection.module.f, t);

    if (r == 0)
        r = p11_copies_new(&t->copies);
    if (r == 0)
        r = p11_messages_new(&t->messages);
    if (r == 0)
        r = p11_certs_cache_new(&t->certs);
    return r == 0 ? start_watchdog(t) : r;
}

int p11_token_new(const struct p11conf *conf, const char *remember, struct p11_token **ret, struct problem *p)
{
    struct p11_token *t = calloc(1, sizeof(*t));
    int r;

    if (t == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    t->conf = conf;
    p11_told_init(&t->told, conf);
    p11_connector_init(&t->connector, connect_it, t);
    r = p11_connection_init(&t->connection, conf, remember, listeners, t, p);
    if (r == 0) {
        r = make_parts(t);
        if (r != 0)
            problem_set(p, r, "cannot make the sessions of the token: %s", lb_strerror(r));
    }
    if (r != 0) {
        p11_token_free(t);
        return r;
    }
    *ret = t;
    return 0;
}

void p11_token_free(struct p11_token *t)
{
    if (t == NULL)
        return;
    p11_connector_clear(&t->connector);
    p11_connection_clear(&t->connection);
    p11_watchdog_stop(t->watchdog);
    free(t->callers);
    p11_certs_cache_free(t->certs);
    p11_messages_free(t->messages);
    p11_copies_free(t->copies);
    p11_pool_clear(&t->pool);
    p11_told_clear(&t->told);
    free(t);
}
