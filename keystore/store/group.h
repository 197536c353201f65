/* Changes of a store that are committed together: one COMMIT, and so one wait for the disk, for all of them. */
#ifndef LB_STORE_GROUP_H
#define LB_STORE_GROUP_H

#include <stdbool.h>

#include "store/store.h"

/*
 * From now on the changes of keys, chains and notes are stored one after the other in one transaction, a savepoint each: one
 * that fails leaves the others. None of them is on disk before store_group_end(). All other changes of the store fail
 * meanwhile. False: this store cannot do that now, since its next change brings its schema up too; nothing is begun then.
 */
bool store_group_begin(struct store *s);
/*
 * Ends that. 0: all changes that returned 0 are on disk. Otherwise none of them is, the store is as it was before
 * store_group_begin(), and p says why.
 */
LB_MUST_USE int store_group_end(struct store *s, struct problem *p);

/* For the files of this room: one change, alone or in the group that is under way. Alone it empties the log too. */
LB_MUST_USE int group_change_begin(struct store *s, struct problem *p);
LB_MUST_USE int group_change_end(struct store *s, int r, struct problem *p);

#endif
