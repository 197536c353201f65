/* Credential files: random bytes that open a store. */
#ifndef LB_CREDENTIAL_H
#define LB_CREDENTIAL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errors.h"
#include "socket.h"

struct credential {
    void *data;  /* secret memory of LB_SECRET_MAX bytes, owned */
    size_t len;
    bool made;   /* by this call: the file was absent */
    char path[PATH_MAX];
};

/* Reads the file. LB_E_SYSTEM, LB_E_TOO_LONG, LB_E_NOMEM, LB_E_WEAK_SECRET (too short). */
LB_MUST_USE int credential_read(const char *path, struct credential *ret, struct problem *p);
/*
 * Reads the file, or makes it: 32 random bytes as 64 hexadecimal digits and a newline, mode 0400. owner not NULL and
 * called by root: it belongs to that uid and gid, who the box runs as. LB_E_VALUE when others than root, the caller and
 * the owner can replace files in its directory.
 */
LB_MUST_USE int credential_get(const char *path, const struct peer *owner, struct credential *ret, struct problem *p);
/* Removes the file if credential_get() made it: what it was for has failed. */
void credential_undo(struct credential *c);
/* Wipes; harmless after a failure. */
void credential_clear(struct credential *c);

#endif
