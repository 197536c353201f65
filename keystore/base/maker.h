/* Who made a channel: what the kernel said when it was made, and what a keeper remembers of it. */
#ifndef LB_BASE_MAKER_H
#define LB_BASE_MAKER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"
#include "base/socket.h"
#include "base/wire.h"

/* Supplementary groups that are kept; further ones of a process count for nothing. */
#define MAKER_GROUPS_MAX 1024
/* What maker_put() writes at most. */
#define MAKER_SIZE_MAX (4 + 4 + 4 + 2 + 4 * MAKER_GROUPS_MAX)

/* The process that connected or made the socketpair: its effective ids then, and its supplementary groups. */
struct maker {
    struct peer peer;
    gid_t *groups;
    size_t group_count;
};

/* The maker of a socket's other end (SO_PEERCRED, SO_PEERGROUPS; unix(7)). ret is to be cleared. LB_E_SYSTEM, LB_E_NOMEM. */
LB_MUST_USE int maker_of(int fd, struct maker *ret);
/* Harmless for one that is all zero. */
void maker_clear(struct maker *m);

/* u32 pid, u32 uid, u32 gid, u16 count, count x u32 gid */
void maker_put(struct wire_writer *w, const struct maker *m);
/* ret is to be cleared. Errors stay in the reader, LB_E_NOMEM among them. */
void maker_get(struct wire_reader *r, struct maker *ret);

#endif
