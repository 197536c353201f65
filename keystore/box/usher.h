/* The usher: the process of a box in which descriptors of strangers come, and may do what they like. */
#ifndef LB_BOX_USHER_H
#define LB_BOX_USHER_H

#include <stdbool.h>

#include "base/errors.h"

/*
 * Why there is such a process. Whoever can connect can attach descriptors to a packet, and closing one can block for as long
 * as its sender likes: a TCP socket that lingers, a file of a FUSE server that does not answer. The kernel closes too: it
 * destroys what was attached, in the course of the call that takes the packet. So each packet with something attached is
 * taken by a process that is made for this one packet and ends afterwards. A process that ends waits for no socket; one that
 * is stuck is left behind and counted. Its finds go to the box: the ends of channels that it made, and sealed memory files.
 *
 * link: the usher's end of the link (box/usher_link.h). enter_sandbox() puts a filter on the usher's system calls, before
 * anything is read; NULL: there is none. LB_E_SYSTEM with errno. Returns the exit status once the other ends are closed.
 */
LB_MUST_USE int usher_run(int link, int (*enter_sandbox)(void));

#endif
