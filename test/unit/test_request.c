/* Requests to a whole box: the table of them, who may ask for what, what lists tell, and what is no request. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/scheme.h"
#include "protocol/keys.h"
#include "protocol/use.h"
#include "vault/vault_priv.h"
#include "asking.h"
#include "unit.h"

/* By this file's own account: another than the box's table. */
static const struct row {
    uint16_t type;
    const char *name; /* as a refusal says it */
    bool admin, change, secret, secret_answer, takes_fd, repeat, slow;
} rows[] = {
    { MSG_SIGN, "sign", false, false, false, false, true, true, false },
    { MSG_DECRYPT, "decrypt", false, false, false, true, false, true, false },
    { MSG_DERIVE, "derive", false, false, false, true, false, true, false },
    { MSG_GET, "get", false, false, false, false, false, true, false },
    { MSG_LIST, "list", false, false, false, false, false, true, false },
    { MSG_SHOW, "show", true, false, false, false, false, true, false },
    { MSG_STATUS, "status", false, false, false, false, false, true, false },
    { MSG_CERT_GET, "get certificates", false, false, false, false, false, true, true },
    { MSG_FIND, "find", false, false, false, false, false, true, true },
    { MSG_TOKEN, "token", false, false, false, false, false, true, false },
    { MSG_TOKEN_LIST, "token list", true, false, false, false, false, true, true },
    { MSG_CERT_FIND, "find certificates", false, false, false, false, false, true, true },
    { MSG_LOCK_CAUSE, "ask why it is locked", false, false, false, false, false, true, false },
    { MSG_CREATE, "create", true, true, false, false, false, false, true },
    { MSG_IMPORT, "import", true, true, true, false, false, false, true },
    { MSG_ROLL, "roll", true, true, false, false, false, true, true },
    { MSG_ACTIVATE, "activate", true, true, false, false, false, false, false },
    { MSG_BACK, "roll back", true, true, false, false, false, false, false },
    { MSG_STATE, "change the state", true, true, false, false, false, true, false },
    { MSG_EXPIRING, "list what ends", false, false, false, false, false, true, false },
    { MSG_LIVES, "lives", true, false, false, false, false, true, false },
    { MSG_PURPOSES, "list purposes", false, false, false, false, false, true, false },
    { MSG_PURPOSE, "purpose", true, true, false, false, false, true, false },
    { MSG_USERS, "users", true, false, false, false, false, true, false },
    { MSG_DESTROY, "destroy", true, true, false, false, false, false, true },
    { MSG_DESTROY_SCHEDULE, "schedule destruction", true, true, false, false, false, false, false },
    { MSG_DESTROY_CANCEL, "cancel destruction", true, true, false, false, false, false, false },
    { MSG_RENAME, "rename", true, true, false, false, false, false, false },
    { MSG_HANDLE_NOTE, "note a handle", true, true, false, false, false, true, false },
    { MSG_HANDLE_LIST, "list handles", true, true, false, false, false, true, false },
    { MSG_ALLOW, "allow", true, true, false, false, false, false, false },
    { MSG_DENY, "deny", true, true, false, false, false, false, false },
    { MSG_CERT_SET, "set certificates", true, true, false, false, false, false, false },
    { MSG_ATTACH, "attach", true, true, false, false, false, false, true },
    { MSG_INIT, "init", true, true, true, false, false, false, true },
    { MSG_SEAL_LIST, "seal list", true, true, false, false, false, true, false },
    { MSG_SEAL_ADD, "seal add", true, true, true, false, false, false, true },
    { MSG_SEAL_REMOVE, "seal remove", true, true, false, false, false, false, false },
    { MSG_LOCK, "lock", true, true, false, false, false, true, false },
    { MSG_UNLOCK, "unlock", true, true, true, false, false, true, true },
    { MSG_LOGIN, "login", true, true, true, false, false, false, true },
    { MSG_OPENING, "ask what opens the store", true, false, true, false, false, true, false },
};

static const struct row *row_of(uint16_t type)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].type == type)
            return &rows[i];
    }
    return NULL;
}

