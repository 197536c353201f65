/* Who may do what with which key. */
#ifndef LB_POLICY_POLICY_H
#define LB_POLICY_POLICY_H

#include <stdbool.h>

#include "base/maker.h"
#include "base/socket.h"
#include "daemon/box_conf.h"
#include "model/vocabulary.h"

/*
 * A caller: the sender of one packet, and the maker of the channel that it came on, both by the kernel's word. Authority is
 * what both have. A worker that inherits a channel of root's is not root; and a program of root's that writes into a
 * channel that somebody else made, as standard output, lends its authority to nobody.
 */
struct caller {
    struct peer peer;           /* real ids of the sender */
    const struct maker *maker;
};

/*
 * Ids that the box's user namespace does not map are nobody here (base/id_map.h): no grant, no line of BOX.conf and no rule
 * below is for them. So idmap_load() comes first.
 */

/*
 * Root, the user the box runs as, and whom BOX.conf names: sender and maker must both be, and the same user.
 */
bool policy_is_admin(const struct boxconf *conf, const struct caller *who);

/* May this caller do all of ops (enum key_op) with a key that has these grants? */
bool policy_granted(const struct boxconf *conf, const struct grant *grants, size_t count, const struct caller *who,
                    uint16_t ops);

/*
 * Of a caller to whom policy_is_admin() or policy_granted() says no: the end whose right is missing, for the text of the
 * refusal and its hint. It is the sender, if it has not the right itself; else the maker. A server that keeps root as its
 * real user while it serves as another (ProFTPD) sends as root, on channels that the other made.
 */
const struct peer *policy_not_admin(const struct boxconf *conf, const struct caller *who);
const struct peer *policy_not_granted(const struct boxconf *conf, const struct grant *grants, size_t count,
                                      const struct caller *who, uint16_t ops);

/* May this caller do anything with it? */
bool policy_granted_any(const struct boxconf *conf, const struct grant *grants, size_t count, const struct caller *who);

/* Is the maker of a channel an administrator, as far as one end can tell? For places that are kept free for them. */
bool policy_admin_made(const struct boxconf *conf, const struct maker *maker);

#endif
