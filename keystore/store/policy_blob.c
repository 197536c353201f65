/* The policy of a key as one row of the store and one field of the associated data: entries of tag, length and value. */
#include "store/policy_blob.h"

#include <stdlib.h>
#include <string.h>

#include "policy/entry.h"
#include "store/policy_kinds.h"

/* Before each value: tag and length. */
#define HEAD_SIZE 4

static void put_entry(struct wire_writer *w, const struct policy_entry *e)
{
    wire_put_u16(w, e->tag);
    wire_put_bytes(w, e->value.p, e->value.len);
}

/* Writes the value where it will stand, then its head in front, which needs the value's length. */
static void put_member(const struct key_record *k, const struct policy_kind *kind, struct wire_writer *w)
{
    struct wire_writer value;
    struct policy_entry e = { .tag = kind->tag };

    if (w->error != 0 || w->left < HEAD_SIZE) {
        w->error = w->error != 0 ? w->error : LB_E_TOO_LONG;
        return;
    }
    wire_write(&value, w->p + HEAD_SIZE, w->left - HEAD_SIZE);
    kind->save(k, &value);
    w->error = wire_written(&value, &e.value.len);
    if (w->error != 0 || e.value.len == 0)
        return;
    wire_put_u16(w, e.tag);
    wire_put_u16(w, (uint16_t)e.value.len);
    w->p += e.value.len;
    w->left -= e.value.len;
}

/* Writes the entries that are members of k, and the unknown ones, merged by tag. */
static void put_all(const struct key_record *k, struct wire_writer *w)
{
    const struct policy_kind *kind;
    struct wire_reader others;
    struct policy_entry e = { 0 };

    wire_read(&others, k->others, k->others_len);
    for (size_t i = 0; (kind = policy_kind_at(i)) != NULL; i++) {
        if (kind->save == NULL)
            continue;
        for (; e.tag != 0 || others.left > 0; e.tag = 0) {
            if (e.tag == 0)
                e = policy_entry_get(&others);
            if (e.tag > kind->tag)
                break;
            put_entry(w, &e);
        }
        put_member(k, kind, w);
    }
    if (e.tag != 0)
        put_entry(w, &e);
    wire_put_raw(w, others.p, others.left);
}

void policy_put(const struct key_record *k, struct wire_writer *w)
{
    struct wire_writer blob;
    size_t len;

    if (w->error != 0)
        return;
    wire_write(&blob, w->p, w->left < POLICY_MAX ? w->left : POLICY_MAX);
    put_all(k, &blob);
    w->error = wire_written(&blob, &len);
    if (w->error != 0)
        return;
    w->p += len;
    w->left -= len;
}

int policy_load(struct bytes blob, struct key_record *k)
{
    uint8_t *others = malloc(blob.len + 1);
    struct wire_writer kept;
    struct wire_reader r;
    unsigned last = 0;
    int result = 0;

    if (others == NULL)
        return LB_E_NOMEM;
    wire_read(&r, blob.p, blob.len);
    wire_write(&kept, others, blob.len);
    while (result == 0 && r.left > 0) {
        struct policy_entry e = policy_entry_get(&r);
        const struct policy_kind *kind = policy_kind_by_tag(e.tag);

        if (r.error != 0 || e.tag <= last || e.value.len == 0 || (kind != NULL && !kind->check(e.value)))
            result = LB_E_VALUE;
        else if (kind != NULL && kind->load != NULL)
            result = kind->load(e.value, k);
        else
            put_entry(&kept, &e);
        if (kind == NULL && k->unknown == 0)
            k->unknown = e.tag;
        last = e.tag;
    }
    if (result == 0)
        result = wire_end(&r) == 0 ? wire_written(&kept, &k->others_len) : LB_E_VALUE;
    if (result != 0 || k->others_len == 0) {
        free(others);
        return result;
    }
    k->others = others;
    return 0;
}

bool policy_get(const struct key_record *k, uint16_t tag, struct bytes *ret)
{
    return policy_entry_find((struct bytes){ k->others, k->others_len }, tag, ret);
}

int policy_set(struct key_record *k, uint16_t tag, struct bytes value)
{
    const struct policy_kind *kind = policy_kind_by_tag(tag);
    size_t room = k->others_len + HEAD_SIZE + value.len, len = 0;
    struct policy_entry set = { tag, value };
    uint8_t *others;
    struct wire_writer w;
    struct wire_reader r;
    int result;

    if (kind == NULL || kind->save != NULL || (value.len > 0 && !kind->check(value)))
        return LB_E_VALUE;
    others = malloc(room);
    if (others == NULL)
        return LB_E_NOMEM;
    wire_write(&w, others, room);
    wire_read(&r, k->others, k->others_len);
    while (r.left > 0) {
        struct policy_entry e = policy_entry_get(&r);

        if (set.value.len > 0 && e.tag > tag) {
            put_entry(&w, &set);
            set.value.len = 0;
        }
        if (e.tag != tag)
            put_entry(&w, &e);
    }
    if (set.value.len > 0)
        put_entry(&w, &set);
    result = wire_written(&w, &len);
    if (result != 0) {
        free(others);
        return result;
    }
    free(k->others);
    k->others = others;
    k->others_len = len;
    return 0;
}
