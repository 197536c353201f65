/* Which users and groups this process can tell apart: its user namespace, and the ids that stand for all the others. */
#ifndef LB_BASE_ID_MAP_H
#define LB_BASE_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"

/*
 * The kernel shows the overflow id, 65534 almost everywhere, in place of an id that a user namespace does not map. In a
 * namespace that maps all ids, the overflow id is one user's, who is called nobody. In any other namespace it stands for many
 * users who cannot be told apart, so nothing may be granted to it, even though one of them may really have the id.
 */
struct idmap {
    bool users_complete, groups_complete;
    uint32_t overflow_uid, overflow_gid;
};

/*
 * As the kernel says it now. Without /proc the maps count as incomplete, and the overflow ids as 65534. The function opens
 * files: call it before the process enters a sandbox.
 */
void idmap_read(struct idmap *ret);

/* Does the text of a uid_map or gid_map map every id to itself, in one line? Any other complete map counts as none. */
bool idmap_text_complete(const char *text);

/* Is this an id that nobody may be known by? */
bool idmap_no_user(const struct idmap *m, uint32_t uid);
bool idmap_no_group(const struct idmap *m, uint32_t gid);

/*
 * Is it certain that this is root or the user that this process runs as? For a process that runs as the overflow user it is
 * certain only where all users are mapped: elsewhere strangers have the same number.
 */
bool idmap_is_ours(const struct idmap *m, uint32_t uid);

/*
 * This process's maps, kept once: a process has one user namespace for good. Before idmap_load() nothing is known, and the
 * overflow ids are nobody.
 */
void idmap_load(void);
/* The same with maps of a test's choice. */
void idmap_assume(const struct idmap *m);
const struct idmap *idmap_own(void);

/* For the log and doctor, one line. False: the maps are complete, and there is nothing to tell. */
bool idmap_tell(const struct idmap *m, char *ret, size_t size);

/* The cure for a user whom idmap_no_user() means, as a hint. False, and p as it was: it is a user like any other. */
bool idmap_hint(const struct idmap *m, uint32_t uid, struct problem *p);

#endif
