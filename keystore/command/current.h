/* Which version of a key is the current one, around a change of another kind that may choose one. */
#ifndef LB_COMMAND_CURRENT_H
#define LB_COMMAND_CURRENT_H

#include "command/client.h"

/* The version that the key's name alone means; 0: there is none, or no such key. */
LB_MUST_USE int current_of(struct client *c, const char *key, uint32_t *ret, struct problem *p);
/*
 * After the change, if another version is the current one since: says so, and does the key's deployments. They are locked only now:
 * what stops a version must not wait for whoever deploys. What fails leaves the change as it is (EXIT_UNDONE).
 */
LB_MUST_USE int current_follow(struct client *c, const char *key, uint32_t before, uint32_t now, struct problem *p);

#endif
