/* Policy: what the key is for. The rule and the form of the value: policy/purposes.h. */
#include "policy/purposes.h"
#include "store/policy_members.h"

const struct policy_kind policy_purposes = { PURPOSES_TAG, "purposes", purposes_value_ok, NULL, NULL };
