/* doctor: the process of a server, and the unit that it runs in. */
#ifndef LB_DOCTOR_RUNNING_H
#define LB_DOCTOR_RUNNING_H

#include "doctor/report.h"
#include "doctor/servers/servers.h"

/*
 * Reports what keeps a server that runs with this configuration, or is started by systemd, from using its handles although
 * they work for others. usual: config is where the server looks by itself. user: of the server's workers; NULL: not known.
 */
void doctor_running(struct doctor *d, const struct server_program *server, const char *config, bool usual, const uid_t *user);

/*
 * The openssl.cnf that the unit of this server gives it by OPENSSL_CONF, a path below --root; false: none. A caller without
 * an OPENSSL_CONF of his own asks about that one.
 */
bool doctor_unit_conf(const struct cli *cli, const struct server_program *server, char ret[PATH_MAX]);

#endif
