/* doctor: the process of a server, and the unit that it runs in. */
#ifndef LB_DOCTOR_RUNNING_H
#define LB_DOCTOR_RUNNING_H

#include "doctor/report.h"
#include "doctor/servers/servers.h"

/*
 * Reports why a server cannot use its handles although they work for others. It is a server that runs with this
 * configuration, or that systemd starts. usual: config is where the server looks by itself. user: of the server's workers;
 * NULL: not known.
 */
void doctor_running(struct doctor *d, const struct server_program *server, const char *config, bool usual, const uid_t *user);

/*
 * The openssl.cnf that the server's unit names by OPENSSL_CONF, as a path below --root; false: none. doctor looks at that one
 * unless its caller has an OPENSSL_CONF of his own.
 */
bool doctor_unit_conf(const struct cli *cli, const struct server_program *server, char ret[PATH_MAX]);

#endif
