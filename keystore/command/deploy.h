/* What other commands do with deployments (deploy/). */
#ifndef LB_COMMAND_DEPLOY_H
#define LB_COMMAND_DEPLOY_H

#include <stdbool.h>

#include "command/client.h"

/* A box's deployments, locked. */
struct deploying;

/*
 * Locks them, before the box is asked to change what they are made of: who fails here has changed nothing, and is told so. There may
 * be none; and they may be another user's to do, as root's are, which is no failure before it is known that the key has any.
 * LB_E_TIMEOUT, LB_E_CONFIG, LB_E_SYSTEM, LB_E_NOMEM. ret is for deploy_end(), which takes NULL.
 */
LB_MUST_USE int deploy_begin(struct client *c, struct deploying **ret, struct problem *p);
/*
 * Does all deployments of a key that has a new current version: a line on standard error for each. There may be none, which is no
 * failure. To be called when the change in the box is done: what goes wrong here does not undo it (EXIT_UNDONE), and
 * 'littlebox deploy KEY' does the rest. The answer of the last question to the box is gone afterwards. LB_E_DENIED: they are
 * another user's to do.
 */
LB_MUST_USE int deploy_key(struct client *c, struct deploying *d, const char *name, struct problem *p);
void deploy_end(struct deploying *d);

/*
 * Calls each() for the deployments of a key, with the file that each is called by; and for those of the names that it had before,
 * with blanks between them. Deployments that cannot be read are none here.
 */
void deploy_each(const struct client *c, const char *name, const char *former, void (*each)(const char *file, void *arg), void *arg);

#endif
