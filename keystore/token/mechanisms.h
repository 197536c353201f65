/* The mechanisms that a token lists. */
#ifndef LB_TOKEN_MECHANISMS_H
#define LB_TOKEN_MECHANISMS_H

#include "token/slot.h"

#define P11_MECHANISMS_MAX 512

/* As they were when it was connected. By the connection's lock: read with it held for reading. */
struct p11_mechanisms {
    CK_ULONG count;
    struct {
        CK_MECHANISM_TYPE type;
        CK_FLAGS flags;
    } all[P11_MECHANISMS_MAX];
};

/* Asks the token. LB_E_TOKEN: and then there are none. */
LB_MUST_USE int p11_mechanisms_read(struct p11_mechanisms *m, struct p11_caller *call, const struct p11_slot *slot,
                                    struct problem *p);
/* Whether it has this one with all of these flags (CKF_SIGN ...). */
bool p11_mechanisms_have(const struct p11_mechanisms *m, CK_MECHANISM_TYPE type, CK_FLAGS flags);
/* Whether any has all of these flags. */
bool p11_mechanisms_any(const struct p11_mechanisms *m, CK_FLAGS flags);

#endif
