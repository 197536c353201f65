/* The way to a file, walked once: the directory that holds it, and everybody who could have led it elsewhere. */
#ifndef LB_BASE_TRUST_PATH_H
#define LB_BASE_TRUST_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/errors.h"

#define TRUSTPATH_OWNERS_MAX 16

struct trustpath {
    int dir;                  /* the directory, open for reading; -1: none */
    char name[NAME_MAX + 1];  /* the file in it, which is no symbolic link; it need not be there */
    uid_t owners[TRUSTPATH_OWNERS_MAX]; /* of the directories and links on the way, but for root and the caller */
    unsigned owner_count;
    bool foreign_link;        /* the owner of a symbolic link on the way is neither root nor the caller, but */
    uid_t link_owner;
};

/*
 * Walks path component by component. Each is opened in the one before, and symbolic links are followed by hand. LB_E_DENIED,
 * with the cure: others than its owner may write to a directory on the way, and it is not sticky. LB_E_VALUE: the path leads to
 * no file. LB_E_SYSTEM, LB_E_TOO_LONG.
 */
LB_MUST_USE int trustpath_open(const char *path, struct trustpath *ret, struct problem *p);
/*
 * Checks that all directories and links on the way belong to root, the caller or the file's owner: nobody else could have put
 * the file there, or can put another in its place. LB_E_DENIED.
 */
LB_MUST_USE int trustpath_check(const struct trustpath *t, const char *path, uid_t file_owner, struct problem *p);
/* Harmless after a failed open. */
void trustpath_close(struct trustpath *t);

#endif
