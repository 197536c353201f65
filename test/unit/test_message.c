/* protocol/: each message there and back, each decoder on every cut, on trailing bytes and on values out of range. */
#include <stdlib.h>
#include <string.h>

#include "model/change.h"
#include "model/description.h"
#include "model/limits.h"
#include "model/operation.h"
#include "model/scheme.h"
#include "model/seal_kinds.h"
#include "model/vocabulary.h"
#include "model/purpose.h"
#include "protocol/change.h"
#include "protocol/header.h"
#include "protocol/keys.h"
#include "protocol/life.h"
#include "protocol/seals.h"
#include "protocol/status.h"
#include "protocol/token.h"
#include "protocol/use.h"
#include "unit.h"

#define TYPE 0x1234
#define ID 0xcafe0001u
#define NO_VIEW SIZE_MAX

/* A byte of the body that may not have this value. */
struct bad {
    size_t at;
    uint8_t value;
    int code;
};

struct message_case {
    const char *name;
    int (*encode)(const void *m, void *buf, size_t size, size_t *ret_len);
    int (*decode)(struct bytes body, void *ret);
    const void *sample;
    size_t size; /* of the struct */
    size_t view; /* offset of a struct bytes in it */
    struct bad bad[14];
};

#define WRAP(name, type)                                                                                               \
    static int encode_##name(const void *m, void *buf, size_t size, size_t *ret_len)                                   \
    {                                                                                                                  \
        return msg_##name##_encode(TYPE, ID, (const type *)m, buf, size, ret_len);                                     \
    }                                                                                                                  \
    static int decode_##name(struct bytes body, void *ret)                                                             \
    {                                                                                                                  \
        return msg_##name##_decode(body, (type *)ret);                                                                 \
    }

WRAP(error, struct problem)
WRAP(sign, struct sign_request)
WRAP(derive, struct derive_request)
WRAP(bytes, struct bytes)
WRAP(key_ref, struct key_ref)
WRAP(key, struct key_info)
WRAP(list, struct msg_list)
WRAP(find, struct msg_find)
WRAP(token, struct token_status)
WRAP(token_list, struct msg_token_list)
WRAP(opening_ask, struct msg_opening_ask)
WRAP(opening, struct box_opening)
WRAP(login, struct msg_login)
WRAP(show, struct key_details)
WRAP(status, struct box_status)
WRAP(lock_cause, struct msg_lock_cause)
WRAP(create, struct create_request)
WRAP(import, struct import_request)
WRAP(destroy, struct destroy_request)
WRAP(time, struct msg_time)
WRAP(rename, struct rename_request)
WRAP(purpose, struct purpose_request)
WRAP(roll, struct roll_request)
WRAP(activate, struct activate_request)
WRAP(back, struct back_request)
WRAP(state, struct state_request)
WRAP(life, struct life_answer)
WRAP(expiring, struct expiring_request)
WRAP(handle_note, struct handle_note)
WRAP(grant, struct grant_request)
WRAP(cert_set, struct chain_request)
WRAP(chain, struct bytes)
WRAP(secret, struct seal_request)
WRAP(seal_remove, struct msg_seal_remove)
WRAP(name, struct msg_name)

static const uint8_t data[] = { 0xd0, 0xd1, 0xd2, 0xd3, 0xd4 };

static const struct problem error = { .code = LB_E_LOCKED, .text = "box 'a' is locked", .hint = "unlock it" };
static const struct sign_request sign = { .key = { .name = "web", .version = 3, .has_hash = true, .hash = { 1, 2, 3 } },
                                      .scheme = SCHEME_RSA_PSS,
                                      .digest = DIGEST_SHA256,
                                      .mgf1_digest = DIGEST_SHA384,
                                      .salt_len = 0x1020,
                                      .flags = SIGN_DETERMINISTIC | SIGN_MU,
                                      .context_len = 3,
                                      .context = "ctx",
                                      .input = INPUT_TEXT,
                                      .data = { data, sizeof(data) } };
/* DECRYPT has two views; the test knows of one, so the other is compared here. */
static int encode_decrypt(const void *m, void *buf, size_t size, size_t *ret_len)
{
    return msg_decrypt_encode(TYPE, ID, m, buf, size, ret_len);
}

