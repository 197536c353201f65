/* Who made a channel: what the kernel said when it was made, and what a keeper remembers of it. */
#include "base/maker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int groups_of(int fd, struct maker *ret)
{
    socklen_t len = 0;
    gid_t *groups;

    /* Called without room, the kernel says how much it needs. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || len == 0)
        return 0;
    if (errno != ERANGE)
        return LB_E_SYSTEM;
    groups = malloc(len);
    if (groups == NULL)
        return LB_E_NOMEM;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0) {
        free(groups);
        return LB_E_SYSTEM;
    }
    ret->groups = groups;
    ret->group_count = len / sizeof(gid_t) < MAKER_GROUPS_MAX ? len / sizeof(gid_t) : MAKER_GROUPS_MAX;
    return 0;
}

int maker_of(int fd, struct maker *ret)
{
    int r;

    memset(ret, 0, sizeof(*ret));
    r = socket_peer(fd, &ret->peer);
    return r != 0 ? r : groups_of(fd, ret);
}

void maker_clear(struct maker *m)
{
    free(m->groups);
    m->groups = NULL;
    m->group_count = 0;
}

void maker_put(struct wire_writer *w, const struct maker *m)
{
    wire_put_u32(w, (uint32_t)m->peer.pid);
    wire_put_u32(w, m->peer.uid);
    wire_put_u32(w, m->peer.gid);
    wire_put_u16(w, (uint16_t)m->group_count);
    for (size_t i = 0; i < m->group_count; i++)
        wire_put_u32(w, m->groups[i]);
}

void maker_get(struct wire_reader *r, struct maker *ret)
{
    size_t count;

    memset(ret, 0, sizeof(*ret));
    ret->peer.pid = (pid_t)wire_get_u32(r);
    ret->peer.uid = wire_get_u32(r);
    ret->peer.gid = wire_get_u32(r);
    count = wire_get_u16(r);
    if (count > MAKER_GROUPS_MAX)
        wire_refuse(r, LB_E_TOO_LONG);
    if (r->error != 0 || count == 0)
        return;
    ret->groups = calloc(count, sizeof(*ret->groups));
    if (ret->groups == NULL) {
        wire_refuse(r, LB_E_NOMEM);
        return;
    }
    ret->group_count = count;
    for (size_t i = 0; i < count; i++)
        ret->groups[i] = wire_get_u32(r);
}
