/* The ids that grants are looked up by: of a caller, and of whoever made a channel. */
#include "subjects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int groups_of(int fd, struct subjects *ret)
{
    socklen_t len = 0;

    /* Without room it says how much it wants. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || len == 0)
        return 0;
    if (errno != ERANGE)
        return LB_E_SYSTEM;
    ret->groups = malloc(len);
    if (ret->groups == NULL)
        return LB_E_NOMEM;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ret->groups, &len) < 0)
        return LB_E_SYSTEM;
    ret->group_count = len / sizeof(gid_t);
    return 0;
}

static void set_peer(struct subjects *s, const struct peer *peer)
{
    *s = (struct subjects){ .nobody = peer->pid == 0, .uid = peer->uid, .gid = peer->gid };
}

int subjects_of_maker(int fd, struct subjects *ret)
{
    struct peer maker;
    int r = socket_peer(fd, &maker);

    memset(ret, 0, sizeof(*ret));
    if (r != 0)
        return r;
    set_peer(ret, &maker);
    r = groups_of(fd, ret);
    if (r != 0)
        subjects_clear(ret);
    return r;
}

int subjects_of_caller(const struct caller *who, struct subjects *ret)
{
    struct peer maker;
    int r = 0;

    set_peer(ret, &who->peer);
    /* An inherited channel tells the groups of its maker, not of the process that uses it now. */
    if (socket_peer(who->fd, &maker) == 0 && maker.pid == who->peer.pid && maker.uid == who->peer.uid)
        r = groups_of(who->fd, ret);
    if (r == LB_E_NOMEM)
        subjects_clear(ret);
    return r == LB_E_NOMEM ? r : 0;
}

void subjects_clear(struct subjects *s)
{
    free(s->groups);
    s->groups = NULL;
    s->group_count = 0;
}

bool subjects_get(const struct subjects *s, size_t i, struct grant *ret)
{
    if (s->nobody || i >= s->group_count + 2)
        return false;
    ret->kind = i == 0 ? SUBJECT_USER : SUBJECT_GROUP;
    ret->id = i == 0 ? s->uid : i == 1 ? s->gid : s->groups[i - 2];
    ret->ops = 0;
    return true;
}

bool subjects_are_admin(const struct subjects *s, const struct boxconf *conf)
{
    struct grant mine;

    if (s->nobody)
        return false;
    if (s->uid == 0 || s->uid == geteuid())
        return true;
    for (size_t i = 0; subjects_get(s, i, &mine); i++) {
        for (unsigned k = 0; k < conf->admin_count; k++) {
            if (conf->admins[k].kind == mine.kind && conf->admins[k].id == mine.id)
                return true;
        }
    }
    return false;
}
