/* Every message between a caller and a box: encode and decode side by side (bytes: PROTOCOL.md). */
#include "protocol/message.h"

#include <string.h>

#include "model/scheme.h"

#define MAGIC 'L'

const char *key_state_name(unsigned state)
{
    static const char *const names[STATE_LAST + 1] = {
        [STATE_PRE_ACTIVATION] = "pre-activation", [STATE_ACTIVE] = "active",       [STATE_DEACTIVATED] = "deactivated",
        [STATE_COMPROMISED] = "compromised",       [STATE_DESTROYED] = "destroyed",
        [STATE_DESTROY_SCHEDULED] = "destroy-scheduled",
    };

    return state > STATE_LAST || names[state] == NULL ? "unknown" : names[state];
}

const char *lock_state_name(unsigned state)
{
    static const char *const names[LOCK_UNLOCKED + 1] = {
        [LOCK_NO_STORE] = "no store", [LOCK_LOCKED] = "locked", [LOCK_UNLOCKED] = "unlocked",
    };

    return state > LOCK_UNLOCKED || names[state] == NULL ? "unknown" : names[state];
}

/* In the order of the bits. */
static const char *const op_names[OP_COUNT] = { "sign", "decrypt", "derive" };

const char *key_op_name(unsigned op)
{
    for (unsigned i = 0; i < OP_COUNT; i++) {
        if (op == 1u << i)
            return op_names[i];
    }
    return "unknown";
}

unsigned key_op_by_name(const char *name, size_t len)
{
    for (unsigned i = 0; i < OP_COUNT; i++) {
        if (strlen(op_names[i]) == len && memcmp(op_names[i], name, len) == 0)
            return 1u << i;
    }
    return 0;
}

void key_op_names(unsigned ops, char ret[OP_NAMES_SIZE])
{
    ret[0] = '\0';
    for (unsigned i = 0; i < OP_COUNT; i++) {
        if ((ops & 1u << i) == 0)
            continue;
        if (ret[0] != '\0')
            strcat(ret, ",");
        strcat(ret, op_names[i]);
    }
}

const char *seal_kind_name(unsigned kind)
{
    static const char *const names[SEAL_KIND_LAST + 1] = {
        [SEAL_PASSPHRASE] = "passphrase", [SEAL_CREDENTIAL] = "credential",
    };

    return kind > SEAL_KIND_LAST || names[kind] == NULL ? "unknown" : names[kind];
}

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

static void begin(struct wire_writer *w, void *buf, size_t size, uint16_t msg_type, uint32_t id)
{
    wire_write(w, buf, size);
    msg_header_put(w, msg_type, id);
}

int msg_empty_encode(uint16_t msg_type, uint32_t id, void *buf, size_t size, size_t *ret_len)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    return wire_written(&w, ret_len);
}

int msg_empty_decode(struct bytes body)
{
    return body.len == 0 ? 0 : LB_E_TRAILING;
}

/* Fields that several messages share */

static void get_name(struct wire_reader *r, char *ret)
{
    wire_get_str(r, ret, LB_NAME_MAX + 1);
    if (!keyname_ok(ret, strlen(ret)))
        wire_refuse(r, LB_E_NAME);
}

static uint8_t get_enum(struct wire_reader *r, unsigned first, unsigned last)
{
    uint8_t v = wire_get_u8(r);

    if (v < first || v > last)
        wire_refuse(r, LB_E_VALUE);
    return v;
}

static void put_ref(struct wire_writer *w, const struct key_ref *k)
{
    wire_put_str(w, k->name);
    wire_put_u32(w, k->version);
    wire_put_u8(w, k->has_hash);
    if (k->has_hash)
        wire_put_raw(w, k->hash, LB_HASH_SIZE);
}

static void get_hash(struct wire_reader *r, uint8_t *ret)
{
    struct bytes hash = wire_get_raw(r, LB_HASH_SIZE);

    if (hash.len == LB_HASH_SIZE)
        memcpy(ret, hash.p, LB_HASH_SIZE);
}

static void get_ref(struct wire_reader *r, struct key_ref *ret)
{
    get_name(r, ret->name);
    ret->version = wire_get_u32(r);
    ret->has_hash = wire_get_bool(r);
    if (ret->has_hash)
        get_hash(r, ret->hash);
}

void msg_grant_put(struct wire_writer *w, const struct grant *g)
{
    wire_put_u8(w, g->kind);
    wire_put_u32(w, g->id);
    wire_put_u16(w, g->ops);
}

static void get_grant(struct wire_reader *r, struct grant *ret)
{
    ret->kind = get_enum(r, SUBJECT_USER, SUBJECT_GROUP);
    ret->id = wire_get_u32(r);
    ret->ops = wire_get_u16(r);
    if (ret->ops == 0 || (ret->ops & ~OP_ALL) != 0)
        wire_refuse(r, LB_E_VALUE);
}

