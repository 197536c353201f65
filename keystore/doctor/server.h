/* doctor --server: the keys in servers' configurations. */
#ifndef LB_DOCTOR_SERVER_H
#define LB_DOCTOR_SERVER_H

#include "doctor/report.h"

/* False: a usage error was printed. */
bool doctor_server_ok(const struct cli *cli);
/* The keys in a server's configuration, each with its verdict. */
void doctor_server(struct doctor *d);
/* Reports the servers whose configuration names this handle, or its key: does it work for their workers? */
void doctor_handle_servers(struct doctor *d, const char *handle);

#endif
