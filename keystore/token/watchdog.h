/* Calls of the module are watched, so that none hangs unseen. */
#ifndef LB_TOKEN_WATCHDOG_H
#define LB_TOKEN_WATCHDOG_H

#include <p11-kit/pkcs11.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

/*
 * One caller of the module, a thread at a time: the function that it is in, and since when. The watchdog reads both.
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
 * A thread that ends the process (EXIT_HUNG) once one of the callers was longer than seconds in one call. What hangs in a
 * module cannot be ended in another way, and the keeper starts the next child. callers must outlive the watchdog.
 * LB_E_SYSTEM, LB_E_NOMEM.
 *
 * Its lock is its own: no other is taken with it, and it is never held during a call of the module.
 */
struct p11_watchdog;
#define EXIT_HUNG 75
LB_MUST_USE int p11_watchdog_start(struct p11_caller *const callers[], unsigned count, unsigned seconds,
                                   struct p11_watchdog **ret);
void p11_watchdog_stop(struct p11_watchdog *w); /* NULL is fine */

#endif
