/* A file that is there whole or not at all. */
#ifndef LB_BASE_ATOMIC_FILE_H
#define LB_BASE_ATOMIC_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

/* A file under a temporary name, in the directory where it will be. newfile_drop() removes it if it is not committed. */
struct newfile {
    int dir; /* the directory; -1: nothing begun */
    int fd;  /* open for writing, mode 0600; -1: none */
    char name[NAME_MAX + 1];
    char temp[NAME_MAX + 1];
};

/*
 * All of these fail with LB_E_SYSTEM, and p names the file. newfile_commit() without replace fails with LB_E_EXISTS where
 * something has the name.
 */
LB_MUST_USE int newfile_begin(const char *path, struct newfile *ret, struct problem *p);
/* The same in a directory that is open: dir is not taken over, name has no slash. */
LB_MUST_USE int newfile_begin_at(int dir, const char *name, struct newfile *ret, struct problem *p);
LB_MUST_USE int newfile_write(struct newfile *f, const void *data, size_t len, struct problem *p);
/*
 * Gives the file its name, in one step, and puts all on disk. replace: the file takes the place of what has the name.
 * *ret_placed (may be NULL) says whether the file has its name, on failure too.
 */
LB_MUST_USE int newfile_commit(struct newfile *f, bool replace, bool *ret_placed, struct problem *p);
/*
 * Exchanges the file for the one that has the name, if check() says that the old file is the right one. check() is asked
 * twice: immediately before, and again about the file that was taken out, which is put back if check() says no. So a file that
 * somebody puts there in between is not lost. A file system that cannot exchange two files (RENAME_EXCHANGE) leaves the first
 * question alone. check() gets the name that the old file has in the directory at that time. *ret_placed as with
 * newfile_commit().
 */
LB_MUST_USE int newfile_exchange(struct newfile *f, int (*check)(const void *arg, const char *name, struct problem *p),
                                 const void *arg, bool *ret_placed, struct problem *p);
/*
 * Begins, writes and commits a file of these bytes that everybody may read. force: the file takes the place of what has the
 * name; without, that is LB_E_EXISTS with a hint. A device or a pipe is not replaced: the bytes are written to it.
 */
LB_MUST_USE int newfile_public(const char *path, bool force, const void *data, size_t len, struct problem *p);
/* Closes, and removes what was not committed. Harmless after a failed begin. */
void newfile_drop(struct newfile *f);

#endif