static int decode_decrypt(struct bytes body, void *ret)
{
    struct decrypt_request *m = ret;
    int r = msg_decrypt_decode(body, m);

    if (r == 0 && m->label.len == 2 && memcmp(m->label.p, data, 2) == 0)
        m->label.p = data;
    return r;
}

static const struct decrypt_request decrypt = { .key = { .name = "web", .version = 3 },
                                            .padding = PADDING_OAEP,
                                            .digest = DIGEST_SHA256,
                                            .mgf1_digest = DIGEST_SHA3_512,
                                            .client_version = 0x0303,
                                            .negotiated_version = 0x0302,
                                            .label = { data, 2 },
                                            .data = { data, sizeof(data) } };
/* So has ATTACH. */
static int encode_attach(const void *m, void *buf, size_t size, size_t *ret_len)
{
    return msg_attach_encode(TYPE, ID, m, buf, size, ret_len);
}

static int decode_attach(struct bytes body, void *ret)
{
    struct attach_request *m = ret;
    int r = msg_attach_decode(body, m);

    if (r == 0 && m->id.len == 2 && memcmp(m->id.p, data, 2) == 0)
        m->id.p = data;
    return r;
}

static const struct attach_request attach = { .name = "web", .id = { data, 2 }, .label = { data, sizeof(data) } };
static const struct msg_login login = { { data, sizeof(data) } };
static const struct msg_token_list token_list = { .from = 0xfedcba98 };
static const struct token_status token = { .connected = true,
                                        .module = "/m.so",
                                        .library = "lib",
                                        .label = "label",
                                        .manufacturer = "maker",
                                        .model = "model",
                                        .serial = "77",
                                        .slot = 0x1122334455667788,
                                        .sessions = 1,
                                        .sessions_max = 2,
                                        .reconnects = 3,
                                        .problem = { .code = LB_E_NO_TOKEN, .text = "away", .hint = "plug it in" } };
static const struct msg_opening_ask opening_ask = { { data, sizeof(data) } };
static const struct box_opening opening = { .how = OPENED_AT_START,
                                            .kind = SEAL_CREDENTIAL,
                                            .seal = 0x11223344,
                                            .file = "/a",
                                            .next_file = "/b",
                                            .handed = true,
                                            .next = NEXT_REFUSED,
                                            .credentials = 3,
                                            .passphrases = 4,
                                            .next_count = 2,
                                            .next_seals = { 1, 0xfedcba98 },
                                            .store_replaced = true,
                                            .why = { .code = LB_E_VALUE, .text = "open", .hint = "shut" } };
static const struct derive_request derive = { .key = { .name = "web" }, .peer = { data, sizeof(data) } };
static const struct bytes bytes = { data, sizeof(data) };
static const struct key_ref key_ref = { .name = "a.b_c-d", .version = 0xfedcba98 };
static const struct key_info key = { .box = "default",
                                    .name = "web",
                                    .type = "ec:P-256",
                                    .version = 2,
                                    .state = STATE_DEACTIVATED,
                                    .created = 0x1122334455667788,
                                    .spki = { data, sizeof(data) } };
static const struct msg_list list = { .after = "web" };
static const struct msg_find find = { .want.a = { [P11_TOKEN] = { true, 2, "t\0" }, [P11_ID] = { true, 1, "\1" } } };
static const struct key_details show = {
    .name = "web",
    .version_count = 3,
    .versions = { { .version = 1, .state = STATE_DESTROYED, .type = "rsa:2048", .created = 5, .changed = 6 },
                  { .version = 2,
                    .state = STATE_ACTIVE,
                    .damaged = true,
                    .type = "ed448",
                    .hash = { 9 },
                    .certificates = LB_CERTS_MAX,
                    .chain_damaged = true,
                    .used = 7 },
                  { .version = 3, .state = STATE_DESTROY_SCHEDULED, .type = "ed448", .destroy_at = 0x1122334455667788 } },
    .former = "shop web2",
    .grant_count = 2,
    .grants = { { SUBJECT_USER, 33, OP_SIGN | OP_DERIVE }, { SUBJECT_GROUP, 0xfffffffe, OP_DECRYPT } },
};
static const struct box_status status = { .box = "default",
                                          .software = "littlebox 0.1.0",
                                          .backend = "sealed",
                                          .lock = LOCK_UNLOCKED,
                                          .credential = true,
                                          .sandbox = SANDBOX_CALLS | SANDBOX_FILES,
                                          .closed = true,
                                          .uid = 1000,
                                          .pid = 4321,
                                          .restarts = 1,
                                          .threads = 2,
                                          .connections = 3,
                                          .keys = 4,
                                          .damaged = 5,
                                          .started = 6,
                                          .signatures = 7,
                                          .decryptions = 8,
                                          .derivations = 9,
                                          .refusals = 10,
                                          .users_mapped = true,
                                          .overflow_uid = 65534,
                                          .overflow_gid = 65533,
                                          .memory = MEMORY_SECRETS_LOCKED,
                                          .memory_needed = 11,
                                          .memory_limit = LB_MEMORY_NO_LIMIT };
