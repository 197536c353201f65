/* Why a box is away, as far as its files show it. */
#ifndef LB_COMMAND_WHY_AWAY_H
#define LB_COMMAND_WHY_AWAY_H

#include <stdbool.h>

#include "base/errors.h"
#include "command/cli.h"
#include "model/paths.h"

/*
 * Says why a box does not answer, or ended while it was asked, if its files show that. True: p got the reason and, in the
 * place of its hint, the cure; p->code stays. dirs and used are what the command went by.
 */
bool whyaway_tell(const struct cli *cli, const struct dirs *dirs, const struct box_paths *used,
                  struct problem *p);

#endif
