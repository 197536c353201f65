/* Files of a box, read for it with no more rights than it has itself: root never lends its own. */
#ifndef LB_COMMAND_BOX_FILE_H
#define LB_COMMAND_BOX_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"
#include "base/socket.h"

/*
 * Can this process read as the user of the box? It can as root, and as that user. Any other process must not send the box a file
 * of its own because the box's directory names that file.
 */
bool boxfile_can(const struct peer *box);

/*
 * Does secretfile_read() of 1 to max bytes (at most LB_SECRET_MAX) as that user. Root does it in a process of its own with the
 * user's uid and gid, no other group and no capability. So neither a symbolic link nor a path of the box's choice, changed at
 * whatever moment, gets at a file that the box could not read itself. Memory, errors, errno and p are those of
 * secretfile_read(). LB_E_SYSTEM with ETIMEDOUT: reading took longer than ten seconds. LB_E_DENIED: not boxfile_can().
 */
LB_MUST_USE int boxfile_read(const struct peer *box, const char *path, size_t max, void **ret, size_t *ret_len,
                             struct problem *p);

#endif
