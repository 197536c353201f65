/*
 * Aims at the handlers of requests: a whole box, unlocked, with keys of several kinds and grants, and packets of callers of
 * several kinds, one behind the other. Whatever comes: the answer is whole, for this request, and of the form that it is
 * to have; whom the policy does not know gets neither a private-key operation nor an administrator's answer; a locked box
 * does no private-key operation.
 *
 * An input is any number of: caller u8 (enum who, FILE_BIT) | length u16 | packet. What was changed is undone before the
 * next input. Left out, because they would only take time: Argon2, and making RSA and SLH-DSA keys.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "../harness/inbox.h"
#include "base/memfile.h"
#include "guard/secret.h"
#include "model/scheme.h"
#include "model/seal_kinds.h"
#include "protocol/change.h"
#include "protocol/keys.h"
#include "protocol/life.h"
#include "protocol/seals.h"
#include "protocol/status.h"
#include "protocol/token.h"
#include "protocol/use.h"
#include "vault/vault_priv.h"
#include "fuzz.h"

enum who { STRANGER, GRANTED, MEMBER, ADMIN, UNKNOWN_ADMIN, UNKNOWN_GRANTED, WHO_COUNT };
#define FILE_BIT 0x80

static struct inbox box;
static uint8_t *snapshot;
static size_t snapshot_len;
static int text_fd = -1;
/* Of one input. */
static bool dirty, grants_changed;

static void must(bool good)
{
    if (!good)
        abort();
}

static struct caller caller_number(unsigned who)
{
    static const struct {
        pid_t pid;
        uid_t uid;
        gid_t gid;
    } callers[WHO_COUNT] = {
        [STRANGER] = { 7, INBOX_STRANGER, INBOX_STRANGER }, [GRANTED] = { 7, INBOX_GRANTED, INBOX_STRANGER },
        [MEMBER] = { 7, INBOX_STRANGER, INBOX_GROUP },      [ADMIN] = { 7, 0, 0 },
        [UNKNOWN_ADMIN] = { 0, 0, 0 },                      [UNKNOWN_GRANTED] = { 0, INBOX_GRANTED, INBOX_GROUP },
    };

    return inbox_caller(callers[who].pid, callers[who].uid, callers[who].gid);
}

/* The keys, and what the granted may do with each. */
static const struct {
    const char *name, *type;
    uint16_t ops;
} keys[] = {
    { "web", "ec:P-256", OP_SIGN },   { "rsa", "rsa:2048", OP_SIGN | OP_DECRYPT },
    { "ed", "ed25519", OP_SIGN },     { "x", "x25519", OP_DERIVE },
    { "ecdh", "ec:P-256", OP_DERIVE }, { "admins", "ec:P-384", 0 },
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

static void add_key(size_t i)
{
    struct vault *v = box.box.vault;
    struct create_request m = { .name = "" };
    struct grant_request user = { .grant = { SUBJECT_USER, INBOX_GRANTED, keys[i].ops } };
    struct grant_request group = { .grant = { SUBJECT_GROUP, INBOX_GROUP, keys[i].ops } };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct problem p;

    snprintf(m.name, sizeof(m.name), "%s", keys[i].name);
    snprintf(m.type, sizeof(m.type), "%s", keys[i].type);
    snprintf(user.name, sizeof(user.name), "%s", keys[i].name);
    snprintf(group.name, sizeof(group.name), "%s", keys[i].name);
    must(vault_create(v, &m, spki, &key, &p) == 0);
    if (keys[i].ops != 0)
        must(vault_grant(v, &user, true, &p) == 0 && vault_grant(v, &group, true, &p) == 0);
}

static void read_snapshot(void)
{
    FILE *f = fopen(box.conf.paths.store, "rb");

    snapshot = malloc(1 << 20);
    must(f != NULL && snapshot != NULL);
    snapshot_len = fread(snapshot, 1, 1 << 20, f);
    must(snapshot_len > 0 && snapshot_len < 1 << 20);
    fclose(f);
}

static void restore(void)
{
    struct problem p;
    FILE *f;

    inbox_close(&box);
    f = fopen(box.conf.paths.store, "wb");
    must(f != NULL && fwrite(snapshot, 1, snapshot_len, f) == snapshot_len && fclose(f) == 0);
    must(inbox_reopen(&box, &p) == 0 && atomic_load(&box.box.vault->lock) == LOCK_UNLOCKED);
    dirty = grants_changed = false;
}

static void clear(void)
{
    inbox_clear(&box);
    free(snapshot);
    snapshot = NULL;
    close(text_fd);
}

static void setup(void)
{
    static const char text[] = "a text that comes in a file";

    must(secret_setup_libcrypto() == 0);
    inbox_init(&box);
    for (size_t i = 0; i < KEYS; i++)
        add_key(i);
    must(textfile_make(text, sizeof(text), &text_fd) == 0);
    inbox_close(&box);
    read_snapshot();
    restore();
    atexit(clear);
}

/* Those that only take time. */
static bool is_left_out(const struct msg_header *header, struct bytes body)
{
    struct create_request create;
    struct roll_request roll;
    struct seal_request secret;

    if (header->type == MSG_CREATE && msg_create_decode(body, &create) == 0)
        return strncasecmp(create.type, "rsa", 3) == 0 || strncasecmp(create.type, "slh", 3) == 0;
    if (header->type == MSG_ROLL && msg_roll_decode(body, &roll) == 0)
        return strncasecmp(roll.type, "rsa", 3) == 0 || strncasecmp(roll.type, "slh", 3) == 0 || strcmp(roll.name, "rsa") == 0;
    if (header->type == MSG_SEAL_ADD && msg_secret_decode(body, &secret) == 0)
        return secret.kind == SEAL_PASSPHRASE;
    return false;
}

static bool is_use(uint16_t type)
{
    return type == MSG_SIGN || type == MSG_DECRYPT || type == MSG_DERIVE;
}

/* What everybody may ask for, by this file's own list: another than the box's. */
static bool is_for_all(uint16_t type)
{
    static const uint16_t types[] = { MSG_SIGN,   MSG_DECRYPT,  MSG_DERIVE, MSG_GET,       MSG_LIST,
                                      MSG_STATUS, MSG_CERT_GET, MSG_FIND,   MSG_CERT_FIND, MSG_TOKEN,
                                      MSG_EXPIRING };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i] == type)
            return true;
    }
    return false;
}

