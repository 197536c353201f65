/* A file that is there whole or not at all. */
#ifndef LB_NEWFILE_H
#define LB_NEWFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "errors.h"

/*
 * A file under a temporary name in the directory where it will be; newfile_drop() undoes it until newfile_commit()
 * was called.
 */
struct newfile {
    int dir; /* the directory; -1: nothing begun */
    int fd;  /* open for writing, mode 0600; -1: none */
    char name[NAME_MAX + 1];
    char temp[NAME_MAX + 1];
};

/*
 * All set p with the file's name in the text, and are LB_E_SYSTEM, or LB_E_EXISTS for newfile_commit() without
 * replace.
 */
LB_MUST_USE int newfile_begin(const char *path, struct newfile *ret, struct problem *p);
LB_MUST_USE int newfile_write(struct newfile *f, const void *data, size_t len, struct problem *p);
/*
 * Gives the file its name, in one step, and puts all on disk. With replace it takes the place of what is there;
 * without, anything there is a failure. *ret_placed (may be NULL) says on failure too whether the file has its
 * name.
 */
LB_MUST_USE int newfile_commit(struct newfile *f, bool replace, bool *ret_placed, struct problem *p);
/*
 * All of it: a file that everybody may read, of those bytes. With force it takes the place of what is there; without,
 * that is LB_E_EXISTS with a hint.
 */
LB_MUST_USE int newfile_public(const char *path, bool force, const void *data, size_t len, struct problem *p);
/* Closes, and removes what was not committed. Harmless after a failed begin. */
void newfile_drop(struct newfile *f);

#endif
