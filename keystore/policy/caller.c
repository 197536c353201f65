/* A caller: who asks, as the kernel says it. */
#include "policy/caller.h"

struct principal principal_of_maker(const struct maker *maker)
{
    return (struct principal){ .peer = maker->peer, .groups = maker->groups, .group_count = maker->group_count };
}

struct caller caller_of(const struct peer *sender, const struct maker *maker)
{
    bool same = maker->peer.pid == sender->pid && maker->peer.uid == sender->uid;
    struct caller who = { .sender = { .peer = *sender, .nobody = sender->pid == 0 }, .maker = principal_of_maker(maker) };

    /* Groups are known of the maker alone. A process that inherited the channel does not have them. */
    if (same) {
        who.sender.groups = maker->groups;
        who.sender.group_count = maker->group_count;
    }
    return who;
}

bool principal_in_group(const struct principal *p, gid_t gid)
{
    if (p->peer.gid == gid)
        return true;
    for (size_t i = 0; i < p->group_count; i++) {
        if (p->groups[i] == gid)
            return true;
    }
    return false;
}

bool principal_subject(const struct principal *p, size_t i, struct grant *ret)
{
    if (p->nobody || i >= p->group_count + 2)
        return false;
    ret->kind = i == 0 ? SUBJECT_USER : SUBJECT_GROUP;
    ret->id = i == 0 ? p->peer.uid : i == 1 ? p->peer.gid : p->groups[i - 2];
    ret->ops = 0;
    return true;
}
