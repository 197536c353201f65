/* littlebox list --expiring: certificates and versions that end soon. */
#ifndef LB_COMMAND_EXPIRING_H
#define LB_COMMAND_EXPIRING_H

#include "command/client.h"

/* Prints what ends within the time of --expiring, of the keys that match the pattern, the first end first. */
LB_MUST_USE int expiring_list(struct client *c, struct problem *p);

#endif
