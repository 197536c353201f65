/* Logging in to a token: where the PIN comes from, and that a refused one is not tried again. */
#ifndef LB_TOKEN_LOGIN_H
#define LB_TOKEN_LOGIN_H

#include "base/wire.h"
#include "model/limits.h"
#include "token/session.h"
#include "token/slot.h"

/* Longest PIN, in bytes. */
#define P11_PIN_MAX LB_PIN_MAX

/*
 * By the connection's lock: held for writing by whoever logs in, for reading by p11_login_for_use(). That is why
 * pin_refused is atomic.
 *
 * This is not left to libp11. Up to 0.4.18 at least it keeps a copy of the PIN in ordinary memory, and has no login for
 * one use of a key (CKU_CONTEXT_SPECIFIC) that stands apart from its own signing.
 */
struct p11_user_login {
    const struct p11conf *conf;
    char remember[PATH_MAX];  /* a file that keeps note of a PIN that was refused */
    uint8_t *pin;             /* secret memory of P11_PIN_MAX + 1 bytes */
    size_t pin_len;
    bool logged_in;
    bool pin_good;            /* the token took it */
    atomic_bool pin_refused;  /* the token did not: not to be tried again by ourselves */
};

/* LB_E_NOMEM. */
LB_MUST_USE int p11_login_init(struct p11_user_login *l, const struct p11conf *conf, const char *remember);
/* Wipes all. A login that is zeroed, but was never initialised, may be cleared too. */
void p11_login_clear(struct p11_user_login *l);
/* The box is locked: the PIN goes. */
void p11_login_forget(struct p11_user_login *l);

/* Logs in, if the configuration or the token wants that. LB_E_PIN, LB_E_TOKEN. */
LB_MUST_USE int p11_login(struct p11_user_login *l, struct p11_session *control, const struct p11_slot *slot,
                          struct problem *p);
/* The same with a PIN from a person, whatever was refused before. pin is 1 to P11_PIN_MAX bytes. */
LB_MUST_USE int p11_login_with(struct p11_user_login *l, struct p11_session *control, const struct p11_slot *slot,
                               struct bytes pin, struct problem *p);
/* The PIN once more, for one use of a key. CKR_*, or P11_TOLD. */
CK_RV p11_login_for_use(struct p11_user_login *l, struct p11_session *s, const char *label, struct problem *p);

#endif
