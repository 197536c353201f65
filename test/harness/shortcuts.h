/* What a client that measures a server does once instead of for each handshake. */
#ifndef LB_TEST_SHORTCUTS_H
#define LB_TEST_SHORTCUTS_H

#include <stdbool.h>

/*
 * From now on: the server's certificate is decoded once, there is one ephemeral key, and of the server's signatures one in 64
 * is verified. For one thread and one group.
 */
extern bool shortcuts;

#endif
