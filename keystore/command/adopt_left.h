/* What an adoption that was killed has left beside its file: the new file, not in its place yet, or the old one. */
#ifndef LB_COMMAND_ADOPT_LEFT_H
#define LB_COMMAND_ADOPT_LEFT_H

#include "command/adopt.h"
#include "command/bulk.h"

/* Is it the name that an adoption gives its temporary file? */
bool leftover_is_name(const char *name);

/* All that are in the directories of these files. */
struct leftovers;
LB_MUST_USE int leftovers_find(const struct bulk_list *l, struct leftovers **ret, struct problem *p);
void leftovers_free(struct leftovers *all);

/*
 * The name of what was left beside the file of a, or NULL. It is one that root, the caller or the file's owner made, and holds
 * nothing, a handle, or a key. While there is one, that the box has the key already is no surprise: the adoption is to go on.
 */
const char *leftover_of(const struct leftovers *all, const struct adoption *a);
/*
 * Takes it away. If it holds a key, only where the file of a is the handle of that very key; it is overwritten then. LB_E_VALUE:
 * it is something else, and stays.
 */
LB_MUST_USE int leftover_clear(const struct adoption *a, const char *name, struct problem *p);

#endif
