/* The ids that grants are looked up by: of a caller, and of whoever made a channel. */
#ifndef LB_POLICY_SUBJECTS_H
#define LB_POLICY_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "policy/policy.h"

/* What a process can be granted things by. Only to find candidates: what somebody may do is said by policy/policy.h. */
struct subjects {
    bool nobody; /* the kernel did not tell who it is: the rest does not count */
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* supplementary ones, the maker's of the channel */
    size_t group_count;
};

/* Whoever sent a packet. */
struct subjects subjects_of_caller(const struct caller *who);
/* Whoever made the channel. */
struct subjects subjects_of_maker(const struct maker *maker);

/* The i-th as the subject of a grant, its operations aside; false: there are no more. */
bool subjects_get(const struct subjects *s, size_t i, struct grant *ret);

#endif
