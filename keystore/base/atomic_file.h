/* A file that is there whole or not at all. */
#ifndef LB_BASE_ATOMIC_FILE_H
#define LB_BASE_ATOMIC_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

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
/* The same in a directory that is open: dir is not taken over, name has no slash. */
LB_MUST_USE int newfile_begin_at(int dir, const char *name, struct newfile *ret, struct problem *p);
LB_MUST_USE int newfile_write(struct newfile *f, const void *data, size_t len, struct problem *p);
/*
 * Gives the file its name, in one step, and puts all on disk. With replace it takes the place of what is there;
 * without, anything there is a failure. *ret_placed (may be NULL) says on failure too whether the file has its
 * name.
 */
LB_MUST_USE int newfile_commit(struct newfile *f, bool replace, bool *ret_placed, struct problem *p);
/*
 * Takes the place of the file that is there, if check() finds that it is the right one: it is asked immediately before,
 * and again of what was taken out, which is put back if it says no. So nothing that somebody puts there in between is
 * lost. Where the file system cannot exchange two files (RENAME_EXCHANGE), the question before has to do. check() gets
 * the name under which the old file is in the directory then. *ret_placed as with newfile_commit().
 */
LB_MUST_USE int newfile_exchange(struct newfile *f, int (*check)(const void *arg, const char *name, struct problem *p),
                                 const void *arg, bool *ret_placed, struct problem *p);
/*
 * All of it: a file that everybody may read, of those bytes. With force it takes the place of what is there; without,
 * that is LB_E_EXISTS with a hint. A device or a pipe is written to as it is, and stays.
 */
LB_MUST_USE int newfile_public(const char *path, bool force, const void *data, size_t len, struct problem *p);
/* Closes, and removes what was not committed. Harmless after a failed begin. */
void newfile_drop(struct newfile *f);

#endif
