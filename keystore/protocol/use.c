/* Messages about private-key operations (bytes: PROTOCOL.md). */
#include "protocol/use.h"

#include <string.h>

#include "model/limits.h"
#include "model/scheme.h"
#include "protocol/fields_priv.h"
#include "protocol/header.h"

int msg_sign_encode(uint16_t msg_type, uint32_t id, const struct sign_request *m, void *buf, size_t size,
                    size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    field_put_ref(&w, &m->key);
    wire_put_u8(&w, m->scheme);
    wire_put_u8(&w, m->digest);
    wire_put_u8(&w, m->mgf1_digest);
    wire_put_u16(&w, m->salt_len);
    wire_put_u8(&w, m->flags);
    wire_put_bytes(&w, m->context, m->context_len);
    wire_put_u8(&w, m->input);
    wire_put_bytes(&w, m->data.p, m->data.len);
    return wire_written(&w, ret_len);
}

int msg_sign_decode(struct bytes body, struct sign_request *ret)
{
    struct wire_reader r;
    struct bytes context;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_ref(&r, &ret->key);
    ret->scheme = field_get_enum(&r, 1, SCHEME_LAST);
    ret->digest = field_get_enum(&r, 0, DIGEST_LAST);
    ret->mgf1_digest = field_get_enum(&r, 0, DIGEST_LAST);
    ret->salt_len = wire_get_u16(&r);
    ret->flags = field_get_enum(&r, 0, SIGN_FLAGS);
    context = wire_get_bytes(&r, LB_CONTEXT_MAX);
    ret->context_len = (uint8_t)context.len;
    if (context.len > 0)
        memcpy(ret->context, context.p, context.len);
    ret->input = field_get_enum(&r, INPUT_DIGEST, INPUT_FILE);
    ret->data = wire_get_bytes(&r, LB_TEXT_MAX);
    if (ret->input == INPUT_FILE && ret->data.len != 0)
        wire_refuse(&r, LB_E_VALUE);
    return wire_end(&r);
}

int msg_decrypt_encode(uint16_t msg_type, uint32_t id, const struct decrypt_request *m, void *buf, size_t size,
                       size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    field_put_ref(&w, &m->key);
    wire_put_u8(&w, m->padding);
    wire_put_u8(&w, m->digest);
    wire_put_u8(&w, m->mgf1_digest);
    wire_put_u16(&w, m->client_version);
    wire_put_u16(&w, m->negotiated_version);
    wire_put_bytes(&w, m->label.p, m->label.len);
    wire_put_bytes(&w, m->data.p, m->data.len);
    return wire_written(&w, ret_len);
}

int msg_decrypt_decode(struct bytes body, struct decrypt_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_ref(&r, &ret->key);
    ret->padding = field_get_enum(&r, PADDING_PKCS1, PADDING_LAST);
    ret->digest = field_get_enum(&r, 0, DIGEST_LAST);
    ret->mgf1_digest = field_get_enum(&r, 0, DIGEST_LAST);
    ret->client_version = wire_get_u16(&r);
    ret->negotiated_version = wire_get_u16(&r);
    ret->label = wire_get_bytes(&r, LB_OAEP_LABEL_MAX);
    ret->data = wire_get_bytes(&r, LB_CIPHERTEXT_MAX);
    return wire_end(&r);
}

int msg_derive_encode(uint16_t msg_type, uint32_t id, const struct derive_request *m, void *buf, size_t size,
                      size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    field_put_ref(&w, &m->key);
    wire_put_bytes(&w, m->peer.p, m->peer.len);
    return wire_written(&w, ret_len);
}

int msg_derive_decode(struct bytes body, struct derive_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_ref(&r, &ret->key);
    ret->peer = wire_get_bytes(&r, LB_SPKI_MAX);
    return wire_end(&r);
}

int msg_bytes_encode(uint16_t msg_type, uint32_t id, const struct bytes *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_bytes(&w, m->p, m->len);
    return wire_written(&w, ret_len);
}

int msg_bytes_decode(struct bytes body, struct bytes *ret)
{
    struct wire_reader r;

    wire_read(&r, body.p, body.len);
    *ret = wire_get_bytes(&r, LB_PACKET_MAX);
    return wire_end(&r);
}

#define BYTES_AT (LB_HEADER_SIZE + 2)

uint8_t *msg_bytes_place(void *buf, size_t size, size_t *ret_room)
{
    *ret_room = size - BYTES_AT;
    return (uint8_t *)buf + BYTES_AT;
}

int msg_bytes_finish(uint16_t msg_type, uint32_t id, size_t len, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    if (len > UINT16_MAX || len > size - BYTES_AT)
        return LB_E_TOO_LONG;
    msg_begin(&w, buf, BYTES_AT, msg_type, id);
    wire_put_u16(&w, (uint16_t)len);
    *ret_len = BYTES_AT + len;
    return w.error;
}
