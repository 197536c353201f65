/* What a box and its usher say to each other: connections with something attached, and what was found there. */
#include "box/usher_link.h"

#include <stdlib.h>
#include <string.h>

#include "base/socket.h"
#include "base/wire.h"

#define ASK_SIZE 14

const char *usher_reason_text(enum usher_reason reason)
{
    static const char *const texts[] = {
        [BAD_FORM] = "the packet is none of a littlebox",
        [BAD_NUMBER] = "one descriptor was expected",
        [BAD_KIND] = "it is no connected SEQPACKET socket",
        [BAD_MAKER] = "another process made it",
        [BAD_TIMES] = "there is no room for it",
    };

    return texts[reason];
}

int usher_ask(int link, const struct usher_request *rq, bool dont_wait)
{
    uint8_t packet[ASK_SIZE];
    struct wire_writer w;
    size_t len;
    int r;

    wire_write(&w, packet, sizeof(packet));
    wire_put_u8(&w, (uint8_t)rq->type);
    wire_put_u32(&w, rq->slot);
    wire_put_u32(&w, rq->number);
    wire_put_u32(&w, rq->uid);
    wire_put_u8(&w, rq->known);
    r = wire_written(&w, &len);
    return r != 0 ? r : socket_send(link, packet, len, rq->fd, dont_wait);
}

int usher_asked(int link, struct usher_request *ret)
{
    uint8_t packet[ASK_SIZE];
    struct wire_reader rd;
    size_t len;
    int r = socket_receive(link, packet, sizeof(packet), /* dont_wait= */ false, &len, &ret->fd, /* ret_peer= */ NULL);

    if (r != 0)
        return r;
    wire_read(&rd, packet, len);
    ret->type = (enum usher_ask)wire_get_u8(&rd);
    ret->slot = wire_get_u32(&rd);
    ret->number = wire_get_u32(&rd);
    ret->uid = wire_get_u32(&rd);
    ret->known = wire_get_bool(&rd);
    if (wire_end(&rd) == 0 && (ret->type == ASK_RECEIVE || ret->type == ASK_BURY) && ret->fd >= 0)
        return 0;
    socket_close(ret->fd);
    ret->fd = -1;
    return LB_E_VALUE;
}

static void put_sender(struct wire_writer *w, const struct peer *sender)
{
    wire_put_u32(w, (uint32_t)sender->pid);
    wire_put_u32(w, sender->uid);
    wire_put_u32(w, sender->gid);
}

static void get_sender(struct wire_reader *rd, struct peer *ret)
{
    ret->pid = (pid_t)wire_get_u32(rd);
    ret->uid = wire_get_u32(rd);
    ret->gid = wire_get_u32(rd);
}

int usher_tell(int link, const struct usher_answer *a)
{
    uint8_t *packet = malloc(USHER_PACKET_MAX);
    struct wire_writer w;
    size_t len = 0;
    int r;

    if (packet == NULL)
        return LB_E_NOMEM;
    wire_write(&w, packet, USHER_PACKET_MAX);
    wire_put_u8(&w, (uint8_t)a->type);
    wire_put_u32(&w, a->slot);
    wire_put_u32(&w, a->number);
    if (a->type == TOLD_CHANNEL)
        maker_put(&w, &a->maker);
    if (a->type == TOLD_PACKET || a->type == TOLD_BAD)
        put_sender(&w, &a->sender);
    if (a->type == TOLD_PACKET) {
        wire_put_u8(&w, a->fd >= 0);
        wire_put_raw(&w, a->packet.p, a->packet.len);
    }
    if (a->type == TOLD_BAD)
        wire_put_u8(&w, (uint8_t)a->reason);
    r = wire_written(&w, &len);
    if (r == 0)
        r = socket_send(link, packet, len, a->fd, /* dont_wait= */ false);
    free(packet);
    return r;
}

/* The fields of each kind of answer; true: and this kind has a descriptor. */
static bool read_answer(struct wire_reader *rd, struct usher_answer *ret)
{
    switch (ret->type) {
    case TOLD_CHANNEL:
        maker_get(rd, &ret->maker);
        return true;
    case TOLD_PACKET:
        get_sender(rd, &ret->sender);
        ret->attached = wire_get_bool(rd);
        ret->packet = wire_get_raw(rd, rd->left);
        return ret->attached;
    case TOLD_BAD:
        get_sender(rd, &ret->sender);
        ret->reason = (enum usher_reason)wire_get_u8(rd);
        if (ret->reason < BAD_FORM || ret->reason > BAD_LAST)
            wire_refuse(rd, LB_E_VALUE);
        return false;
    case TOLD_LOST:
        return false;
    }
    wire_refuse(rd, LB_E_VALUE);
    return false;
}

int usher_told(int link, void *buf, struct usher_answer *ret)
{
    struct wire_reader rd;
    bool has_fd;
    size_t len;
    int r;

    memset(ret, 0, sizeof(*ret));
    r = socket_receive(link, buf, USHER_PACKET_MAX, /* dont_wait= */ true, &len, &ret->fd, /* ret_peer= */ NULL);
    if (r != 0)
        return r;
    wire_read(&rd, buf, len);
    ret->type = (enum usher_word)wire_get_u8(&rd);
    ret->slot = wire_get_u32(&rd);
    ret->number = wire_get_u32(&rd);
    has_fd = read_answer(&rd, ret);
    r = wire_end(&rd);
    if (r == 0 && has_fd != (ret->fd >= 0))
        r = LB_E_VALUE;
    if (r != 0) {
        maker_clear(&ret->maker);
        socket_close(ret->fd);
        ret->fd = -1;
    }
    return r;
}

void burials_add(struct burials *b, int fd)
{
    if (b->count == b->size) {
        size_t size = b->size == 0 ? 64 : b->size * 2;
        int *more = realloc(b->fds, size * sizeof(*more));

        if (more == NULL)
            return;
        b->fds = more;
        b->size = size;
    }
    b->fds[b->count++] = fd;
}

bool burials_pass(struct burials *b, int link)
{
    while (b->count > 0) {
        const struct usher_request rq = { .type = ASK_BURY, .fd = b->fds[b->count - 1] };

        if (link < 0 || usher_ask(link, &rq, /* dont_wait= */ true) != 0)
            return false;
        socket_close(b->fds[--b->count]);
    }
    return true;
}

void burials_clear(struct burials *b)
{
    free(b->fds);
    *b = (struct burials){ NULL, 0, 0 };
}
