/* Whether a key may be used: the rules, in the order in which they refuse. */
#ifndef LB_POLICY_ADMIT_H
#define LB_POLICY_ADMIT_H

#include "base/errors.h"
#include "policy/admission.h"

/*
 * May it be used? 0, or the code of the first rule that refuses, with its text in p: LB_E_NO_KEY, LB_E_DENIED, LB_E_DAMAGED,
 * LB_E_UNSUPPORTED (of a newer littlebox), LB_E_NO_VERSION, LB_E_PUBLIC_KEY, LB_E_DESTROYED, LB_E_NOT_ACTIVE (also of what is to be destroyed), LB_E_LOCKED.
 */
LB_MUST_USE int admit_use(const struct admission *a, struct problem *p);
/*
 * May its public half be told? Anybody may ask, also while the box is locked, and whatever state the version is in, as long as
 * it is there: LB_E_NO_KEY, LB_E_DAMAGED, LB_E_NO_VERSION, LB_E_PUBLIC_KEY, LB_E_DESTROYED, LB_E_NOT_ACTIVE (to be destroyed).
 */
LB_MUST_USE int admit_tell(const struct admission *a, struct problem *p);

/* The names of the rules of admit_use(), in their order; NULL: there are no more. For tests and people. */
const char *admit_rule_name(size_t i);

/* Refusals that others share: each sets p and returns its code. */
int admit_locked(const struct admit_box *box, struct problem *p);
int admit_no_key(const struct admit_box *box, const char *name, struct problem *p);
int admit_damaged(const struct admit_box *box, const char *name, uint32_t version, struct problem *p);
/* A key whose policy this littlebox cannot hold to is used by nobody. */
int admit_unknown(const struct admit_box *box, const char *name, unsigned kind, struct problem *p);
/* Of a version whose destruction is scheduled; 0: of all that is left of the key. */
int admit_scheduled(const struct admit_box *box, const char *name, uint32_t version, uint64_t destroy_at,
                    struct problem *p);

#endif
