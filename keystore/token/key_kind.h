/* Cryptoki's numbers for the kinds of keys that a token holds. */
#ifndef LB_TOKEN_KEY_KIND_H
#define LB_TOKEN_KEY_KIND_H

#include "model/key_types.h"
#include "token/module.h"

struct p11_kind {
    CK_KEY_TYPE type;           /* CKA_KEY_TYPE */
    CK_MECHANISM_TYPE generate; /* how a pair is made */
};

/* NULL: such keys are on no token. Also for NULL. */
const struct p11_kind *p11_kind_of(const struct key_algorithm *a);

/* Is it a type of one of those? */
bool p11_kind_is_known(CK_KEY_TYPE type);

#endif
