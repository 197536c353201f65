/* What the commands that make keys say of their purposes. */
#ifndef LB_COMMAND_PURPOSES_H
#define LB_COMMAND_PURPOSES_H

#include "command/cli.h"
#include "command/table.h"

/* What --for says; PURPOSE_ANY: it was not given. LB_E_VALUE. */
LB_MUST_USE int purpose_option(const struct cli *cli, uint16_t *ret, struct problem *p);
/* r, of a request that said purposes; of an older box with a text of its own. */
LB_MUST_USE int purpose_refused(const struct cli *cli, int r, uint16_t purposes, struct problem *p);
/* "purposes": ["tls-server", "csr"] */
void purpose_json(struct json *j, uint16_t purposes);

#endif
