/* A channel to a box without a path: asked for over an introducer, a connection that other processes have too. */
#include "client/introducer.h"

#include <sys/socket.h>

#include "base/socket.h"
#include "model/limits.h"
#include "protocol/header.h"

int introducer_ask(int introducer, bool dont_wait, int *ret_fd)
{
    uint8_t packet[LB_HEADER_SIZE];
    size_t len;
    int pair[2], r;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return LB_E_SYSTEM;
    r = msg_empty_encode(MSG_CHANNEL, 0, packet, sizeof(packet), &len);
    if (r == 0)
        r = socket_send(introducer, packet, len, pair[1], dont_wait);
    socket_close(pair[1]);
    if (r != 0) {
        socket_close(pair[0]);
        return r;
    }
    *ret_fd = pair[0];
    return 0;
}

int introducer_answer(int fd, bool dont_wait, int *ret_fd)
{
    uint8_t packet[LB_HEADER_SIZE];
    struct msg_header header;
    struct bytes body;
    size_t len;
    int r = socket_receive(fd, packet, sizeof(packet), dont_wait, &len, ret_fd, /* ret_peer= */ NULL);

    if (r != 0)
        return r == LB_E_TOO_LONG ? LB_E_VALUE : r;
    if (msg_split(packet, len, &header, &body) == 0 && header.type == (MSG_CHANNEL | MSG_ANSWER) && *ret_fd >= 0)
        return 0;
    socket_close(*ret_fd);
    *ret_fd = -1;
    return LB_E_VALUE;
}
