/* The keeper's copies of a box's channels, by slot, and how they are let go. */
#include "daemon/kept.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/socket.h"
#include "daemon/keeper_link.h"

/* Descriptors that are no channels. The next child cannot be started without them. */
#define OTHER_DESCRIPTORS 64

void kept_init(struct kept *k)
{
    struct rlimit limit;

    *k = (struct kept){ .usher = -1, .listen_fd = -1, .slots_max = KEEP_SLOTS_MAX };
    fd_store_init(&k->store);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < KEEP_SLOTS_MAX + OTHER_DESCRIPTORS)
        k->slots_max = limit.rlim_cur > OTHER_DESCRIPTORS ? limit.rlim_cur - OTHER_DESCRIPTORS : 1;
}

bool kept_bury(struct kept *k)
{
    bool waits = fd_store_pass(&k->store, &k->dead);

    return burials_pass(&k->dead, k->usher) && !waits;
}

void kept_bury_one(struct kept *k, int fd)
{
    if (fd < 0)
        return;
    burials_add(&k->dead, fd);
    (void)kept_bury(k);
}

/* stored: the manager has had a copy. */
static void let_go(struct kept *k, int fd, bool stored)
{
    if (socket_is_channel(fd) && socket_end(fd))
        socket_close(fd);
    else if (stored)
        fd_store_outlive(&k->store, fd);
    else
        kept_bury_one(k, fd);
}

/* Was it accepted at the listening socket? An accepted connection has the name of that one. */
static bool was_accepted(const struct kept *k, int fd)
{
    struct sockaddr_un own, listener;
    socklen_t len = sizeof(own), listener_len = sizeof(listener);

    return getsockname(k->listen_fd, (struct sockaddr *)&listener, &listener_len) == 0 &&
           getsockname(fd, (struct sockaddr *)&own, &len) == 0 && len == listener_len &&
           len > offsetof(struct sockaddr_un, sun_path) && memcmp(&own, &listener, len) == 0;
}

void kept_name(const struct kept *k, uint32_t slot, char ret[STORE_NAME_SIZE])
{
    const struct kept_channel *c = &k->at[slot];
    const struct stored_name name = { was_accepted(k, c->fd) ? STORED_ACCEPTED : STORED_PAIR, slot, c->maker };

    store_name_write(&name, ret);
}

/* The manager may have no room, or not know yet that the last channel of this slot is gone: kept_store_rest() tries again. */
static void store(struct kept *k, uint32_t slot)
{
    char name[STORE_NAME_SIZE];

    if (!k->store.there || k->listen_fd < 0 || k->at[slot].stale != NULL || !fd_store_turn(&k->store))
        return;
    kept_name(k, slot, name);
    k->at[slot].stored = fd_store_add_channel(&k->store, name, k->at[slot].fd) == 0;
}

/* Without memory the manager keeps what has ended, and hands it to the next keeper, which sees that. */
static void unstore(struct kept *k, uint32_t slot)
{
    struct kept_channel *c = &k->at[slot];
    char name[STORE_NAME_SIZE];

    if (!c->stored)
        return;
    kept_name(k, slot, name);
    c->stored = false;
    if (fd_store_remove(&k->store, name) != 0)
        c->stale = strdup(name);
}

void kept_store(struct kept *k, int listen_fd, size_t most)
{
    k->listen_fd = listen_fd;
    fd_store_open(&k->store, most);
}

bool kept_store_rest(struct kept *k)
{
    if (!k->store.behind)
        return true;
    k->store.behind = false;
    for (uint32_t i = 0; i < k->size && !k->store.behind; i++) {
        struct kept_channel *c = &k->at[i];

        if (c->stale != NULL && fd_store_remove(&k->store, c->stale) == 0) {
            free(c->stale);
            c->stale = NULL;
        }
    }
    /* By turns: others come and go at the first slots. */
    for (size_t i = 0; i < k->size && !k->store.behind && !k->store.full; i++) {
        uint32_t slot = (uint32_t)((k->store_from + i) % k->size);

        if (k->at[slot].fd < 0 || k->at[slot].stored)
            continue;
        store(k, slot);
        if (k->store.behind)
            k->store_from = slot;
    }
    return !k->store.behind;
}

void kept_leave_usher(struct kept *k)
{
    int link = k->usher;

    k->usher = -1;
    if (link >= 0)
        let_go(k, link, /* stored= */ false);
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
    k->at[slot].fd = fd;
    k->at[slot].maker = *maker;
    store(k, slot);
    return 0;
}

/* The maker of what came back: what the kernel says, and what only a keeper can have written where the kernel does not. */
static int maker_back(const struct kept *k, int fd, struct stored_name *name, struct maker *ret)
{
    struct peer pair;

    if (!socket_is_channel(fd) || was_accepted(k, fd) != (name->kind == STORED_ACCEPTED))
        return LB_E_VALUE;
    if (name->kind == STORED_ACCEPTED)
        return maker_of(fd, ret);
    if (socket_peer(fd, &pair) != 0 || pair.uid != geteuid())
        return LB_E_VALUE;
    *ret = name->maker;
    name->maker = (struct maker){ .groups = NULL };
    return 0;
}

void kept_refuse_back(struct kept *k, int fd, const char *name, const struct stored_name *read)
{
    fd_store_has(&k->store, name);
    /* If the manager has no room for this, the next keeper is handed the descriptor again. */
    (void)!fd_store_remove(&k->store, name);
    fd_store_outlive(&k->store, fd);
    /* It may have gone with it: the manager takes away all that has the name. */
    if (read != NULL && read->slot < k->size && k->at[read->slot].fd >= 0) {
        k->at[read->slot].stored = false;
        k->store.behind = k->store.there;
    }
}

int kept_take_back(struct kept *k, int fd, struct stored_name *name)
{
    struct maker maker = { .groups = NULL };
    int r = name->slot >= k->slots_max ? LB_E_VALUE : make_room(k, name->slot);

    if (r == 0 && k->at[name->slot].fd >= 0)
        r = LB_E_VALUE;
    if (r == 0)
        r = maker_back(k, fd, name, &maker);
    if (r != 0)
        return r;
    k->at[name->slot] = (struct kept_channel){ .fd = fd, .maker = maker, .stored = k->store.there };
    return 0;
}

int kept_drop(struct kept *k, uint32_t slot)
{
    bool stored;

    if (slot >= k->size || k->at[slot].fd < 0)
        return LB_E_VALUE;
    stored = k->at[slot].stored;
    unstore(k, slot);
    let_go(k, k->at[slot].fd, stored);
    k->at[slot].fd = -1;
    maker_clear(&k->at[slot].maker);
    return 0;
}

void kept_clear(struct kept *k)
{
    for (size_t i = 0; i < k->size; i++) {
        maker_clear(&k->at[i].maker);
        free(k->at[i].stale);
    }
    free(k->at);
    burials_clear(&k->dead);
    fd_store_clear(&k->store);
    kept_init(k);
}
