/* The keeper's copies of a box's channels, by slot, and how they are let go. */
#include "daemon/kept.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/socket.h"
#include "daemon/keeper_link.h"

/* Descriptors that are no channels. The next child cannot be started without them. */
#define OTHER_DESCRIPTORS 64

void kept_init(struct kept *k)
{
    struct rlimit limit;

    *k = (struct kept){ .usher = -1, .slots_max = KEEP_SLOTS_MAX };
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < KEEP_SLOTS_MAX + OTHER_DESCRIPTORS)
        k->slots_max = limit.rlim_cur > OTHER_DESCRIPTORS ? limit.rlim_cur - OTHER_DESCRIPTORS : 1;
}

bool kept_bury(struct kept *k)
{
    return burials_pass(&k->dead, k->usher);
}

void kept_bury_one(struct kept *k, int fd)
{
    if (fd < 0)
        return;
    burials_add(&k->dead, fd);
    (void)kept_bury(k);
}

static void let_go(struct kept *k, int fd)
{
    if (socket_is_channel(fd) && socket_end(fd))
        socket_close(fd);
    else
        kept_bury_one(k, fd);
}

void kept_leave_usher(struct kept *k)
{
    int link = k->usher;

    k->usher = -1;
    if (link >= 0)
        let_go(k, link);
}

static int make_room(struct kept *k, uint32_t slot)
{
    size_t size = k->size == 0 ? 64 : k->size;
    struct kept_channel *more;

    if (slot < k->size)
        return 0;
    while (size <= slot)
        size *= 2;
    more = realloc(k->at, size * sizeof(*more));
    if (more == NULL)
        return LB_E_NOMEM;
    for (size_t i = k->size; i < size; i++)
        more[i] = (struct kept_channel){ .fd = -1 };
    k->at = more;
    k->size = size;
    return 0;
}

int kept_put(struct kept *k, uint32_t slot, int fd, struct maker *maker)
{
    int r = slot >= k->slots_max || !socket_is_channel(fd) ? LB_E_VALUE : make_room(k, slot);

    if (r == 0 && k->at[slot].fd >= 0)
        r = LB_E_VALUE;
    if (r != 0) {
        maker_clear(maker);
        kept_bury_one(k, fd);
        return r;
    }
    k->at[slot] = (struct kept_channel){ fd, *maker };
    return 0;
}

int kept_drop(struct kept *k, uint32_t slot)
{
    if (slot >= k->size || k->at[slot].fd < 0)
        return LB_E_VALUE;
    let_go(k, k->at[slot].fd);
    k->at[slot].fd = -1;
    maker_clear(&k->at[slot].maker);
    return 0;
}

void kept_clear(struct kept *k)
{
    for (size_t i = 0; i < k->size; i++)
        maker_clear(&k->at[i].maker);
    free(k->at);
    burials_clear(&k->dead);
    kept_init(k);
}
