/* A kind of policy: what an entry with this tag says, and what its one form is. */
#ifndef LB_STORE_POLICY_KIND_H
#define LB_STORE_POLICY_KIND_H

#include "store/record.h"

/*
 * A new kind is a file with a struct of this type, and a row in store/policy_kinds.c. It changes neither schema nor
 * associated data nor backend.
 *
 * A value has one form: the same policy is always the same bytes. So values are equal when their bytes are, and nobody
 * needs a comparison of their own.
 */
struct policy_kind {
    uint16_t tag; /* from 1 on; never used for another kind, also when this one is gone */
    const char *name;
    /* Is this a value in its one form? Never an empty one: who has no such policy has no entry. */
    bool (*check)(struct bytes value);
    /*
     * For kinds that key_record has members for. NULL, both: the entry is kept in others, for policy_get() and
     * policy_set(), and for its rule in policy/. load: sets the members from a value that was checked; k has its versions, in the states of their
     * rows. LB_E_VALUE: it contradicts them; LB_E_NOMEM. save: writes the value; nothing: there is none.
     */
    int (*load)(struct bytes value, struct key_record *k);
    void (*save)(const struct key_record *k, struct wire_writer *w);
};

#endif
