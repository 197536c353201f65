/* Who may do what with which key. */
#ifndef LB_POLICY_H
#define LB_POLICY_H

#include <stdbool.h>

#include "boxconf.h"
#include "message.h"
#include "socket.h"

/*
 * A caller: what the kernel says of the sender of one packet, and the channel it came on. The channel counts for one
 * thing only: the supplementary groups, and these only while the sender is the process that made the channel.
 */
struct caller {
    struct peer peer;
    int fd;
};

/*
 * Ids that the box's user namespace does not map are nobody here (idmap.h): no grant, no line of BOX.conf and no rule
 * below is for them. So idmap_load() comes first.
 */

/* Root, the user the box runs as, and whom BOX.conf names. */
bool policy_is_admin(const struct boxconf *conf, const struct caller *who);

/* Does a grant give this caller all of ops (enum key_op)? */
bool policy_granted(const struct grant *grants, size_t count, const struct caller *who, uint16_t ops);

/* Does a grant give this caller any operation? */
bool policy_granted_any(const struct grant *grants, size_t count, const struct caller *who);

/* The order of grants in the store: by kind, then id. For qsort(3). */
int grant_compare(const void *a, const void *b);

#endif
