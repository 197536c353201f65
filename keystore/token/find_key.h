/* The private key on a token that a name and a public half mean. */
#ifndef LB_TOKEN_FIND_KEY_H
#define LB_TOKEN_FIND_KEY_H

#include "token/object.h"

/*
 * The private keys of that name: id alone, label alone, or both; an empty part fits anything. One: its handle. None:
 * P11_TOLD with LB_E_NO_OBJECT. Several: LB_E_AMBIGUOUS with the candidates. With spki only what has this public half
 * counts.
 */
CK_RV p11_find_key(struct p11_session *s, const struct p11_name *name, const uint8_t *spki, size_t spki_len,
                   CK_OBJECT_HANDLE *ret, struct problem *p);

#endif
