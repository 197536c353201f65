/* Numbers of users and groups that are lent: who has one today may be somebody else tomorrow. */
#ifndef LB_BASE_ID_RANGE_H
#define LB_BASE_ID_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is wrong with a grant to this uid or gid, as "uid 61234 is lent: ...", and the cure. False: nothing is known
 * against it. Of the same kind, and warned of:
 *   61184 to 65519          DynamicUser= of systemd: units get them when they start, uid and gid alike
 *   60514 to 60577          users of the host that systemd-nspawn --bind-user= shows in a container, numbered by need
 *   524288 to 1879048191    systemd-nspawn's ranges for containers; only where the number has no name on this system, as
 *                           sssd and winbind give numbers of this range to the users of a directory for good
 *   65534                   the overflow id: whom a user namespace does not map, and servers that have no user of
 *                           their own
 * Of the same kind, and not warned of: 60001 to 60513 (systemd-homed: they stay with the home directory), ranges in
 * /etc/subuid (one user's, as long as that file says so), numbers without a name below 60000 (they wait for a user that
 * is going to be made, as images do it).
 */
bool idrange_lent(bool is_group, uint32_t id, char *ret, size_t size, const char **ret_cure);

#endif
