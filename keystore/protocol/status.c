/* STATUS and LOCK_CAUSE (bytes: PROTOCOL.md). */
#include "protocol/status.h"

#include <string.h>

#include "protocol/fields_priv.h"
#include "protocol/header.h"

int msg_status_encode(uint16_t msg_type, uint32_t id, const struct box_status *m, void *buf, size_t size,
                      size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->box);
    wire_put_str(&w, m->software);
    wire_put_str(&w, m->backend);
    wire_put_u8(&w, m->lock);
    wire_put_u8(&w, m->credential);
    wire_put_u8(&w, m->memory_locked);
    wire_put_u8(&w, m->sandbox);
    wire_put_u8(&w, m->closed);
    wire_put_u8(&w, m->admin);
    wire_put_u32(&w, m->uid);
    wire_put_u32(&w, m->pid);
    wire_put_u32(&w, m->restarts);
    wire_put_u32(&w, m->threads);
    wire_put_u32(&w, m->connections);
    wire_put_u32(&w, m->keys);
    wire_put_u32(&w, m->damaged);
    wire_put_u64(&w, m->started);
    wire_put_u64(&w, m->signatures);
    wire_put_u64(&w, m->decryptions);
    wire_put_u64(&w, m->derivations);
    wire_put_u64(&w, m->refusals);
    wire_put_u8(&w, m->users_mapped);
    wire_put_u8(&w, m->groups_mapped);
    wire_put_u32(&w, m->overflow_uid);
    wire_put_u32(&w, m->overflow_gid);
    wire_put_u8(&w, m->memory);
    wire_put_u32(&w, m->memory_needed);
    wire_put_u32(&w, m->memory_limit);
    return wire_written(&w, ret_len);
}

int msg_status_decode(struct bytes body, struct box_status *ret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    field_get_name(&r, ret->box);
    wire_get_str(&r, ret->software, sizeof(ret->software));
    wire_get_str(&r, ret->backend, sizeof(ret->backend));
    ret->lock = field_get_enum(&r, LOCK_NO_STORE, LOCK_UNLOCKED);
    ret->credential = field_get_enum(&r, CREDENTIAL_UNUSED, CREDENTIAL_REFUSED);
    ret->memory_locked = wire_get_bool(&r);
    ret->sandbox = field_get_enum(&r, 0, SANDBOX_ALL);
    ret->closed = wire_get_bool(&r);
    ret->admin = wire_get_bool(&r);
    ret->uid = wire_get_u32(&r);
    ret->pid = wire_get_u32(&r);
    ret->restarts = wire_get_u32(&r);
    ret->threads = wire_get_u32(&r);
    ret->connections = wire_get_u32(&r);
    ret->keys = wire_get_u32(&r);
    ret->damaged = wire_get_u32(&r);
    ret->started = wire_get_u64(&r);
    ret->signatures = wire_get_u64(&r);
    ret->decryptions = wire_get_u64(&r);
    ret->derivations = wire_get_u64(&r);
    ret->refusals = wire_get_u64(&r);
    ret->users_mapped = wire_get_bool(&r);
    ret->groups_mapped = wire_get_bool(&r);
    ret->overflow_uid = wire_get_u32(&r);
    ret->overflow_gid = wire_get_u32(&r);
    ret->memory = field_get_enum(&r, MEMORY_NOT_LOCKED, MEMORY_ALL_LOCKED);
    ret->memory_needed = wire_get_u32(&r);
    ret->memory_limit = wire_get_u32(&r);
    return wire_end(&r);
}

int msg_lock_cause_encode(uint16_t msg_type, uint32_t id, const struct msg_lock_cause *m, void *buf, size_t size,
                          size_t *ret_len)
{
    struct wire_writer w;

    msg_begin(&w, buf, size, msg_type, id);
    wire_put_u8(&w, m->cause);
    return wire_written(&w, ret_len);
}

int msg_lock_cause_decode(struct bytes body, struct msg_lock_cause *ret)
{
    struct wire_reader r;

    wire_read(&r, body.p, body.len);
    ret->cause = field_get_enum(&r, LOCK_BY_NOTHING, LOCK_BY_RESTART);
    return wire_end(&r);
}
