/* What other commands do with deployments (deploy/). */
#ifndef LB_COMMAND_DEPLOY_H
#define LB_COMMAND_DEPLOY_H

#include <stdbool.h>

#include "command/client.h"

/*
 * Does all deployments of a key that has a new current version: a line on standard error for each. There may be none, which is no
 * failure. To be called when the change in the box is done: what goes wrong here does not undo it, and 'littlebox deploy KEY' does the
 * rest. The answer of the last question to the box is gone afterwards. LB_E_DENIED: they are another user's to do, as root's are.
 */
LB_MUST_USE int deploy_key(struct client *c, const char *name, struct problem *p);

/*
 * Calls each() for the deployments of a key, with the file that each is called by; and for those of the names that it had before,
 * with blanks between them. Deployments that cannot be read are none here.
 */
void deploy_each(const struct client *c, const char *name, const char *former, void (*each)(const char *file, void *arg), void *arg);

#endif
