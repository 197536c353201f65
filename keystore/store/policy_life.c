/* Policy: what the rows do not say of the life of versions (struct version_life, and two states). By rising version. */
#include "store/policy_members.h"

#define ITEM_SIZE (4 + 1 + 8 + 8 + 1 + 4)

enum { LIFE_SUSPENDED = 1, LIFE_COMPROMISED = 2, LIFE_BY = 4, LIFE_FLAGS = 7 };

struct item {
    uint32_t version;
    uint8_t flags; /* suspended; compromised before it was destroyed; by is known */
    struct version_life life;
};

static struct item get(struct wire_reader *r)
{
    struct item item = { .version = wire_get_u32(r) };

    item.flags = wire_get_u8(r);
    item.life.activate_at = wire_get_u64(r);
    item.life.deactivate_at = wire_get_u64(r);
    item.life.reason = wire_get_u8(r);
    item.life.by = wire_get_u32(r);
    item.life.by_known = (item.flags & LIFE_BY) != 0;
    return item;
}

static bool says_nothing(const struct item *item)
{
    const struct version_life *l = &item->life;

    return item->flags == 0 && l->activate_at == 0 && l->deactivate_at == 0 && l->reason == REASON_NONE;
}

static bool check(struct bytes value)
{
    struct wire_reader r;
    uint32_t last = 0;

    wire_read(&r, value.p, value.len);
    if (value.len == 0 || value.len % ITEM_SIZE != 0)
        return false;
    while (r.left > 0) {
        struct item item = get(&r);

        if (item.version <= last || item.flags > LIFE_FLAGS || says_nothing(&item) ||
            (item.flags & (LIFE_SUSPENDED | LIFE_COMPROMISED)) == (LIFE_SUSPENDED | LIFE_COMPROMISED) ||
            (!item.life.by_known && item.life.by != 0) || item.life.activate_at > INT64_MAX ||
            item.life.deactivate_at > INT64_MAX || item.life.reason > REASON_LAST)
            return false;
        last = item.version;
    }
    return wire_end(&r) == 0;
}

/* The state that a flag is about: of a version that is to be destroyed, that of before. */
static uint8_t *flagged(struct version_record *v)
{
    return v->state == STATE_DESTROY_SCHEDULED ? &v->state_before : &v->state;
}

/* After the schedule, by its tag. */
static int load(struct bytes value, struct key_record *k)
{
    struct wire_reader r;
    size_t i = 0;

    wire_read(&r, value.p, value.len);
    while (r.left > 0) {
        struct item item = get(&r);
        struct version_record *v;

        while (i < k->version_count && k->versions[i].version < item.version)
            i++;
        if (i == k->version_count || k->versions[i].version != item.version)
            return LB_E_VALUE;
        v = &k->versions[i];
        if (((item.flags & LIFE_SUSPENDED) != 0 && *flagged(v) != STATE_ACTIVE) ||
            ((item.flags & LIFE_COMPROMISED) != 0 && v->state != STATE_DESTROYED))
            return LB_E_VALUE;
        if ((item.flags & LIFE_SUSPENDED) != 0)
            *flagged(v) = STATE_SUSPENDED;
        if ((item.flags & LIFE_COMPROMISED) != 0)
            v->state = STATE_DESTROYED_COMPROMISED;
        v->life = item.life;
    }
    return 0;
}

static struct item item_of(const struct version_record *v)
{
    struct item item = { .version = v->version, .life = v->life };

    if (v->state == STATE_SUSPENDED || v->state_before == STATE_SUSPENDED)
        item.flags |= LIFE_SUSPENDED;
    if (v->state == STATE_DESTROYED_COMPROMISED)
        item.flags |= LIFE_COMPROMISED;
    if (v->life.by_known)
        item.flags |= LIFE_BY;
    return item;
}

static void save(const struct key_record *k, struct wire_writer *w)
{
    for (size_t i = 0; i < k->version_count; i++) {
        struct item item = item_of(&k->versions[i]);

        if (says_nothing(&item))
            continue;
        wire_put_u32(w, item.version);
        wire_put_u8(w, item.flags);
        wire_put_u64(w, item.life.activate_at);
        wire_put_u64(w, item.life.deactivate_at);
        wire_put_u8(w, item.life.reason);
        wire_put_u32(w, item.life.by_known ? item.life.by : 0);
    }
}

const struct policy_kind policy_life = { 4, "life", check, load, save };
