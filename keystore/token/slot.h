/* The one token that the configuration means, found among those that the module shows, by libp11. */
#ifndef LB_TOKEN_SLOT_H
#define LB_TOKEN_SLOT_H

#include "token/module.h"

/* A token in its slot; texts without the blanks that Cryptoki pads with. By the connection's lock. */
struct p11_slot {
    CK_SLOT_ID id;
    CK_FLAGS flags;    /* of the token: CKF_RNG, CKF_LOGIN_REQUIRED ... */
    struct p11uri uri; /* P11_OF_TOKEN */
    char label[33], manufacturer[33], model[17], serial[17];
};

/*
 * Finds the token with a module that is started. slot says what was found before, and stays as it is if the token is not
 * there. LB_E_NO_TOKEN, LB_E_AMBIGUOUS, LB_E_TOKEN.
 */
LB_MUST_USE int p11_slot_find(struct p11_module *m, struct p11_caller *call, struct p11_slot *slot, struct problem *p);

#endif
