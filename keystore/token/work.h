/* A piece of work on a token: done with a session, and again where the token was away meanwhile. */
#ifndef LB_TOKEN_WORK_H
#define LB_TOKEN_WORK_H

#include "base/wire.h"
#include "token/failure.h"
#include "token/session.h"

/*
 * Does work() with a session, connecting first if need be. It is done again where the token was away meanwhile, its
 * sessions were gone, or the login was lost; each is cured first. Returns 0 or the problem: of the connection, or
 * "what: CKR_..." (LB_E_TOKEN; LB_E_SCHEME where it is about what the key is for). A work that has a text of its own sets
 * p and returns P11_TOLD.
 *
 * work() runs with the connection's lock held for reading, so it must not call p11_do(), nor what connects.
 */
typedef CK_RV p11_work(struct p11_session *s, void *arg, struct problem *p);
LB_MUST_USE int p11_do(struct p11_token *t, const char *what, p11_work *work, void *arg, struct problem *p);
/* The same, where sessions keep contexts with one that has this thing's. */
LB_MUST_USE int p11_do_for(const void *thing, struct p11_token *t, const char *what, p11_work *work, void *arg,
                           struct problem *p);

/* Inside of a work */

/* CKR_OK: the session and the token behind it are there. Else a code that p11_do() has a cure for, if it is returned to it. */
CK_RV p11_alive(struct p11_session *s);
/* The PIN once more, for a key with CKA_ALWAYS_AUTHENTICATE: between its init and its call. */
CK_RV p11_context_login(struct p11_session *s, struct problem *p);
/* Whether the token does mechanism m for flags (CKF_SIGN ...), by its list, which was read when it was connected. */
bool p11_token_can(const struct p11_token *t, CK_MECHANISM_TYPE m, CK_FLAGS flags);
/* The same as a refusal: LB_E_SCHEME with the names in p. */
LB_MUST_USE int p11_token_must(const struct p11_token *t, CK_MECHANISM_TYPE m, CK_FLAGS flags, struct problem *p);

/* Outside of any */

/* Connects now, if it is not connected. LB_E_NO_TOKEN, LB_E_PIN, LB_E_AMBIGUOUS, LB_E_TOKEN. */
LB_MUST_USE int p11_token_connect(struct p11_token *t, struct problem *p);
/*
 * Connects anew, though the token is connected: what the module remembered of the token is forgotten. This is not counted,
 * since nothing was lost.
 */
LB_MUST_USE int p11_token_reconnect(struct p11_token *t, struct problem *p);
/* The number of the connection: handles of objects are good as long as it does not change. */
unsigned p11_token_generation(const struct p11_token *t);

#endif
