/* Messages about the life of keys (bytes: PROTOCOL.md). */
#include "protocol/life.h"

#include <string.h>

#include "model/chain.h"
#include "model/key_name.h"
#include "protocol/fields_priv.h"
#include "protocol/header.h"

int msg_roll_encode(uint16_t msg_type, uint32_t id, const struct roll_request *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_str(&w, m->type);
    return wire_written(&w, ret_len);
}

int msg_roll_decode(struct bytes body, struct roll_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    wire_get_str(&r, ret->type, sizeof(ret->type));
    return wire_end(&r);
}

int msg_activate_encode(uint16_t msg_type, uint32_t id, const struct activate_request *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    field_put_ref(&w, &m->key);
    wire_put_u64(&w, m->at);
    wire_put_u32(&w, m->drain);
    wire_put_raw(&w, m->chain.p, m->chain.len);
    return wire_written(&w, ret_len);
}

int msg_activate_decode(struct bytes body, struct activate_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_ref(&r, &ret->key);
    ret->at = wire_get_u64(&r);
    ret->drain = wire_get_u32(&r);
    field_get_chain(&r, &ret->chain);
    if (ret->at > INT64_MAX)
        wire_refuse(&r, LB_E_VALUE);
    return wire_end(&r);
}

int msg_back_encode(uint16_t msg_type, uint32_t id, const struct back_request *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_u32(&w, m->drain);
    return wire_written(&w, ret_len);
}

int msg_back_decode(struct bytes body, struct back_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->name);
    ret->drain = wire_get_u32(&r);
    return wire_end(&r);
}

int msg_state_encode(uint16_t msg_type, uint32_t id, const struct state_request *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    field_put_ref(&w, &m->key);
    wire_put_u8(&w, m->event);
    wire_put_u8(&w, m->reason);
    return wire_written(&w, ret_len);
}

/* The events that come in other messages are none here. */
int msg_state_decode(struct bytes body, struct state_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_ref(&r, &ret->key);
    ret->event = field_get_enum(&r, EVENT_SUSPEND, EVENT_COMPROMISE);
    ret->reason = field_get_enum(&r, 0, REASON_LAST);
    return wire_end(&r);
}

int msg_life_encode(uint16_t msg_type, uint32_t id, const struct life_answer *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_u32(&w, m->version);
    wire_put_u8(&w, m->state);
    wire_put_u8(&w, m->changed);
    wire_put_u64(&w, m->at);
    wire_put_u32(&w, m->former);
    wire_put_u64(&w, m->until);
    return wire_written(&w, ret_len);
}

int msg_life_decode(struct bytes body, struct life_answer *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    ret->version = wire_get_u32(&r);
    ret->state = field_get_enum(&r, 1, STATE_LAST);
    ret->changed = wire_get_bool(&r);
    ret->at = wire_get_u64(&r);
    ret->former = wire_get_u32(&r);
    ret->until = wire_get_u64(&r);
    return wire_end(&r);
}

int msg_expiring_encode(uint16_t msg_type, uint32_t id, const struct expiring_request *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_u64(&w, m->before);
    wire_put_str(&w, m->after);
    return wire_written(&w, ret_len);
}

int msg_expiring_decode(struct bytes body, struct expiring_request *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    ret->before = wire_get_u64(&r);
    wire_get_str(&r, ret->after, sizeof(ret->after));
    if (ret->after[0] != '\0' && !keyname_ok(ret->after, strlen(ret->after)))
        wire_refuse(&r, LB_E_NAME);
    return wire_end(&r);
}

int msg_lives_encode(uint16_t msg_type, uint32_t id, const struct key_details *m, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_u16(&w, m->version_count);
    for (unsigned i = 0; i < m->version_count; i++) {
        const struct version_entry *v = &m->versions[i];

        wire_put_u32(&w, v->version);
        wire_put_u8(&w, v->current);
        wire_put_u64(&w, v->life.activate_at);
        wire_put_u64(&w, v->life.deactivate_at);
        wire_put_u8(&w, v->life.reason);
        wire_put_u8(&w, v->life.by_known);
        wire_put_u32(&w, v->life.by);
    }
    field_put_purposes(&w, m->purposes);
    return wire_written(&w, ret_len);
}

static void set_life(struct key_details *m, uint32_t version, bool current, const struct version_life *life)
{
    for (unsigned i = 0; i < m->version_count; i++) {
        if (m->versions[i].version != version)
            continue;
        m->versions[i].current = current;
        m->versions[i].life = *life;
    }
}

int msg_lives_decode(struct bytes body, struct key_details *m)
{
    struct wire_reader r;
    unsigned count;

    wire_read(&r, body.p, body.len);
    count = wire_get_u16(&r);
    if (count > LB_VERSIONS_MAX)
        return LB_E_TOO_LONG;
    for (unsigned i = 0; i < count && r.error == 0; i++) {
        uint32_t version = wire_get_u32(&r);
        bool current = wire_get_bool(&r);
        struct version_life life = { .activate_at = wire_get_u64(&r) };

        life.deactivate_at = wire_get_u64(&r);
        life.reason = field_get_enum(&r, 0, REASON_LAST);
        life.by_known = wire_get_bool(&r);
        life.by = wire_get_u32(&r);
        if (r.error == 0)
            set_life(m, version, current, &life);
    }
    m->purposes = field_get_purposes(&r);
    return wire_end(&r);
}

void msg_expiring_entry_put(struct wire_writer *w, const struct expiring_entry *e)
{
    wire_put_str(w, e->name);
    wire_put_u32(w, e->version);
    wire_put_u8(w, e->what);
    wire_put_u64(w, e->at);
}

void msg_expiring_entry_get(struct wire_reader *r, struct expiring_entry *ret)
{
    field_get_name(r, ret->name);
    ret->version = wire_get_u32(r);
    ret->what = field_get_enum(r, EXPIRING_CERTIFICATE, EXPIRING_DESTRUCTION);
    ret->at = wire_get_u64(r);
}

void msg_user_entry_put(struct wire_writer *w, const struct user_entry *e)
{
    wire_put_u32(w, e->version);
    wire_put_u32(w, e->pid);
    wire_put_u32(w, e->uid);
    wire_put_u64(w, e->first);
    wire_put_u64(w, e->last);
    wire_put_u64(w, e->uses);
}

void msg_user_entry_get(struct wire_reader *r, struct user_entry *ret)
{
    ret->version = wire_get_u32(r);
    ret->pid = wire_get_u32(r);
    ret->uid = wire_get_u32(r);
    ret->first = wire_get_u64(r);
    ret->last = wire_get_u64(r);
    ret->uses = wire_get_u64(r);
}
