/* The threads of a box: any free one takes the next request, by turns of users; changes have a thread of their own. */
#ifndef LB_BOX_SERVE_H
#define LB_BOX_SERVE_H

#include "base/errors.h"
#include "base/maker.h"
#include "box/request.h"

struct server;

/*
 * Makes a server with all memory that serving takes, locked, and starts nothing yet. listen_fd stays the caller's.
 * LB_E_NOMEM, LB_E_SYSTEM.
 */
LB_MUST_USE int server_new(struct box *box, int listen_fd, struct server **ret);
/* All threads of a box of which so many serve by turns. */
unsigned server_threads(unsigned threads);
/* The bytes that secret_alloc() locks for the packets of so many threads and for the changes that wait. */
size_t server_memory(unsigned threads);
/* Takes over a channel of the last child, at its slot, and its maker, and says RESET on it. Before server_start(). */
LB_MUST_USE int server_restore(struct server *s, uint32_t slot, int fd, struct maker *maker);
/* Takes over the link to the usher: the first usher, or one in the place of an usher that ended. */
void server_usher(struct server *s, int link);
/* Has a thread tell the keeper that it is awake, by this number. */
void server_ping(struct server *s, uint32_t number);
LB_MUST_USE int server_start(struct server *s);
/* Lets every thread finish its work (the box's stop_fd is readable by now), joins them all, and frees everything. */
void server_stop(struct server *s);

#endif
