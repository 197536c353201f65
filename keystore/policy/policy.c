/* Who may do what with which key. */
#include "policy/policy.h"

#include "base/id_map.h"

#define OPS_ALL UINT16_MAX

/* Does the id stand for all users or groups whom the box cannot tell apart? A grant to it would be one to all of them. */
static bool is_crowd(const struct grant *g)
{
    return g->kind == SUBJECT_USER ? idmap_no_user(idmap_own(), g->id) : idmap_no_group(idmap_own(), g->id);
}

static bool is_subject(const struct grant *g, const struct principal *end)
{
    if (is_crowd(g))
        return false;
    if (g->kind == SUBJECT_USER)
        return end->peer.uid == g->id;
    if (g->kind != SUBJECT_GROUP)
        return false;
    return principal_in_group(end, g->id);
}

static bool end_is_admin(const struct admins *admins, const struct principal *end)
{
    if (idmap_is_ours(idmap_own(), end->peer.uid))
        return true;
    for (unsigned i = 0; i < admins->count; i++) {
        if (is_subject(&admins->of[i], end))
            return true;
    }
    return false;
}

bool policy_is_admin(const struct admins *admins, const struct caller *who)
{
    return !who->sender.nobody && who->sender.peer.uid == who->maker.peer.uid && end_is_admin(admins, &who->sender) &&
           end_is_admin(admins, &who->maker);
}

const struct peer *policy_not_admin(const struct admins *admins, const struct caller *who)
{
    return end_is_admin(admins, &who->sender) ? &who->maker.peer : &who->sender.peer;
}

bool policy_admin_made(const struct admins *admins, const struct maker *maker)
{
    const struct principal end = principal_of_maker(maker);

    return end_is_admin(admins, &end);
}

/* What one end may do by itself. Operations outside of wanted may be left out. */
static uint16_t ops_of(const struct admins *admins, const struct grant *grants, size_t count, const struct principal *end,
                       uint16_t wanted)
{
    uint16_t ops = 0;

    for (size_t i = 0; i < count; i++) {
        if (is_subject(&grants[i], end))
            ops |= grants[i].ops;
    }
    return (ops & wanted) != wanted && end_is_admin(admins, end) ? OPS_ALL : ops;
}

static uint16_t ops_of_both(const struct admins *admins, const struct grant *grants, size_t count,
                            const struct caller *who, uint16_t wanted)
{
    uint16_t ops = who->sender.nobody ? 0 : ops_of(admins, grants, count, &who->sender, wanted);

    return ops == 0 ? 0 : ops & ops_of(admins, grants, count, &who->maker, wanted);
}

bool policy_granted(const struct admins *admins, const struct grant *grants, size_t count, const struct caller *who,
                    uint16_t ops)
{
    return (ops_of_both(admins, grants, count, who, ops) & ops) == ops;
}

const struct peer *policy_not_granted(const struct admins *admins, const struct grant *grants, size_t count,
                                      const struct caller *who, uint16_t ops)
{
    return (ops_of(admins, grants, count, &who->sender, ops) & ops) == ops ? &who->maker.peer : &who->sender.peer;
}

bool policy_granted_any(const struct admins *admins, const struct grant *grants, size_t count, const struct caller *who)
{
    return ops_of_both(admins, grants, count, who, OPS_ALL) != 0;
}
