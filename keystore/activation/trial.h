/* Does OpenSSL start with a configuration? It is tried before it counts, in processes of their own. */
#ifndef LB_ACTIVATION_TRIAL_H
#define LB_ACTIVATION_TRIAL_H

#include <stdbool.h>

#include "base/errors.h"

/* A configuration that no program reads yet. */
struct trial {
    const char *text;      /* of openssl.cnf */
    const char *drop_in;   /* the path that text may include */
    const char *drop_text; /* what is to be there; NULL: nothing */
    bool ours;             /* the provider 'littlebox' must be there */
};

/*
 * Tries it as libcrypto, libssl and openssl(1) use it, if that is installed and of the same OpenSSL: the configuration loads,
 * the providers that it names are there, TLS finds its ciphers, digests and groups, and openssl(1) starts and makes a TLS
 * context. LB_E_CONFIG: one of these fails, and p says which. LB_E_SYSTEM, LB_E_NOMEM.
 */
LB_MUST_USE int trial_run(const struct trial *t, struct problem *p);

#endif
