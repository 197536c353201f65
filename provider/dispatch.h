/* Dispatch rows that the compiler checks. */
#ifndef LB_DISPATCH_H
#define LB_DISPATCH_H

#include <openssl/core_dispatch.h>

/*
 * One row of a dispatch table: LB_FN(KEYMGMT_LOAD, keymgmt_load, load). A function of another type than
 * OSSL_FUNC_keymgmt_load_fn does not compile, which the plain cast would let through.
 */
#define LB_FN(ID, type, fn) { OSSL_FUNC_##ID, (void (*)(void))_Generic(&(fn), OSSL_FUNC_##type##_fn *: &(fn)) }
#define LB_FN_END { 0, NULL }

#endif
