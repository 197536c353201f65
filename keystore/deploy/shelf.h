/* The directory with a box's deployments: CONFIG/deploy/BOX, a file NAME.conf for each. */
#ifndef LB_DEPLOY_SHELF_H
#define LB_DEPLOY_SHELF_H

#include <limits.h>
#include <stdbool.h>

#include "deploy/deployment.h"
#include "model/paths.h"

struct shelf {
    int dir;  /* -1: there is none, and so no deployment */
    int lock; /* -1: it is not locked */
    char path[PATH_MAX];
};
#define SHELF_NONE { .dir = -1, .lock = -1 }

/*
 * Opens it; with make, what is not there is made. Who could change a file in it chooses which commands its reader runs: all on
 * the way must be root's or the caller's, and others must not write (LB_E_DENIED). LB_E_SYSTEM, LB_E_TOO_LONG.
 */
LB_MUST_USE int shelf_open(const struct dirs *dirs, const char *box, bool make, struct shelf *ret, struct problem *p);
/*
 * Nobody else changes deployments or does them until shelf_close(), or the end of the process. The lock is on a file in it, .lock,
 * that only its owner can open: a lock on the directory could be taken by everybody who may list it. Another command that has the
 * lock is waited for, up to SHELF_LOCK_SECONDS (LB_E_TIMEOUT). LB_E_DENIED: the directory is not the caller's own, so deployments
 * are not the caller's to do. LB_E_CONFIG: what is called .lock is no such file. LB_E_SYSTEM.
 */
#define SHELF_LOCK_SECONDS 60
LB_MUST_USE int shelf_lock(struct shelf *s, struct problem *p);
void shelf_close(struct shelf *s);

/* A file of a deployment that cannot be read, or is wrong. */
struct bad_deployment {
    char key[LB_NAME_MAX + 1]; /* that it is of; "": it does not say */
    struct problem why;
};

/* Deployments; zeros are none. */
struct deployments {
    struct deployment **of; /* in the order of their files' names */
    size_t count;
    struct bad_deployment *bad; /* the others */
    size_t bad_count;
};

/*
 * Reads all. A file must be root's or the caller's, and nobody else may write to it. One that is bad does not keep the others from
 * being read, since each is of another server. LB_E_SYSTEM, LB_E_NOMEM.
 */
LB_MUST_USE int shelf_read(const struct shelf *s, struct deployments *ret, struct problem *p);
void deployments_clear(struct deployments *all);
/* all owns d from now on. LB_E_NOMEM: it does not. */
LB_MUST_USE int deployments_add(struct deployments *all, struct deployment *d, struct problem *p);

/* Gives a deployment that has no file yet the name for one, made of the path that it is about. LB_E_NOMEM. */
LB_MUST_USE int shelf_name(const struct shelf *s, struct deployment *d, struct problem *p);
/* Writes the file of a deployment that has a name, in one step. */
LB_MUST_USE int shelf_save(const struct shelf *s, const struct deployment *d, struct problem *p);
/* Removes it, and its mark. */
LB_MUST_USE int shelf_forget(const struct shelf *s, const struct deployment *d, struct problem *p);

/*
 * The mark NAME.todo stands for work that began and did not end: files may be left over, and the server may not know of the
 * new ones. It is on disk before the first file is written.
 */
bool shelf_marked(const struct shelf *s, const struct deployment *d);
LB_MUST_USE int shelf_mark(const struct shelf *s, const struct deployment *d, struct problem *p);
LB_MUST_USE int shelf_unmark(const struct shelf *s, const struct deployment *d, struct problem *p);

#endif
