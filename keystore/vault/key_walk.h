/* The keys of a ring that a question is about: by name, each once. */
#ifndef LB_VAULT_KEY_WALK_H
#define LB_VAULT_KEY_WALK_H

#include "base/errors.h"
#include "policy/caller.h"
#include "vault/keyring.h"

/*
 * Made, gone through and cleared while the ring's lock is held. A step costs the same however many keys there are. It costs
 * more for a caller in many groups that have grants: each of these adds to it.
 */
struct keywalk_list {
    struct boxkey *const *keys;
    size_t count, at;
};
struct keywalk {
    struct keywalk_list *lists;
    size_t count;
};

/* Each fails with LB_E_NOMEM; the walk is to be cleared then too. */

/* All keys behind that name. */
LB_MUST_USE int keywalk_all(const struct keyring *r, const char *after, struct keywalk *ret);
/* The keys behind that name that have a grant for one of p's ids. */
LB_MUST_USE int keywalk_granted(const struct keyring *r, const char *after, const struct principal *p,
                                struct keywalk *ret);
/* The keys that have an object of this label, of this id, or of both. One of them may be not set. */
LB_MUST_USE int keywalk_objects(const struct keyring *r, const struct p11_value *label, const struct p11_value *id,
                                struct keywalk *ret);

/* NULL: that was the last one. */
struct boxkey *keywalk_next(struct keywalk *w);
void keywalk_clear(struct keywalk *w);

#endif
