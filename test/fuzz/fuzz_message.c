/*
 * Aims at what the box reads from whoever may connect, and the provider from a box: msg_split() and the decoder of
 * every body that protocol/messages.h has. No byte outside of the body is read; what decodes encodes again to the same bytes, so nothing is let
 * through that has a second form.
 */
#include <stdlib.h>
#include <string.h>

#include "model/chain.h"
#include "model/change.h"
#include "model/description.h"
#include "model/limits.h"
#include "model/operation.h"
#include "model/vocabulary.h"
#include "model/purpose.h"
#include "protocol/change.h"
#include "protocol/header.h"
#include "protocol/keys.h"
#include "protocol/life.h"
#include "protocol/messages.h"
#include "protocol/seals.h"
#include "protocol/status.h"
#include "protocol/token.h"
#include "protocol/use.h"
#include "fuzz.h"

#define TRY(name, struct_type)                                                                                         \
    do {                                                                                                               \
        static struct_type m;                                                                                          \
                                                                                                                       \
        if (msg_##name##_decode(body, &m) == 0) {                                                                      \
            r = msg_##name##_encode(header->type, header->id, &m, again, sizeof(again), &len);                         \
            check(#name, r, again, len, packet, size);                                                                 \
        }                                                                                                              \
    } while (0)

static void check(const char *name, int r, const uint8_t *again, size_t len, const uint8_t *packet, size_t size)
{
    /* Named for whoever reads the trace. */
    const char *volatile which = name;

    (void)which;
    if (r != 0 || len != size || memcmp(again, packet, len) != 0)
        abort();
}

/* The answer to LIST, read entry by entry as the command does it: more, count, entries. */
static void read_list(struct bytes body)
{
    struct wire_reader reader;
    struct key_entry entry;
    unsigned count;

    wire_read(&reader, body.p, body.len);
    (void)wire_get_bool(&reader);
    count = wire_get_u16(&reader);
    for (unsigned i = 0; i < count && reader.error == 0; i++)
        msg_list_entry_get(&reader, &entry);
    if (reader.error == 0 && count > 0 && !keyname_ok(entry.name, strlen(entry.name)))
        abort();
}

/* The answer to FIND, as the provider reads it: what was read is written as it came. */
static void read_found(struct bytes body)
{
    static uint8_t again[LB_PACKET_MAX];
    static struct found_token found;
    static struct found_object entry;
    struct wire_reader reader;
    struct wire_writer w;
    size_t len;

    wire_read(&reader, body.p, body.len);
    wire_write(&w, again, sizeof(again));
    msg_found_get(&reader, &found);
    msg_found_put(&w, &found);
    for (unsigned i = 0; i < found.count && reader.error == 0; i++) {
        msg_found_entry_get(&reader, &entry);
        msg_found_entry_put(&w, &entry);
    }
    if (wire_end(&reader) == 0 && (wire_written(&w, &len) != 0 || len != body.len || memcmp(again, body.p, len) != 0))
        abort();
}

/* The answer to TOKEN_LIST, as the command reads it. */
static void read_token_list(struct bytes body)
{
    static uint8_t again[LB_PACKET_MAX];
    struct wire_reader reader;
    struct token_key entry;
    struct wire_writer w;
    unsigned count;
    bool more;
    size_t len;

    wire_read(&reader, body.p, body.len);
    wire_write(&w, again, sizeof(again));
    more = wire_get_bool(&reader);
    count = wire_get_u16(&reader);
    wire_put_u8(&w, more);
    wire_put_u16(&w, (uint16_t)count);
    for (unsigned i = 0; i < count && reader.error == 0; i++) {
        msg_token_entry_get(&reader, &entry);
        if (reader.error == 0)
            msg_token_entry_put(&w, &entry);
    }
    if (wire_end(&reader) == 0 && (wire_written(&w, &len) != 0 || len != body.len || memcmp(again, body.p, len) != 0))
        abort();
}

static void read_seals(struct bytes body)
{
    struct wire_reader reader;
    struct seal_info entry;
    unsigned count;

    wire_read(&reader, body.p, body.len);
    count = wire_get_u16(&reader);
    for (unsigned i = 0; i < count && reader.error == 0; i++)
        msg_seal_entry_get(&reader, &entry);
}

/* A chain, certificate by certificate: as many as it says, and none of them empty. */
static void read_chain(struct bytes body)
{
    struct wire_reader reader;
    unsigned count;

    if (chain_read(body, &count, &reader) != 0)
        return;
    for (unsigned i = 0; i < count; i++) {
        if (wire_get_bytes(&reader, LB_CHAIN_MAX).len == 0)
            abort();
    }
    if (wire_end(&reader) != 0)
        abort();
}

/* The answer to HANDLE_LIST. */
static void read_handles(struct bytes body)
{
    char path[LB_PATH_TEXT_MAX + 1];
    struct wire_reader reader;
    unsigned count;

    wire_read(&reader, body.p, body.len);
    count = wire_get_u16(&reader);
    for (unsigned i = 0; i < count && reader.error == 0; i++) {
        wire_get_str(&reader, path, sizeof(path));
        if (reader.error == 0 && strlen(path) > LB_PATH_TEXT_MAX)
            abort();
    }
}

/* The answer to EXPIRING. */
static void read_expiring(struct bytes body)
{
    struct expiring_entry e;
    struct wire_reader reader;
    unsigned count;

    wire_read(&reader, body.p, body.len);
    (void)wire_get_bool(&reader);
    count = wire_get_u16(&reader);
    for (unsigned i = 0; i < count && reader.error == 0; i++) {
        msg_expiring_entry_get(&reader, &e);
        if (reader.error == 0 && (strlen(e.name) > LB_NAME_MAX || e.what > EXPIRING_DESTRUCTION))
            abort();
    }
}

/* The answer to PURPOSES. */
static void read_purposes(struct bytes body)
{
    struct purposes_entry e;
    struct wire_reader reader;
    unsigned count;

    wire_read(&reader, body.p, body.len);
    (void)wire_get_bool(&reader);
    count = wire_get_u16(&reader);
    for (unsigned i = 0; i < count && reader.error == 0; i++) {
        msg_purposes_entry_get(&reader, &e);
        if (reader.error == 0 && (strlen(e.name) > LB_NAME_MAX || e.purposes == PURPOSE_ANY || e.purposes > PURPOSE_ALL))
            abort();
    }
}

/* The answer to LIVES: into an answer to SHOW that has one of the versions, and back. */
static void read_lives(struct bytes body)
{
    static struct key_details show;
    static uint8_t again[LB_PACKET_MAX];
    size_t len;

    memset(&show, 0, sizeof(show));
    show.version_count = 1;
    show.versions[0].version = 1;
    if (msg_lives_decode(body, &show) == 0 && msg_lives_encode(1, 1, &show, again, sizeof(again), &len) != 0)
        abort();
}

/* The answer to USERS. */
static void read_users(struct bytes body)
{
    struct user_entry e;
    struct wire_reader reader;
    unsigned count;

    wire_read(&reader, body.p, body.len);
    count = wire_get_u16(&reader);
    for (unsigned i = 0; i < count && reader.error == 0; i++)
        msg_user_entry_get(&reader, &e);
}

/* What a body may be (protocol/messages.h). All of them are tried: a caller says what it sends, and may lie. */
static void decode_as(enum msg_body what, const struct msg_header *header, struct bytes body, const uint8_t *packet,
                      size_t size)
{
    static uint8_t again[LB_PACKET_MAX];
    size_t len = 0;
    int r;

    switch (what) {
    case BODY_EMPTY:
        if (msg_empty_decode(body) == 0) {
            r = msg_empty_encode(header->type, header->id, again, sizeof(again), &len);
            check("empty", r, again, len, packet, size);
        }
        break;
    case BODY_ERROR:
        TRY(error, struct problem);
        break;
    case BODY_SIGN:
        TRY(sign, struct sign_request);
        break;
    case BODY_DECRYPT:
        TRY(decrypt, struct decrypt_request);
        break;
    case BODY_DERIVE:
        TRY(derive, struct derive_request);
        break;
    case BODY_BYTES:
        TRY(bytes, struct bytes);
        break;
    case BODY_KEY_REF:
        TRY(key_ref, struct key_ref);
        break;
    case BODY_KEY:
        TRY(key, struct key_info);
        break;
    case BODY_LIST:
        TRY(list, struct msg_list);
        break;
    case BODY_NAME:
        TRY(name, struct msg_name);
        break;
    case BODY_SHOW:
        TRY(show, struct key_details);
        break;
    case BODY_STATUS:
        TRY(status, struct box_status);
        break;
    case BODY_LOCK_CAUSE:
        TRY(lock_cause, struct msg_lock_cause);
        break;
    case BODY_CHAIN:
        TRY(chain, struct bytes);
        read_chain(body);
        break;
    case BODY_FIND:
        TRY(find, struct msg_find);
        break;
    case BODY_TOKEN:
        TRY(token, struct token_status);
        break;
    case BODY_TOKEN_LIST:
        TRY(token_list, struct msg_token_list);
        break;
    case BODY_OPENING_ASK:
        TRY(opening_ask, struct msg_opening_ask);
        break;
    case BODY_OPENING:
        TRY(opening, struct box_opening);
        break;
    case BODY_CREATE:
        TRY(create, struct create_request);
        break;
    case BODY_IMPORT:
        TRY(import, struct import_request);
        break;
    case BODY_ATTACH:
        TRY(attach, struct attach_request);
        break;
    case BODY_DESTROY:
        TRY(destroy, struct destroy_request);
        break;
    case BODY_TIME:
        TRY(time, struct msg_time);
        break;
    case BODY_RENAME:
        TRY(rename, struct rename_request);
        break;
    case BODY_HANDLE_NOTE:
        TRY(handle_note, struct handle_note);
        break;
    case BODY_GRANT:
        TRY(grant, struct grant_request);
        break;
    case BODY_CERT_SET:
        TRY(cert_set, struct chain_request);
        break;
    case BODY_SECRET:
        TRY(secret, struct seal_request);
        break;
    case BODY_SEAL_REMOVE:
        TRY(seal_remove, struct msg_seal_remove);
        break;
    case BODY_LOGIN:
        TRY(login, struct msg_login);
        break;
    case BODY_KEYS:
        read_list(body);
        break;
    case BODY_FOUND:
        read_found(body);
        break;
    case BODY_TOKEN_KEYS:
        read_token_list(body);
        break;
    case BODY_HANDLES:
        read_handles(body);
        break;
    case BODY_SEALS:
        read_seals(body);
        break;
    case BODY_PURPOSE:
        TRY(purpose, struct purpose_request);
        break;
    case BODY_PURPOSES:
        read_purposes(body);
        break;
    case BODY_ROLL:
        TRY(roll, struct roll_request);
        break;
    case BODY_ACTIVATE:
        TRY(activate, struct activate_request);
        break;
    case BODY_BACK:
        TRY(back, struct back_request);
        break;
    case BODY_STATE:
        TRY(state, struct state_request);
        break;
    case BODY_LIFE:
        TRY(life, struct life_answer);
        break;
    case BODY_EXPIRING_ASK:
        TRY(expiring, struct expiring_request);
        break;
    case BODY_EXPIRING:
        read_expiring(body);
        break;
    case BODY_USERS:
        read_users(body);
        break;
    case BODY_LIVES:
        read_lives(body);
        break;
    case BODY_COUNT:
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct msg_header header;
    struct bytes body;

    if (size > LB_PACKET_MAX || msg_split(data, size, &header, &body) != 0)
        return 0;
    for (int what = 0; what < BODY_COUNT; what++)
        decode_as((enum msg_body)what, &header, body, data, size);
    return 0;
}
