/* OPENING: what a box is open by, and what its next start would open it with (bytes: PROTOCOL.md). */
#include <string.h>

#include "protocol/message.h"

static void begin(struct wire_writer *w, void *buf, size_t size, uint16_t msg_type, uint32_t id)
{
    wire_write(w, buf, size);
    msg_header_put(w, msg_type, id);
}

MSG_ENCODER(opening_ask, struct msg_opening_ask)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_bytes(&w, m->secret.p, m->secret.len);
    return wire_written(&w, ret_len);
}

MSG_DECODER(opening_ask, struct msg_opening_ask)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    ret->secret = wire_get_bytes(&r, LB_SECRET_MAX);
    return wire_end(&r);
}

MSG_ENCODER(opening, struct msg_opening)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
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
    wire_put_u16(&w, (uint16_t)-m->why.code);
    wire_put_str(&w, m->why.text);
    wire_put_str(&w, m->why.hint);
    return wire_written(&w, ret_len);
}

static uint8_t get_enum(struct wire_reader *r, unsigned last)
{
    uint8_t v = wire_get_u8(r);

    if (v > last)
        wire_refuse(r, LB_E_VALUE);
    return v;
}

MSG_DECODER(opening, struct msg_opening)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    ret->how = get_enum(&r, OPENED_AS_NEW);
    ret->kind = get_enum(&r, SEAL_KIND_LAST);
    ret->seal = wire_get_u32(&r);
    wire_get_str(&r, ret->file, sizeof(ret->file));
    wire_get_str(&r, ret->next_file, sizeof(ret->next_file));
    ret->handed = wire_get_bool(&r);
    ret->next = get_enum(&r, NEXT_OPENS);
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
    ret->why.code = -(int)wire_get_u16(&r);
    wire_get_str(&r, ret->why.text, sizeof(ret->why.text));
    wire_get_str(&r, ret->why.hint, sizeof(ret->why.hint));
    return wire_end(&r);
}