/* Every number there is: a request that is not in the table above needs a row there first. */
static void the_table(void)
{
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        const struct msg_kind *kind = msg_kind((uint16_t)type);
        const struct row *row = row_of((uint16_t)type);

        if (kind == NULL || row == NULL) {
            CU_ASSERT(kind == NULL && row == NULL && !request_is_handled((uint16_t)type));
            continue;
        }
        TEXT_IS(kind->name, row->name);
        CU_ASSERT_EQUAL(kind->admin, row->admin);
        CU_ASSERT_EQUAL(kind->change, row->change);
        CU_ASSERT_EQUAL(kind->secret, row->secret);
        CU_ASSERT_EQUAL(kind->secret_answer, row->secret_answer);
        CU_ASSERT_EQUAL(kind->takes_fd, row->takes_fd);
        CU_ASSERT_EQUAL(kind->repeat, row->repeat);
        CU_ASSERT_EQUAL(kind->slow, row->slow);
        CU_ASSERT_TRUE(request_is_handled((uint16_t)type));
        CU_ASSERT(kind->asks < BODY_COUNT && kind->answer < BODY_COUNT);
    }
}

/* What only administrators may ask for is refused before its body is looked at, and changes nothing. */
static void administrators_requests(void)
{
    static const uid_t uids[] = { INBOX_STRANGER, INBOX_GRANTED };
    struct problem p;
    struct bytes body;
    struct inbox b;
    char text[100];

    asking_box(&b);
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t k = 0; k < COUNT(uids) && rows[i].admin; k++) {
            FAILS(asking_empty(&b, uids[k], rows[i].type, &body, &p), LB_E_DENIED);
            snprintf(text, sizeof(text), "uid %u may not %s in box 'test'", uids[k], rows[i].name);
            TEXT_IS(p.text, text);
            TEXT_IS(p.hint, "ask an administrator of the box, or see 'admin' in littlebox.conf(5)");
        }
    }
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->lock), LOCK_UNLOCKED);
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->keys), 2);
    CU_ASSERT_EQUAL(atomic_load(&b.box.refusals), 2 * 29);
    /* Where the body is what it is to be, the same administrator is served. */
    OK(asking_empty(&b, 0, MSG_SEAL_LIST, &body, &p));
    inbox_clear(&b);
}

static unsigned listed(struct inbox *b, uid_t uid)
{
    struct msg_list m = { .after = "" };
    struct wire_reader r;
    uint8_t packet[128];
    struct bytes body;
    struct problem p;
    unsigned count;
    size_t len;

    OK(msg_list_encode(MSG_LIST, 7, &m, packet, sizeof(packet), &len));
    OK(asking_packet(b, uid, packet, len, &body, &p));
    wire_read(&r, body.p, body.len);
    (void)wire_get_bool(&r);
    count = wire_get_u16(&r);
    return count;
}

static unsigned found(struct inbox *b, uid_t uid, const char *object)
{
    struct msg_find m = { .want.a = { [P11_TOKEN] = { true, 4, "test" } } };
    struct found_token found;
    struct wire_reader r;
    uint8_t packet[512];
    struct bytes body;
    struct problem p;
    size_t len;

    if (object != NULL)
        OK(p11uri_set_text(&m.want, P11_OBJECT, object));
    OK(msg_find_encode(MSG_FIND, 7, &m, packet, sizeof(packet), &len));
    OK(asking_packet(b, uid, packet, len, &body, &p));
    wire_read(&r, body.p, body.len);
    msg_found_get(&r, &found);
    CU_ASSERT(found.is_the_token);
    return found.count;
}

static void lists_show_what_one_may_use(void)
{
    struct inbox b;

    asking_box(&b);
    CU_ASSERT_EQUAL(listed(&b, 0), 2);
    CU_ASSERT_EQUAL(listed(&b, INBOX_GRANTED), 1);
    CU_ASSERT_EQUAL(listed(&b, INBOX_STRANGER), 0);
    /* A name that one knows is found by everybody, as GET tells its public half; the others are not. */
    CU_ASSERT_EQUAL(found(&b, INBOX_STRANGER, "web"), 1);
    CU_ASSERT_EQUAL(found(&b, 0, NULL), 2);
    CU_ASSERT_EQUAL(found(&b, INBOX_GRANTED, NULL), 1);
    CU_ASSERT_EQUAL(found(&b, INBOX_STRANGER, NULL), 0);
    inbox_clear(&b);
}

