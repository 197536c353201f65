/* The settings of the provider's section in openssl.cnf. */
#ifndef LB_SETTINGS_H
#define LB_SETTINGS_H

#include <limits.h>
#include <openssl/core_dispatch.h>
#include <stdbool.h>

#include "base/errors.h"
#include "client/owner.h"
#include "model/key_name.h"

struct settings {
    bool given;                                 /* some of the section; without, all are the defaults */
    char directory[PATH_MAX - LB_NAME_MAX - 8]; /* where BOX.sock is; "": the usual places */
    char box[LB_NAME_MAX + 1];                  /* the box of "littlebox:KEY" */
    unsigned timeout_ms;                        /* bound of one private-key operation, waiting for a box included */
    struct owner_list users;                    /* whose boxes are accepted, beside root's and the caller's own */
    bool assume_fips;                           /* all rows have the property fips=yes */
    struct problem bad;                         /* code not 0: a setting is wrong; said when a box is first needed */
};

/* s is zeroed. The first instance of a process whose section has any of them lends them to those that have none. */
void settings_read(struct settings *s, const OSSL_CORE_HANDLE *core, OSSL_FUNC_core_get_params_fn *get_params);

/*
 * What holds for an instance with these: its own, if its section has any; else those of the first in the process that has
 * some, as they are when they are first needed. A library context that a program makes for itself reads no openssl.cnf, and
 * the keys of the program are where openssl.cnf says. Lives as long as the process or as own.
 */
const struct settings *settings_in_force(const struct settings *own);

#endif