static const struct msg_lock_cause lock_cause = { LOCK_BY_RESTART };
static const struct create_request create = { .name = "web", .type = "rsa-pss:4096:sha512" };
static const struct import_request import = { .name = "web", .pkcs8 = { data, sizeof(data) } };
static const struct purpose_request purpose = { .name = "web", .purposes = PURPOSE_ALL };
static const struct destroy_request destroy = { .name = "web", .version = 7 };
static const struct msg_time when = { 0x1122334455667788 };
static const struct roll_request roll = { .name = "web", .type = "ed448" };
static const uint8_t no_chain[] = { 0, 0 };
static const struct activate_request activate = { .key = { .name = "web", .version = KEY_VERSION_NEXT, .has_hash = true, .hash = { 8 } },
                                                  .at = 0x1122334455667788,
                                                  .drain = 0x99aabbcc,
                                                  .chain = { no_chain, sizeof(no_chain) } };
static const struct back_request back = { .name = "web", .drain = 0x99aabbcc };
static const struct state_request state = { .key = { .name = "web", .version = 2 }, .event = EVENT_COMPROMISE,
                                            .reason = REASON_KEY_COMPROMISE };
static const struct life_answer life = { .version = 2, .state = STATE_ACTIVE, .changed = true, .at = 3, .former = 1, .until = 4 };
static const struct expiring_request expiring = { .before = 0x1122334455667788, .after = "web" };
static const struct rename_request rename_ = { .name = "web", .to = "shop" };
static const struct handle_note handle_note = { .name = "web", .path = "/etc/web.pem" };
static const struct grant_request grant = { .name = "web", .grant = { SUBJECT_GROUP, 33, OP_SIGN } };
/* Two certificates, of one byte and of two. */
static const uint8_t chain_data[] = { 0, 2, 0, 1, 0xc1, 0, 2, 0xc2, 0xc3 };
static const struct bytes chain = { chain_data, sizeof(chain_data) };
static const struct chain_request cert_set = { .name = "web", .version = 7, .chain = { chain_data, sizeof(chain_data) } };
static const struct seal_request secret = { .kind = SEAL_CREDENTIAL, .label = "spare", .secret = { data, sizeof(data) } };
static const struct msg_seal_remove seal_remove = { .id = 0x01020304 };
static const struct msg_name name = { .name = "web" };

