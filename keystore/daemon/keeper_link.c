/* What the keeper and its child say to each other: descriptors to keep, and that the child is ready. */
#include "daemon/keeper_link.h"

#include "base/socket.h"
#include "base/wire.h"

#define PACKET_MAX (5 + MAKER_SIZE_MAX)
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

/* Which kinds have what. */
static bool has_maker(enum keep_type type)
{
    return type == KEEP_ADD || type == KEEP_RESTORE;
}

static bool has_fd(enum keep_type type)
{
    return has_maker(type) || type == KEEP_USHER;
}

int keep_send(int link, enum keep_type type, uint32_t number, const struct maker *maker, int fd)
{
    LB_UNFILLED uint8_t packet[PACKET_MAX];
    struct wire_writer w;
    size_t len;
    int r;

    wire_write(&w, packet, sizeof(packet));
    wire_put_u8(&w, (uint8_t)type);
    wire_put_u32(&w, number);
    if (has_maker(type))
        maker_put(&w, maker);
    r = wire_written(&w, &len);
    return r != 0 ? r : socket_send(link, packet, len, fd, /* dont_wait= */ false);
}

static int added(int link, uint32_t slot, const struct maker *maker, int fd)
{
    return keep_send(link, KEEP_ADD, slot, maker, fd);
}

static int dropped(int link, uint32_t slot)
{
    return keep_send(link, KEEP_DROP, slot, NULL, /* fd= */ -1);
}

static int awake(int link, uint32_t number)
{
    return keep_send(link, KEEP_AWAKE, number, NULL, /* fd= */ -1);
}

static int locked(int link, bool is)
{
    return keep_send(link, KEEP_LOCKED, is, NULL, /* fd= */ -1);
}

struct keeper_calls keep_calls(int link)
{
    return (struct keeper_calls){ .link = link, .added = added, .dropped = dropped, .awake = awake, .locked = locked };
}

int keep_receive(int link, bool dont_wait, struct keep_message *ret)
{
    LB_UNFILLED uint8_t packet[PACKET_MAX];
    struct wire_reader rd;
    size_t len;
    int r;

    *ret = (struct keep_message){ .fd = -1 };
    r = socket_receive_all(link, packet, sizeof(packet), dont_wait, &len, ret->strays, &ret->stray_count,
                           /* ret_peer= */ NULL);
    if (r != 0)
        return r == LB_E_TOO_LONG ? LB_E_VALUE : r;
    wire_read(&rd, packet, len);
    ret->type = (enum keep_type)wire_get_u8(&rd);
    ret->number = wire_get_u32(&rd);
    if (has_maker(ret->type))
        maker_get(&rd, &ret->maker);
    r = wire_end(&rd);
    if (r == 0 && ret->type >= KEEP_ADD && ret->type <= KEEP_AWAKE && ret->stray_count == (has_fd(ret->type) ? 1 : 0)) {
        if (ret->stray_count > 0)
            ret->fd = ret->strays[--ret->stray_count];
        return 0;
    }
    maker_clear(&ret->maker);
    return r == LB_E_NOMEM ? r : LB_E_VALUE;
}
