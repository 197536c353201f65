/* BOX.conf: how one box is set up (littlebox.conf(5)). */
#ifndef LB_DAEMON_BOX_CONF_H
#define LB_DAEMON_BOX_CONF_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "backends/site.h"
#include "base/errors.h"
#include "base/log.h"
#include "box/box.h"
#include "model/paths.h"
#include "model/vocabulary.h"
#include "policy/policy.h"
#include "token/settings.h"
#include "vault/vault.h"

struct boxconf {
    char box[LB_NAME_MAX + 1];
    struct box_paths paths;
    unsigned threads;                        /* that answer requests, 2 to 256 */
    unsigned max_connections;                /* 16 to 100000 */
    unsigned open_keys;                      /* at once, 1 to 100000 */
    unsigned watchdog;                       /* seconds, 2 to 3600; 0: nobody looks */
    unsigned rest_after;                     /* seconds without use, then a key is closed; 0: never */
    unsigned destroy_after;                  /* seconds from the order to the destruction of a key, 1 to a year */
    bool threads_given;                      /* threads is not the default */
    bool locked_memory;                      /* the box does not start where secrets cannot be locked */
    struct admins admins;
    char credential[PATH_MAX];               /* the file that opens the store at start, if it is there */
    bool credential_handed;                  /* that file is of the service manager, which makes it again at each start */
    mode_t socket_mode;
    enum log_level log_level;
    bool sandbox;
    enum backend_kind backend;
    struct p11conf p11;                      /* of BACKEND_PKCS11 */
    bool token_settings;                     /* any line about a token was there */
};

/*
 * Sets the defaults, then what the file at paths.config says; no file is fine. LB_E_CONFIG with file and line in p.
 * Resolves user and group names, so it must run before the sandbox.
 */
LB_MUST_USE int boxconf_load(const char *box, const struct box_paths *paths, struct boxconf *ret, struct problem *p);

/* What the vault and the server need of the configuration; both point into conf. */
void boxconf_settings(const struct boxconf *conf, struct vault_settings *ret_vault, struct box_settings *ret_box);

/* Logs which administrators may be somebody else tomorrow (base/id_range.h). To be called before the sandbox. */
void boxconf_warn(const struct boxconf *c);

#endif
