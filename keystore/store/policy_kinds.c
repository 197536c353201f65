/* The table of all kinds of policy. */
#include "store/policy_kinds.h"

#include "store/policy_members.h"

/* By rising tags: that is the order of entries. */
static const struct policy_kind *const kinds[] = {
    &policy_grants,   /* 1 */
    &policy_former,   /* 2 */
    &policy_schedule, /* 3 */
    &policy_life,     /* 4 */
    &policy_purposes, /* 5 */
};

const struct policy_kind *policy_kind_at(size_t i)
{
    return i < sizeof(kinds) / sizeof(kinds[0]) ? kinds[i] : NULL;
}

const struct policy_kind *policy_kind_by_tag(unsigned tag)
{
    const struct policy_kind *kind;

    for (size_t i = 0; (kind = policy_kind_at(i)) != NULL; i++) {
        if (kind->tag == tag)
            return kind;
    }
    return NULL;
}
