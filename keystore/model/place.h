/* Which box a name means: the user's own, or the system's. */
#ifndef LB_MODEL_PLACE_H
#define LB_MODEL_PLACE_H

#include <limits.h>
#include <stdbool.h>

#include "base/errors.h"

/* PLACE_DIRECTORY: the box is where a setting or an option says, and no rule is needed. */
enum place { PLACE_DIRECTORY, PLACE_SYSTEM, PLACE_OWN };

/*
 * The one rule for programs and for the command, where nobody names a directory:
 *   1. root's boxes are the system's;
 *   2. a user who has made a box of that name (STATE/BOX is there and is that user's) means this one, whether it runs or
 *      not;
 *   3. everybody else means the system's.
 * The rule does not ask whether a box answers. So nobody chooses whose key a URI means by stopping a box or by putting a socket
 * somewhere. The connection says whose socket it is that answers (client/owner.h).
 *
 * ret_socket: where the box answers. LB_E_CONFIG: a box of this user has its socket here, but its STATE/BOX is not where this
 * process looks; as soon as that box stopped, the URI would be nobody's key. LB_E_STRANGER: the directory of the own box's socket is
 * not the user's alone. LB_E_TOO_LONG. p tells.
 */
LB_MUST_USE int place_find(const char *box, enum place *ret, char ret_socket[PATH_MAX], struct problem *p);

/* Has this user made a box of that name? Rule 2, and for root too. */
bool place_has_own(const char *box);
/* Has the system a box of that name, running or not, as far as this user may see? */
bool place_has_system(const char *box);

/* "your own box", "the system's box"; "a box" where only one place comes into question. Static storage. */
const char *place_whose(enum place place);
/* "directory", "system", "own". Static storage. */
const char *place_name(enum place place);
/* Adds to the text of a refusal whose box it was, where two places come into question. */
void place_tell(enum place place, struct problem *p);

#endif
