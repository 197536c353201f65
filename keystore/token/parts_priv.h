/* What a token is made of: a struct an idea, each in a file of its own, with its own lock. */
#ifndef LB_TOKEN_PARTS_PRIV_H
#define LB_TOKEN_PARTS_PRIV_H

#include "token/connection.h"
#include "token/connector.h"
#include "token/info.h"
#include "token/pool.h"

/*
 * token/token.c makes it. Nothing that is embedded here knows it but as a name to hand on; what is pointed to stands on
 * it, and is known here by name alone.
 *
 * Locks are taken in this order, and a thread may leave out any of them:
 *   connector.lock, certs's reading lock
 *   connection.lock
 *   a key's lock (token/key.c), a copy's lock, copies's lock
 *   pool.lock, told.lock, connector.hold_lock, certs's lock: with these no other is taken
 */
struct p11_token {
    const struct p11conf *conf;
    struct p11_connection connection;
    struct p11_pool pool;
    struct p11_connector connector;
    struct p11_told told;
    struct p11_caller **callers;         /* for the watchdog: control, then the sessions */
    struct p11_watchdog *watchdog;
    struct p11_copies *copies;           /* token/copy.h */
    struct p11_messages *messages;       /* token/message_api.h */
    struct p11_certs_cache *certs;       /* token/certificate_cache.h */
};

#endif
