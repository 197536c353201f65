/* The entries of a key's policy, of which rules look at their own: tag, length and value (store/policy_blob.h). */
#ifndef LB_POLICY_ENTRY_H
#define LB_POLICY_ENTRY_H

#include <stdbool.h>

#include "base/wire.h"

struct policy_entry {
    uint16_t tag;
    struct bytes value; /* in what it was read from */
};

/* The next entry. What is cut off sets the reader's error. */
struct policy_entry policy_entry_get(struct wire_reader *r);
/* The value of the entry of that tag, among entries that are whole; false: there is none. */
bool policy_entry_find(struct bytes entries, uint16_t tag, struct bytes *ret);

#endif
