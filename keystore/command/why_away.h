/* Why a box is away, as far as its files show it. */
#ifndef LB_COMMAND_WHY_AWAY_H
#define LB_COMMAND_WHY_AWAY_H

#include "command/client.h"

/*
 * A box that does not answer, or ended while it was asked: where its files show why, p gets that and the cure, in the place
 * of its hint; true then. p->code stays.
 */
bool whyaway_tell(const struct client *c, struct problem *p);

#endif
