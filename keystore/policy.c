/* Who may do what with which key. */
#include "policy.h"

#include "idmap.h"

/* A grant to an id that stands for all whom the box cannot tell apart would be one to all of them. */
static bool is_crowd(const struct grant *g)
{
    return g->kind == SUBJECT_USER ? idmap_no_user(idmap_own(), g->id) : idmap_no_group(idmap_own(), g->id);
}

static bool is_subject(const struct grant *g, const struct caller *who)
{
    struct peer maker;

    if (is_crowd(g))
        return false;
    if (g->kind == SUBJECT_USER)
        return who->peer.uid == g->id;
    if (g->kind != SUBJECT_GROUP)
        return false;
    if (who->peer.gid == g->id)
        return true;
    /* An inherited channel tells the groups of its maker, not of the process that uses it now. */
    if (socket_peer(who->fd, &maker) != 0 || maker.pid != who->peer.pid || maker.uid != who->peer.uid)
        return false;
    return socket_peer_in_group(who->fd, g->id);
}

bool policy_is_admin(const struct boxconf *conf, const struct caller *who)
{
    if (who->peer.pid == 0)
        return false;
    if (idmap_is_ours(idmap_own(), who->peer.uid))
        return true;
    for (unsigned i = 0; i < conf->admin_count; i++) {
        if (is_subject(&conf->admins[i], who))
            return true;
    }
    return false;
}

bool policy_granted(const struct grant *grants, size_t count, const struct caller *who, uint16_t ops)
{
    uint16_t has = 0;

    if (who->peer.pid == 0)
        return false;
    for (size_t i = 0; i < count && (has & ops) != ops; i++) {
        if ((grants[i].ops & ops) != 0 && is_subject(&grants[i], who))
            has |= grants[i].ops;
    }
    return (has & ops) == ops;
}

bool policy_granted_any(const struct grant *grants, size_t count, const struct caller *who)
{
    for (size_t i = 0; i < count && who->peer.pid != 0; i++) {
        if (is_subject(&grants[i], who))
            return true;
    }
    return false;
}

int grant_compare(const void *a, const void *b)
{
    const struct grant *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}