/* In the body, "web" with its length is bytes 0 to 4. */
static const struct message_case cases[] = {
    { "ERROR", encode_error, decode_error, &error, sizeof(error), NO_VIEW, { { 4, 0x1b, LB_E_VALUE } } },
    { "SIGN",
      encode_sign,
      decode_sign,
      &sign,
      sizeof(sign),
      offsetof(struct sign_request, data),
      { { 2, '.', LB_E_NAME },
        { 9, 2, LB_E_VALUE },
        { 42, 0, LB_E_VALUE },
        { 42, SCHEME_LAST + 1, LB_E_VALUE },
        { 43, DIGEST_LAST + 1, LB_E_VALUE },
        { 44, DIGEST_LAST + 1, LB_E_VALUE },
        { 47, SIGN_FLAGS + 1, LB_E_VALUE },
        { 48, 1, LB_E_TOO_LONG },
        { 53, INPUT_FILE, LB_E_VALUE } } },
    { "SIGN, its input",
      encode_sign,
      decode_sign,
      &sign,
      sizeof(sign),
      offsetof(struct sign_request, data),
      { { 53, 0, LB_E_VALUE }, { 53, 4, LB_E_VALUE }, { 54, 0x41, LB_E_TOO_LONG } } },
    { "DECRYPT",
      encode_decrypt,
      decode_decrypt,
      &decrypt,
      sizeof(decrypt),
      offsetof(struct decrypt_request, data),
      { { 2, '.', LB_E_NAME },
        { 9, 2, LB_E_VALUE },
        { 10, 0, LB_E_VALUE },
        { 10, PADDING_LAST + 1, LB_E_VALUE },
        { 11, DIGEST_LAST + 1, LB_E_VALUE },
        { 12, DIGEST_LAST + 1, LB_E_VALUE },
        { 17, 0x05, LB_E_TOO_LONG },     /* the label's length */
        { 21, 0x08, LB_E_TOO_LONG } } }, /* the ciphertext's */
    { "DERIVE",
      encode_derive,
      decode_derive,
      &derive,
      sizeof(derive),
      offsetof(struct derive_request, peer),
      { { 2, '.', LB_E_NAME }, { 9, 2, LB_E_VALUE }, { 10, 0x10, LB_E_TOO_LONG } } },
    { "bytes", encode_bytes, decode_bytes, &bytes, sizeof(bytes), 0, { { 1, 6, LB_E_CUT_OFF } } },
    { "GET",
      encode_key_ref,
      decode_key_ref,
      &key_ref,
      sizeof(key_ref),
      NO_VIEW,
      { { 2, '-', LB_E_NAME }, { 13, 2, LB_E_VALUE }, { 13, 1, LB_E_CUT_OFF } } },
    { "key",
      encode_key,
      decode_key,
      &key,
      sizeof(key),
      offsetof(struct key_info, spki),
      { { 2, '/', LB_E_NAME },
        { 11, ' ', LB_E_NAME },
        { 28, 0, LB_E_VALUE },
        { 28, STATE_LAST + 1, LB_E_VALUE },
        { 37, 0x10, LB_E_TOO_LONG } } },
    { "FIND", encode_find, decode_find, &find, sizeof(find), NO_VIEW,
      { { 0, 0x10, LB_E_VALUE }, { 2, 1, LB_E_TOO_LONG } } },
    { "TOKEN", encode_token, decode_token, &token, sizeof(token), NO_VIEW,
      { { 0, 2, LB_E_VALUE },                  /* connected */
        { 1, 1, LB_E_TOO_LONG },               /* a module's path of 261 bytes */
        { 3, 0x1b, LB_E_VALUE },
        { 9, 33, LB_E_TOO_LONG },              /* the library, and what follows it */
        { 14, 33, LB_E_TOO_LONG },
        { 21, 33, LB_E_TOO_LONG },
        { 28, 17, LB_E_TOO_LONG },
        { 35, 17, LB_E_TOO_LONG },
        { 60, 2, LB_E_TOO_LONG },              /* the text: 516 bytes */
        { 66, 1, LB_E_TOO_LONG } } },          /* the hint: 266 */
    { "OPENING", encode_opening_ask, decode_opening_ask, &opening_ask, sizeof(opening_ask),
      offsetof(struct msg_opening_ask, secret), { { 0, 0x20, LB_E_TOO_LONG }, { 1, 6, LB_E_CUT_OFF } } },
    { "opening", encode_opening, decode_opening, &opening, sizeof(opening), NO_VIEW,
      { { 0, OPENED_AS_NEW + 1, LB_E_VALUE },
        { 1, SEAL_KIND_LAST + 1, LB_E_VALUE },
        { 6, 1, LB_E_TOO_LONG },               /* a path of 258 bytes */
        { 8, 0x1b, LB_E_VALUE },
        { 10, 1, LB_E_TOO_LONG },
        { 14, 2, LB_E_VALUE },                 /* handed */
        { 15, NEXT_OPENS + 1, LB_E_VALUE },
        { 19, LB_SEALS_MAX + 1, LB_E_TOO_LONG },
        { 28, 2, LB_E_VALUE },                 /* replaced */
        { 31, 2, LB_E_TOO_LONG } } },          /* the text */
    { "TOKEN_LIST", encode_token_list, decode_token_list, &token_list, sizeof(token_list), NO_VIEW, { { 0 } } },
    { "ATTACH", encode_attach, decode_attach, &attach, sizeof(attach), offsetof(struct attach_request, label),
      { { 1, 0, LB_E_NAME },
        { 2, '.', LB_E_NAME },
        { 3, '\n', LB_E_VALUE },
        { 5, 1, LB_E_TOO_LONG },               /* an id of 258 bytes */
        { 9, 1, LB_E_TOO_LONG } } },           /* a label of 261 */
    { "LOGIN", encode_login, decode_login, &login, sizeof(login), offsetof(struct msg_login, pin),
      { { 0, 1, LB_E_TOO_LONG }, { 1, 6, LB_E_CUT_OFF } } },
    { "LIST", encode_list, decode_list, &list, sizeof(list), NO_VIEW, { { 2, '-', LB_E_NAME }, { 3, 0, LB_E_VALUE } } },
    { "SHOW",
      encode_show,
      decode_show,
      &show,
      sizeof(show),
      NO_VIEW,
      { { 2, '_', LB_E_NAME },
        { 5, 1, LB_E_TOO_LONG },
        { 11, 0, LB_E_VALUE },
        { 11, STATE_LAST + 1, LB_E_VALUE },
        { 12, 2, LB_E_VALUE },
        { 71, LB_CERTS_MAX + 1, LB_E_VALUE },
        { 72, 2, LB_E_VALUE } } },
    { "STATUS",
      encode_status,
      decode_status,
      &status,
      sizeof(status),
      NO_VIEW,
      { { 2, '*', LB_E_NAME },
        { 34, 0, LB_E_VALUE },
        { 34, LOCK_UNLOCKED + 1, LB_E_VALUE },
        { 108, 2, LB_E_VALUE },
        { 109, 2, LB_E_VALUE },
        { 118, 0, LB_E_VALUE },
        { 118, MEMORY_ALL_LOCKED + 1, LB_E_VALUE },
        { 35, CREDENTIAL_REFUSED + 1, LB_E_VALUE },
        { 36, 2, LB_E_VALUE },
        { 37, SANDBOX_ALL + 1, LB_E_VALUE },
        { 38, 2, LB_E_VALUE },
        { 39, 2, LB_E_VALUE } } },
    { "LOCK_CAUSE", encode_lock_cause, decode_lock_cause, &lock_cause, sizeof(lock_cause), NO_VIEW,
      { { 0, LOCK_BY_RESTART + 1, LB_E_VALUE } } },
    { "CREATE",
      encode_create,
      decode_create,
      &create,
      sizeof(create),
      NO_VIEW,
      { { 2, ' ', LB_E_NAME }, { 6, LB_TYPE_MAX + 1, LB_E_TOO_LONG }, { 7, 0x7f, LB_E_VALUE } } },
    { "IMPORT",
      encode_import,
      decode_import,
      &import,
      sizeof(import),
      offsetof(struct import_request, pkcs8),
      { { 2, 0xff, LB_E_NAME }, { 5, 0x41, LB_E_TOO_LONG } } },
    { "DESTROY", encode_destroy, decode_destroy, &destroy, sizeof(destroy), NO_VIEW, { { 3, '\n', LB_E_VALUE } } },
    { "time", encode_time, decode_time, &when, sizeof(when), NO_VIEW, { { 0 } } },
    { "RENAME", encode_rename, decode_rename, &rename_, sizeof(rename_), NO_VIEW,
      { { 2, '.', LB_E_NAME }, { 7, '-', LB_E_NAME } } },
    { "PURPOSE", encode_purpose, decode_purpose, &purpose, sizeof(purpose), NO_VIEW, { { 2, '.', LB_E_NAME }, { 5, 2, LB_E_VALUE } } },
    { "ROLL", encode_roll, decode_roll, &roll, sizeof(roll), NO_VIEW,
      { { 2, '.', LB_E_NAME }, { 6, LB_TYPE_MAX + 1, LB_E_TOO_LONG } } },
    { "ACTIVATE", encode_activate, decode_activate, &activate, sizeof(activate), offsetof(struct activate_request, chain),
      { { 2, '.', LB_E_NAME },
        { 9, 2, LB_E_VALUE },
        { 42, 0x80, LB_E_VALUE },
        { 55, 1, LB_E_CUT_OFF },
        { 55, LB_CERTS_MAX + 1, LB_E_TOO_LONG } } },
    { "BACK", encode_back, decode_back, &back, sizeof(back), NO_VIEW, { { 2, '.', LB_E_NAME } } },
    { "STATE", encode_state, decode_state, &state, sizeof(state), NO_VIEW,
      { { 2, '.', LB_E_NAME },
        { 10, EVENT_ACTIVATE, LB_E_VALUE },
        { 10, EVENT_SCHEDULE, LB_E_VALUE },
        { 10, EVENT_DESTROY, LB_E_VALUE },
        { 11, REASON_LAST + 1, LB_E_VALUE } } },
    { "life", encode_life, decode_life, &life, sizeof(life), NO_VIEW,
      { { 4, 0, LB_E_VALUE }, { 4, STATE_LAST + 1, LB_E_VALUE }, { 5, 2, LB_E_VALUE } } },
    { "EXPIRING", encode_expiring, decode_expiring, &expiring, sizeof(expiring), NO_VIEW, { { 10, '.', LB_E_NAME } } },
    { "HANDLE_NOTE", encode_handle_note, decode_handle_note, &handle_note, sizeof(handle_note), NO_VIEW,
      { { 2, '.', LB_E_NAME }, { 5, 1, LB_E_TOO_LONG }, { 7, 'e', LB_E_VALUE }, { 8, '\n', LB_E_VALUE } } },
    { "ALLOW",
      encode_grant,
      decode_grant,
      &grant,
      sizeof(grant),
      NO_VIEW,
      { { 5, 0, LB_E_VALUE },
        { 5, 3, LB_E_VALUE },
        { 10, 1, LB_E_VALUE },
        { 11, 0, LB_E_VALUE },
        { 11, OP_ALL + 1, LB_E_VALUE } } },
    { "CERT_SET",
      encode_cert_set,
      decode_cert_set,
      &cert_set,
      sizeof(cert_set),
      offsetof(struct chain_request, chain),
      { { 2, '.', LB_E_NAME },
        { 9, 1, LB_E_TOO_LONG },
        { 10, LB_CERTS_MAX + 1, LB_E_TOO_LONG },
        { 10, 1, LB_E_TRAILING },
        { 10, 3, LB_E_CUT_OFF },
        { 12, 0, LB_E_VALUE },
        { 15, 3, LB_E_CUT_OFF } } },
    { "chain",
      encode_chain,
      decode_chain,
      &chain,
      sizeof(chain),
      0,
      { { 1, LB_CERTS_MAX + 1, LB_E_TOO_LONG }, { 1, 0, LB_E_TRAILING }, { 3, 0, LB_E_VALUE } } },
    { "INIT",
      encode_secret,
      decode_secret,
      &secret,
      sizeof(secret),
      offsetof(struct seal_request, secret),
      { { 0, 0, LB_E_VALUE },
        { 0, SEAL_KIND_LAST + 1, LB_E_VALUE },
        { 2, LB_LABEL_MAX + 1, LB_E_TOO_LONG },
        { 3, 7, LB_E_VALUE },
        { 8, 0x11, LB_E_TOO_LONG } } },
    { "SEAL_REMOVE", encode_seal_remove, decode_seal_remove, &seal_remove, sizeof(seal_remove), NO_VIEW, { { 0 } } },
    { "SHOW's request",
      encode_name,
      decode_name,
      &name,
      sizeof(name),
      NO_VIEW,
      { { 1, 0, LB_E_NAME }, { 2, '.', LB_E_NAME } } },
};

