/* Keys made on a token, and brought to it. */
#ifndef LB_TOKEN_MAKE_H
#define LB_TOKEN_MAKE_H

#include <openssl/evp.h>

#include "token/object.h"

/* A new pair of that type (model/key_types.h) with a new id and this label. LB_E_KEY_TYPE: the token has no such keys. */
LB_MUST_USE int p11_make(struct p11_token *t, const char *type, const char *label, struct p11_name *ret_name,
                         uint8_t **ret_spki, size_t *ret_len, struct problem *p);
/* Brings a key in. LB_E_UNSUPPORTED: the token takes none. */
LB_MUST_USE int p11_import(struct p11_token *t, EVP_PKEY *key, const char *label, struct p11_name *ret_name,
                           struct problem *p);

#endif
