/* The rows of seals, for store/store.c. */
#ifndef LB_STORE_SEALS_H
#define LB_STORE_SEALS_H

#include "store/schema.h"

/* Within a transaction of the caller. */
LB_MUST_USE int seal_insert(struct store *s, const struct seal_record *seal, uint32_t *ret_id, struct problem *p);

/*
 * Brings all changes into the database file and overwrites the log, so that what was deleted is nowhere any more (the
 * pages are cleared by secure_delete). What fails is done at the next change, or at the end.
 */
void store_scrub(struct store *s);

#endif
