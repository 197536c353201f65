/* The form in which keys were bound before schema 4: for reading old stores alone, nothing is written in it. */
#ifndef LB_STORE_OLD_FORM_H
#define LB_STORE_OLD_FORM_H

#include "store/record.h"

/* As bound_data(), of a key of an old store. */
LB_MUST_USE int old_form_bound(const uint8_t store_id[STORE_ID_SIZE], const struct key_record *k,
                               const struct version_record *v, uint8_t **ret, size_t *ret_len);

#endif
