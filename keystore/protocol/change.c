/* Messages that change keys (bytes: PROTOCOL.md). */
#include "protocol/change.h"

#include <string.h>

#include "model/pkcs11_uri.h"
#include "model/purpose.h"
#include "protocol/fields_priv.h"
#include "protocol/header.h"

int msg_create_encode(uint16_t msg_type, uint32_t id, const struct create_request *m, void *buf, size_t size,
                      size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_str(&w, m->type);
    field_put_purposes(&w, m->purposes);
    return wire_written(&w, ret_len);
}

int msg_create_decode(struct bytes body, struct create_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    wire_get_str(&r, ret->type, sizeof(ret->type));
    ret->purposes = field_get_purposes(&r);
    return wire_end(&r);
}

int msg_import_encode(uint16_t msg_type, uint32_t id, const struct import_request *m, void *buf, size_t size,
                      size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_bytes(&w, m->pkcs8.p, m->pkcs8.len);
    field_put_purposes(&w, m->purposes);
    return wire_written(&w, ret_len);
}

int msg_import_decode(struct bytes body, struct import_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    ret->pkcs8 = wire_get_bytes(&r, LB_PRIVATE_MAX);
    ret->purposes = field_get_purposes(&r);
    return wire_end(&r);
}

int msg_destroy_encode(uint16_t msg_type, uint32_t id, const struct destroy_request *m, void *buf, size_t size,
                       size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_u32(&w, m->version);
    return wire_written(&w, ret_len);
}

int msg_destroy_decode(struct bytes body, struct destroy_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    ret->version = wire_get_u32(&r);
    return wire_end(&r);
}

int msg_time_encode(uint16_t msg_type, uint32_t id, const struct msg_time *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_u64(&w, m->at);
    return wire_written(&w, ret_len);
}

int msg_time_decode(struct bytes body, struct msg_time *ret)
{
    struct wire_reader r;

    wire_read(&r, body.p, body.len);
    ret->at = wire_get_u64(&r);
    return wire_end(&r);
}

int msg_rename_encode(uint16_t msg_type, uint32_t id, const struct rename_request *m, void *buf, size_t size,
                      size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_str(&w, m->to);
    return wire_written(&w, ret_len);
}

int msg_rename_decode(struct bytes body, struct rename_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    field_get_name(&r, ret->to);
    return wire_end(&r);
}

int msg_handle_note_encode(uint16_t msg_type, uint32_t id, const struct handle_note *m, void *buf, size_t size,
                           size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_str(&w, m->path);
    return wire_written(&w, ret_len);
}

int msg_handle_note_decode(struct bytes body, struct handle_note *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    wire_get_str(&r, ret->path, sizeof(ret->path));
    if (ret->path[0] != '/')
        wire_refuse(&r, LB_E_VALUE);
    return wire_end(&r);
}

int msg_grant_encode(uint16_t msg_type, uint32_t id, const struct grant_request *m, void *buf, size_t size,
                     size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    grant_put(&w, &m->grant);
    return wire_written(&w, ret_len);
}

int msg_grant_decode(struct bytes body, struct grant_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    field_get_grant(&r, &ret->grant);
    return wire_end(&r);
}

int msg_attach_encode(uint16_t msg_type, uint32_t id, const struct attach_request *m, void *buf, size_t size,
                      size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_bytes(&w, m->id.p, m->id.len);
    wire_put_bytes(&w, m->label.p, m->label.len);
    field_put_purposes(&w, m->purposes);
    return wire_written(&w, ret_len);
}

int msg_attach_decode(struct bytes body, struct attach_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    ret->id = wire_get_bytes(&r, P11_VALUE_MAX);
    ret->label = wire_get_bytes(&r, P11_VALUE_MAX);
    ret->purposes = field_get_purposes(&r);
    return wire_end(&r);
}

int msg_purpose_encode(uint16_t msg_type, uint32_t id, const struct purpose_request *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_u16(&w, m->purposes);
    return wire_written(&w, ret_len);
}

int msg_purpose_decode(struct bytes body, struct purpose_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    ret->purposes = wire_get_u16(&r);
    if ((ret->purposes & ~PURPOSE_ALL) != 0)
        wire_refuse(&r, LB_E_VALUE);
    return wire_end(&r);
}

int msg_cert_set_encode(uint16_t msg_type, uint32_t id, const struct chain_request *m, void *buf, size_t size,
                        size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_u32(&w, m->version);
    wire_put_raw(&w, m->chain.p, m->chain.len);
    return wire_written(&w, ret_len);
}

int msg_cert_set_decode(struct bytes body, struct chain_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    ret->version = wire_get_u32(&r);
    field_get_chain(&r, &ret->chain);
    return wire_end(&r);
}

int msg_chain_encode(uint16_t msg_type, uint32_t id, const struct bytes *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_raw(&w, m->p, m->len);
    return wire_written(&w, ret_len);
}

int msg_chain_decode(struct bytes body, struct bytes *ret)
{
    struct wire_reader r;

    wire_read(&r, body.p, body.len);
    field_get_chain(&r, ret);
    return wire_end(&r);
}
