/* What the tests of ASYNC_JOBs share: a box, a caller of it, and how much the provider holds for operations. */
#ifndef ASYNCBOX_H
#define ASYNCBOX_H

#include "boxproc.h"
#include "crypto.h"
#include "suite.h"

/* Only what hangs takes that long. */
#define HANG_MS 300000

/* With the keys "ec" and "rsa"; ec_plain is the public half without littlebox. There while asyncbox_run() runs. */
extern struct boxproc box;
extern OSSL_LIB_CTX *libctx;
extern EVP_PKEY *ec, *ec_plain;

/*
 * A test program's main(): the box, then what the program adds to it, the tests, and all away again, descriptors too.
 * Its exit status: 77 if this OpenSSL has no asynchronous jobs.
 */
int asyncbox_run(const char *name, CU_TestInfo *tests, void (*begin)(void), void (*end)(void));

/* How many blocks the provider has allocated for operations and not freed. */
long asyncbox_blocks(void);

/*
 * Runs it in a process of its own: OpenSSL never frees the stack of a job that is not resumed, nor what libssl has on
 * it. Whether all its assertions held; says which did not.
 */
bool asyncbox_child(void (*run)(void));

#endif