static struct bytes *view_of(const struct message_case *c, void *m)
{
    return c->view == NO_VIEW ? NULL : (struct bytes *)((uint8_t *)m + c->view);
}

/* On a copy that ends where the body ends, so that a sanitizer sees any byte read behind it. */
static int decode_copy(const struct message_case *c, const uint8_t *body, size_t len, void *ret)
{
    uint8_t *copy = malloc(len + 1);
    int r;

    memcpy(copy + 1, body, len);
    r = c->decode((struct bytes){ copy + 1, len }, ret);
    free(copy);
    return r;
}

static void there_and_back(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct message_case *c = &cases[i];
        uint8_t packet[LB_PACKET_MAX], again[LB_PACKET_MAX];
        struct msg_header header;
        struct bytes body, *view, *sent;
        void *m = malloc(c->size);
        size_t len = 0, len2 = 0;

        memset(m, 0xa5, c->size);
        OK(c->encode(c->sample, packet, sizeof(packet), &len));
        OK(msg_split(packet, len, &header, &body));
        CU_ASSERT_EQUAL(header.version, LB_PROTOCOL_VERSION);
        CU_ASSERT_EQUAL(header.type, TYPE);
        CU_ASSERT_EQUAL(header.id, ID);
        OK(c->decode(body, m));
        OK(c->encode(m, again, sizeof(again), &len2));
        CU_ASSERT_EQUAL(len, len2);
        CU_ASSERT(memcmp(packet, again, len) == 0);
        view = view_of(c, m);
        if (view != NULL) {
            sent = view_of(c, (void *)c->sample);
            CU_ASSERT_EQUAL(view->len, sent->len);
            CU_ASSERT(memcmp(view->p, sent->p, sent->len) == 0);
            view->p = sent->p;
        }
        /* Every member, so that none is forgotten on both sides. */
        if (memcmp(m, c->sample, c->size) != 0)
            CU_FAIL(c->name);
        free(m);
    }
}

