/* Messages about the store and what opens it (bytes: PROTOCOL.md). */
#include "protocol/seals.h"

#include <string.h>

#include "model/seal_kinds.h"
#include "protocol/fields_priv.h"
#include "protocol/header.h"

static uint8_t get_kind(struct wire_reader *r, bool or_none)
{
    uint8_t kind = wire_get_u8(r);

    if (seal_kind_find(kind) == NULL && !(or_none && kind == 0))
        wire_refuse(r, LB_E_VALUE);
    return kind;
}

int msg_secret_encode(uint16_t msg_type, uint32_t id, const struct seal_request *m, void *buf, size_t size,
                      size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_u8(&w, m->kind);
    wire_put_str(&w, m->label);
    wire_put_bytes(&w, m->secret.p, m->secret.len);
    return wire_written(&w, ret_len);
}

int msg_secret_decode(struct bytes body, struct seal_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    ret->kind = get_kind(&r, /* or_none= */ false);
    wire_get_str(&r, ret->label, sizeof(ret->label));
    ret->secret = wire_get_bytes(&r, LB_SECRET_MAX);
    return wire_end(&r);
}

int msg_seal_remove_encode(uint16_t msg_type, uint32_t id, const struct msg_seal_remove *m, void *buf, size_t size,
                           size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_u32(&w, m->id);
    return wire_written(&w, ret_len);
}

int msg_seal_remove_decode(struct bytes body, struct msg_seal_remove *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    ret->id = wire_get_u32(&r);
    return wire_end(&r);
}

void msg_seal_entry_put(struct wire_writer *w, const struct seal_info *e)
{
    wire_put_u32(w, e->id);
    wire_put_u8(w, e->kind);
    wire_put_str(w, e->label);
    wire_put_u64(w, e->created);
}

void msg_seal_entry_get(struct wire_reader *r, struct seal_info *ret)
{
    ret->id = wire_get_u32(r);
    ret->kind = get_kind(r, /* or_none= */ false);
    wire_get_str(r, ret->label, sizeof(ret->label));
    ret->created = wire_get_u64(r);
}

int msg_opening_ask_encode(uint16_t msg_type, uint32_t id, const struct msg_opening_ask *m, void *buf, size_t size,
                           size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_bytes(&w, m->secret.p, m->secret.len);
    return wire_written(&w, ret_len);
}

int msg_opening_ask_decode(struct bytes body, struct msg_opening_ask *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    ret->secret = wire_get_bytes(&r, LB_SECRET_MAX);
    return wire_end(&r);
}

int msg_opening_encode(uint16_t msg_type, uint32_t id, const struct box_opening *m, void *buf, size_t size,
                       size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_u8(&w, m->how);
    wire_put_u8(&w, m->kind);
    wire_put_u32(&w, m->seal);
    wire_put_str(&w, m->file);
    wire_put_str(&w, m->next_file);
    wire_put_u8(&w, m->handed);
    wire_put_u8(&w, m->next);
    wire_put_u8(&w, m->credentials);
    wire_put_u8(&w, m->passphrases);
    wire_put_u16(&w, m->next_count);
    for (unsigned i = 0; i < m->next_count; i++)
        wire_put_u32(&w, m->next_seals[i]);
    wire_put_u8(&w, m->store_replaced);
    field_put_problem(&w, &m->why);
    return wire_written(&w, ret_len);
}

int msg_opening_decode(struct bytes body, struct box_opening *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    ret->how = field_get_enum(&r, 0, OPENED_AS_NEW);
    ret->kind = get_kind(&r, /* or_none= */ true);
    ret->seal = wire_get_u32(&r);
    wire_get_str(&r, ret->file, sizeof(ret->file));
    wire_get_str(&r, ret->next_file, sizeof(ret->next_file));
    ret->handed = wire_get_bool(&r);
    ret->next = field_get_enum(&r, 0, NEXT_OPENS);
    ret->credentials = wire_get_u8(&r);
    ret->passphrases = wire_get_u8(&r);
    ret->next_count = wire_get_u16(&r);
    if (ret->next_count > LB_SEALS_MAX) {
        ret->next_count = 0;
        return LB_E_TOO_LONG;
    }
    for (unsigned i = 0; i < ret->next_count; i++)
        ret->next_seals[i] = wire_get_u32(&r);
    ret->store_replaced = wire_get_bool(&r);
    field_get_problem(&r, &ret->why);
    return wire_end(&r);
}
