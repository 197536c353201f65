/* The ids that grants are looked up by: of a caller, and of whoever made a channel. */
#ifndef LB_SUBJECTS_H
#define LB_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "boxconf.h"
#include "policy.h"

/* What a process can be granted things by. Only to find candidates: what somebody may do is said by policy.h. */
struct subjects {
    bool nobody; /* the kernel did not tell who it is: the rest does not count */
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* supplementary ones */
    size_t group_count;
};

/* Whoever sent a packet. To be cleared. LB_E_NOMEM. */
LB_MUST_USE int subjects_of_caller(const struct caller *who, struct subjects *ret);
/* Whoever made the channel. To be cleared. LB_E_NOMEM, LB_E_SYSTEM. */
LB_MUST_USE int subjects_of_maker(int fd, struct subjects *ret);
void subjects_clear(struct subjects *s);

/* The i-th as the subject of a grant, its operations aside; false: there are no more. */
bool subjects_get(const struct subjects *s, size_t i, struct grant *ret);
/* Root, the user the box runs as, or whom BOX.conf names. */
bool subjects_are_admin(const struct subjects *s, const struct boxconf *conf);

#endif
