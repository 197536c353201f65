/* What the commands about a token have in common. */
#ifndef LB_CMD_TOKEN_H
#define LB_CMD_TOKEN_H

#include "client.h"

/* Prints the private keys on the token of the box, those that are not attached too. */
LB_MUST_USE int token_list(struct client *c, struct problem *p);

#endif
