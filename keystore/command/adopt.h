/* littlebox adopt, as its parts see each other. */
#ifndef LB_COMMAND_ADOPT_H
#define LB_COMMAND_ADOPT_H

#include "command/client.h"

/*
 * Adopts the key of one file, as the options say. asked: somebody has agreed already. A handle is left alone, which is no
 * failure.
 */
LB_MUST_USE int adopt_path(struct cli *cli, const char *path, bool asked, struct problem *p);
/* LB_E_EXISTS: a key of the box has the name, or had it. */
LB_MUST_USE int adopt_check_name(struct client *c, const char *name, struct problem *p);
/* All plain keys of the server that --server names. LB_E_VALUE: some were left out, and that was said. */
LB_MUST_USE int adopt_server(struct cli *cli, struct problem *p);

#endif
