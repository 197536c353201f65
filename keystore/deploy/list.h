/* littlebox deploy --list, --forget: what asks no box. */
#ifndef LB_DEPLOY_LIST_H
#define LB_DEPLOY_LIST_H

#include "command/cli.h"

LB_MUST_USE int deploy_list(struct cli *cli, struct problem *p);
LB_MUST_USE int deploy_forget(struct cli *cli, struct problem *p);

#endif
