/* The secret of a seal: of which kind the options want it, and where it comes from for that kind. */
#ifndef LB_COMMAND_SEAL_SECRET_H
#define LB_COMMAND_SEAL_SECRET_H

#include <limits.h>

#include "command/client.h"
#include "command/credential.h"
#include "command/prompt.h"
#include "model/seal_kinds.h"

/* Begins as zeros; sealsecret_clear() wipes. The source of its kind says which member is used. */
struct seal_secret {
    const struct seal_kind *kind;
    struct passphrase passphrase; /* SEAL_FROM_PROMPT */
    struct credential credential; /* SEAL_FROM_FILE */
    char place[PATH_MAX];         /* SEAL_FROM_PLACE */
};

/*
 * The kind that the options name, *ret; NULL: none. 0, or the exit status of a wrong command line, which was told: two kinds
 * exclude each other, and so do two ways to give what is asked for on a terminal.
 */
int sealsecret_kind(const struct cli *c, const struct seal_kind **ret);
/* What stands behind the option of that kind; NULL: it is not there. */
const char *sealsecret_option(const struct cli *c, const struct seal_kind *kind);

/*
 * A secret for a new seal. where is a file, or a place. A file is made if absent, and is then the box's to read. where is
 * not looked at if the secret is asked for. A file that is c->paths.credential was named by nobody: it is read as the box's
 * user.
 */
LB_MUST_USE int sealsecret_new(struct client *c, const struct seal_kind *kind, const char *where, struct seal_secret *ret,
                               struct problem *p);
/* A secret to open a seal with: the same, but nothing is made, it is asked for once, and "-" is standard input. */
LB_MUST_USE int sealsecret_read(struct client *c, const struct seal_kind *kind, const char *where, struct seal_secret *ret,
                                struct problem *p);
/* What is sent to the box. */
struct bytes sealsecret_bytes(const struct seal_secret *s);
/* Harmless after a failure. */
void sealsecret_clear(struct seal_secret *s);

#endif
