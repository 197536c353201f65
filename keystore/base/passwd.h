/* Users of this system, looked up as a library may: in no buffer that belongs to the program. */
#ifndef LB_BASE_PASSWD_H
#define LB_BASE_PASSWD_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/errors.h"

/*
 * Both functions may wait for a directory service. LB_E_VALUE: there is no such user. LB_E_SYSTEM with errno, LB_E_NOMEM.
 */
LB_MUST_USE int passwd_uid_of(const char *name, uid_t *ret);
/* The home directory. LB_E_VALUE also where it is no absolute path; LB_E_TOO_LONG. */
LB_MUST_USE int passwd_home_of(uid_t uid, char ret[PATH_MAX]);

/* From here on, by the conventions of Linux distributions, accounts are people's. */
#define PASSWD_PEOPLE 1000
/* Can somebody log in with it? */
bool passwd_is_login_shell(const char *shell);
/*
 * Is it a person's account, of a uid from PASSWD_PEOPLE on and with a login shell? A uid without an entry is no person's.
 * ret_name gets the name, or the number of a user without one.
 */
LB_MUST_USE int passwd_is_person(uid_t uid, bool *ret, char ret_name[64]);

#endif