/* The key that a request would use. */
static const char *key_of(uint16_t type, struct bytes request)
{
    static struct sign_request sign;
    static struct decrypt_request decrypt;
    static struct derive_request derive;

    if (type == MSG_SIGN && msg_sign_decode(request, &sign) == 0)
        return sign.key.name;
    if (type == MSG_DECRYPT && msg_decrypt_decode(request, &decrypt) == 0)
        return decrypt.key.name;
    if (type == MSG_DERIVE && msg_derive_decode(request, &derive) == 0)
        return derive.key.name;
    abort();
}

static bool is_granted(uint16_t type, const char *name)
{
    uint16_t op = type == MSG_SIGN ? OP_SIGN : type == MSG_DECRYPT ? OP_DECRYPT : OP_DERIVE;

    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return (keys[i].ops & op) != 0;
    }
    return false;
}

/* May this caller have had this answer? Once grants were changed, any may be there, but for nobody. */
static void check_policy(unsigned who, uint16_t type, struct bytes request)
{
    must(who == ADMIN || is_for_all(type));
    if (!is_use(type) || who == ADMIN)
        return;
    must(who != UNKNOWN_ADMIN && who != UNKNOWN_GRANTED);
    must(grants_changed || (who != STRANGER && is_granted(type, key_of(type, request))));
}

/* Whom nothing is granted sees no key in lists. */
static void check_lists(unsigned who, uint16_t type, struct bytes request, struct bytes body)
{
    static struct msg_find find;
    struct found_token found;
    struct wire_reader r;

    if (who == ADMIN || who == GRANTED || who == MEMBER || grants_changed)
        return;
    wire_read(&r, body.p, body.len);
    if (type == MSG_LIST || type == MSG_EXPIRING) {
        (void)wire_get_bool(&r);
        must(wire_get_u16(&r) == 0 && wire_end(&r) == 0);
    }
    if (type == MSG_FIND && msg_find_decode(request, &find) == 0 &&
        !p11uri_has(&find.want, P11_BIT(P11_OBJECT) | P11_BIT(P11_ID))) {
        msg_found_get(&r, &found);
        must(found.count == 0 && wire_end(&r) == 0);
    }
}

