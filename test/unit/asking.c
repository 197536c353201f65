#include "asking.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "protocol/header.h"
#include "vault/vault_priv.h"
#include "unit.h"

const struct bytes asking_credential = { (const uint8_t *)INBOX_CREDENTIAL, sizeof(INBOX_CREDENTIAL) - 1 };

void asking_box(struct inbox *b)
{
    static const char *const names[] = { "web", "other" };
    struct grant_request grant = { .name = "web", .grant = { SUBJECT_USER, INBOX_GRANTED, OP_SIGN } };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct problem p;

    inbox_init(b);
    for (size_t i = 0; i < COUNT(names); i++) {
        struct create_request m = { .type = "ed25519" };

        snprintf(m.name, sizeof(m.name), "%s", names[i]);
        OK(vault_create(b->box.vault, &m, spki, &key, &p));
    }
    OK(vault_grant(b->box.vault, &grant, true, &p));
}

struct caller asking_user(uid_t uid)
{
    return inbox_caller(getpid(), uid, INBOX_STRANGER);
}

int asking_packet(struct inbox *b, uid_t uid, const void *packet, size_t len, struct bytes *ret_body, struct problem *p)
{
    struct caller who = asking_user(uid);
    struct msg_header header;
    bool goes_on;
    size_t got = inbox_ask(b, &who, packet, len, -1, &goes_on);

    CU_ASSERT_FATAL(got > 0);
    OK(msg_split(b->answer, got, &header, ret_body));
    CU_ASSERT_EQUAL(header.id, 7);
    memset(p, 0, sizeof(*p));
    if (header.type != MSG_ERROR)
        return 0;
    OK(msg_error_decode(*ret_body, p));
    return p->code;
}

int asking_empty(struct inbox *b, uid_t uid, uint16_t type, struct bytes *ret_body, struct problem *p)
{
    uint8_t packet[LB_HEADER_SIZE];
    size_t len;

    OK(msg_empty_encode(type, 7, packet, sizeof(packet), &len));
    return asking_packet(b, uid, packet, len, ret_body, p);
}

int asking_use(struct inbox *b, uid_t uid, enum key_op op, const struct key_ref *ref, struct problem *p)
{
    struct caller who = asking_user(uid);
    struct used_key key;
    int r;

    memset(p, 0, sizeof(*p));
    r = vault_use(b->box.vault, &(struct use_wish){ ref, &who, op, (uint64_t)time(NULL), { NULL, 0 }, false }, &key, p);
    CU_ASSERT_EQUAL(key.live != NULL, r == 0);
    livekey_unref(key.live);
    return r;
}

void asking_destroy(struct inbox *b, const char *name)
{
    struct destroy_request m = { .version = 1 };
    struct problem p;

    snprintf(m.name, sizeof(m.name), "%s", name);
    OK(vault_destroy(b->box.vault, &m, &p));
}
