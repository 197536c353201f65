/* Files of a box, read for it with no more rights than it has itself: root never lends its own. */
#ifndef LB_COMMAND_BOX_FILE_H
#define LB_COMMAND_BOX_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"
#include "base/socket.h"

/*
 * Whether this process can read as the user of the box: it is root, or that user. Who cannot must not send the box a file
 * of its own because the box's directory names it.
 */
bool boxfile_can(const struct peer *box);

/*
 * secretfile_read() of 1 to max bytes (at most LB_SECRET_MAX), as that user: for root in a process of its own that has
 * the user's uid and gid, no other group, and no capability. So neither a symbolic link nor a path of the box's choice,
 * changed at whatever moment, gets at what the box could not read. Memory, errors, errno and p as there. A file that
 * takes longer than ten seconds is given up: LB_E_SYSTEM, ETIMEDOUT. LB_E_DENIED: not boxfile_can().
 */
LB_MUST_USE int boxfile_read(const struct peer *box, const char *path, size_t max, void **ret, size_t *ret_len,
                             struct problem *p);

#endif
