/* A file of a server's, in a directory that may be another user's: looked at, written beside, and given its name. */
#ifndef LB_DEPLOY_TARGET_H
#define LB_DEPLOY_TARGET_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/atomic_file.h"
#include "base/trust_path.h"
#include "base/wire.h"
#include "deploy/deployment.h"

/* What a file is to be. The strings and bytes are the caller's. */
struct wanted_file {
    const char *path;
    enum deploy_file kind;
    struct bytes content;
    uid_t uid;
    gid_t gid;
    mode_t mode;
};

struct target {
    const struct wanted_file *want;
    struct trustpath way; /* way.dir is the directory; -1: not looked at */
    bool there;           /* something has the name: */
    struct stat seen;
    bool same;            /* it is as it is wanted already */
    struct newfile new;   /* the new file under its other name; new.fd -1: none */
    bool put;             /* it has its name */
};

/* For target_close(). */
void target_init(struct target *f);

/*
 * Walks to the file and looks at it. Nothing of anybody else's is followed: all directories on the way must be root's, the caller's or
 * the wanted owner's, and symbolic links root's or the caller's, since root would write where such a link leads (LB_E_DENIED).
 * What is there must be what a deployment puts there, a handle or certificates: a private key or something else would be lost
 * (LB_E_EXISTS). LB_E_SYSTEM, LB_E_VALUE, LB_E_TOO_LONG, LB_E_NOMEM.
 */
LB_MUST_USE int target_look(const struct wanted_file *want, struct target *ret, struct problem *p);

/*
 * Writes the file beside, whole and on disk, with its owner and mode, so that what can fail for lack of room has happened before
 * the first file gets its name. Owner and mode are of this new file alone: nothing that was there is ever given away.
 */
LB_MUST_USE int target_write(struct target *f, struct problem *p);
/*
 * Gives it its name, in one step, and keeps what was there under the other name. LB_E_SYSTEM: somebody put another file there since
 * target_look(); it is back in its place.
 */
LB_MUST_USE int target_put(struct target *f, struct problem *p);
/* Puts back what was there. */
void target_undo(struct target *f);
/* Lets go of what was there, and puts the change on disk. LB_E_SYSTEM. */
LB_MUST_USE int target_keep(struct target *f, struct problem *p);

/*
 * Removes what a command that was killed has left beside the file, under names that only newfile_begin_at() makes. A file with a
 * private key in it stays.
 */
void target_sweep(const struct target *f);

/* Removes what was written and got no name. */
void target_close(struct target *f);

#endif
