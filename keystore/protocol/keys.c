/* Messages about keys (bytes: PROTOCOL.md). */
#include "protocol/keys.h"

#include <string.h>

#include "model/key_name.h"
#include "model/purpose.h"
#include "protocol/fields_priv.h"
#include "protocol/header.h"

int msg_key_ref_encode(uint16_t msg_type, uint32_t id, const struct key_ref *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    field_put_ref(&w, m);
    return wire_written(&w, ret_len);
}

int msg_key_ref_decode(struct bytes body, struct key_ref *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_ref(&r, ret);
    return wire_end(&r);
}

int msg_key_encode(uint16_t msg_type, uint32_t id, const struct key_info *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->box);
    wire_put_str(&w, m->name);
    wire_put_str(&w, m->type);
    wire_put_u32(&w, m->version);
    wire_put_u8(&w, m->state);
    wire_put_u64(&w, m->created);
    wire_put_bytes(&w, m->spki.p, m->spki.len);
    return wire_written(&w, ret_len);
}

int msg_key_decode(struct bytes body, struct key_info *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->box);
    field_get_name(&r, ret->name);
    wire_get_str(&r, ret->type, sizeof(ret->type));
    ret->version = wire_get_u32(&r);
    ret->state = field_get_enum(&r, 1, STATE_LAST);
    ret->created = wire_get_u64(&r);
    ret->spki = wire_get_bytes(&r, LB_SPKI_MAX);
    return wire_end(&r);
}

int msg_list_encode(uint16_t msg_type, uint32_t id, const struct msg_list *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->after);
    return wire_written(&w, ret_len);
}

int msg_list_decode(struct bytes body, struct msg_list *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    wire_get_str(&r, ret->after, sizeof(ret->after));
    if (ret->after[0] != '\0' && !keyname_ok(ret->after, strlen(ret->after)))
        wire_refuse(&r, LB_E_NAME);
    return wire_end(&r);
}

void msg_list_entry_put(struct wire_writer *w, const struct key_entry *e)
{
    wire_put_str(w, e->name);
    wire_put_str(w, e->type);
    wire_put_u32(w, e->version);
    wire_put_u32(w, e->versions);
    wire_put_u8(w, e->state);
    wire_put_u8(w, e->damaged);
    wire_put_u64(w, e->created);
    wire_put_u8(w, e->certified);
}

void msg_list_entry_get(struct wire_reader *r, struct key_entry *ret)
{
    field_get_name(r, ret->name);
    wire_get_str(r, ret->type, sizeof(ret->type));
    ret->version = wire_get_u32(r);
    ret->versions = wire_get_u32(r);
    ret->state = field_get_enum(r, 1, STATE_LAST);
    ret->damaged = wire_get_bool(r);
    ret->created = wire_get_u64(r);
    ret->certified = wire_get_bool(r);
}

void msg_purposes_entry_put(struct wire_writer *w, const struct purposes_entry *e)
{
    wire_put_str(w, e->name);
    wire_put_u16(w, e->purposes);
}

void msg_purposes_entry_get(struct wire_reader *r, struct purposes_entry *ret)
{
    field_get_name(r, ret->name);
    ret->purposes = wire_get_u16(r);
    if (ret->purposes == PURPOSE_ANY || (ret->purposes & ~PURPOSE_ALL) != 0)
        wire_refuse(r, LB_E_VALUE);
}

int msg_show_encode(uint16_t msg_type, uint32_t id, const struct key_details *m, void *buf, size_t size,
                    size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_u16(&w, m->version_count);
    for (unsigned i = 0; i < m->version_count; i++) {
        const struct version_entry *v = &m->versions[i];

        wire_put_u32(&w, v->version);
        wire_put_u8(&w, v->state);
        wire_put_u8(&w, v->damaged);
        wire_put_str(&w, v->type);
        wire_put_u64(&w, v->created);
        wire_put_u64(&w, v->changed);
        wire_put_raw(&w, v->hash, LB_HASH_SIZE);
        wire_put_u8(&w, v->certificates);
        wire_put_u8(&w, v->chain_damaged);
        wire_put_u64(&w, v->destroy_at);
        wire_put_u64(&w, v->used);
    }
    wire_put_u16(&w, m->grant_count);
    for (unsigned i = 0; i < m->grant_count; i++)
        grant_put(&w, &m->grants[i]);
    wire_put_str(&w, m->former);
    return wire_written(&w, ret_len);
}

int msg_show_decode(struct bytes body, struct key_details *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    ret->version_count = wire_get_u16(&r);
    if (ret->version_count > LB_VERSIONS_MAX)
        return LB_E_TOO_LONG;
    for (unsigned i = 0; i < ret->version_count; i++) {
        struct version_entry *v = &ret->versions[i];

        v->version = wire_get_u32(&r);
        v->state = field_get_enum(&r, 1, STATE_LAST);
        v->damaged = wire_get_bool(&r);
        wire_get_str(&r, v->type, sizeof(v->type));
        v->created = wire_get_u64(&r);
        v->changed = wire_get_u64(&r);
        field_get_hash(&r, v->hash);
        v->certificates = field_get_enum(&r, 0, LB_CERTS_MAX);
        v->chain_damaged = wire_get_bool(&r);
        v->destroy_at = wire_get_u64(&r);
        v->used = wire_get_u64(&r);
    }
    ret->grant_count = wire_get_u16(&r);
    if (ret->grant_count > LB_GRANTS_MAX)
        return LB_E_TOO_LONG;
    for (unsigned i = 0; i < ret->grant_count; i++)
        field_get_grant(&r, &ret->grants[i]);
    wire_get_str(&r, ret->former, sizeof(ret->former));
    return wire_end(&r);
}

int msg_name_encode(uint16_t msg_type, uint32_t id, const struct msg_name *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    return wire_written(&w, ret_len);
}

int msg_name_decode(struct bytes body, struct msg_name *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    return wire_end(&r);
}

#define FIND_ATTRS (P11_ALL & ~P11_BIT(P11_TYPE))

/* The set as u16, then the values in the order of its bits. */
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

int msg_find_encode(uint16_t msg_type, uint32_t id, const struct msg_find *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    put_attrs(&w, &m->want, FIND_ATTRS);
    return wire_written(&w, ret_len);
}

int msg_find_decode(struct bytes body, struct msg_find *ret)
{
    struct wire_reader r;

    wire_read(&r, body.p, body.len);
    get_attrs(&r, &ret->want, FIND_ATTRS);
    return wire_end(&r);
}

void msg_found_put(struct wire_writer *w, const struct found_token *m)
{
    wire_put_str(w, m->token);
    wire_put_u8(w, m->is_the_token);
    wire_put_u8(w, m->more);
    wire_put_u16(w, m->count);
}

void msg_found_get(struct wire_reader *r, struct found_token *ret)
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

void msg_found_entry_put(struct wire_writer *w, const struct found_object *e)
{
    wire_put_str(w, e->name);
    wire_put_u32(w, e->version);
    wire_put_str(w, e->type);
    wire_put_u8(w, e->certified);
    put_attrs(w, &e->object, P11_BIT(P11_OBJECT) | P11_BIT(P11_ID));
}

void msg_found_entry_get(struct wire_reader *r, struct found_object *ret)
{
    field_get_name(r, ret->name);
    ret->version = wire_get_u32(r);
    wire_get_str(r, ret->type, sizeof(ret->type));
    ret->certified = wire_get_bool(r);
    get_attrs(r, &ret->object, P11_BIT(P11_OBJECT) | P11_BIT(P11_ID));
}
