/* The connection with a token: the module started, the token found, logged in; brought back when it was away. */
#ifndef LB_TOKEN_CONNECTION_H
#define LB_TOKEN_CONNECTION_H

#include <pthread.h>

#include "token/listener.h"
#include "token/login.h"
#include "token/mechanisms.h"

struct p11_connection {
    const struct p11conf *conf;
    struct p11_token *token;                       /* what listeners are given */
    const struct p11_listener *const *listeners;   /* in the order in which they hear; NULL ends them */

    /*
     * Work holds it for reading; whoever connects, logs in or locks holds it for writing. It guards all that follows.
     * No thread takes it twice (base/fair_lock.h). Held before it: the connector's lock, the certificates' reading lock.
     * Taken with it: any other lock of this room.
     */
    pthread_rwlock_t lock;
    struct p11_module module;
    struct p11_slot slot;
    struct p11_mechanisms mechanisms;
    struct p11_user_login login;
    struct p11_session control;  /* the login's session, which stays open: without one the token logs out */
    bool connected, locked;
    atomic_uint generation;      /* changes with each connecting and disconnecting */
    unsigned reconnects;
    unsigned long long connected_at;
    unsigned long long retry_at; /* when connecting may be tried again, after a failure, in milliseconds */
    struct problem problem;      /* why it is not connected; code 0: nothing known */
};

/*
 * Loads the module. Locked until p11_connection_lock() says otherwise. conf and listeners must outlive it. Fails with the
 * problem set; p11_connection_clear() is for what is half made, too.
 */
LB_MUST_USE int p11_connection_init(struct p11_connection *c, const struct p11conf *conf, const char *remember,
                                    const struct p11_listener *const *listeners, struct p11_token *token,
                                    struct problem *p);
/* Disconnects. Nobody may use it any more. */
void p11_connection_clear(struct p11_connection *c);

/*
 * All of these take the lock themselves. Several threads may find out at once that the connection was lost: the first one
 * mends it, the others see that the generation is another than the one that they had seen.
 */

/* Connects, if it is not connected. LB_E_LOCKED, LB_E_NO_TOKEN, LB_E_PIN, LB_E_AMBIGUOUS, LB_E_TOKEN. */
LB_MUST_USE int p11_connection_make(struct p11_connection *c, struct problem *p);
/* Connects anew on purpose, so it is not counted: what the module remembered of the token is forgotten. */
LB_MUST_USE int p11_connection_renew(struct p11_connection *c, struct problem *p);
/* Connects again, if the connection is still that of the generation seen: it was lost. */
LB_MUST_USE int p11_connection_mend(struct p11_connection *c, unsigned seen, struct problem *p);
/* Logs in again, if the connection is still that of the generation seen: its login was lost. */
LB_MUST_USE int p11_connection_mend_login(struct p11_connection *c, unsigned seen, struct problem *p);
/* A PIN from a person, in a new connection. LB_E_PIN, LB_E_LOCKED ... */
LB_MUST_USE int p11_connection_login(struct p11_connection *c, struct bytes pin, struct problem *p);
/*
 * locked: disconnects once the work under way is done, and forgets the PIN. The connection is not made again until it is
 * unlocked.
 */
void p11_connection_lock(struct p11_connection *c, bool locked);
/*
 * Until that time (p11_now_ms()) the connection is not made, and whoever wants it is told why. False: it is locked, and
 * whoever unlocks it has it at once.
 */
bool p11_connection_hold(struct p11_connection *c, unsigned long long until, const struct problem *why);

/* Is the connection there now? False also while it is being made: this does not wait. */
bool p11_connection_is_there(struct p11_connection *c);
/* Is the connection there for so long that the module's own memory of what is on the token may be out of date? */
bool p11_connection_is_stale(struct p11_connection *c);

#endif