/* Bodies, in the order of protocol/message.h */

MSG_ENCODER(error, struct problem)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_u16(&w, (uint16_t)-m->code);
    wire_put_str(&w, m->text);
    wire_put_str(&w, m->hint);
    return wire_written(&w, ret_len);
}

MSG_DECODER(error, struct problem)
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

MSG_ENCODER(sign, struct msg_sign)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    put_ref(&w, &m->key);
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

MSG_DECODER(sign, struct msg_sign)
{
    struct wire_reader r;
    struct bytes context;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_ref(&r, &ret->key);
    ret->scheme = get_enum(&r, 1, SCHEME_LAST);
    ret->digest = get_enum(&r, 0, DIGEST_LAST);
    ret->mgf1_digest = get_enum(&r, 0, DIGEST_LAST);
    ret->salt_len = wire_get_u16(&r);
    ret->flags = get_enum(&r, 0, SIGN_FLAGS);
    context = wire_get_bytes(&r, LB_CONTEXT_MAX);
    ret->context_len = (uint8_t)context.len;
    if (context.len > 0)
        memcpy(ret->context, context.p, context.len);
    ret->input = get_enum(&r, INPUT_DIGEST, INPUT_FILE);
    ret->data = wire_get_bytes(&r, LB_TEXT_MAX);
    if (ret->input == INPUT_FILE && ret->data.len != 0)
        wire_refuse(&r, LB_E_VALUE);
    return wire_end(&r);
}

MSG_ENCODER(decrypt, struct msg_decrypt)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    put_ref(&w, &m->key);
    wire_put_u8(&w, m->padding);
    wire_put_u8(&w, m->digest);
    wire_put_u8(&w, m->mgf1_digest);
    wire_put_u16(&w, m->client_version);
    wire_put_u16(&w, m->negotiated_version);
    wire_put_bytes(&w, m->label.p, m->label.len);
    wire_put_bytes(&w, m->data.p, m->data.len);
    return wire_written(&w, ret_len);
}

MSG_DECODER(decrypt, struct msg_decrypt)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_ref(&r, &ret->key);
    ret->padding = get_enum(&r, PADDING_PKCS1, PADDING_LAST);
    ret->digest = get_enum(&r, 0, DIGEST_LAST);
    ret->mgf1_digest = get_enum(&r, 0, DIGEST_LAST);
    ret->client_version = wire_get_u16(&r);
    ret->negotiated_version = wire_get_u16(&r);
    ret->label = wire_get_bytes(&r, LB_OAEP_LABEL_MAX);
    ret->data = wire_get_bytes(&r, LB_CIPHERTEXT_MAX);
    return wire_end(&r);
}

MSG_ENCODER(derive, struct msg_derive)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    put_ref(&w, &m->key);
    wire_put_bytes(&w, m->peer.p, m->peer.len);
    return wire_written(&w, ret_len);
}

MSG_DECODER(derive, struct msg_derive)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_ref(&r, &ret->key);
    ret->peer = wire_get_bytes(&r, LB_SPKI_MAX);
    return wire_end(&r);
}

MSG_ENCODER(bytes, struct bytes)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_bytes(&w, m->p, m->len);
    return wire_written(&w, ret_len);
}

MSG_DECODER(bytes, struct bytes)
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
    begin(&w, buf, BYTES_AT, msg_type, id);
    wire_put_u16(&w, (uint16_t)len);
    *ret_len = BYTES_AT + len;
    return w.error;
}

MSG_ENCODER(key_ref, struct key_ref)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    put_ref(&w, m);
    return wire_written(&w, ret_len);
}

MSG_DECODER(key_ref, struct key_ref)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_ref(&r, ret);
    return wire_end(&r);
}

MSG_ENCODER(key, struct msg_key)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->box);
    wire_put_str(&w, m->name);
    wire_put_str(&w, m->type);
    wire_put_u32(&w, m->version);
    wire_put_u8(&w, m->state);
    wire_put_u64(&w, m->created);
    wire_put_bytes(&w, m->spki.p, m->spki.len);
    return wire_written(&w, ret_len);
}

MSG_DECODER(key, struct msg_key)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_name(&r, ret->box);
    get_name(&r, ret->name);
    wire_get_str(&r, ret->type, sizeof(ret->type));
    ret->version = wire_get_u32(&r);
    ret->state = get_enum(&r, 1, STATE_LAST);
    ret->created = wire_get_u64(&r);
    ret->spki = wire_get_bytes(&r, LB_SPKI_MAX);
    return wire_end(&r);
}