/* What comes in a file is for INPUT_FILE, and for whom the key was granted. */
static void a_file_with_a_request(void)
{
    struct sign_request m = { .key.name = "web",
                          .scheme = SCHEME_ED25519,
                          .input = INPUT_TEXT,
                          .data = { (const uint8_t *)"text", 4 } };
    struct caller granted, stranger;
    uint8_t packet[256];
    struct msg_header header;
    struct bytes body;
    struct problem p;
    struct inbox b;
    bool goes_on;
    size_t len, got;

    asking_box(&b);
    granted = asking_user(INBOX_GRANTED);
    stranger = asking_user(INBOX_STRANGER);
    OK(msg_sign_encode(MSG_SIGN, 7, &m, packet, sizeof(packet), &len));
    got = inbox_ask(&b, &granted, packet, len, b.keeper, &goes_on);
    OK(msg_split(b.answer, got, &header, &body));
    OK(msg_error_decode(body, &p));
    TEXT_IS(p.text, "a file came with a request that needs none");
    m.input = INPUT_FILE;
    m.data = (struct bytes){ NULL, 0 };
    OK(msg_sign_encode(MSG_SIGN, 7, &m, packet, sizeof(packet), &len));
    got = inbox_ask(&b, &stranger, packet, len, b.keeper, &goes_on);
    OK(msg_split(b.answer, got, &header, &body));
    OK(msg_error_decode(body, &p));
    CU_ASSERT_EQUAL(p.code, LB_E_DENIED);
    got = inbox_ask(&b, &granted, packet, len, b.keeper, &goes_on);
    OK(msg_split(b.answer, got, &header, &body));
    OK(msg_error_decode(body, &p));
    TEXT_IS(p.text, "the text did not come in a sealed memory file");
    /* Nobody else's request takes one. */
    OK(msg_empty_encode(MSG_STATUS, 7, packet, sizeof(packet), &len));
    CU_ASSERT_EQUAL(inbox_ask(&b, &granted, packet, len, b.keeper, &goes_on), 0);
    inbox_clear(&b);
}

/* What is no request costs its sender the connection; what is one, and refused, does not. */
static void malformed_bytes_cost_the_connection(void)
{
    static const struct {
        const char *body;
        size_t len;
        int code;
        bool goes_on;
    } bodies[] = {
        { "", 0, LB_E_CUT_OFF, false },                             /* nothing */
        { "\0\3we", 4, LB_E_CUT_OFF, false },                       /* cut off in the name */
        { "\0\3web\0\0\0\0\0!", 11, LB_E_TRAILING, false },         /* a byte too many */
        { "\0\3web\0\0\0\0\2", 10, LB_E_VALUE, false },             /* a truth that is none */
        { "\0\3w/b\0\0\0\0\0", 10, LB_E_NAME, true },               /* no name */
        { "\0\4none\0\0\0\0\0", 11, LB_E_NO_KEY, true },            /* no key */
        { "\1\1", 2, LB_E_TOO_LONG, false },                        /* a name of 257 bytes */
    };
    uint8_t packet[64];
    struct caller who;
    struct inbox b;

    asking_box(&b);
    who = asking_user(INBOX_STRANGER);
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct msg_header header;
        struct wire_writer w;
        struct bytes body;
        struct problem p;
        bool goes_on;
        size_t len;

        wire_write(&w, packet, sizeof(packet));
        msg_header_put(&w, MSG_GET, 7);
        wire_put_raw(&w, bodies[i].body, bodies[i].len);
        OK(wire_written(&w, &len));
        len = inbox_ask(&b, &who, packet, len, -1, &goes_on);
        OK(msg_split(b.answer, len, &header, &body));
        CU_ASSERT_EQUAL(header.type, MSG_ERROR);
        OK(msg_error_decode(body, &p));
        CU_ASSERT_EQUAL(p.code, bodies[i].code);
        CU_ASSERT_EQUAL(goes_on, bodies[i].goes_on);
    }
    inbox_clear(&b);
}

static const struct unit_test tests[] = {
    { "the table of requests", the_table },
    { "administrators' requests", administrators_requests },
    { "lists show what one may use", lists_show_what_one_may_use },
    { "a file with a request", a_file_with_a_request },
    { "malformed bytes cost the connection", malformed_bytes_cost_the_connection },
    { NULL, NULL },
};
const struct unit_suite suite_request = { "request", tests };
