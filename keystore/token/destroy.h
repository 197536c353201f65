/* Keys on a token that are destroyed, and what is taken away of those that came to nothing. */
#ifndef LB_TOKEN_DESTROY_H
#define LB_TOKEN_DESTROY_H

#include "token/object.h"

/*
 * What came to nothing after p11_make() or p11_import(), which do this themselves where they fail: both objects go, whatever
 * they are. What cannot be taken away is named in the log and in p's hint; its text and code stay.
 */
void p11_discard(struct p11_token *t, const struct p11_name *name, struct problem *p);
/*
 * The same inside a work of p11_do(). Every private and public object of that name: it has a new random id, so all of them are
 * of the one that was begun. By the name alone, since the public half is what may be wrong.
 */
CK_RV p11_discard_now(struct p11_session *s, const struct p11_name *name);

/*
 * Destroys the private object and the public one of the same id, and looks for it in a new connection. It not being there any
 * more is not a failure. LB_E_TOKEN: it is still there.
 */
LB_MUST_USE int p11_destroy(struct p11_token *t, const struct p11_name *name, const uint8_t *spki, size_t spki_len,
                            struct problem *p);

#endif