MSG_ENCODER(list, struct msg_list)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->after);
    return wire_written(&w, ret_len);
}

MSG_DECODER(list, struct msg_list)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    wire_get_str(&r, ret->after, sizeof(ret->after));
    if (ret->after[0] != '\0' && !keyname_ok(ret->after, strlen(ret->after)))
        wire_refuse(&r, LB_E_NAME);
    return wire_end(&r);
}

void msg_list_entry_put(struct wire_writer *w, const struct list_entry *e)
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

void msg_list_entry_get(struct wire_reader *r, struct list_entry *ret)
{
    get_name(r, ret->name);
    wire_get_str(r, ret->type, sizeof(ret->type));
    ret->version = wire_get_u32(r);
    ret->versions = wire_get_u32(r);
    ret->state = get_enum(r, 1, STATE_LAST);
    ret->damaged = wire_get_bool(r);
    ret->created = wire_get_u64(r);
    ret->certified = wire_get_bool(r);
}

MSG_ENCODER(show, struct msg_show)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
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
        msg_grant_put(&w, &m->grants[i]);
    wire_put_str(&w, m->former);
    return wire_written(&w, ret_len);
}

MSG_DECODER(show, struct msg_show)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_name(&r, ret->name);
    ret->version_count = wire_get_u16(&r);
    if (ret->version_count > LB_VERSIONS_MAX)
        return LB_E_TOO_LONG;
    for (unsigned i = 0; i < ret->version_count; i++) {
        struct version_entry *v = &ret->versions[i];

        v->version = wire_get_u32(&r);
        v->state = get_enum(&r, 1, STATE_LAST);
        v->damaged = wire_get_bool(&r);
        wire_get_str(&r, v->type, sizeof(v->type));
        v->created = wire_get_u64(&r);
        v->changed = wire_get_u64(&r);
        get_hash(&r, v->hash);
        v->certificates = get_enum(&r, 0, LB_CERTS_MAX);
        v->chain_damaged = wire_get_bool(&r);
        v->destroy_at = wire_get_u64(&r);
        v->used = wire_get_u64(&r);
    }
    ret->grant_count = wire_get_u16(&r);
    if (ret->grant_count > LB_GRANTS_MAX)
        return LB_E_TOO_LONG;
    for (unsigned i = 0; i < ret->grant_count; i++)
        get_grant(&r, &ret->grants[i]);
    wire_get_str(&r, ret->former, sizeof(ret->former));
    return wire_end(&r);
}

MSG_ENCODER(status, struct msg_status)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
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

MSG_DECODER(status, struct msg_status)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_name(&r, ret->box);
    wire_get_str(&r, ret->software, sizeof(ret->software));
    wire_get_str(&r, ret->backend, sizeof(ret->backend));
    ret->lock = get_enum(&r, LOCK_NO_STORE, LOCK_UNLOCKED);
    ret->credential = get_enum(&r, CREDENTIAL_UNUSED, CREDENTIAL_REFUSED);
    ret->memory_locked = wire_get_bool(&r);
    ret->sandbox = get_enum(&r, 0, SANDBOX_ALL);
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
    ret->memory = get_enum(&r, MEMORY_NOT_LOCKED, MEMORY_ALL_LOCKED);
    ret->memory_needed = wire_get_u32(&r);
    ret->memory_limit = wire_get_u32(&r);
    return wire_end(&r);
}

MSG_ENCODER(create, struct msg_create)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_str(&w, m->type);
    return wire_written(&w, ret_len);
}

MSG_DECODER(create, struct msg_create)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_name(&r, ret->name);
    wire_get_str(&r, ret->type, sizeof(ret->type));
    return wire_end(&r);
}

MSG_ENCODER(import, struct msg_import)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_bytes(&w, m->pkcs8.p, m->pkcs8.len);
    return wire_written(&w, ret_len);
}

MSG_DECODER(import, struct msg_import)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_name(&r, ret->name);
    ret->pkcs8 = wire_get_bytes(&r, LB_PRIVATE_MAX);
    return wire_end(&r);
}

MSG_ENCODER(destroy, struct msg_destroy)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_u32(&w, m->version);
    return wire_written(&w, ret_len);
}

MSG_DECODER(destroy, struct msg_destroy)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_name(&r, ret->name);
    ret->version = wire_get_u32(&r);
    return wire_end(&r);
}

MSG_ENCODER(time, struct msg_time)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_u64(&w, m->at);
    return wire_written(&w, ret_len);
}

MSG_DECODER(time, struct msg_time)
{
    struct wire_reader r;

    wire_read(&r, body.p, body.len);
    ret->at = wire_get_u64(&r);
    return wire_end(&r);
}

