/* What the commands about a token have in common. */
#ifndef LB_COMMAND_TOKEN_H
#define LB_COMMAND_TOKEN_H

#include "command/client.h"

/* Prints the private keys on the token of the box, those that are not attached too. */
LB_MUST_USE int token_list(struct client *c, struct problem *p);

#endif
