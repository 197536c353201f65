/* The system user of a box: no two boxes have the same one. */
#ifndef LB_COMMAND_BOX_USER_H
#define LB_COMMAND_BOX_USER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/errors.h"

#define BOXUSER_PREFIX "littlebox-"
/* Whom all boxes ran as before each had a user of its own. */
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
 * "littlebox-" and the box's name, as it is: so two boxes never get one user. LB_E_NAME with the cure for a name that
 * systemd-sysusers(8) does not take: one with a dot, or of more than 21 characters. box is a checked box name.
 */
LB_MUST_USE int boxuser_name(const char *box, char ret[BOXUSER_NAME_MAX + 1], struct problem *p);

/*
 * The user of that box, who is made if he is not there; root calls this. LB_E_NAME as above; LB_E_EXISTS when there is
 * an account of that name that is not a box's: root's or a person's uid, a login shell, a uid that another account has
 * too. LB_E_SYSTEM when no user could be made.
 */
LB_MUST_USE int boxuser_get(const char *box, struct boxuser *ret, struct problem *p);

#endif
