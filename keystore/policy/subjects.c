/* The ids that grants are looked up by: of a caller, and of whoever made a channel. */
#include "policy/subjects.h"

struct subjects subjects_of_maker(const struct maker *maker)
{
    return (struct subjects){ .uid = maker->peer.uid, .gid = maker->peer.gid, .groups = maker->groups,
                              .group_count = maker->group_count };
}

struct subjects subjects_of_caller(const struct caller *who)
{
    const struct peer *maker = &who->maker->peer;
    struct subjects s = { .nobody = who->peer.pid == 0, .uid = who->peer.uid, .gid = who->peer.gid };

    /* An inherited channel tells the groups of its maker, not of the process that uses it now. */
    if (maker->pid == who->peer.pid && maker->uid == who->peer.uid) {
        s.groups = who->maker->groups;
        s.group_count = who->maker->group_count;
    }
    return s;
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
