/* The store's seals: reading, adding, removing, never the last. */
#ifndef LB_STORE_SEALS_H
#define LB_STORE_SEALS_H

#include "store/record.h"

struct store;

/*
 * All seals by id; freed with seal_records_free(). A damaged one is left out, and p->code is LB_E_DAMAGED with a text
 * then (else 0).
 */
LB_MUST_USE int store_seals(struct store *s, struct seal_record **ret, size_t *ret_count, struct problem *p);
/* The id in the record is ignored; *ret_id is the new one (never reused). LB_E_TOO_LONG: LB_SEALS_MAX are there. */
LB_MUST_USE int store_add_seal(struct store *s, const struct seal_record *seal, uint32_t *ret_id, struct problem *p);
/* LB_E_NO_SEAL, LB_E_LAST_SEAL. What was removed is overwritten as with keys. */
LB_MUST_USE int store_remove_seal(struct store *s, uint32_t id, struct problem *p);

/* Within a transaction of the caller. */
LB_MUST_USE int seal_insert(struct store *s, const struct seal_record *seal, uint32_t *ret_id, struct problem *p);

#endif
