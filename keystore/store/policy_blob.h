/* The policy of a key as one row of the store and one field of the associated data: entries of tag, length and value. */
#ifndef LB_STORE_POLICY_BLOB_H
#define LB_STORE_POLICY_BLOB_H

#include "store/record.h"

/*
 *     0       2        4           4+n
 *    +-------+--------+-----------+----
 *    | tag   | n, u16 | value     | next entry ...
 *    +-------+--------+-----------+----
 *
 * Entries stand by rising tags, each tag once, none with an empty value. A value has one form (store/policy_kind.h). So
 * one policy is one string of bytes, and another policy is another one. A key without any policy has an empty blob.
 */
#define POLICY_MAX UINT16_MAX

/* Writes the policy of k. What does not fit into POLICY_MAX bytes fails in w: LB_E_TOO_LONG. */
void policy_put(const struct key_record *k, struct wire_writer *w);
/*
 * Sets the policy of k, which has none yet, from a blob. k has its versions, in the states of their rows. Entries of tags
 * that are not known are kept in k->others, and k->unknown says so: such a key is not to be used, and never to be written
 * without them. LB_E_VALUE: not in the one form, or it contradicts the versions. LB_E_NOMEM. k may have a part of it then.
 */
LB_MUST_USE int policy_load(struct bytes blob, struct key_record *k);

/* The value of an entry that key_record has no member for, in k; false: there is none. */
bool policy_get(const struct key_record *k, uint16_t tag, struct bytes *ret);
/*
 * Sets it; an empty value takes it away. The tag is a known one without a member. LB_E_VALUE: not in its form; LB_E_NOMEM:
 * k is as it was.
 */
LB_MUST_USE int policy_set(struct key_record *k, uint16_t tag, struct bytes value);

#endif
