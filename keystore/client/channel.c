/* A caller's connection to a box: one request at a time, matched to its answer. */
#include "client/channel.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "client/clock.h"
#include "protocol/header.h"

/* How many stale packets are passed over for one answer: more than resets and timeouts can leave behind. */
#define STALE_MAX 1000

int channel_ask(int fd, const void *request, size_t len, int attached, bool dont_wait)
{
    return socket_send(fd, request, len, attached, dont_wait);
}

/* The socket's own timeout begins anew with each packet, and the deadline does not. */
static int wait_until(int fd, uint64_t deadline)
{
    struct pollfd in = { .fd = fd, .events = POLLIN };
    int n;

    do {
        uint64_t left = ms_left(deadline);

        n = poll(&in, 1, left < INT_MAX ? (int)left : INT_MAX);
    } while (n < 0 && errno == EINTR);
    return n > 0 ? 0 : n == 0 ? LB_E_TIMEOUT : LB_E_SYSTEM;
}

int channel_answer(int fd, uint32_t id, uint64_t deadline, void *answer, size_t size, uint16_t *ret_type,
                   struct bytes *ret_body, struct peer *ret_peer)
{
    bool dont_wait = deadline == CHANNEL_DONT_WAIT;

    for (int i = 0; i < STALE_MAX; i++) {
        struct msg_header header;
        size_t got;
        int r = i > 0 && !dont_wait ? wait_until(fd, deadline) : 0;

        if (r == 0)
            r = socket_receive(fd, answer, size, dont_wait || i > 0, &got, /* ret_fd= */ NULL, ret_peer);
        if (r != 0 && r != LB_E_TOO_LONG)
            return r;
        if (msg_split(answer, got, &header, ret_body) != 0)
            return LB_E_VALUE;
        if (header.type == MSG_RESET)
            return LB_E_RESET;
        if (header.id == id) {
            *ret_type = header.type;
            return r;
        }
        /* Also a packet that is too long is stale: it may be the answer to another request. */
    }
    return LB_E_VALUE;
}

int channel_call(int fd, uint32_t id, uint64_t deadline, const void *request, size_t len, int attached, void *answer,
                 size_t size, uint16_t *ret_type, struct bytes *ret_body)
{
    int r = channel_ask(fd, request, len, attached, /* dont_wait= */ false);

    return r != 0 ? r : channel_answer(fd, id, deadline, answer, size, ret_type, ret_body, /* ret_peer= */ NULL);
}

int channel_drain(int fd, void *scratch, size_t size)
{
    size_t got;
    int r = 0;

    for (int i = 0; r == 0 && i < STALE_MAX; i++)
        r = socket_receive(fd, scratch, size, /* dont_wait= */ true, &got, /* ret_fd= */ NULL, /* ret_peer= */ NULL);
    return r == LB_E_TIMEOUT ? 0 : r == 0 ? LB_E_VALUE : r;
}
