/* The public key that belongs to a private one on a token. */
#ifndef LB_TOKEN_PUBLIC_H
#define LB_TOKEN_PUBLIC_H

#include "token/object.h"

/*
 * The public half of a private key, as DER SubjectPublicKeyInfo (for free()): from the public object or a certificate
 * of the same id, or from what the private object says itself. P11_TOLD: there is none, or not of a known type.
 */
CK_RV p11_public(struct p11_session *s, CK_OBJECT_HANDLE key, uint8_t **ret, size_t *ret_len, struct problem *p);

#endif