/* The answer's body, which is not an error, decodes as what it is to be. */
static void check_form(unsigned who, uint16_t type, struct bytes body)
{
    static struct key_details show;
    static struct box_status status;
    static struct token_status token;
    static struct box_opening opening;
    struct life_answer life;
    struct key_info key;
    struct bytes bytes;

    switch (type) {
    case MSG_ROLL:
        must(msg_key_decode(body, &key) == 0 && key.spki.len > 0 && key.state == STATE_PRE_ACTIVATION);
        break;
    case MSG_ACTIVATE:
    case MSG_BACK:
    case MSG_STATE:
        must(msg_life_decode(body, &life) == 0 && life.version > 0);
        break;
    case MSG_SIGN:
        must(msg_bytes_decode(body, &bytes) == 0 && bytes.len > 0 && bytes.len <= 256);
        break;
    case MSG_DECRYPT:
        must(msg_bytes_decode(body, &bytes) == 0 && bytes.len <= 256);
        break;
    case MSG_DERIVE:
        must(msg_bytes_decode(body, &bytes) == 0 && bytes.len > 0 && bytes.len <= LB_SHARED_MAX);
        break;
    case MSG_GET:
    case MSG_CREATE:
    case MSG_IMPORT:
        must(msg_key_decode(body, &key) == 0 && key.spki.len > 0);
        break;
    case MSG_LIVES:
        must(msg_lives_decode(body, &show) == 0);
        break;
    case MSG_SHOW:
        must(msg_show_decode(body, &show) == 0);
        break;
    case MSG_STATUS:
        must(msg_status_decode(body, &status) == 0 && status.keys >= KEYS && status.admin == (who == ADMIN));
        break;
    case MSG_OPENING:
        must(msg_opening_decode(body, &opening) == 0 && (opening.next == NEXT_OPENS) == (opening.next_count > 0));
        break;
    case MSG_TOKEN:
        must(msg_token_decode(body, &token) == 0);
        break;
    case MSG_CERT_GET:
    case MSG_CERT_FIND:
        must(msg_chain_decode(body, &bytes) == 0);
        break;
    case MSG_DESTROY_SCHEDULE:
        must(body.len == 8);
        break;
    case MSG_DESTROY:
    case MSG_DESTROY_CANCEL:
    case MSG_RENAME:
    case MSG_PURPOSE:
    case MSG_HANDLE_NOTE:
    case MSG_ALLOW:
    case MSG_DENY:
    case MSG_CERT_SET:
    case MSG_SEAL_ADD:
    case MSG_SEAL_REMOVE:
    case MSG_LOCK:
    case MSG_UNLOCK:
        must(body.len == 0);
        break;
    default:
        break;
    }
}

static void note_change(uint16_t type)
{
    const struct msg_kind *kind = msg_kind(type);

    if (!kind->change || type == MSG_SEAL_LIST || type == MSG_HANDLE_LIST)
        return;
    dirty = true;
    grants_changed = grants_changed || type == MSG_ALLOW;
}

static void ask(unsigned who, const uint8_t *packet, size_t len, int fd)
{
    struct caller caller = caller_number(who);
    struct msg_header header, back;
    struct bytes request, body;
    struct problem p;
    bool goes_on, open = atomic_load(&box.box.vault->lock) == LOCK_UNLOCKED;
    size_t got;

    if (msg_split(packet, len, &header, &request) != 0 || is_left_out(&header, request))
        return;
    got = inbox_ask(&box, &caller, packet, len, fd, &goes_on);
    if (got == 0)
        return;
    must(got <= LB_PACKET_MAX && msg_split(box.answer, got, &back, &body) == 0 && back.id == header.id);
    if (back.type == MSG_ERROR) {
        must(msg_error_decode(body, &p) == 0 && p.code < 0 && p.text[0] != '\0');
        must(who == ADMIN || is_for_all(header.type) || p.code == LB_E_DENIED);
        return;
    }
    must(goes_on && back.type == (header.type | MSG_ANSWER));
    must(open || !is_use(header.type));
    check_policy(who, header.type, request);
    check_lists(who, header.type, request, body);
    check_form(who, header.type, body);
    note_change(header.type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;

    if (!ready)
        setup();
    ready = true;
    while (size >= 3) {
        size_t len = (size_t)data[1] << 8 | data[2];
        unsigned who = (data[0] & ~FILE_BIT) % WHO_COUNT;
        uint8_t *copy;

        len = len > size - 3 ? size - 3 : len;
        /* Exactly as long as it is, so that a sanitizer sees any byte read behind it. */
        copy = malloc(len + 1);
        must(copy != NULL);
        memcpy(copy + 1, data + 3, len);
        ask(who, copy + 1, len, (data[0] & FILE_BIT) != 0 ? text_fd : -1);
        free(copy);
        data += 3 + len;
        size -= 3 + len;
    }
    if (dirty)
        restore();
    return 0;
}