static void every_cut_is_refused(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct message_case *c = &cases[i];
        uint8_t packet[LB_PACKET_MAX];
        void *m = malloc(c->size);
        size_t len = 0;

        OK(c->encode(c->sample, packet, sizeof(packet), &len));
        for (size_t cut = LB_HEADER_SIZE; cut < len; cut++)
            FAILS(decode_copy(c, packet + LB_HEADER_SIZE, cut - LB_HEADER_SIZE, m), LB_E_CUT_OFF);
        free(m);
    }
}

/* Into what SHOW told; what is not in both is passed over. */
static void lives(void)
{
    struct key_details from = { .version_count = 3 }, to = { .version_count = 2 };
    uint8_t packet[LB_PACKET_MAX];
    struct msg_header header;
    struct bytes body;
    size_t len = 0;

    for (unsigned i = 0; i < 3; i++)
        from.versions[i] = (struct version_entry){ .version = i + 1, .current = i == 1, .life = { 1, 2, REASON_SUPERSEDED, i == 1, i == 1 ? 33 : 0 } };
    to.versions[0].version = 2;
    to.versions[1].version = 4;
    OK(msg_lives_encode(TYPE, ID, &from, packet, sizeof(packet), &len));
    OK(msg_split(packet, len, &header, &body));
    OK(msg_lives_decode(body, &to));
    CU_ASSERT(to.versions[0].current && to.versions[0].life.by == 33 && to.versions[0].life.by_known);
    CU_ASSERT(to.versions[0].life.activate_at == 1 && to.versions[0].life.deactivate_at == 2);
    CU_ASSERT(!to.versions[1].current && to.versions[1].life.activate_at == 0 && to.purposes == PURPOSE_ANY);
    from.purposes = PURPOSE_CSR;
    OK(msg_lives_encode(TYPE, ID, &from, packet, sizeof(packet), &len));
    OK(msg_split(packet, len, &header, &body));
    OK(msg_lives_decode(body, &to));
    CU_ASSERT_EQUAL(to.purposes, PURPOSE_CSR);
    body.len -= 2;
    for (size_t cut = 0; cut < body.len; cut++)
        FAILS(msg_lives_decode((struct bytes){ body.p, cut }, &to), LB_E_CUT_OFF);
    packet[LB_HEADER_SIZE + 2 + 4] = 2;
    FAILS(msg_lives_decode(body, &to), LB_E_VALUE);
    packet[LB_HEADER_SIZE + 1] = LB_VERSIONS_MAX + 1;
    FAILS(msg_lives_decode(body, &to), LB_E_TOO_LONG);
}

