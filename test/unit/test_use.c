/* Uses of keys in a whole box: to whom they are granted, and in which order and with what text they are refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/entry.h"
#include "vault/vault_priv.h"
#include "asking.h"
#include "unit.h"

static void a_use_is_granted(void)
{
    struct key_ref web = { .name = "web" }, other = { .name = "other" };
    struct problem p;
    struct inbox b;

    asking_box(&b);
    OK(asking_use(&b, INBOX_GRANTED, OP_SIGN, &web, &p));
    OK(asking_use(&b, 0, OP_SIGN, &web, &p));
    OK(asking_use(&b, 0, OP_DERIVE, &other, &p));
    FAILS(asking_use(&b, INBOX_GRANTED, OP_DECRYPT, &web, &p), LB_E_DENIED);
    TEXT_IS(p.text, "uid 3000001 may not decrypt with key 'web' of box 'test'");
    TEXT_IS(p.hint, "an administrator may run: littlebox --box test allow web --user 3000001 --op decrypt");
    FAILS(asking_use(&b, INBOX_GRANTED, OP_DERIVE, &web, &p), LB_E_DENIED);
    FAILS(asking_use(&b, INBOX_GRANTED, OP_SIGN, &other, &p), LB_E_DENIED);
    FAILS(asking_use(&b, INBOX_STRANGER, OP_SIGN, &web, &p), LB_E_DENIED);
    TEXT_IS(p.text, "uid 3000002 may not sign with key 'web' of box 'test'");
    TEXT_IS(p.hint, "an administrator may run: littlebox --box test allow web --user 3000002");
    inbox_clear(&b);
}

/* It sends as root, on a channel that another user made: as root it would have the right. */
static void the_maker_is_named(void)
{
    const struct maker maker = { { getpid(), INBOX_STRANGER, INBOX_STRANGER }, NULL, 0 };
    const struct caller who = caller_of(&(struct peer){ getpid(), 0, 0 }, &maker);
    struct key_ref web = { .name = "web" };
    struct used_key key;
    struct problem p;
    struct inbox b;

    asking_box(&b);
    FAILS(vault_use(b.box.vault, &(struct use_wish){ &web, &who, OP_SIGN, 1, { NULL, 0 }, false }, &key, &p), LB_E_DENIED);
    TEXT_IS(p.text, "uid 3000002 may not sign with key 'web' of box 'test'");
    TEXT_IS(p.hint, "an administrator may run: littlebox --box test allow web --user 3000002");
    inbox_clear(&b);
}

static void without_credentials(void)
{
    struct key_ref web = { .name = "web" };
    struct used_key key;
    struct problem p;
    struct inbox b;

    asking_box(&b);
    for (int i = 0; i < 2; i++) {
        struct caller who = inbox_caller(0, i == 0 ? INBOX_GRANTED : 0, 0);

        FAILS(vault_use(b.box.vault, &(struct use_wish){ &web, &who, OP_SIGN, 1, { NULL, 0 }, false }, &key, &p), LB_E_DENIED);
        TEXT_IS(p.text, "the kernel did not tell who asks for key 'web'");
    }
    inbox_clear(&b);
}

/* Each refusal hides those behind it: of a caller without a grant nobody learns a key's state. */
static void in_this_order(void)
{
    struct key_ref none = { .name = "none" }, web = { .name = "web" }, third = { .name = "web", .version = 3 },
                   pinned = { .name = "web", .has_hash = true }, first = { .name = "web", .version = 1 };
    struct boxkey *k;
    struct problem p;
    struct inbox b;

    asking_box(&b);
    k = keyring_find(&b.box.vault->ring, "web");
    FAILS(asking_use(&b, INBOX_STRANGER, OP_SIGN, &none, &p), LB_E_NO_KEY);
    k->damaged = true;
    FAILS(asking_use(&b, INBOX_STRANGER, OP_SIGN, &web, &p), LB_E_DENIED);
    FAILS(asking_use(&b, INBOX_GRANTED, OP_SIGN, &third, &p), LB_E_DAMAGED);
    k->damaged = false;
    FAILS(asking_use(&b, INBOX_STRANGER, OP_SIGN, &third, &p), LB_E_DENIED);
    FAILS(asking_use(&b, INBOX_GRANTED, OP_SIGN, &third, &p), LB_E_NO_VERSION);
    FAILS(asking_use(&b, INBOX_GRANTED, OP_SIGN, &pinned, &p), LB_E_PUBLIC_KEY);
    memcpy(pinned.hash, k->versions[0].hash, LB_HASH_SIZE);
    OK(asking_use(&b, INBOX_GRANTED, OP_SIGN, &pinned, &p));
    /* One bit of it, in any place. */
    for (size_t i = 0; i < LB_HASH_SIZE; i++) {
        pinned.hash[i] ^= 1;
        FAILS(asking_use(&b, INBOX_GRANTED, OP_SIGN, &pinned, &p), LB_E_PUBLIC_KEY);
        pinned.hash[i] ^= 1;
    }
    pinned.version = 2;
    FAILS(asking_use(&b, INBOX_GRANTED, OP_SIGN, &pinned, &p), LB_E_PUBLIC_KEY);
    k->versions[0].damaged = true;
    FAILS(asking_use(&b, INBOX_GRANTED, OP_SIGN, &web, &p), LB_E_DAMAGED);
    k->versions[0].damaged = false;
    vault_lock(b.box.vault);
    FAILS(asking_use(&b, INBOX_STRANGER, OP_SIGN, &web, &p), LB_E_DENIED);
    FAILS(asking_use(&b, INBOX_GRANTED, OP_SIGN, &third, &p), LB_E_NO_VERSION);
    FAILS(asking_use(&b, INBOX_GRANTED, OP_SIGN, &first, &p), LB_E_LOCKED);
    FAILS(asking_use(&b, 0, OP_SIGN, &web, &p), LB_E_LOCKED);
    inbox_clear(&b);
}

