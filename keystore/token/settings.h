/* What BOX.conf says about the token of a box (littlebox.conf(5)). */
#ifndef LB_TOKEN_SETTINGS_H
#define LB_TOKEN_SETTINGS_H

#include <limits.h>

#include "base/errors.h"
#include "model/pkcs11_uri.h"

#define P11_ENV_MAX 8
#define P11_ENV_SIZE 1024
#define P11_SESSIONS_MAX 256

/* Where the PIN comes from. PIN_NONE: nothing was said. */
enum p11_pin { PIN_NONE, PIN_FILE, PIN_PROMPT };
enum p11_login { LOGIN_AUTO, LOGIN_ALWAYS, LOGIN_NEVER };

struct p11conf {
    char module[PATH_MAX];
    char dirs[P11_ENV_SIZE];         /* where modules may be, with ':' between */
    char writes[P11_ENV_SIZE];       /* where the module may write, with ':' between */
    char env[P11_ENV_MAX][P11_ENV_SIZE]; /* NAME=VALUE, for the module */
    unsigned env_count;
    char arguments[P11_ENV_SIZE];    /* for the module's C_Initialize; "": none */
    struct p11uri token;             /* the attributes that it must have */
    bool has_token;
    enum p11_pin pin;
    char pin_path[PATH_MAX];         /* of PIN_FILE */
    unsigned sessions;               /* at most, used at once */
    enum p11_login login;
    bool session_copies;             /* of keys, where they are faster */
    unsigned timeout;                /* of one call of the module, in seconds */
};

void p11conf_defaults(struct p11conf *c);

/* Setters of daemon/box_conf.c: NULL, or what the value has to be. */
const char *p11conf_module(struct p11conf *c, const char *value);
const char *p11conf_dirs(struct p11conf *c, const char *value);
const char *p11conf_writes(struct p11conf *c, const char *value);
const char *p11conf_env(struct p11conf *c, const char *value);
const char *p11conf_arguments(struct p11conf *c, const char *value);
const char *p11conf_token(struct p11conf *c, const char *value);
const char *p11conf_pin(struct p11conf *c, const char *value);
const char *p11conf_sessions(struct p11conf *c, const char *value);
const char *p11conf_session_copies(struct p11conf *c, const char *value);
const char *p11conf_login(struct p11conf *c, const char *value);
const char *p11conf_timeout(struct p11conf *c, const char *value);

/* Is all there that a box on a token needs? LB_E_CONFIG with the file's name in p. */
LB_MUST_USE int p11conf_check(const struct p11conf *c, const char *file, struct problem *p);

#endif
