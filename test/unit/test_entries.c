/* protocol/: the parts that messages hold many of, and the longest messages that there may be. */
#include <stdlib.h>
#include <string.h>

#include "model/chain.h"
#include "model/limits.h"
#include "model/operation.h"
#include "model/seal_kinds.h"
#include "model/vocabulary.h"
#include "protocol/change.h"
#include "protocol/header.h"
#include "protocol/keys.h"
#include "protocol/seals.h"
#include "protocol/token.h"
#include "unit.h"

#define TYPE 0x1234
#define ID 0xcafe0001u

static const uint8_t data[] = { 0xd0, 0xd1, 0xd2, 0xd3, 0xd4 };

static void entries_of_lists(void)
{
    static const struct key_entry l = { .name = "web",
                                         .type = "ed25519",
                                         .version = 1,
                                         .versions = 2,
                                         .state = STATE_ACTIVE,
                                         .damaged = true,
                                         .created = 77,
                                         .certified = true };
    static const struct seal_info s = { .id = 5, .kind = SEAL_PASSPHRASE, .label = "mine", .created = 78 };
    struct key_entry l2;
    struct seal_info s2;
    uint8_t buf[256];
    struct wire_writer w;
    struct wire_reader r;
    size_t len = 0;

    memset(&l2, 0, sizeof(l2));
    memset(&s2, 0, sizeof(s2));
    wire_write(&w, buf, sizeof(buf));
    msg_list_entry_put(&w, &l);
    msg_seal_entry_put(&w, &s);
    OK(wire_written(&w, &len));
    wire_read(&r, buf, len);
    msg_list_entry_get(&r, &l2);
    msg_seal_entry_get(&r, &s2);
    OK(wire_end(&r));
    CU_ASSERT(memcmp(&l, &l2, sizeof(l)) == 0);
    CU_ASSERT(memcmp(&s, &s2, sizeof(s)) == 0);
    buf[2] = '.';
    wire_read(&r, buf, len);
    msg_list_entry_get(&r, &l2);
    CU_ASSERT_EQUAL(r.error, LB_E_NAME);
}

static void objects_on_a_token(void)
{
    static const struct {
        size_t at;
        uint8_t byte;
        int code;
    } wrong[] = {
        { 2, '.', LB_E_NAME },
        { 1, 65, LB_E_TOO_LONG },              /* the name */
        { 6, LB_TYPE_MAX + 1, LB_E_TOO_LONG }, /* the type */
        { 7, 0x7f, LB_E_VALUE },
        { 14, 1, LB_E_TOO_LONG },              /* an id of 258 bytes */
        { 18, 1, LB_E_TOO_LONG },              /* a label of 261 */
    };
    static const struct token_key e = {
        .key = "web", .type = "ed25519", .id = { data, 2 }, .label = { data, sizeof(data) }
    };
    static const struct token_key unknown = { .key = "" };
    struct token_key e2;
    uint8_t buf[256], copy[256];
    struct wire_writer w;
    struct wire_reader r;
    size_t len = 0;

    wire_write(&w, buf, sizeof(buf));
    msg_token_entry_put(&w, &e);
    OK(wire_written(&w, &len));
    for (size_t cut = 0; cut < len; cut++) {
        wire_read(&r, buf, cut);
        msg_token_entry_get(&r, &e2);
        CU_ASSERT_EQUAL(r.error, LB_E_CUT_OFF);
    }
    wire_read(&r, buf, len);
    msg_token_entry_get(&r, &e2);
    OK(wire_end(&r));
    TEXT_IS(e2.key, "web");
    TEXT_IS(e2.type, "ed25519");
    CU_ASSERT(e2.id.len == 2 && memcmp(e2.id.p, data, 2) == 0);
    CU_ASSERT(e2.label.len == sizeof(data) && memcmp(e2.label.p, data, sizeof(data)) == 0);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        memcpy(copy, buf, len);
        copy[wrong[i].at] = wrong[i].byte;
        wire_read(&r, copy, len);
        msg_token_entry_get(&r, &e2);
        FAILS(r.error, wrong[i].code);
    }
    /* Of an object that no key is, and that has no names. */
    wire_write(&w, buf, sizeof(buf));
    msg_token_entry_put(&w, &unknown);
    OK(wire_written(&w, &len));
    CU_ASSERT_EQUAL(len, 8);
    wire_read(&r, buf, len);
    msg_token_entry_get(&r, &e2);
    OK(wire_end(&r));
    CU_ASSERT(e2.key[0] == '\0' && e2.id.len == 0 && e2.label.len == 0);
}

