/* FIND and its answer, which speak of objects on tokens (bytes: PROTOCOL.md). */
#include <string.h>

#include "protocol/message.h"

#define FIND_ATTRS (P11_ALL & ~P11_BIT(P11_TYPE))

/* u16: the set; then each one's value in the order of the bits. */
static void put_attrs(struct wire_writer *w, const struct p11uri *u, unsigned of)
{
    unsigned set = 0;

    for (unsigned i = 0; i < P11_ATTRS; i++)
        set |= u->a[i].set ? P11_BIT(i) : 0;
    set &= of;
    wire_put_u16(w, (uint16_t)set);
    for (unsigned i = 0; i < P11_ATTRS; i++) {
        if ((set & P11_BIT(i)) != 0)
            wire_put_bytes(w, u->a[i].bytes, u->a[i].len);
    }
}

static void get_attrs(struct wire_reader *r, struct p11uri *ret, unsigned of)
{
    unsigned set = wire_get_u16(r);

    memset(ret, 0, sizeof(*ret));
    if ((set & ~of) != 0)
        wire_refuse(r, LB_E_VALUE);
    for (unsigned i = 0; i < P11_ATTRS && r->error == 0; i++) {
        struct bytes value;

        if ((set & P11_BIT(i)) == 0)
            continue;
        value = wire_get_bytes(r, P11_VALUE_MAX);
        if (value.len > 0)
            memcpy(ret->a[i].bytes, value.p, value.len);
        ret->a[i].len = (uint8_t)value.len;
        ret->a[i].set = true;
    }
}

MSG_ENCODER(find, struct msg_find)
{
    struct wire_writer w;

    wire_write(&w, buf, size);
    msg_header_put(&w, msg_type, id);
    put_attrs(&w, &m->want, FIND_ATTRS);
    return wire_written(&w, ret_len);
}

MSG_DECODER(find, struct msg_find)
{
    struct wire_reader r;

    wire_read(&r, body.p, body.len);
    get_attrs(&r, &ret->want, FIND_ATTRS);
    return wire_end(&r);
}

void msg_found_put(struct wire_writer *w, const struct msg_found *m)
{
    wire_put_str(w, m->token);
    wire_put_u8(w, m->is_the_token);
    wire_put_u8(w, m->more);
    wire_put_u16(w, m->count);
}

void msg_found_get(struct wire_reader *r, struct msg_found *ret)
{
    wire_get_str(r, ret->token, sizeof(ret->token));
    ret->is_the_token = wire_get_bool(r);
    ret->more = wire_get_bool(r);
    ret->count = wire_get_u16(r);
    if (ret->count > LB_FOUND_MAX)
        wire_refuse(r, LB_E_TOO_LONG);
    if (!ret->is_the_token && (ret->count > 0 || ret->more))
        wire_refuse(r, LB_E_VALUE);
}

void msg_found_entry_put(struct wire_writer *w, const struct found_entry *e)
{
    wire_put_str(w, e->name);
    wire_put_u32(w, e->version);
    wire_put_str(w, e->type);
    wire_put_u8(w, e->certified);
    put_attrs(w, &e->object, P11_BIT(P11_OBJECT) | P11_BIT(P11_ID));
}

void msg_found_entry_get(struct wire_reader *r, struct found_entry *ret)
{
    wire_get_str(r, ret->name, sizeof(ret->name));
    if (!keyname_ok(ret->name, strlen(ret->name)))
        wire_refuse(r, LB_E_NAME);
    ret->version = wire_get_u32(r);
    wire_get_str(r, ret->type, sizeof(ret->type));
    ret->certified = wire_get_bool(r);
    get_attrs(r, &ret->object, P11_BIT(P11_OBJECT) | P11_BIT(P11_ID));
}
