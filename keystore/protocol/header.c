/* What every packet begins with, and refusals (bytes: PROTOCOL.md). */
#include "protocol/header.h"

#include <string.h>

#include "protocol/fields_priv.h"

#define MAGIC 'L'

/* Headers and empty bodies */

int msg_split(const void *packet, size_t len, struct msg_header *ret, struct bytes *ret_body)
{
    struct wire_reader r;
    uint8_t magic;

    memset(ret, 0, sizeof(*ret));
    *ret_body = (struct bytes){ NULL, 0 };
    wire_read(&r, packet, len);
    magic = wire_get_u8(&r);
    ret->version = wire_get_u8(&r);
    ret->type = wire_get_u16(&r);
    ret->id = wire_get_u32(&r);
    if (r.error != 0)
        return r.error;
    if (magic != MAGIC)
        return LB_E_VALUE;
    if (ret->version != LB_PROTOCOL_VERSION)
        return LB_E_PROTOCOL_VERSION;
    *ret_body = wire_get_raw(&r, r.left);
    return wire_end(&r);
}

void msg_header_put(struct wire_writer *w, uint16_t msg_type, uint32_t id)
{
    wire_put_u8(w, MAGIC);
    wire_put_u8(w, LB_PROTOCOL_VERSION);
    wire_put_u16(w, msg_type);
    wire_put_u32(w, id);
}

void msg_begin(struct wire_writer *w, void *buf, size_t size, uint16_t msg_type, uint32_t id)
{
    wire_write(w, buf, size);
    msg_header_put(w, msg_type, id);
}

int msg_empty_encode(uint16_t msg_type, uint32_t id, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    return wire_written(&w, ret_len);
}

int msg_empty_decode(struct bytes body)
{
    return body.len == 0 ? 0 : LB_E_TRAILING;
}

int msg_error_encode(uint16_t msg_type, uint32_t id, const struct problem *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_u16(&w, (uint16_t)-m->code);
    wire_put_str(&w, m->text);
    wire_put_str(&w, m->hint);
    return wire_written(&w, ret_len);
}

int msg_error_decode(struct bytes body, struct problem *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    ret->code = -(int)wire_get_u16(&r);
    wire_get_str(&r, ret->text, sizeof(ret->text));
    wire_get_str(&r, ret->hint, sizeof(ret->hint));
    if (ret->code == 0)
        wire_refuse(&r, LB_E_VALUE);
    return wire_end(&r);
}