/* The longest values there may be, and one byte more. */
static void caps_of_a_tokens_messages(void)
{
    static uint8_t long_value[P11_VALUE_MAX + 1], packet[LB_PACKET_MAX];
    struct attach_request a = { .name = "web", .id = { long_value, P11_VALUE_MAX }, .label = { long_value, P11_VALUE_MAX } };
    struct msg_login l = { { long_value, LB_PIN_MAX } };
    struct attach_request a2;
    struct msg_login l2;
    size_t len = 0;

    OK(msg_attach_encode(TYPE, ID, &a, packet, sizeof(packet), &len));
    OK(msg_attach_decode((struct bytes){ packet + LB_HEADER_SIZE, len - LB_HEADER_SIZE }, &a2));
    CU_ASSERT(a2.id.len == P11_VALUE_MAX && a2.label.len == P11_VALUE_MAX);
    a.id.len++;
    OK(msg_attach_encode(TYPE, ID, &a, packet, sizeof(packet), &len));
    FAILS(msg_attach_decode((struct bytes){ packet + LB_HEADER_SIZE, len - LB_HEADER_SIZE }, &a2), LB_E_TOO_LONG);
    OK(msg_login_encode(TYPE, ID, &l, packet, sizeof(packet), &len));
    OK(msg_login_decode((struct bytes){ packet + LB_HEADER_SIZE, len - LB_HEADER_SIZE }, &l2));
    CU_ASSERT_EQUAL(l2.pin.len, LB_PIN_MAX);
    l.pin.len++;
    FAILS(msg_login_encode(TYPE, ID, &l, packet, sizeof(packet), &len), LB_E_TOO_LONG);
}

static void objects_that_were_found(void)
{
    static const struct {
        size_t at;
        uint8_t byte;
        int code;
    } wrong[] = {
        { 8, 0x1f, LB_E_VALUE },    /* a control character in the token */
        { 16, 2, LB_E_VALUE },      /* bool */
        { 16, 0, LB_E_VALUE },      /* objects of another token */
        { 18, 1, LB_E_TOO_LONG },   /* 257 objects */
        { 22, '.', LB_E_NAME },
        { 39, 0x1c, LB_E_VALUE },   /* the type among what an object has */
    };
    static struct found_token m = { .token = "pkcs11:token=a", .is_the_token = true, .more = true, .count = 1 }, m2;
    static struct found_object e = { .name = "web", .version = 3, .type = "ed25519", .certified = true }, e2;
    uint8_t buf[256], copy[256];
    struct wire_writer w;
    struct wire_reader r;
    size_t len = 0;

    OK(p11uri_set(&e.object, P11_OBJECT, "my key", 6));
    OK(p11uri_set(&e.object, P11_ID, "\0\1", 2));
    wire_write(&w, buf, sizeof(buf));
    msg_found_put(&w, &m);
    msg_found_entry_put(&w, &e);
    OK(wire_written(&w, &len));
    wire_read(&r, buf, len);
    msg_found_get(&r, &m2);
    msg_found_entry_get(&r, &e2);
    OK(wire_end(&r));
    CU_ASSERT(memcmp(&m, &m2, sizeof(m)) == 0);
    TEXT_IS(e2.name, "web");
    CU_ASSERT_EQUAL(e2.version, 3);
    TEXT_IS(e2.type, "ed25519");
    CU_ASSERT_TRUE(e2.certified);
    CU_ASSERT(memcmp(&e.object, &e2.object, sizeof(e.object)) == 0);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        memcpy(copy, buf, len);
        copy[wrong[i].at] = wrong[i].byte;
        wire_read(&r, copy, len);
        msg_found_get(&r, &m2);
        msg_found_entry_get(&r, &e2);
        FAILS(r.error, wrong[i].code);
    }
}

