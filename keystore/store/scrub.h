/* What was deleted is overwritten in the log as well. */
#ifndef LB_STORE_SCRUB_H
#define LB_STORE_SCRUB_H

#include "store/schema.h"

/*
 * Brings all changes into the database file and overwrites the log, so that what was deleted is nowhere any more (the
 * pages are cleared by secure_delete). What fails is done at the next change, or at the end.
 */
void store_scrub(struct store *s);

#endif
