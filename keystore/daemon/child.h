/* The child: the process that holds the keys of a box. */
#ifndef LB_DAEMON_CHILD_H
#define LB_DAEMON_CHILD_H

#include "daemon/box_conf.h"

/*
 * To be started by the keeper with KEEP_LINK_FD and KEEP_LISTEN_FD. closed: the process was closed to its user from the
 * start (daemon/closed_exec.h). Returns the exit status once it is told to stop.
 */
LB_MUST_USE int child_run(const struct boxconf *conf, bool closed);

#endif