/* A policy that only one rule knows comes to that rule as it stands in the record. */
static void rules_see_entries(void)
{
    static const uint8_t entries[] = { 0, 8, 0, 1, 'x', 0, 9, 0, 2, 'y', 'z' };
    const struct key_ref ref = { .name = "web" };
    struct admission a;
    struct bytes value;
    struct boxkey *k;
    struct inbox b;

    asking_box(&b);
    k = keyring_find(&b.box.vault->ring, "web");
    CU_ASSERT_EQUAL(vault_admission(b.box.vault, k, &ref, &a), 0);
    CU_ASSERT_FALSE(policy_entry_find(a.key.entries, 9, &value));
    k->rec.others = malloc(sizeof(entries));
    CU_ASSERT_PTR_NOT_NULL_FATAL(k->rec.others);
    k->rec.others_len = sizeof(entries);
    memcpy(k->rec.others, entries, sizeof(entries));
    CU_ASSERT_EQUAL(vault_admission(b.box.vault, k, &ref, &a), 0);
    CU_ASSERT_TRUE(policy_entry_find(a.key.entries, 8, &value));
    CU_ASSERT(value.len == 1 && value.p[0] == 'x');
    CU_ASSERT_TRUE(policy_entry_find(a.key.entries, 9, &value));
    CU_ASSERT(value.len == 2 && memcmp(value.p, "yz", 2) == 0);
    CU_ASSERT_FALSE(policy_entry_find(a.key.entries, 7, &value));
    CU_ASSERT_FALSE(policy_entry_find(a.key.entries, 10, &value));
    inbox_clear(&b);
}

/* A version in any state but one signs for nobody, open or locked. */
static void only_active_versions(void)
{
    struct key_ref web = { .name = "web" }, first = { .name = "web", .version = 1 };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct boxkey *k;
    struct problem p;
    struct inbox b;

    asking_box(&b);
    k = keyring_find(&b.box.vault->ring, "web");
    OK(vault_get(b.box.vault, &first, spki, &key, &p));
    for (uint8_t state = 1; state <= STATE_LAST; state++) {
        int code = key_state_destroyed(state) ? LB_E_DESTROYED : LB_E_NOT_ACTIVE;

        if (state == STATE_ACTIVE)
            continue;
        k->rec.versions[0].state = state;
        FAILS(asking_use(&b, INBOX_GRANTED, OP_SIGN, &first, &p), code);
        FAILS(asking_use(&b, 0, OP_SIGN, &web, &p), code);
    }
    k->rec.versions[0].state = STATE_ACTIVE;
    asking_destroy(&b, "web");
    FAILS(asking_use(&b, 0, OP_SIGN, &first, &p), LB_E_DESTROYED);
    /* Nor is its public half given out for a handle. */
    FAILS(vault_get(b.box.vault, &first, spki, &key, &p), LB_E_DESTROYED);
    FAILS(vault_get(b.box.vault, &web, spki, &key, &p), LB_E_DESTROYED);
    inbox_clear(&b);
}

