/* Whether a key may be used: the rules, in the order in which they refuse. */
#ifndef LB_POLICY_ADMIT_H
#define LB_POLICY_ADMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/vocabulary.h"
#include "policy/caller.h"
#include "policy/policy.h"

/* The box, as far as rules and refusals speak of it. */
struct admit_box {
    const char *name;
    const struct admins *admins;
    bool unlocked;
    bool damaged;            /* some of its records are */
    bool credential_refused; /* what was to open it did not */
};

/* Why a key has no version that is used without being named. */
enum admit_left { LEFT_SOME, LEFT_SCHEDULED, LEFT_NONE };

/*
 * Who wants to do what with which key, and all that is known of it: gathered by the vault, which holds its keys still
 * meanwhile. The rules look at nothing else, and keep nothing of it.
 */
struct admission {
    const struct caller *who;
    enum key_op op;
    const struct key_ref *ref; /* as the caller names it */
    uint64_t now;              /* seconds since 1970, by the clock of whoever asks */
    struct admit_box box;
    struct {
        const char *name;      /* its own; NULL: there is none that the caller could mean, and the rest is not set */
        const struct grant *grants;
        size_t grant_count;
        bool damaged;          /* its record does not authenticate as a whole */
        struct bytes entries;  /* of its policy, what has no member here: a rule finds its own (policy/entry.h) */
        unsigned unknown;      /* a kind of policy that only a newer littlebox knows; 0: there is none */
        enum admit_left left;  /* of a key whose active version is meant, and that has none */
        uint64_t destroy_at;   /* LEFT_SCHEDULED */
    } key;
    struct {
        bool meant;            /* else the key has none that is, and the rest is not set */
        uint32_t number;
        bool damaged;
        uint8_t state;         /* enum key_state */
        uint64_t destroy_at;   /* STATE_DESTROY_SCHEDULED */
    } version;
};

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