/* Purposes stand behind a body, where they are not any; then they are some. */
static void purposes_behind(void)
{
    static const uint8_t bad[][2] = { { 0, 0 }, { 2, 0 }, { 0x80, 1 } };
    struct create_request in = { .name = "web", .type = "ed25519" }, out;
    uint8_t packet[256];
    struct msg_header header;
    struct bytes body;
    size_t plain = 0, len = 0;

    OK(msg_create_encode(TYPE, ID, &in, packet, sizeof(packet), &plain));
    in.purposes = PURPOSE_TLS_SERVER | PURPOSE_SSH;
    OK(msg_create_encode(TYPE, ID, &in, packet, sizeof(packet), &len));
    CU_ASSERT_EQUAL(len, plain + 2);
    OK(msg_split(packet, len, &header, &body));
    OK(msg_create_decode(body, &out));
    CU_ASSERT(out.purposes == in.purposes && strcmp(out.type, in.type) == 0);
    for (size_t i = 0; i < COUNT(bad); i++) {
        memcpy(packet + plain, bad[i], 2);
        FAILS(msg_create_decode(body, &out), LB_E_VALUE);
    }
}

static void every_trailing_byte_is_refused(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct message_case *c = &cases[i];
        uint8_t packet[LB_PACKET_MAX];
        void *m = malloc(c->size);
        size_t len = 0;

        OK(c->encode(c->sample, packet, sizeof(packet), &len));
        for (unsigned byte = 0; byte < 256; byte++) {
            packet[len] = (uint8_t)byte;
            FAILS(decode_copy(c, packet + LB_HEADER_SIZE, len + 1 - LB_HEADER_SIZE, m), LB_E_TRAILING);
        }
        free(m);
    }
}

