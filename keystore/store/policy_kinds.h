/* The table of all kinds of policy. */
#ifndef LB_STORE_POLICY_KINDS_H
#define LB_STORE_POLICY_KINDS_H

#include "store/policy_kind.h"

/* The i-th, by rising tags; NULL: there are no more. */
const struct policy_kind *policy_kind_at(size_t i);
/* The kind of that tag; NULL: this littlebox knows none. */
const struct policy_kind *policy_kind_by_tag(unsigned tag);

#endif
