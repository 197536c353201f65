/* A channel to a box without a path: asked for over an introducer, a connection that other processes have too. */
#ifndef LB_CLIENT_INTRODUCER_H
#define LB_CLIENT_INTRODUCER_H

#include <stdbool.h>

#include "base/errors.h"

/*
 * Asks for a channel without a path: makes a socketpair and sends its far end over the introducer in a MSG_CHANNEL. What
 * comes back on *ret_fd, which is good for nothing else, is what introducer_answer() takes. LB_E_CLOSED when the
 * introducer is dead, LB_E_TIMEOUT when it is full, at once with dont_wait. Any number of processes may do this over one
 * introducer at once.
 */
LB_MUST_USE int introducer_ask(int introducer, bool dont_wait, int *ret_fd);
/*
 * Takes the channel: the end of a socketpair that the box made, and whose other end nobody else has. LB_E_CLOSED: the box
 * made none; LB_E_TIMEOUT: it did not come yet; LB_E_VALUE. The caller closes the descriptor that it came on.
 */
LB_MUST_USE int introducer_answer(int fd, bool dont_wait, int *ret_fd);

#endif
