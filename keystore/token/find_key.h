/* The private key on a token that a name and a public half mean. */
#ifndef LB_TOKEN_FIND_KEY_H
#define LB_TOKEN_FIND_KEY_H

#include "token/object.h"

/*
 * The private key of that name: id alone, label alone, or both; an empty part fits anything. With spki only a key with this
 * public half counts. Copies (token/copy.h) do not count. Inside a work of p11_do(): CKR_*, or P11_TOLD with
 * LB_E_NO_OBJECT, or with LB_E_AMBIGUOUS and the candidates.
 */
CK_RV p11_find_key(struct p11_session *s, const struct p11_name *name, const uint8_t *spki, size_t spki_len,
                   CK_OBJECT_HANDLE *ret, struct problem *p);

#endif
