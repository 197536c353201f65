/* A caller: who asks, as the kernel says it. */
#ifndef LB_POLICY_CALLER_H
#define LB_POLICY_CALLER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/maker.h"
#include "base/socket.h"
#include "model/vocabulary.h"

/* One process that takes part in a request: what it can be granted things by. */
struct principal {
    struct peer peer;        /* its pid, uid and gid */
    const gid_t *groups;     /* supplementary ones; NULL: none, or not known. Of the maker that this was made of */
    size_t group_count;
    bool nobody;             /* the kernel did not tell who it is: the rest does not count */
};

/*
 * The sender of one packet (real ids), and the maker of the channel that it came on. Authority is what both have: a worker that
 * inherits a channel of root's is not root, and a program of root's that writes into a channel that somebody else made, as
 * standard output, lends its authority to nobody.
 *
 * A value: it is made once, where a packet is taken from its channel, and nothing behind that place asks the kernel again.
 */
struct caller {
    struct principal sender, maker;
};

/*
 * The kernel tells the supplementary groups of the maker alone. They are the sender's too as long as that is the same process,
 * and still the same user. The maker outlives what is returned.
 */
struct caller caller_of(const struct peer *sender, const struct maker *maker);
struct principal principal_of_maker(const struct maker *maker);

bool principal_in_group(const struct principal *p, gid_t gid);
/*
 * The i-th of its ids as the subject of a grant, without operations; false: there are no more. Only to find candidates: what
 * somebody may do is said by policy/policy.h.
 */
bool principal_subject(const struct principal *p, size_t i, struct grant *ret);

#endif
