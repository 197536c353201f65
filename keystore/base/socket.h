/* Unix sockets: addresses, connecting, listening, descriptors and credentials with a packet. */
#ifndef LB_BASE_SOCKET_H
#define LB_BASE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/errors.h"

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
 * Binds and listens; the socket's file gets mode. A socket that nobody listens on any more is replaced in one step.
 * LB_E_IN_USE: one that answers has the path. LB_E_SYSTEM with EEXIST: something else has it. LB_E_TOO_LONG for a path over 106
 * bytes.
 */
LB_MUST_USE int socket_listen(const char *path, mode_t mode, int *ret_fd);

/* Is the descriptor, whatever it is, a socket that socket_listen() made for this path? */
bool socket_listens_at(int fd, const char *path);

/* How long a send or a receive may block, in milliseconds; 0: for ever. */
LB_MUST_USE int socket_set_timeout(int fd, unsigned ms);

/* Asks the kernel to attach credentials to each packet received here. */
LB_MUST_USE int socket_want_peer(int fd);
/*
 * Asks for credentials, and switches off labels, pidfds, time stamps and whatever else a kernel can attach. So a packet with
 * more than credentials is one to which its sender attached descriptors. Sockets that a listening socket accepts have its
 * settings.
 */
LB_MUST_USE int socket_want_only_peer(int fd);

/* The credentials of whoever connected or made the socketpair (SO_PEERCRED). */
LB_MUST_USE int socket_peer(int fd, struct peer *ret);

/*
 * Sends one packet, with a descriptor if fd >= 0 (which stays the caller's). LB_E_CLOSED, LB_E_TIMEOUT (also for a
 * full buffer with dont_wait), LB_E_SYSTEM.
 */
LB_MUST_USE int socket_send(int sock, const void *data, size_t len, int fd, bool dont_wait);

/*
 * Receives one packet of at most size bytes. The first descriptor that came with it goes to *ret_fd (-1: none) and is the
 * caller's; all others are closed, and with ret_fd NULL that one too. ret_peer may be NULL. LB_E_CLOSED: the connection has
 * ended. LB_E_TIMEOUT: no packet came. LB_E_TOO_LONG: the packet was longer than size, and its rest is lost.
 */
LB_MUST_USE int socket_receive(int sock, void *buf, size_t size, bool dont_wait, size_t *ret_len, int *ret_fd,
                               struct peer *ret_peer);

/*
 * Looks at the next packet and leaves it in the queue: its first bytes, who sent it, and in *ret_attached whether more than
 * credentials came with it. No descriptor of the packet comes into this process, and none is closed. Without dont_wait
 * it waits for a packet, as long as the socket's own timeout says. For sockets that have socket_want_only_peer() and that no
 * other process reads: so the packet is still the next one afterwards. Errors are those of socket_receive(); ret_len and
 * ret_attached are set with LB_E_TOO_LONG too.
 */
LB_MUST_USE int socket_look(int sock, void *buf, size_t size, bool dont_wait, size_t *ret_len, bool *ret_attached,
                            struct peer *ret_peer);
/* Takes the packet away that socket_look() saw; nothing was attached to it. */
void socket_pass_over(int sock);

/* At most so many descriptors come with one packet: the kernel's own cap (SCM_MAX_FD). */
#define SOCKET_FDS_MAX 253

/*
 * Receives one packet with all descriptors that came with it. They are *ret_count, and the caller's, with LB_E_TOO_LONG too.
 * Does not wait. For processes that may block when they close a descriptor: its sender can make that take as long as it likes.
 */
LB_MUST_USE int socket_receive_all(int sock, void *buf, size_t size, bool dont_wait, size_t *ret_len,
                                   int fds[SOCKET_FDS_MAX], size_t *ret_count, struct peer *ret_peer);

/* Is the descriptor, whatever it is, a connected AF_UNIX SOCK_SEQPACKET socket, as channels are? Never blocks. */
bool socket_is_channel(int fd);

/*
 * Ends the connection for all who have it. True: its queue is empty, and closing it cannot block. Whoever closes a socket last
 * destroys what waits in its queue, and a descriptor among that can block.
 */
bool socket_end(int fd);

/* close(2) that keeps errno; nothing for a negative fd. */
void socket_close(int fd);

#endif