static void values_out_of_range_are_refused(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct message_case *c = &cases[i];
        void *m = malloc(c->size);

        for (size_t j = 0; j < COUNT(c->bad) && c->bad[j].code != 0; j++) {
            uint8_t packet[LB_PACKET_MAX];
            size_t len = 0;
            int r;

            OK(c->encode(c->sample, packet, sizeof(packet), &len));
            packet[LB_HEADER_SIZE + c->bad[j].at] = c->bad[j].value;
            r = decode_copy(c, packet + LB_HEADER_SIZE, len - LB_HEADER_SIZE, m);
            unit_check_code(r, c->bad[j].code, c->name, __FILE__, (unsigned)(1000 + j));
        }
        free(m);
    }
}

static void a_short_buffer_is_refused(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t packet[LB_PACKET_MAX];
        size_t len = 0, got;

        OK(cases[i].encode(cases[i].sample, packet, sizeof(packet), &len));
        for (size_t size = 0; size < len; size++) {
            uint8_t *buf = malloc(size + 1);

            FAILS(cases[i].encode(cases[i].sample, buf, size, &got), LB_E_TOO_LONG);
            free(buf);
        }
    }
}

static void headers(void)
{
    uint8_t packet[LB_HEADER_SIZE + 1];
    struct msg_header header;
    struct bytes body;
    size_t len = 0;

    OK(msg_empty_encode(MSG_STATUS, ID, packet, sizeof(packet), &len));
    CU_ASSERT_EQUAL(len, LB_HEADER_SIZE);
    for (size_t cut = 0; cut < len; cut++)
        FAILS(msg_split(packet, cut, &header, &body), LB_E_CUT_OFF);
    OK(msg_split(packet, len, &header, &body));
    OK(msg_empty_decode(body));
    packet[len] = 0;
    OK(msg_split(packet, len + 1, &header, &body));
    FAILS(msg_empty_decode(body), LB_E_TRAILING);
    packet[1] = LB_PROTOCOL_VERSION + 1;
    FAILS(msg_split(packet, len, &header, &body), LB_E_PROTOCOL_VERSION);
    CU_ASSERT_EQUAL(header.id, ID);
    packet[0] = 'l';
    FAILS(msg_split(packet, len, &header, &body), LB_E_VALUE);
}

static const struct unit_test tests[] = {
    { "there and back", there_and_back },
    { "every cut is refused", every_cut_is_refused },
    { "lives", lives },
    { "purposes behind a body", purposes_behind },
    { "every trailing byte is refused", every_trailing_byte_is_refused },
    { "values out of range are refused", values_out_of_range_are_refused },
    { "a short buffer is refused", a_short_buffer_is_refused },
    { "headers", headers },
    { NULL, NULL },
};
const struct unit_suite suite_message = { "message", tests };
