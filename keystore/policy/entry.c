/* The entries of a key's policy. */
#include "policy/entry.h"

struct policy_entry policy_entry_get(struct wire_reader *r)
{
    struct policy_entry e = { .tag = wire_get_u16(r) };

    e.value = wire_get_bytes(r, UINT16_MAX);
    return e;
}

bool policy_entry_find(struct bytes entries, uint16_t tag, struct bytes *ret)
{
    struct wire_reader r;

    wire_read(&r, entries.p, entries.len);
    while (r.left > 0) {
        struct policy_entry e = policy_entry_get(&r);

        if (e.tag == tag) {
            *ret = e.value;
            return true;
        }
    }
    return false;
}
