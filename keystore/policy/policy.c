/* Who may do what with which key. */
#include "policy/policy.h"

#include "base/id_map.h"

#define OPS_ALL UINT16_MAX

/* A grant to an id that stands for all whom the box cannot tell apart would be one to all of them. */
static bool is_crowd(const struct grant *g)
{
    return g->kind == SUBJECT_USER ? idmap_no_user(idmap_own(), g->id) : idmap_no_group(idmap_own(), g->id);
}

/*
 * The two ends of a channel. A process's supplementary groups are known of the maker alone: they are the sender's too as
 * long as that is the same process, and still the same user.
 */
struct end {
    const struct peer *peer;
    const struct maker *groups; /* NULL: not known */
};

static struct end sender_of(const struct caller *who)
{
    const struct peer *maker = &who->maker->peer;
    bool same = maker->pid == who->peer.pid && maker->uid == who->peer.uid;

    return (struct end){ &who->peer, same ? who->maker : NULL };
}

static struct end maker_end(const struct maker *maker)
{
    return (struct end){ &maker->peer, maker };
}

static bool is_subject(const struct grant *g, struct end end)
{
    if (is_crowd(g))
        return false;
    if (g->kind == SUBJECT_USER)
        return end.peer->uid == g->id;
    if (g->kind != SUBJECT_GROUP)
        return false;
    return end.peer->gid == g->id || (end.groups != NULL && maker_in_group(end.groups, g->id));
}

static bool end_is_admin(const struct boxconf *conf, struct end end)
{
    if (idmap_is_ours(idmap_own(), end.peer->uid))
        return true;
    for (unsigned i = 0; i < conf->admin_count; i++) {
        if (is_subject(&conf->admins[i], end))
            return true;
    }
    return false;
}

/* The kernel did not tell who sent it: another PID namespace, or no credentials. */
static bool is_nobody(const struct caller *who)
{
    return who->peer.pid == 0;
}

bool policy_is_admin(const struct boxconf *conf, const struct caller *who)
{
    return !is_nobody(who) && who->peer.uid == who->maker->peer.uid && end_is_admin(conf, sender_of(who)) &&
           end_is_admin(conf, maker_end(who->maker));
}

const struct peer *policy_not_admin(const struct boxconf *conf, const struct caller *who)
{
    return end_is_admin(conf, sender_of(who)) ? &who->maker->peer : &who->peer;
}

bool policy_admin_made(const struct boxconf *conf, const struct maker *maker)
{
    return end_is_admin(conf, maker_end(maker));
}

/* What one end alone may do, at least of wanted. */
static uint16_t ops_of(const struct boxconf *conf, const struct grant *grants, size_t count, struct end end,
                       uint16_t wanted)
{
    uint16_t ops = 0;

    for (size_t i = 0; i < count; i++) {
        if (is_subject(&grants[i], end))
            ops |= grants[i].ops;
    }
    return (ops & wanted) != wanted && end_is_admin(conf, end) ? OPS_ALL : ops;
}

static uint16_t ops_of_both(const struct boxconf *conf, const struct grant *grants, size_t count,
                            const struct caller *who, uint16_t wanted)
{
    uint16_t ops = is_nobody(who) ? 0 : ops_of(conf, grants, count, sender_of(who), wanted);

    return ops == 0 ? 0 : ops & ops_of(conf, grants, count, maker_end(who->maker), wanted);
}

bool policy_granted(const struct boxconf *conf, const struct grant *grants, size_t count, const struct caller *who,
                    uint16_t ops)
{
    return (ops_of_both(conf, grants, count, who, ops) & ops) == ops;
}

const struct peer *policy_not_granted(const struct boxconf *conf, const struct grant *grants, size_t count,
                                      const struct caller *who, uint16_t ops)
{
    return (ops_of(conf, grants, count, sender_of(who), ops) & ops) == ops ? &who->maker->peer : &who->peer;
}

bool policy_granted_any(const struct boxconf *conf, const struct grant *grants, size_t count, const struct caller *who)
{
    return ops_of_both(conf, grants, count, who, OPS_ALL) != 0;
}
