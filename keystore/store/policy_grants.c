/* Policy: who may do what with a key. One or more grants (7 bytes each), by rising kind and id. */
#include <stdlib.h>

#include "store/policy_members.h"

#define GRANT_SIZE 7

static struct grant get(struct wire_reader *r)
{
    struct grant g = { .kind = wire_get_u8(r) };

    g.id = wire_get_u32(r);
    g.ops = wire_get_u16(r);
    return g;
}

static bool check(struct bytes value)
{
    struct wire_reader r;
    struct grant last = { 0 };

    wire_read(&r, value.p, value.len);
    if (value.len == 0 || value.len % GRANT_SIZE != 0 || value.len / GRANT_SIZE > LB_GRANTS_MAX)
        return false;
    while (r.left > 0) {
        struct grant g = get(&r);

        if (g.kind < SUBJECT_USER || g.kind > SUBJECT_GROUP || g.ops < 1 || g.ops > OP_ALL || g.kind < last.kind ||
            (g.kind == last.kind && g.id <= last.id))
            return false;
        last = g;
    }
    return wire_end(&r) == 0;
}

static int load(struct bytes value, struct key_record *k)
{
    size_t count = value.len / GRANT_SIZE;
    struct wire_reader r;

    k->grants = calloc(count, sizeof(*k->grants));
    if (k->grants == NULL)
        return LB_E_NOMEM;
    wire_read(&r, value.p, value.len);
    for (size_t i = 0; i < count; i++)
        k->grants[i] = get(&r);
    k->grant_count = count;
    return 0;
}

static void save(const struct key_record *k, struct wire_writer *w)
{
    for (size_t i = 0; i < k->grant_count; i++)
        grant_put(w, &k->grants[i]);
}

const struct policy_kind policy_grants = { 1, "grants", check, load, save };
