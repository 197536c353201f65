/* A PKCS#11 module in this process: whether it may be loaded, loading it, starting and ending it. */
#ifndef LB_TOKEN_MODULE_H
#define LB_TOKEN_MODULE_H

#include "token/settings.h"
#include "token/watchdog.h"

/*
 * By the connection's lock, held for writing; f is set once, before there are other threads.
 *
 * libp11 starts the module. p11-kit gives each who asks a function list with a state of its own, so to it ours and
 * libp11's are two, and both are started. Any other module has one list, and says to the second that it is started.
 */
struct p11_module {
    const struct p11conf *conf;
    CK_FUNCTION_LIST *f;          /* NULL: not loaded */
    struct PKCS11_ctx_st *libp11; /* NULL: not started */
    char library[33];             /* what the module calls itself */
};

/*
 * Checks that the configuration lets this file in (where it really is, who can write to it) and loads it. It stays loaded
 * as long as the process lives: what a module started in here may not outlive its code. LB_E_CONFIG, LB_E_TOKEN.
 */
LB_MUST_USE int p11_module_load(struct p11_module *m, struct problem *p);
/* C_Initialize, unless it is started. label is the token's, for the text. LB_E_TOKEN, LB_E_NOMEM. */
LB_MUST_USE int p11_module_start(struct p11_module *m, struct p11_caller *call, const char *label, struct problem *p);
/* C_Finalize, if it is started: ends all sessions, and the login with them. */
void p11_module_end(struct p11_module *m, struct p11_caller *call);

/* A call of libp11 failed: Cryptoki's code is on libcrypto's queue, and is taken from there. As p11_failed(). */
int p11_libp11_failed(const char *label, const char *what, struct problem *p);
/* One of Cryptoki's texts, as libp11 has cut it, without blanks at its end. Control characters are not for terminals. */
void p11_text(const char *from, char *to, size_t size);

#endif
