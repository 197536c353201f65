/* A PKCS#11 module in this process: loading it, and calls that are watched so that none hangs unseen. */
#ifndef LB_TOKEN_MODULE_H
#define LB_TOKEN_MODULE_H

#include <p11-kit/pkcs11.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/errors.h"
#include "token/settings.h"

/* PKCS#11 3.0, which p11-kit 0.24 has but for these. */
#ifndef CKK_EC_MONTGOMERY
#define CKK_EC_MONTGOMERY (0x41UL)
#endif
#ifndef CKM_EC_MONTGOMERY_KEY_PAIR_GEN
#define CKM_EC_MONTGOMERY_KEY_PAIR_GEN (0x1056UL)
#endif

/*
 * One caller of the module, a thread at a time: what it is in, and since when. The watchdog reads both.
 */
struct p11_caller {
    CK_FUNCTION_LIST *f;
    _Atomic(const char *) what;  /* the name of the function; NULL: in none */
    atomic_ullong since;         /* milliseconds, monotonic */
};

/* Monotonic, milliseconds. */
unsigned long long p11_now_ms(void);

void p11_enter(struct p11_caller *c, const char *what);
static inline CK_RV p11_left(struct p11_caller *c, CK_RV rv)
{
    atomic_store_explicit(&c->what, NULL, memory_order_release);
    return rv;
}
/* P11_CALL(caller, C_Sign, session, ...): the function of the module, watched. */
#define P11_CALL(c, fn, ...) (p11_enter((c), #fn), p11_left((c), (c)->f->fn(__VA_ARGS__)))

/*
 * Checks that the configuration lets this file in (where it really is, who can write to it) and loads it. It stays loaded
 * as long as the process lives: what a module started in here may not outlive its code. LB_E_CONFIG, LB_E_TOKEN.
 */
LB_MUST_USE int p11_module_load(const struct p11conf *conf, CK_FUNCTION_LIST **ret, struct problem *p);

/* "CKR_PIN_INCORRECT", or the number where it is none that Cryptoki has; buf is for that. */
#define P11_RV_SIZE 40
const char *p11_rv_name(CK_RV rv, char buf[P11_RV_SIZE]);
/* "CKM_ECDSA" of those that are used here. */
const char *p11_mechanism_name(CK_MECHANISM_TYPE m);

/*
 * A thread that ends the process (EXIT_HUNG) once one of the callers was longer than seconds in one call: what hangs in a
 * module cannot be ended in another way, and the keeper starts the next child. LB_E_SYSTEM, LB_E_NOMEM.
 */
struct p11_watchdog;
#define EXIT_HUNG 75
LB_MUST_USE int p11_watchdog_start(struct p11_caller *const callers[], unsigned count, unsigned seconds,
                                   struct p11_watchdog **ret);
void p11_watchdog_stop(struct p11_watchdog *w); /* NULL is fine */

#endif
