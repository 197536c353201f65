/* The token of a box: made, locked and unlocked, asked how it is. What is done with it is token/work.h's. */
#ifndef LB_TOKEN_TOKEN_H
#define LB_TOKEN_TOKEN_H

#include "base/wire.h"
#include "token/info.h"
#include "token/settings.h"

struct p11_token;

/*
 * Loads the module and starts the watchdog. The token is locked until p11_token_lock() says otherwise. It is not asked
 * anything: that is done by p11_token_connect_soon(), or with the first piece of work. conf must outlive it. remember: a
 * file that keeps note of a PIN that was refused.
 */
LB_MUST_USE int p11_token_new(const struct p11conf *conf, const char *remember, struct p11_token **ret,
                              struct problem *p);
/* Logs out and ends the module; NULL is fine. Nobody may use it any more. */
void p11_token_free(struct p11_token *t);

/* Connects in a thread of its own: whoever needs the token meanwhile waits for it, nobody else does. */
void p11_token_connect_soon(struct p11_token *t);
/*
 * Before p11_token_connect_soon(): the module has ended so many processes in a row when it was started. It is left alone for
 * wait milliseconds; whoever needs the token meanwhile is refused with LB_E_TOKEN. A token that is locked is not held: a person
 * unlocks it, and is not made to wait. settled() is called each time that
 * p11_token_connect_soon() is through, by its thread.
 */
void p11_token_hold(struct p11_token *t, unsigned failures, unsigned wait, void (*settled)(void));
/*
 * locked: logs out, ends the sessions once the work under way is done, forgets the PIN, and refuses all work with
 * LB_E_LOCKED until it is called again.
 */
void p11_token_lock(struct p11_token *t, bool locked);
/* A PIN from a person, tried at once (whatever was refused before); it is kept if it is right. */
LB_MUST_USE int p11_token_login(struct p11_token *t, struct bytes pin, struct problem *p);
/* How the token is now; how it was, if an answer would have to wait for the token. */
void p11_token_info(struct p11_token *t, struct p11_token_info *ret);

#endif
