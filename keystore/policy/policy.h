/* Who may do what with which key. */
#ifndef LB_POLICY_POLICY_H
#define LB_POLICY_POLICY_H

#include <stdbool.h>

#include "base/maker.h"
#include "model/vocabulary.h"
#include "policy/caller.h"

#define ADMINS_MAX 32

/* Whom the configuration of a box makes its administrators, beside root and the user the box runs as. */
struct admins {
    struct grant of[ADMINS_MAX]; /* ops unused */
    unsigned count;
};

/*
 * Ids that the box's user namespace does not map are nobody here (base/id_map.h): no grant, no line of BOX.conf and no rule
 * below is for them. So idmap_load() comes first.
 */

/*
 * Root, the user the box runs as, and whom BOX.conf names: sender and maker must both be, and the same user.
 */
bool policy_is_admin(const struct admins *admins, const struct caller *who);

/* May this caller do all of ops (enum key_op) with a key that has these grants? */
bool policy_granted(const struct admins *admins, const struct grant *grants, size_t count, const struct caller *who,
                    uint16_t ops);

/*
 * Of a caller to whom policy_is_admin() or policy_granted() says no: the end whose right is missing, for the text of the
 * refusal and its hint. It is the sender, if it has not the right itself; else the maker. A server that keeps root as its
 * real user while it serves as another (ProFTPD) sends as root, on channels that the other made.
 */
const struct peer *policy_not_admin(const struct admins *admins, const struct caller *who);
const struct peer *policy_not_granted(const struct admins *admins, const struct grant *grants, size_t count,
                                      const struct caller *who, uint16_t ops);

/* May this caller do anything with it? */
bool policy_granted_any(const struct admins *admins, const struct grant *grants, size_t count, const struct caller *who);

/* Is the maker of a channel an administrator, as far as one end can tell? For places that are kept free for them. */
bool policy_admin_made(const struct admins *admins, const struct maker *maker);

#endif
