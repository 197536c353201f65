/* TOKEN, TOKEN_LIST, ATTACH and LOGIN, which speak of the token of a box (bytes: PROTOCOL.md). */
#include <string.h>

#include "protocol/message.h"

static void begin(struct wire_writer *w, void *buf, size_t size, uint16_t msg_type, uint32_t id)
{
    wire_write(w, buf, size);
    msg_header_put(w, msg_type, id);
}

static void get_name(struct wire_reader *r, char ret[LB_NAME_MAX + 1])
{
    wire_get_str(r, ret, LB_NAME_MAX + 1);
    if (!keyname_ok(ret, strlen(ret)))
        wire_refuse(r, LB_E_NAME);
}

MSG_ENCODER(token, struct msg_token)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_u8(&w, m->connected);
    wire_put_str(&w, m->module);
    wire_put_str(&w, m->library);
    wire_put_str(&w, m->label);
    wire_put_str(&w, m->manufacturer);
    wire_put_str(&w, m->model);
    wire_put_str(&w, m->serial);
    wire_put_u64(&w, m->slot);
    wire_put_u32(&w, m->sessions);
    wire_put_u32(&w, m->sessions_max);
    wire_put_u32(&w, m->reconnects);
    wire_put_u16(&w, (uint16_t)-m->problem.code);
    wire_put_str(&w, m->problem.text);
    wire_put_str(&w, m->problem.hint);
    return wire_written(&w, ret_len);
}

MSG_DECODER(token, struct msg_token)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    ret->connected = wire_get_bool(&r);
    wire_get_str(&r, ret->module, sizeof(ret->module));
    wire_get_str(&r, ret->library, sizeof(ret->library));
    wire_get_str(&r, ret->label, sizeof(ret->label));
    wire_get_str(&r, ret->manufacturer, sizeof(ret->manufacturer));
    wire_get_str(&r, ret->model, sizeof(ret->model));
    wire_get_str(&r, ret->serial, sizeof(ret->serial));
    ret->slot = wire_get_u64(&r);
    ret->sessions = wire_get_u32(&r);
    ret->sessions_max = wire_get_u32(&r);
    ret->reconnects = wire_get_u32(&r);
    ret->problem.code = -(int)wire_get_u16(&r);
    wire_get_str(&r, ret->problem.text, sizeof(ret->problem.text));
    wire_get_str(&r, ret->problem.hint, sizeof(ret->problem.hint));
    return wire_end(&r);
}

MSG_ENCODER(token_list, struct msg_token_list)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_u32(&w, m->from);
    return wire_written(&w, ret_len);
}

MSG_DECODER(token_list, struct msg_token_list)
{
    struct wire_reader r;

    wire_read(&r, body.p, body.len);
    ret->from = wire_get_u32(&r);
    return wire_end(&r);
}

void msg_token_entry_put(struct wire_writer *w, const struct token_entry *e)
{
    wire_put_str(w, e->key);
    wire_put_str(w, e->type);
    wire_put_bytes(w, e->id.p, e->id.len);
    wire_put_bytes(w, e->label.p, e->label.len);
}

void msg_token_entry_get(struct wire_reader *r, struct token_entry *ret)
{
    memset(ret, 0, sizeof(*ret));
    wire_get_str(r, ret->key, sizeof(ret->key));
    if (ret->key[0] != '\0' && !keyname_ok(ret->key, strlen(ret->key)))
        wire_refuse(r, LB_E_NAME);
    wire_get_str(r, ret->type, sizeof(ret->type));
    ret->id = wire_get_bytes(r, P11_VALUE_MAX);
    ret->label = wire_get_bytes(r, P11_VALUE_MAX);
}

MSG_ENCODER(attach, struct msg_attach)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_bytes(&w, m->id.p, m->id.len);
    wire_put_bytes(&w, m->label.p, m->label.len);
    return wire_written(&w, ret_len);
}

MSG_DECODER(attach, struct msg_attach)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_name(&r, ret->name);
    ret->id = wire_get_bytes(&r, P11_VALUE_MAX);
    ret->label = wire_get_bytes(&r, P11_VALUE_MAX);
    return wire_end(&r);
}

MSG_ENCODER(login, struct msg_login)
{
    struct wire_writer w;

    if (m->pin.len > LB_PIN_MAX)
        return LB_E_TOO_LONG;
    begin(&w, buf, size, msg_type, id);
    wire_put_bytes(&w, m->pin.p, m->pin.len);
    return wire_written(&w, ret_len);
}

MSG_DECODER(login, struct msg_login)
{
    struct wire_reader r;

    wire_read(&r, body.p, body.len);
    ret->pin = wire_get_bytes(&r, LB_PIN_MAX);
    return wire_end(&r);
}
