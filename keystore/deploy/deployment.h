/* A deployment: in which files a server has a key's handle and its chain, and how the server is told (littlebox-deploy(5)). */
#ifndef LB_DEPLOY_DEPLOYMENT_H
#define LB_DEPLOY_DEPLOYMENT_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/errors.h"
#include "model/key_name.h"

#define DEPLOY_RELOADS_MAX 8
/* In bytes, without the NUL: a setting's value, and a line of the file with it. */
#define DEPLOY_VALUE_MAX 4000
#define DEPLOY_LINE_MAX (DEPLOY_VALUE_MAX + 80)
/* Seconds that a reload command may take, unless the deployment says another number. */
#define DEPLOY_RELOAD_SECONDS 120

/* Which files there are, in the order in which they get their names (deploy/run.c). */
enum deploy_file { DEPLOY_HANDLE, DEPLOY_CHAIN, DEPLOY_COMBINED, DEPLOY_FILES };

/* All strings are the deployment's; NULL: it has none. */
struct deployment {
    char *conf;                /* the name of its own file; NULL: it was never saved */
    char key[LB_NAME_MAX + 1];
    char *files[DEPLOY_FILES]; /* absolute paths */
    char *owner;               /* "USER" or "USER:GROUP", as it was written */
    uid_t uid;                 /* what that means here; else the caller's */
    gid_t gid;
    mode_t mode;
    char *reload[DEPLOY_RELOADS_MAX]; /* lines for a shell */
    unsigned reload_count;
    unsigned reload_seconds;
    char *check; /* deploy/address.h */
    char *sni;
};

/* No key and no files yet; owner and mode as where nothing is said. */
void deployment_init(struct deployment *d);
void deployment_clear(struct deployment *d);

/* A setting by the name that it has in the file. LB_E_CONFIG: p says what the value must be. LB_E_NOMEM. */
LB_MUST_USE int deployment_set(struct deployment *d, const char *name, const char *value, struct problem *p);
/* Is it whole? LB_E_CONFIG. */
LB_MUST_USE int deployment_check(const struct deployment *d, struct problem *p);

/*
 * Reads len bytes of a file, path in messages. An unknown setting, or one that is there twice, is an error, since a misspelt line
 * would leave a server with what it had. LB_E_CONFIG with file and line, LB_E_NOMEM. ret is to be cleared in any case.
 */
LB_MUST_USE int deployment_parse(const char *path, char *text, size_t len, struct deployment *ret, struct problem *p);
/* The key of which text, which may be wrong elsewhere, says that it is a deployment; "": none. Ends with a NUL, and is left as it is. */
void deployment_key(const char *text, char ret[LB_NAME_MAX + 1]);
/* What deployment_parse() reads. */
void deployment_write(const struct deployment *d, FILE *out);

/* The file that the deployment is called by: the handle, or the combined one. */
const char *deployment_file(const struct deployment *d);
/* The name of a file in it; NULL: it is not the deployment's. */
const char *deployment_has(const struct deployment *d, const char *path);

#endif
