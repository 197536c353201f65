/* Unix sockets: addresses, connecting, listening, descriptors and credentials with a packet. */
#ifndef LB_SOCKET_H
#define LB_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "errors.h"

/* What the kernel says of the process that sent a packet. pid 0: the kernel said nothing (never trust the rest). */
struct peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/*
 * All descriptors are AF_UNIX SOCK_SEQPACKET, close-on-exec, never inherited by exec. Failures are LB_E_SYSTEM with
 * errno, or what is said. No function raises SIGPIPE. All are thread-safe.
 */

/*
 * LB_E_NO_BOX when the socket is absent or nobody listens (errno kept); LB_E_TIMEOUT when its queue was full for 5
 * seconds; LB_E_TOO_LONG for a path over 107 bytes.
 */
LB_MUST_USE int socket_connect(const char *path, int *ret_fd);
/* The same, but LB_E_TIMEOUT after so many milliseconds, about; not 0. */
LB_MUST_USE int socket_connect_within(const char *path, unsigned ms, int *ret_fd);

/*
 * Binds and listens with the file mode given. A socket that nobody listens on any more is replaced, at once and whole;
 * one that answers is LB_E_IN_USE; something else there is LB_E_SYSTEM with EEXIST. LB_E_TOO_LONG for a path over 106
 * bytes.
 */
LB_MUST_USE int socket_listen(const char *path, mode_t mode, int *ret_fd);

/*
 * Makes a channel without a path: a socketpair, whose far end goes over the introducer in a MSG_CHANNEL. Both ends
 * have SO_PASSCRED. LB_E_CLOSED when the introducer is dead, LB_E_TIMEOUT when it is full, at once with dont_wait. Any
 * number of processes may do this over one introducer at once.
 */
LB_MUST_USE int socket_introduce(int introducer, bool dont_wait, int *ret_fd);

/* How long a send or a receive may block, in milliseconds; 0: for ever. */
LB_MUST_USE int socket_set_timeout(int fd, unsigned ms);

/* Asks the kernel to attach credentials to each packet received here. */
LB_MUST_USE int socket_want_peer(int fd);

/* The credentials of whoever connected or made the socketpair (SO_PEERCRED). */
LB_MUST_USE int socket_peer(int fd, struct peer *ret);

/* True when gid is among the supplementary groups of whoever connected or made the socketpair (SO_PEERGROUPS). */
bool socket_peer_in_group(int fd, gid_t gid);

/*
 * Sends one packet, with a descriptor if fd >= 0 (which stays the caller's). LB_E_CLOSED, LB_E_TIMEOUT (also for a
 * full buffer with dont_wait), LB_E_SYSTEM.
 */
LB_MUST_USE int socket_send(int sock, const void *data, size_t len, int fd, bool dont_wait);

/*
 * Receives one packet of at most size bytes. LB_E_CLOSED at its end, LB_E_TIMEOUT when none came, LB_E_TOO_LONG when
 * it was longer than size (the rest is lost). Descriptors that came with it: the first goes to *ret_fd (-1: none) and
 * is the caller's, any others are closed; with ret_fd NULL all are closed. ret_peer may be NULL.
 */
LB_MUST_USE int socket_receive(int sock, void *buf, size_t size, bool dont_wait, size_t *ret_len, int *ret_fd,
                               struct peer *ret_peer);

/* close(2) that keeps errno; nothing for a negative fd. */
void socket_close(int fd);

#endif
