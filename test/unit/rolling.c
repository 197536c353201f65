/* What the tests of rolling over share. */
#include "rolling.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

static const uint8_t no_chain[2] = { 0, 0 };

void box_with_a_key(struct inbox *b)
{
    struct grant_request grant = { .name = "web", .grant = { SUBJECT_USER, INBOX_GRANTED, OP_SIGN } };
    struct problem p;

    inbox_init(b);
    OK(inbox_create(b, "web", &p));
    OK(vault_grant(b->box.vault, &grant, true, &p));
}

int roll(struct inbox *b, const char *type, uint32_t *ret_version, bool *ret_new, struct problem *p)
{
    struct roll_request m = { .name = "web" };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key = { .version = 0 };
    int r;

    snprintf(m.type, sizeof(m.type), "%s", type);
    r = vault_roll(b->box.vault, &m, spki, &key, ret_new, p);
    *ret_version = key.version;
    return r;
}

int activate(struct inbox *b, uint32_t version, uint64_t at, uint32_t drain, struct life_answer *ret, struct problem *p)
{
    struct activate_request m = { .key = { .name = "web", .version = version }, .at = at, .drain = drain,
                                  .chain = { no_chain, sizeof(no_chain) } };

    return vault_activate(b->box.vault, &m, BY, ret, p);
}

int back(struct inbox *b, uint32_t drain, struct life_answer *ret, struct problem *p)
{
    return vault_back(b->box.vault, &(struct back_request){ "web", drain }, BY, ret, p);
}

int event(struct inbox *b, uint32_t version, enum life_event what, unsigned reason, struct life_answer *ret, struct problem *p)
{
    struct state_request m = { .key = { .name = "web", .version = version }, .event = (uint8_t)what, .reason = (uint8_t)reason };

    return vault_state(b->box.vault, &m, BY, ret, p);
}

struct key_details *show(struct inbox *b)
{
    static struct key_details s;
    struct problem p;

    OK(vault_show(b->box.vault, "web", &s, &p));
    return &s;
}

uint8_t state_of(struct inbox *b, unsigned version)
{
    return show(b)->versions[version - 1].state;
}

struct key_ref pinned(struct inbox *b, unsigned version)
{
    struct key_ref ref = { .name = "web", .has_hash = true };

    memcpy(ref.hash, show(b)->versions[version - 1].hash, LB_HASH_SIZE);
    return ref;
}

int use(struct inbox *b, unsigned version, struct problem *p)
{
    struct key_ref ref = pinned(b, version);

    return inbox_use(b, INBOX_GRANTED, OP_SIGN, &ref, p);
}

uint32_t current(struct inbox *b)
{
    struct key_ref ref = { .name = "web" };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key = { .version = 0 };
    struct problem p;

    return vault_get(b->box.vault, &ref, spki, &key, &p) == 0 ? key.version : 0;
}

void later(struct inbox *b, uint32_t seconds)
{
    atomic_fetch_add(&b->box.vault->clock.ahead, seconds * INT64_C(1000000000));
    (void)vault_tend(b->box.vault);
}
