/* Policy: which versions are to be destroyed, when, and what they are again if that is cancelled. By rising version. */
#include "store/policy_members.h"

#define ITEM_SIZE (4 + 8 + 1)

struct item {
    uint32_t version;
    uint64_t destroy_at;
    uint8_t state_before;
};

static struct item get(struct wire_reader *r)
{
    struct item item = { .version = wire_get_u32(r) };

    item.destroy_at = wire_get_u64(r);
    item.state_before = wire_get_u8(r);
    return item;
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

        if (item.version <= last || item.destroy_at < 1 || item.destroy_at > INT64_MAX || item.state_before < 1 ||
            item.state_before > STATE_COMPROMISED)
            return false;
        last = item.version;
    }
    return wire_end(&r) == 0;
}

/* The row of a version has the state of before. */
static int load(struct bytes value, struct key_record *k)
{
    struct wire_reader r;
    size_t i = 0;

    wire_read(&r, value.p, value.len);
    while (r.left > 0) {
        struct item item = get(&r);

        while (i < k->version_count && k->versions[i].version < item.version)
            i++;
        if (i == k->version_count || k->versions[i].version != item.version ||
            k->versions[i].state != item.state_before)
            return LB_E_VALUE;
        k->versions[i].state = STATE_DESTROY_SCHEDULED;
        k->versions[i].state_before = item.state_before;
        k->versions[i].destroy_at = item.destroy_at;
    }
    return 0;
}

static void save(const struct key_record *k, struct wire_writer *w)
{
    for (size_t i = 0; i < k->version_count; i++) {
        const struct version_record *v = &k->versions[i];

        if (v->destroy_at == 0 && v->state_before == 0)
            continue;
        wire_put_u32(w, v->version);
        wire_put_u64(w, v->destroy_at);
        wire_put_u8(w, version_row_state(v));
    }
}

const struct policy_kind policy_schedule = { 3, "schedule", check, load, save };
