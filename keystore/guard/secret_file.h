/* Files that hold a secret: read only if nobody else can read or change them. */
#ifndef LB_GUARD_SECRET_FILE_H
#define LB_GUARD_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/errors.h"

struct secretfile {
    const char *path;
    size_t max;   /* bytes */
    uid_t also;   /* may own the file beside root and the reader; the reader's own uid for nobody */
    bool pipe;    /* a pipe is taken too, as a shell's <(...) makes one; the reader then waits for its writer */
};

/*
 * Reads 1 to max bytes into secret_alloc()ed memory of max bytes. The file is opened first, and then it must be a plain file of
 * root, the reader or also, with nothing in its mode for group and others. Its access control list may name root and those two,
 * as systemd does for a service's user; the group's bits then show the mask of the list. Symbolic links are followed, since the
 * file counts.
 *
 * On failure p has the cure, and the reason without the path: the caller says what the file is. LB_E_VALUE: the file is refused.
 * LB_E_SYSTEM with errno: it cannot be read, or is empty (ENODATA). LB_E_TOO_LONG, LB_E_NOMEM.
 */
LB_MUST_USE int secretfile_read(const struct secretfile *f, void **ret, size_t *ret_len, struct problem *p);

#endif