/* A new key under an old name: nobody is granted it, and the old version stays what it is. */
static void a_name_comes_back_without_grants(void)
{
    struct create_request m = { .name = "web", .type = "ed25519" };
    struct grant_request grant = { .grant = { SUBJECT_USER, INBOX_GRANTED, OP_SIGN } };
    struct key_ref web = { .name = "web" }, first = { .name = "web", .version = 1 };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct problem p;
    struct inbox b;

    asking_box(&b);
    FAILS(vault_create(b.box.vault, &m, spki, &key, &p), LB_E_EXISTS);
    asking_destroy(&b, "web");
    OK(vault_create(b.box.vault, &m, spki, &key, &p));
    CU_ASSERT_EQUAL(key.version, 2);
    FAILS(asking_use(&b, INBOX_GRANTED, OP_SIGN, &web, &p), LB_E_DENIED);
    OK(asking_use(&b, 0, OP_SIGN, &web, &p));
    FAILS(asking_use(&b, 0, OP_SIGN, &first, &p), LB_E_DESTROYED);
    /* Once more, with a record that still has a grant: a destroyed key's are gone, but nothing is to depend on that. */
    m.name[0] = 'W';
    snprintf(grant.name, sizeof(grant.name), "%s", m.name);
    OK(vault_create(b.box.vault, &m, spki, &key, &p));
    OK(vault_grant(b.box.vault, &grant, true, &p));
    keyring_find(&b.box.vault->ring, "Web")->rec.versions[0].state = STATE_DESTROYED;
    OK(vault_create(b.box.vault, &m, spki, &key, &p));
    CU_ASSERT_EQUAL(keyring_find(&b.box.vault->ring, "Web")->rec.grant_count, 0);
    inbox_clear(&b);
}

/* Changed behind the box's back: seen when it is unlocked, and used by nobody from then on. */
static void changed_rows_are_used_by_nobody(void)
{
    static const struct {
        const char *sql;
        bool at_once; /* seen while reading, before the store is open */
    } changes[] = {
        /* Its one grant for 3000002, for all operations; none, in two ways; and twice. */
        { "UPDATE policy SET entries = x'0001000701002dc6c20001' WHERE length(entries) > 0", false },
        { "UPDATE policy SET entries = x'0001000701002dc6c10007' WHERE length(entries) > 0", false },
        { "DELETE FROM policy WHERE length(entries) > 0", true },
        { "UPDATE policy SET entries = x'' WHERE length(entries) > 0", true },
        { "UPDATE policy SET entries = joined(entries, entries) WHERE length(entries) > 0", true },
        { "UPDATE version SET state = 1 WHERE name = 'web'", false },
        { "UPDATE version SET version = 2 WHERE name = 'web'", false },
        { "UPDATE version SET type = 'ed448' WHERE name = 'web'", false },
        { "UPDATE version SET created = created + 1 WHERE name = 'web'", false },
        { "UPDATE version SET material = (SELECT material FROM version WHERE name = 'other') WHERE name = 'web'", false },
        { "UPDATE version SET spki = (SELECT spki FROM version WHERE name = 'other') WHERE name = 'web'", false },
        { "UPDATE version SET name = 'web2' WHERE name = 'web'; UPDATE key SET name = 'web2' WHERE name = 'web'", false },
    };
    struct key_ref web = { .name = "web" }, renamed = { .name = "web2" }, other = { .name = "other" };
    struct problem p;

    for (size_t i = 0; i < COUNT(changes); i++) {
        struct inbox b;

        asking_box(&b);
        inbox_close(&b);
        unit_sql(b.conf.paths.store, changes[i].sql);
        OK(vault_open(&b.vault_settings, &b.box.vault, &p));
        CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), changes[i].at_once);
        OK(inbox_reopen(&b, &p));
        CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 1);
        CU_ASSERT(asking_use(&b, INBOX_STRANGER, OP_SIGN, &web, &p) != 0);
        CU_ASSERT(asking_use(&b, INBOX_GRANTED, OP_DECRYPT, &web, &p) != 0);
        CU_ASSERT(asking_use(&b, INBOX_GRANTED, OP_SIGN, &web, &p) != 0);
        CU_ASSERT(asking_use(&b, 0, OP_SIGN, &web, &p) != 0);
        CU_ASSERT(asking_use(&b, 0, OP_SIGN, &renamed, &p) != 0);
        OK(asking_use(&b, 0, OP_SIGN, &other, &p));
        inbox_clear(&b);
    }
}

static const struct unit_test tests[] = {
    { "a use is granted by key and operation", a_use_is_granted },
    { "the end of a channel that lacks the grant is named", the_maker_is_named },
    { "nobody without credentials", without_credentials },
    { "refusals come in this order", in_this_order },
    { "rules see entries of the policy", rules_see_entries },
    { "only active versions are used", only_active_versions },
    { "a name comes back without grants", a_name_comes_back_without_grants },
    { "changed rows are used by nobody", changed_rows_are_used_by_nobody },
    { NULL, NULL },
};
const struct unit_suite suite_use = { "use", tests };
