/*
 * Aims at keep_receive(): what a child that was taken over might tell its keeper, bytes and descriptors alike. What is
 * taken is of the protocol and is written to the same bytes again; a descriptor is there exactly where one belongs, and
 * no other stays open.
 *
 * An input is any number of: descriptors u8 (0 to 3) | length u8 | bytes.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/socket.h"
#include "daemon/keeper_link.h"
#include "fuzz.h"

#define FDS_MAX 3
#define BYTES_MAX 64

static int link_fds[2] = { -1, -1 }, given = -1;

static void must(bool good)
{
    if (!good)
        abort();
}

static void setup(void)
{
    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link_fds) == 0);
    given = open("/dev/null", O_RDONLY | O_CLOEXEC);
    must(given >= 0);
}

/* The number that the next descriptor will get: another one stayed open if it grows. */
static int next_fd(void)
{
    int fd = dup(given);

    must(fd >= 0 && close(fd) == 0);
    return fd;
}

static bool send_packet(const uint8_t *data, size_t len, unsigned fds)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    memset(&control, 0, sizeof(control));
    if (fds > 0) {
        struct cmsghdr *c;

        msg.msg_control = control.space;
        msg.msg_controllen = CMSG_SPACE(fds * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fds * sizeof(int));
        for (unsigned i = 0; i < fds; i++)
            memcpy(CMSG_DATA(c) + i * sizeof(int), &given, sizeof(int));
    }
    return sendmsg(link_fds[0], &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

/* What was understood is said again in the same words. */
static void say_again(const struct keep_message *m, const uint8_t *data, size_t len)
{
    uint8_t again[BYTES_MAX];
    size_t got = 0;
    int with = -1;

    must(keep_send(link_fds[1], m->type, m->number, &m->maker, m->fd) == 0);
    must(socket_receive(link_fds[0], again, sizeof(again), true, &got, &with, NULL) == 0);
    must(got == len && memcmp(again, data, len) == 0 && (with >= 0) == (m->fd >= 0));
    socket_close(with);
}

static void try_packet(const uint8_t *data, size_t len, unsigned fds)
{
    int before = next_fd(), r;
    struct keep_message m;

    if (!send_packet(data, len, fds))
        return;
    r = keep_receive(link_fds[1], /* dont_wait= */ true, &m);
    if (r == 0) {
        bool wants = m.type == KEEP_ADD || m.type == KEEP_RESTORE || m.type == KEEP_USHER;

        must(m.type >= KEEP_ADD && m.type <= KEEP_AWAKE && wants == (m.fd >= 0) && wants == (fds > 0));
        say_again(&m, data, len);
        maker_clear(&m.maker);
        socket_close(m.fd);
    } else {
        must(r == LB_E_VALUE || (r == LB_E_CLOSED && len == 0));
        must(m.fd == -1 && m.maker.groups == NULL);
    }
    while (m.stray_count > 0)
        socket_close(m.strays[--m.stray_count]);
    must(next_fd() == before);
    must(keep_receive(link_fds[1], true, &m) == LB_E_TIMEOUT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (given < 0)
        setup();
    while (size >= 2) {
        size_t len = data[1];
        uint8_t copy[BYTES_MAX];

        len = len > size - 2 ? size - 2 : len;
        len = len > BYTES_MAX ? BYTES_MAX : len;
        memcpy(copy, data + 2, len);
        try_packet(copy, len, data[0] % (FDS_MAX + 1));
        data += 2 + len;
        size -= 2 + len;
    }
    return 0;
}
