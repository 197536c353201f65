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
    bool pipe;    /* a pipe will do, as <(...) of a shell makes one: the reader then waits for whoever writes */
};

/*
 * Reads 1 to max bytes into secret_alloc()ed memory of max bytes. What is read was looked at after it was opened: a
 * plain file, owner root, the reader or also, and nothing in its mode for group and others. An access control list may
 * name root and those two, as systemd does for a service's user (the mask of the list is then what the group's bits
 * show). Symbolic links are followed: it is the file that counts.
 *
 * On failure p has the reason alone, without the path, so that the caller says what the file is; and the cure.
 * LB_E_SYSTEM with errno (not readable, or empty: ENODATA), LB_E_TOO_LONG, LB_E_NOMEM, LB_E_VALUE: refused.
 */
LB_MUST_USE int secretfile_read(const struct secretfile *f, void **ret, size_t *ret_len, struct problem *p);

#endif
