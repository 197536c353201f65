/* What is recorded of each request, once it has ended: who, which key and version, what, and how. */
#include <string.h>
#include <unistd.h>

#include "../harness/inbox.h"
#include "protocol/messages.h"
#include "unit.h"

/* Asks as that user, of a box with one key "web". The code of the answer, with its text in *p. */
static int ask(struct inbox *b, uid_t uid, uint16_t type, const char *name, const char *rest, size_t rest_len, struct problem *p)
{
    struct caller who = inbox_caller(getpid(), uid, INBOX_STRANGER);
    struct msg_header header;
    struct wire_writer w;
    uint8_t packet[128];
    struct bytes body;
    bool goes_on;
    size_t len;

    wire_write(&w, packet, sizeof(packet));
    msg_header_put(&w, type, 7);
    if (name != NULL)
        wire_put_str(&w, name);
    wire_put_raw(&w, rest, rest_len);
    OK(wire_written(&w, &len));
    len = inbox_ask(b, &who, packet, len, -1, &goes_on);
    OK(msg_split(b->answer, len, &header, &body));
    memset(p, 0, sizeof(*p));
    if (header.type == MSG_ERROR)
        OK(msg_error_decode(body, p));
    return p->code;
}

static void box_with_a_key(struct inbox *b)
{
    struct create_request m = { .name = "web", .type = "ed25519" };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct problem p;

    inbox_init(b);
    OK(vault_create(b->box.vault, &m, spki, &key, &p));
}

#define KEYREF "\0\0\0\7" "\0"
#define ROW(type, rest, version) { type, rest, sizeof(rest) - 1, version }
/* Each request about a key: what comes behind its name, and the version that it asks for. */
static const struct {
    uint16_t type;
    const char *rest;
    size_t len;
    uint32_t version;
} of_keys[] = {
    ROW(MSG_SIGN, KEYREF "\3\3\0" "\0\0" "\0" "\0\0" "\1" "\0\1d", 7),
    ROW(MSG_DECRYPT, KEYREF "\2\3\3" "\0\0" "\0\0" "\0\0" "\0\1c", 7),
    ROW(MSG_DERIVE, KEYREF "\0\1p", 7),
    ROW(MSG_GET, KEYREF, 7),
    ROW(MSG_CERT_GET, KEYREF, 7),
    ROW(MSG_SHOW, "", 0),
    ROW(MSG_CREATE, "\0\1t", 0),
    ROW(MSG_IMPORT, "\0\1k", 0),
    ROW(MSG_ATTACH, "\0\0" "\0\0", 0),
    ROW(MSG_DESTROY, "\0\0\0\7", 7),
    ROW(MSG_DESTROY_SCHEDULE, "\0\0\0\7", 7),
    ROW(MSG_DESTROY_CANCEL, "\0\0\0\7", 7),
    ROW(MSG_RENAME, "\0\1n", 0),
    ROW(MSG_PURPOSE, "\0\1", 0),
    ROW(MSG_ROLL, "\0\0", 0),
    ROW(MSG_ACTIVATE, KEYREF "\0\0\0\0\0\0\0\0" "\0\0\0\0" "\0\0", 7),
    ROW(MSG_BACK, "\0\0\0\0", 0),
    ROW(MSG_STATE, KEYREF "\2" "\0", 7),
    ROW(MSG_USERS, "", 0),
    ROW(MSG_LIVES, "", 0),
    ROW(MSG_HANDLE_NOTE, "\0\2/x", 0),
    ROW(MSG_HANDLE_LIST, "", 0),
    ROW(MSG_ALLOW, "\1" "\0\0\0\1" "\0\1", 0),
    ROW(MSG_DENY, "\1" "\0\0\0\1" "\0\1", 0),
    ROW(MSG_CERT_SET, "\0\0\0\7" "\0\0", 7),
};

/* By an administrator, of a key that is not there. */
static void refused_with_its_key(void)
{
    struct problem p;
    struct inbox b;

    box_with_a_key(&b);
    for (size_t i = 0; i < COUNT(of_keys); i++) {
        int r = ask(&b, getuid(), of_keys[i].type, "none", of_keys[i].rest, of_keys[i].len, &p);

        CU_ASSERT_NOT_EQUAL(r, 0);
        TEXT_IS(b.recorded.asked, msg_kind(of_keys[i].type)->name);
        TEXT_IS(b.recorded.key, "none");
        CU_ASSERT_EQUAL(b.recorded.version, of_keys[i].version);
        CU_ASSERT_EQUAL(b.recorded.result, r);
        TEXT_IS(b.recorded.problem->text, p.text);
    }
    inbox_clear(&b);
}

/* What cannot be read names no key. Why it was refused is recorded all the same. */
static void refused_unread(void)
{
    struct problem p;
    struct inbox b;

    box_with_a_key(&b);
    CU_ASSERT_EQUAL(ask(&b, getuid(), MSG_GET, NULL, "", 0, &p), LB_E_CUT_OFF);
    TEXT_IS(b.recorded.key, "");
    CU_ASSERT_EQUAL(b.recorded.result, LB_E_CUT_OFF);
    TEXT_IS(b.recorded.problem->text, p.text);
    inbox_clear(&b);
}

/* Of the active version is recorded which one that is. */
static void done_with_its_version(void)
{
    static const char active[] = "\0\0\0\0" "\0";
    struct problem p;
    struct inbox b;

    box_with_a_key(&b);
    OK(ask(&b, INBOX_STRANGER, MSG_GET, "web", active, sizeof(active) - 1, &p));
    TEXT_IS(b.recorded.key, "web");
    CU_ASSERT_EQUAL(b.recorded.version, 1);
    CU_ASSERT_EQUAL(b.recorded.result, 0);
    inbox_clear(&b);
}

static const struct unit_test tests[] = {
    { "refused, with its key", refused_with_its_key },
    { "refused, and not read", refused_unread },
    { "done, with its version", done_with_its_version },
    { NULL, NULL },
};
const struct unit_suite suite_record = { "record", tests };
