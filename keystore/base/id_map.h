/* Which users and groups this process can tell apart: its user namespace, and the ids that stand for all the others. */
#ifndef LB_BASE_ID_MAP_H
#define LB_BASE_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"

/*
 * What the kernel shows in place of an id that a user namespace does not map is the overflow id, 65534 almost
 * everywhere. In a namespace that maps all ids it is an id like any other: one user's, nobody's by name. Where some are
 * not mapped, it is a crowd, and nothing may be granted to it. That one of the crowd may really have the id changes
 * nothing: they cannot be told apart.
 */
struct idmap {
    bool users_complete, groups_complete;
    uint32_t overflow_uid, overflow_gid;
};

/*
 * As the kernel says it now. What cannot be read is taken for the worse: without /proc the maps count as incomplete and
 * the overflow ids as 65534. Opens files, so a process with a sandbox asks before it enters it.
 */
void idmap_read(struct idmap *ret);

/* Does the text of a uid_map or gid_map map every id to itself, in one line? Any other complete map counts as none. */
bool idmap_text_complete(const char *text);

/* Is this an id that nobody may be known by? */
bool idmap_no_user(const struct idmap *m, uint32_t uid);
bool idmap_no_group(const struct idmap *m, uint32_t gid);

/*
 * Root or the user that this process runs as, and it is known that it is they. A process that runs as the overflow user
 * itself is known only where all users are mapped: elsewhere strangers have the same number.
 */
bool idmap_is_ours(const struct idmap *m, uint32_t uid);

/*
 * The box's own maps. A user namespace is of the whole process and for good, as its user is, so they are kept once.
 * Before idmap_load() nothing is known, and the overflow ids are nobody.
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
