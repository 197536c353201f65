/* Keys on a token that are destroyed, and what is taken away of those that came to nothing. */
#ifndef LB_TOKEN_DESTROY_H
#define LB_TOKEN_DESTROY_H

#include "token/object.h"

/*
 * Takes both objects of a new key away that came to nothing after p11_make() or p11_import(). If these fail, they do so
 * themselves. What cannot be taken away is named in the log and in p's hint; p's text and code stay.
 */
void p11_discard(struct p11_token *t, const struct p11_name *name, struct problem *p);
/*
 * The same inside a work of p11_do(). Every private and public object of that name is destroyed. The name has a new random
 * id, so no other key has it. The public half is not compared, since it may be what is wrong.
 */
CK_RV p11_discard_now(struct p11_session *s, const struct p11_name *name);

/*
 * Destroys the private object and the public one of the same id. Then it looks for the key in a new connection. A key that
 * was not there is no failure. LB_E_TOKEN: it is still there.
 */
LB_MUST_USE int p11_destroy(struct p11_token *t, const struct p11_name *name, const uint8_t *spki, size_t spki_len,
                            struct problem *p);

#endif
