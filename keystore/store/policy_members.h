/* The kinds of policy, most of which key_record has members for. */
#ifndef LB_STORE_POLICY_MEMBERS_H
#define LB_STORE_POLICY_MEMBERS_H

#include "store/policy_kind.h"

extern const struct policy_kind policy_grants;   /* who may do what */
extern const struct policy_kind policy_former;   /* the names that the key had before */
extern const struct policy_kind policy_schedule; /* when versions are to be destroyed */
extern const struct policy_kind policy_purposes; /* what the key is for; in others */
extern const struct policy_kind policy_life;     /* when versions become current and end, and what their rows do not say */

#endif