MSG_ENCODER(rename, struct msg_rename)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_str(&w, m->to);
    return wire_written(&w, ret_len);
}

MSG_DECODER(rename, struct msg_rename)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_name(&r, ret->name);
    get_name(&r, ret->to);
    return wire_end(&r);
}

MSG_ENCODER(handle_note, struct msg_handle_note)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_str(&w, m->path);
    return wire_written(&w, ret_len);
}

MSG_DECODER(handle_note, struct msg_handle_note)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_name(&r, ret->name);
    wire_get_str(&r, ret->path, sizeof(ret->path));
    if (ret->path[0] != '/')
        wire_refuse(&r, LB_E_VALUE);
    return wire_end(&r);
}

MSG_ENCODER(grant, struct msg_grant)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    msg_grant_put(&w, &m->grant);
    return wire_written(&w, ret_len);
}

MSG_DECODER(grant, struct msg_grant)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_name(&r, ret->name);
    get_grant(&r, &ret->grant);
    return wire_end(&r);
}

int msg_chain_read(struct bytes chain, unsigned *ret_count, struct wire_reader *ret)
{
    struct wire_reader r;
    unsigned count;

    *ret_count = 0;
    wire_read(&r, chain.p, chain.len);
    count = wire_get_u16(&r);
    if (chain.len > LB_CHAIN_MAX || count > LB_CERTS_MAX)
        wire_refuse(&r, LB_E_TOO_LONG);
    *ret = r;
    for (unsigned i = 0; i < count && r.error == 0; i++) {
        if (wire_get_bytes(&r, LB_CHAIN_MAX).len == 0)
            wire_refuse(&r, LB_E_VALUE);
    }
    if (wire_end(&r) != 0)
        return wire_end(&r);
    *ret_count = count;
    return 0;
}

/* The rest of a body. */
static void get_chain(struct wire_reader *r, struct bytes *ret)
{
    struct wire_reader certificates;
    unsigned count;
    int result;

    *ret = wire_get_raw(r, r->left);
    result = msg_chain_read(*ret, &count, &certificates);
    if (result != 0)
        wire_refuse(r, result);
}

MSG_ENCODER(cert_set, struct msg_cert_set)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    wire_put_u32(&w, m->version);
    wire_put_raw(&w, m->chain.p, m->chain.len);
    return wire_written(&w, ret_len);
}

MSG_DECODER(cert_set, struct msg_cert_set)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_name(&r, ret->name);
    ret->version = wire_get_u32(&r);
    get_chain(&r, &ret->chain);
    return wire_end(&r);
}

MSG_ENCODER(chain, struct bytes)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_raw(&w, m->p, m->len);
    return wire_written(&w, ret_len);
}

MSG_DECODER(chain, struct bytes)
{
    struct wire_reader r;

    wire_read(&r, body.p, body.len);
    get_chain(&r, ret);
    return wire_end(&r);
}

MSG_ENCODER(secret, struct msg_secret)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_u8(&w, m->kind);
    wire_put_str(&w, m->label);
    wire_put_bytes(&w, m->secret.p, m->secret.len);
    return wire_written(&w, ret_len);
}

MSG_DECODER(secret, struct msg_secret)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    ret->kind = get_enum(&r, 1, SEAL_KIND_LAST);
    wire_get_str(&r, ret->label, sizeof(ret->label));
    ret->secret = wire_get_bytes(&r, LB_SECRET_MAX);
    return wire_end(&r);
}

MSG_ENCODER(seal_remove, struct msg_seal_remove)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_u32(&w, m->id);
    return wire_written(&w, ret_len);
}

MSG_DECODER(seal_remove, struct msg_seal_remove)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    ret->id = wire_get_u32(&r);
    return wire_end(&r);
}

void msg_seal_entry_put(struct wire_writer *w, const struct seal_entry *e)
{
    wire_put_u32(w, e->id);
    wire_put_u8(w, e->kind);
    wire_put_str(w, e->label);
    wire_put_u64(w, e->created);
}

void msg_seal_entry_get(struct wire_reader *r, struct seal_entry *ret)
{
    ret->id = wire_get_u32(r);
    ret->kind = get_enum(r, 1, SEAL_KIND_LAST);
    wire_get_str(r, ret->label, sizeof(ret->label));
    ret->created = wire_get_u64(r);
}

MSG_ENCODER(name, struct msg_name)
{
    struct wire_writer w;

    begin(&w, buf, size, msg_type, id);
    wire_put_str(&w, m->name);
    return wire_written(&w, ret_len);
}

MSG_DECODER(name, struct msg_name)
{
    struct wire_reader r;

    memset(ret, 0, sizeof(*ret));
    wire_read(&r, body.p, body.len);
    get_name(&r, ret->name);
    return wire_end(&r);
}
