/* What a service manager and a daemon say to each other: readiness and sockets handed over. */
#ifndef LB_DAEMON_NOTIFY_H
#define LB_DAEMON_NOTIFY_H

#include <stdint.h>

#include "base/errors.h"

/*
 * Sends text (lines such as "READY=1") to $NOTIFY_SOCKET, sd_notify(3). Without the variable nobody asked, and nothing is
 * sent. There is no result: if the service manager is away, that is no failure of the daemon.
 */
void notify_manager(const char *text);

/*
 * How often the manager wants to hear "WATCHDOG=1", in milliseconds, sd_watchdog_enabled(3). That is half of
 * $WATCHDOG_USEC, if $WATCHDOG_PID is this process or not set. 0: never.
 */
uint64_t notify_interval(void);

/*
 * The listening socket that the manager opened for us, sd_listen_fds(3): $LISTEN_PID is this process and $LISTEN_FDS is 1.
 * -1: there is none. LB_E_CONFIG with the text in p: what was handed over is not one listening SOCK_SEQPACKET socket.
 * Unsets the variables.
 */
LB_MUST_USE int notify_listen_fd(int *ret_fd, struct problem *p);

#endif
