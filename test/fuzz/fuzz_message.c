/*
 * Aims at what the box reads from whoever may connect, and the provider from a box: msg_split() and every decoder of
 * message.h. No byte outside of the body is read; what decodes encodes again to the same bytes, so nothing is let
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
#include "protocol/change.h"
#include "protocol/header.h"
#include "protocol/keys.h"
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

static void decode_all(const struct msg_header *header, struct bytes body, const uint8_t *packet, size_t size)
{
    static uint8_t again[LB_PACKET_MAX];
    size_t len = 0;
    int r;

    TRY(error, struct problem);
    TRY(sign, struct sign_request);
    TRY(decrypt, struct decrypt_request);
    TRY(derive, struct derive_request);
    TRY(bytes, struct bytes);
    TRY(key_ref, struct key_ref);
    TRY(key, struct key_info);
    TRY(list, struct msg_list);
    TRY(find, struct msg_find);
    TRY(token, struct token_status);
    TRY(opening_ask, struct msg_opening_ask);
    TRY(opening, struct box_opening);
    TRY(token_list, struct msg_token_list);
    TRY(attach, struct attach_request);
    TRY(login, struct msg_login);
    TRY(show, struct key_details);
    TRY(status, struct box_status);
    TRY(create, struct create_request);
    TRY(import, struct import_request);
    TRY(destroy, struct destroy_request);
    TRY(time, struct msg_time);
    TRY(rename, struct rename_request);
    TRY(handle_note, struct handle_note);
    TRY(grant, struct grant_request);
    TRY(cert_set, struct chain_request);
    TRY(chain, struct bytes);
    TRY(secret, struct seal_request);
    TRY(seal_remove, struct msg_seal_remove);
    TRY(name, struct msg_name);
    if (msg_empty_decode(body) == 0) {
        r = msg_empty_encode(header->type, header->id, again, sizeof(again), &len);
        check("empty", r, again, len, packet, size);
    }
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct msg_header header;
    struct bytes body;

    if (size > LB_PACKET_MAX || msg_split(data, size, &header, &body) != 0)
        return 0;
    decode_all(&header, body, data, size);
    read_list(body);
    read_found(body);
    read_token_list(body);
    read_seals(body);
    read_chain(body);
    return 0;
}
