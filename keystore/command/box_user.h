/* The system user of a box: no two boxes have the same one. */
#ifndef LB_COMMAND_BOX_USER_H
#define LB_COMMAND_BOX_USER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/errors.h"

#define BOXUSER_PREFIX "littlebox-"
/* The user whom all boxes ran as, before each had a user of its own. */
#define BOXUSER_FORMER "littlebox"
/* The longest name that systemd-sysusers(8) takes: that of utmp(5), without the NUL. */
#define BOXUSER_NAME_MAX 31

struct boxuser {
    char name[BOXUSER_NAME_MAX + 1];
    uid_t uid;
    gid_t gid;
    bool made; /* by this call */
};

/*
 * "littlebox-" and the box's name as it is, so that two boxes never get one user. box is a checked box name. LB_E_NAME, with the
 * cure: systemd-sysusers(8) does not take the name, since it has a dot or more than 21 characters.
 */
LB_MUST_USE int boxuser_name(const char *box, char ret[BOXUSER_NAME_MAX + 1], struct problem *p);

/*
 * Finds the user of that box, or makes one; root calls this. LB_E_NAME as above. LB_E_EXISTS: an account has that name and is not
 * a box's, since it has root's or a person's uid, a login shell, or a uid that another account has too. LB_E_SYSTEM: no user
 * could be made.
 */
LB_MUST_USE int boxuser_get(const char *box, struct boxuser *ret, struct problem *p);

#endif
