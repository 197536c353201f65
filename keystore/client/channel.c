/* A caller's connection to a box: one request at a time, matched to its answer. */
#include "client/channel.h"

#include "base/socket.h"
#include "protocol/header.h"

/* How many stale packets are passed over for one answer: more than resets and timeouts can leave behind. */
#define STALE_MAX 1000

int channel_ask(int fd, const void *request, size_t len, int attached, bool dont_wait)
{
    return socket_send(fd, request, len, attached, dont_wait);
}

int channel_answer(int fd, uint32_t id, bool dont_wait, void *answer, size_t size, uint16_t *ret_type,
                   struct bytes *ret_body)
{
    for (int i = 0; i < STALE_MAX; i++) {
        struct msg_header header;
        size_t got;
        int r = socket_receive(fd, answer, size, dont_wait, &got, /* ret_fd= */ NULL, /* ret_peer= */ NULL);

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

int channel_call(int fd, uint32_t id, const void *request, size_t len, int attached, void *answer, size_t size,
                 uint16_t *ret_type, struct bytes *ret_body)
{
    int r = channel_ask(fd, request, len, attached, /* dont_wait= */ false);

    return r != 0 ? r : channel_answer(fd, id, /* dont_wait= */ false, answer, size, ret_type, ret_body);
}

int channel_drain(int fd, void *scratch, size_t size)
{
    size_t got;
    int r;

    do
        r = socket_receive(fd, scratch, size, /* dont_wait= */ true, &got, /* ret_fd= */ NULL, /* ret_peer= */ NULL);
    while (r == 0);
    return r == LB_E_TIMEOUT ? 0 : r;
}
