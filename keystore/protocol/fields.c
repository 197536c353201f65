/* Fields that several messages share. */
#include "protocol/fields_priv.h"

#include <string.h>

#include "model/chain.h"
#include "model/key_name.h"
#include "model/purpose.h"

void field_get_name(struct wire_reader *r, char ret[LB_NAME_MAX + 1])
{
    wire_get_str(r, ret, LB_NAME_MAX + 1);
    if (!keyname_ok(ret, strlen(ret)))
        wire_refuse(r, LB_E_NAME);
}

uint8_t field_get_enum(struct wire_reader *r, unsigned first, unsigned last)
{
    uint8_t v = wire_get_u8(r);

    if (v < first || v > last)
        wire_refuse(r, LB_E_VALUE);
    return v;
}

void field_put_ref(struct wire_writer *w, const struct key_ref *k)
{
    wire_put_str(w, k->name);
    wire_put_u32(w, k->version);
    wire_put_u8(w, k->has_hash);
    if (k->has_hash)
        wire_put_raw(w, k->hash, LB_HASH_SIZE);
}

void field_get_hash(struct wire_reader *r, uint8_t ret[LB_HASH_SIZE])
{
    struct bytes hash = wire_get_raw(r, LB_HASH_SIZE);

    if (hash.len == LB_HASH_SIZE)
        memcpy(ret, hash.p, LB_HASH_SIZE);
}

void field_get_ref(struct wire_reader *r, struct key_ref *ret)
{
    field_get_name(r, ret->name);
    ret->version = wire_get_u32(r);
    ret->has_hash = wire_get_bool(r);
    if (ret->has_hash)
        field_get_hash(r, ret->hash);
}

void field_get_grant(struct wire_reader *r, struct grant *ret)
{
    ret->kind = field_get_enum(r, SUBJECT_USER, SUBJECT_GROUP);
    ret->id = wire_get_u32(r);
    ret->ops = wire_get_u16(r);
    if (ret->ops == 0 || (ret->ops & ~OP_ALL) != 0)
        wire_refuse(r, LB_E_VALUE);
}

void field_put_purposes(struct wire_writer *w, uint16_t purposes)
{
    if (purposes != PURPOSE_ANY)
        wire_put_u16(w, purposes);
}

uint16_t field_get_purposes(struct wire_reader *r)
{
    uint16_t purposes;

    if (r->error != 0 || r->left != sizeof(purposes))
        return PURPOSE_ANY;
    purposes = wire_get_u16(r);
    if (purposes == PURPOSE_ANY || (purposes & ~PURPOSE_ALL) != 0)
        wire_refuse(r, LB_E_VALUE);
    return purposes;
}

void field_put_problem(struct wire_writer *w, const struct problem *p)
{
    wire_put_u16(w, (uint16_t)-p->code);
    wire_put_str(w, p->text);
    wire_put_str(w, p->hint);
}

void field_get_problem(struct wire_reader *r, struct problem *ret)
{
    ret->code = -(int)wire_get_u16(r);
    wire_get_str(r, ret->text, sizeof(ret->text));
    wire_get_str(r, ret->hint, sizeof(ret->hint));
}

void field_get_chain(struct wire_reader *r, struct bytes *ret)
{
    struct wire_reader certificates;
    unsigned count;
    int result;

    *ret = wire_get_raw(r, r->left);
    result = chain_read(*ret, &count, &certificates);
    if (result != 0)
        wire_refuse(r, result);
}
