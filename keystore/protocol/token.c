/* Messages about the token of a box (bytes: PROTOCOL.md). */
#include "protocol/token.h"

#include <string.h>

#include "model/key_name.h"
#include "model/limits.h"
#include "protocol/fields_priv.h"
#include "protocol/header.h"

int msg_token_encode(uint16_t msg_type, uint32_t id, const struct token_status *m, void *buf, size_t size,
                     size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
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
    field_put_problem(&w, &m->problem);
    return wire_written(&w, ret_len);
}

int msg_token_decode(struct bytes body, struct token_status *ret)
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
    field_get_problem(&r, &ret->problem);
    return wire_end(&r);
}

int msg_token_list_encode(uint16_t msg_type, uint32_t id, const struct msg_token_list *m, void *buf, size_t size,
                          size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_u32(&w, m->from);
    return wire_written(&w, ret_len);
}

int msg_token_list_decode(struct bytes body, struct msg_token_list *ret)
{
    struct wire_reader r;

    wire_read(&r, body.p, body.len);
    ret->from = wire_get_u32(&r);
    return wire_end(&r);
}

void msg_token_entry_put(struct wire_writer *w, const struct token_key *e)
{
    wire_put_str(w, e->key);
    wire_put_str(w, e->type);
    wire_put_bytes(w, e->id.p, e->id.len);
    wire_put_bytes(w, e->label.p, e->label.len);
}

void msg_token_entry_get(struct wire_reader *r, struct token_key *ret)
{
    memset(ret, 0, sizeof(*ret));
    wire_get_str(r, ret->key, sizeof(ret->key));
    if (ret->key[0] != '\0' && !keyname_ok(ret->key, strlen(ret->key)))
        wire_refuse(r, LB_E_NAME);
    wire_get_str(r, ret->type, sizeof(ret->type));
    ret->id = wire_get_bytes(r, P11_VALUE_MAX);
    ret->label = wire_get_bytes(r, P11_VALUE_MAX);
}

int msg_login_encode(uint16_t msg_type, uint32_t id, const struct msg_login *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    if (m->pin.len > LB_PIN_MAX)
        return LB_E_TOO_LONG;
    msg_begin(&w, buf, size, msg_type, id);
    wire_put_bytes(&w, m->pin.p, m->pin.len);
    return wire_written(&w, ret_len);
}

int msg_login_decode(struct bytes body, struct msg_login *ret)
{
    struct wire_reader r;

    wire_read(&r, body.p, body.len);
    ret->pin = wire_get_bytes(&r, LB_PIN_MAX);
    return wire_end(&r);
}
