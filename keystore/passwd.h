/* Users of this system, looked up as a library may: in no buffer that belongs to the program. */
#ifndef LB_PASSWD_H
#define LB_PASSWD_H

#include <limits.h>
#include <sys/types.h>

#include "errors.h"

/*
 * Both may ask a directory service, and take its time. LB_E_VALUE: there is no such user; LB_E_SYSTEM with errno;
 * LB_E_NOMEM.
 */
LB_MUST_USE int passwd_uid_of(const char *name, uid_t *ret);
/* The home directory. LB_E_VALUE also where it is no absolute path; LB_E_TOO_LONG. */
LB_MUST_USE int passwd_home_of(uid_t uid, char ret[PATH_MAX]);

#endif
