/* Making and starting the ordinary user's own box. */
#ifndef LB_COMMAND_OWN_BOX_H
#define LB_COMMAND_OWN_BOX_H

#include "command/talk.h"

/*
 * Makes the directories of c's box (mode 0700) and starts littleboxd for it, detached, with its log in
 * STATE/BOX/log; returns when it is ready to be connected to. Two commands at once start one box. LB_E_NO_BOX: it
 * did not start, p says why. LB_E_SYSTEM.
 */
LB_MUST_USE int launch_box(struct client *c, struct problem *p);

/* Makes the store of the connected box, sealed with CONFIG/BOX.credential, which is made too unless it is there. */
LB_MUST_USE int launch_init(struct client *c, struct problem *p);

/*
 * What to type to run the daemon. That is its name, or its path if the name would not be found: /usr/sbin is not searched
 * for ordinary users. Uses ret.
 */
const char *launch_daemon_name(char ret[PATH_MAX]);

#endif
