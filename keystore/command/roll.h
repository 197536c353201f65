/* What the commands that make a version the current one have in common. */
#ifndef LB_COMMAND_ROLL_H
#define LB_COMMAND_ROLL_H

#include "command/client.h"
#include "command/deploy.h"
#include "model/description.h"

/*
 * Tells what became of it: which version of the key is the current one, how long the one before goes on, and which processes
 * used that one last. In between it does the key's deployments (command/deploy.h); its failures are theirs, with the version being
 * the current one all the same: EXIT_UNDONE. d: they are locked; NULL, where done is of a time that comes: nothing is done.
 */
LB_MUST_USE int roll_tell(struct client *c, struct deploying *d, const char *key, const struct life_answer *done, struct problem *p);
/* The processes that used a version and are still there; -1: nobody may tell the caller. */
int users_left(struct client *c, const char *key, uint32_t version);

#endif
