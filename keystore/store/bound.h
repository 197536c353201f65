/* What is bound to the material of a version: the associated data of its sealing, which one function writes. */
#ifndef LB_STORE_BOUND_H
#define LB_STORE_BOUND_H

#include "store/record.h"

/*
 * Every metadata field of v, and the policy of its key k, in a form that is injective (STORE.md). v is one of the
 * versions of k: what is scheduled is a part of the policy. *ret is freed with free(). LB_E_NOMEM; LB_E_TOO_LONG: more
 * than a key may have; LB_E_DAMAGED: what the policy was is not known.
 */
LB_MUST_USE int bound_data(const uint8_t store_id[STORE_ID_SIZE], const struct key_record *k,
                           const struct version_record *v, uint8_t **ret, size_t *ret_len);

#endif
