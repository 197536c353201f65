/* doctor: the process of a server, and the unit that it runs in. */
#ifndef LB_DOCTOR_RUNNING_H
#define LB_DOCTOR_RUNNING_H

#include "doctor.h"
#include "servers.h"

/*
 * Reports what keeps a server that runs with this configuration, or is started by systemd, from using its handles although
 * they work for others. usual: config is where the server looks by itself. user: of the server's workers; NULL: not known.
 */
void doctor_running(struct doctor *d, const struct server *server, const char *config, bool usual, const uid_t *user);

#endif
