/* What the keeper and its child say to each other: descriptors to keep, and that the child is ready. */
#include "keeplink.h"

#include "socket.h"
#include "wire.h"

#define PACKET_SIZE 5
#define BACKOFF_FIRST 100
#define BACKOFF_MAX 10000

unsigned keep_backoff(uint32_t failures)
{
    unsigned pause = BACKOFF_FIRST;

    if (failures < 2)
        return 0;
    for (uint32_t i = 2; i < failures && pause < BACKOFF_MAX; i++)
        pause *= 2;
    return pause < BACKOFF_MAX ? pause : BACKOFF_MAX;
}

int keep_send(int link, enum keep_type type, uint32_t number, int fd)
{
    uint8_t packet[PACKET_SIZE];
    struct wire_writer w;
    size_t len;
    int r;

    wire_write(&w, packet, sizeof(packet));
    wire_put_u8(&w, (uint8_t)type);
    wire_put_u32(&w, number);
    r = wire_written(&w, &len);
    return r != 0 ? r : socket_send(link, packet, len, fd, /* dont_wait= */ false);
}

int keep_receive(int link, bool dont_wait, enum keep_type *ret_type, uint32_t *ret_number, int *ret_fd)
{
    uint8_t packet[PACKET_SIZE];
    struct wire_reader rd;
    bool wants_fd;
    size_t len;
    int fd = -1, r = socket_receive(link, packet, sizeof(packet), dont_wait, &len, &fd, /* ret_peer= */ NULL);

    if (r != 0)
        return r;
    wire_read(&rd, packet, len);
    *ret_type = (enum keep_type)wire_get_u8(&rd);
    *ret_number = wire_get_u32(&rd);
    wants_fd = *ret_type == KEEP_ADD || *ret_type == KEEP_RESTORE;
    if (wire_end(&rd) != 0 || *ret_type < KEEP_ADD || *ret_type > KEEP_FAILED || wants_fd != (fd >= 0)) {
        socket_close(fd);
        return LB_E_VALUE;
    }
    *ret_fd = fd;
    return 0;
}
