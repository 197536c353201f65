/* Credential files: random bytes that open a store. */
#ifndef LB_COMMAND_CREDENTIAL_H
#define LB_COMMAND_CREDENTIAL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/errors.h"
#include "base/socket.h"

struct credential {
    void *data;  /* secret memory of LB_SECRET_MAX bytes, owned */
    size_t len;
    bool made;   /* by this call: the file was absent */
    int dir;     /* then: the directory that it was made in, */
    ino_t inode; /* and which file of its name it is */
    char path[PATH_MAX];
};

/*
 * Reads the file, which nobody may get at but root, the caller and the user of the box, if box is not NULL. LB_E_SYSTEM,
 * LB_E_TOO_LONG, LB_E_NOMEM, LB_E_VALUE (others get at it), LB_E_WEAK_SECRET (too short).
 */
LB_MUST_USE int credential_read(const char *path, const struct peer *box, struct credential *ret, struct problem *p);
/*
 * The same as the user of the box reads it (command/box_file.h), for a file that nobody has named to the caller.
 * LB_E_DENIED too. With LB_E_SYSTEM errno tells why.
 */
LB_MUST_USE int credential_read_as(const char *path, const struct peer *box, struct credential *ret, struct problem *p);
/* The same of standard input, whoever writes to it. */
LB_MUST_USE int credential_read_stdin(struct credential *ret, struct problem *p);
/*
 * Reads the file, or makes it: 32 random bytes as 64 hexadecimal digits and a newline, mode 0400. box not NULL and
 * called by root: it belongs to that uid and gid, who the box runs as. LB_E_VALUE also when others than root, the caller
 * and that user can replace files in its directory.
 */
LB_MUST_USE int credential_get(const char *path, const struct peer *box, struct credential *ret, struct problem *p);
/* The same, where a file that is there is read by credential_read_as(). */
LB_MUST_USE int credential_get_as(const char *path, const struct peer *box, struct credential *ret, struct problem *p);
/* Removes the file if credential_get() made it: what it was for has failed. */
void credential_undo(struct credential *c);
/* Wipes; harmless after a failure. */
void credential_clear(struct credential *c);

#endif
