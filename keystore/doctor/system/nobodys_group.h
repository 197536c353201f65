/* A group that nobody is in. */
#ifndef LB_DOCTOR_SYSTEM_NOBODYS_GROUP_H
#define LB_DOCTOR_SYSTEM_NOBODYS_GROUP_H

#include "doctor/system/audit.h"

/*
 * It has a name and no member, and is no user's first group: what it may do, root alone can give to somebody. So is Debian's
 * group staff, which may write to /usr/local. False also where that cannot be read.
 */
bool is_nobodys_group(const struct audit *a, gid_t gid);

#endif