static void the_longest_show_fits_in_a_packet(void)
{
    struct key_details *m = calloc(2, sizeof(*m));
    uint8_t packet[LB_PACKET_MAX];
    struct msg_header header;
    struct bytes body;
    size_t len = 0;

    memset(m->name, 'n', LB_NAME_MAX);
    m->version_count = LB_VERSIONS_MAX;
    m->grant_count = LB_GRANTS_MAX;
    for (size_t i = 0; i < LB_VERSIONS_MAX; i++) {
        m->versions[i].state = STATE_ACTIVE;
        memset(m->versions[i].type, 't', LB_TYPE_MAX);
    }
    for (size_t i = 0; i < LB_GRANTS_MAX; i++)
        m->grants[i] = (struct grant){ SUBJECT_USER, (uint32_t)i, OP_SIGN };
    OK(msg_show_encode(TYPE, ID, m, packet, sizeof(packet), &len));
    OK(msg_split(packet, len, &header, &body));
    OK(msg_show_decode(body, &m[1]));
    CU_ASSERT(memcmp(&m[0], &m[1], sizeof(*m)) == 0);
    free(m);
}

/* One more of anything than there is room for: said at once, before anything is read behind it. */
static void a_longer_show_is_refused(void)
{
    static uint8_t body[LB_PACKET_MAX];
    struct key_details *m = calloc(1, sizeof(*m));

    for (unsigned i = 0; i < 2; i++) {
        struct wire_writer w;
        size_t len;

        memset(body, 0, sizeof(body));
        wire_write(&w, body, sizeof(body));
        wire_put_str(&w, "web");
        wire_put_u16(&w, i == 0 ? LB_VERSIONS_MAX + 1 : 0);
        if (i == 1)
            wire_put_u16(&w, LB_GRANTS_MAX + 1);
        OK(wire_written(&w, &len));
        FAILS(msg_show_decode((struct bytes){ body, sizeof(body) }, m), LB_E_TOO_LONG);
        FAILS(msg_show_decode((struct bytes){ body, len }, m), LB_E_TOO_LONG);
    }
    free(m);
}

static void chains_are_read_one_by_one(void)
{
    /* Two certificates, of one byte and of two. */
    static const uint8_t two[] = { 0, 2, 0, 1, 0xc1, 0, 2, 0xc2, 0xc3 };
    static uint8_t packet[LB_PACKET_MAX], body[LB_CHAIN_MAX + 2];
    struct chain_request longest = { .name = "web" };
    struct wire_reader r;
    struct wire_writer w;
    struct bytes one;
    unsigned count = 9;
    size_t len = 0;

    OK(chain_read((struct bytes){ two, sizeof(two) }, &count, &r));
    CU_ASSERT_EQUAL(count, 2);
    one = wire_get_bytes(&r, LB_CHAIN_MAX);
    CU_ASSERT(one.len == 1 && one.p[0] == 0xc1);
    one = wire_get_bytes(&r, LB_CHAIN_MAX);
    CU_ASSERT(one.len == 2 && one.p[0] == 0xc2);
    OK(wire_end(&r));
    OK(chain_read((struct bytes){ (const uint8_t *)"\0", 2 }, &count, &r));
    CU_ASSERT_EQUAL(count, 0);
    /* The longest fits under the longest name; one byte more is refused as a chain. */
    memset(longest.name, 'n', LB_NAME_MAX);
    wire_write(&w, body, LB_CHAIN_MAX);
    wire_put_u16(&w, 1);
    wire_put_u16(&w, LB_CHAIN_MAX - 4);
    longest.chain = (struct bytes){ body, LB_CHAIN_MAX };
    OK(msg_cert_set_encode(TYPE, ID, &longest, packet, sizeof(packet), &len));
    CU_ASSERT_EQUAL(len, LB_PACKET_MAX);
    OK(msg_cert_set_decode((struct bytes){ packet + LB_HEADER_SIZE, len - LB_HEADER_SIZE }, &longest));
    longest.chain = (struct bytes){ body, LB_CHAIN_MAX + 1 };
    FAILS(chain_read(longest.chain, &count, &r), LB_E_TOO_LONG);
    CU_ASSERT_EQUAL(count, 0);
    FAILS(msg_cert_set_encode(TYPE, ID, &longest, packet, sizeof(packet), &len), LB_E_TOO_LONG);
}

static const struct unit_test tests[] = {
    { "entries of lists", entries_of_lists },
    { "objects on a token", objects_on_a_token },
    { "caps of a token's messages", caps_of_a_tokens_messages },
    { "objects that were found", objects_that_were_found },
    { "the longest SHOW fits in a packet", the_longest_show_fits_in_a_packet },
    { "a longer SHOW is refused", a_longer_show_is_refused },
    { "chains are read one by one", chains_are_read_one_by_one },
    { NULL, NULL },
};
const struct unit_suite suite_entries = { "entries", tests };
