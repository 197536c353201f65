/* The life of a version: which event leads from which state to which, and what a state permits. */
#ifndef LB_KEYS_LIFECYCLE_H
#define LB_KEYS_LIFECYCLE_H

#include <stdbool.h>

#include "model/vocabulary.h"

/*
 * The state after the event. The same state: it is so already, and nothing is to be done (but for EVENT_ACTIVATE, since of two
 * active versions one is current). 0: that is refused. state_before is that of a version that is to be destroyed, else 0:
 * EVENT_CANCEL leads there, and what was compromised before is destroyed-compromised.
 */
unsigned life_next(unsigned state, unsigned state_before, unsigned event);

/*
 * May a version in that state do this (enum key_op)? A deactivated version decrypts and derives: what was sent to it can be
 * read (SP 800-57, 7.4); it signs nothing. own_request: the text is the version's own certificate request, all that a version
 * signs that is not active yet.
 */
bool life_permits(unsigned state, unsigned op, bool own_request);

#endif
