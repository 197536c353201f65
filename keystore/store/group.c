/* Changes of a store that are committed together: one COMMIT, and so one wait for the disk, for all of them. */
#include "store/group.h"

#include "store/schema.h"
#include "store/scrub.h"

bool store_group_begin(struct store *s)
{
    if (s->schema != store_schema_version)
        return false;
    s->group.open = true;
    s->group.began = false;
    s->group.lost = (struct problem){ .code = 0 };
    return true;
}

/*
 * Ends a transaction, and empties the log also where nothing was deleted. With a log left, the file alone is not the store:
 * a copy that is put in its place would be mixed with the log.
 */
static int end(struct store *s, int r, struct problem *p)
{
    r = schema_end(s, r, p);
    if (r == 0)
        store_scrub(s);
    return r;
}

int store_group_end(struct store *s, struct problem *p)
{
    bool began = s->group.began;

    s->group.open = s->group.began = false;
    if (!began)
        return 0;
    if (s->group.lost.code != 0)
        *p = s->group.lost;
    return end(s, s->group.lost.code, p);
}

int group_change_begin(struct store *s, struct problem *p)
{
    int r;

    if (!s->group.open)
        return schema_begin(s, p);
    /* What comes after a loss would be in no transaction, or in one that will not be committed. */
    if (s->group.lost.code != 0) {
        *p = s->group.lost;
        return p->code;
    }
    r = s->group.began ? 0 : schema_begin(s, p);
    if (r != 0)
        return r;
    s->group.began = true;
    return schema_exec(s, "SAVEPOINT one", p);
}

/*
 * Takes back one change of a group. If SQLite has no transaction any more, it has given up the whole of it, as it may when
 * there is no space or no memory: then the changes before this one are gone too.
 */
static void take_back(struct store *s, const struct problem *p)
{
    struct problem ignored;

    if (sqlite3_get_autocommit(s->db) || schema_exec(s, "ROLLBACK TO one; RELEASE one", &ignored) != 0)
        s->group.lost = *p;
}

int group_change_end(struct store *s, int r, struct problem *p)
{
    if (!s->group.open)
        return end(s, r, p);
    if (r == 0)
        r = schema_exec(s, "RELEASE one", p);
    if (r != 0)
        take_back(s, p);
    return r;
}
