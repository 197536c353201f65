/* The policy of a key as entries, kinds that nobody knows yet, and stores of before there was such a thing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../harness/inbox.h"
#include "store/policy_blob.h"
#include "store/policy_kinds.h"
#include "vault/vault_priv.h"
#include "fixture.h"
#include "unit.h"

/* As a newer littlebox could have it. */
static const uint8_t unknown_entry[] = { 0x7f, 0x01, 0, 2, 'h', 'i' };
#define UNKNOWN "x'7f0100026869'"

static struct bytes blob_of(const struct key_record *k)
{
    static uint8_t blob[POLICY_MAX];
    struct wire_writer w;
    size_t len = 0;

    wire_write(&w, blob, sizeof(blob));
    policy_put(k, &w);
    OK(wire_written(&w, &len));
    return (struct bytes){ blob, len };
}

static void in_and_out(void)
{
    static const uint8_t expected[] = {
        0, 1, 0, 14, 1, 0, 0, 0, 33, 0, 1, 2, 0, 0, 0, 34, 0, 7, /* grants */
        0, 2, 0, 8,  'o', 'l', 'd', ' ', 's', 'h', 'o', 'p',     /* former names */
        0, 3, 0, 13, 0, 0, 0, 2, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 2, /* version 2 is to be destroyed */
        0x7f, 1, 0, 2, 'h', 'i',
    };
    struct grant grants[] = { { SUBJECT_USER, 33, OP_SIGN }, { SUBJECT_GROUP, 34, OP_ALL } };
    struct version_record versions[] = {
        { .version = 1, .state = STATE_ACTIVE },
        { .version = 2, .state = STATE_DESTROY_SCHEDULED, .state_before = STATE_ACTIVE, .destroy_at = 0x1122334455 },
    };
    struct version_record rows[] = { { .version = 1, .state = STATE_ACTIVE }, { .version = 2, .state = STATE_ACTIVE } };
    const struct key_record k = { .grants = grants, .grant_count = 2, .former = (char[]){ "old shop" },
                                  .others = (uint8_t *)unknown_entry, .others_len = sizeof(unknown_entry),
                                  .versions = versions, .version_count = 2 };
    struct key_record got = { .versions = rows, .version_count = 2 }, none = { .version_count = 0 };
    struct bytes blob = blob_of(&k), value;

    CU_ASSERT(blob.len == sizeof(expected) && memcmp(blob.p, expected, blob.len) == 0);
    OK(policy_load((struct bytes){ expected, sizeof(expected) }, &got));
    CU_ASSERT(got.grant_count == 2 && got.grants[1].kind == SUBJECT_GROUP && got.grants[1].id == 34 &&
              got.grants[1].ops == OP_ALL);
    TEXT_IS(got.former, "old shop");
    CU_ASSERT(rows[0].state == STATE_ACTIVE && rows[0].destroy_at == 0);
    CU_ASSERT(rows[1].state == STATE_DESTROY_SCHEDULED && rows[1].state_before == STATE_ACTIVE &&
              rows[1].destroy_at == 0x1122334455);
    CU_ASSERT_EQUAL(got.unknown, 0x7f01);
    CU_ASSERT_TRUE(policy_get(&got, 0x7f01, &value) && value.len == 2 && memcmp(value.p, "hi", 2) == 0);
    CU_ASSERT_FALSE(policy_get(&got, 0x7f02, &value));
    blob = blob_of(&got);
    CU_ASSERT(blob.len == sizeof(expected) && memcmp(blob.p, expected, blob.len) == 0);
    /* Only kinds that are known and have no member of their own are set. */
    FAILS(policy_set(&got, 0x7f01, (struct bytes){ (const uint8_t *)"x", 1 }), LB_E_VALUE);
    FAILS(policy_set(&got, 1, (struct bytes){ expected + 4, 14 }), LB_E_VALUE);
    key_record_drop_policy(&got);
    OK(policy_load((struct bytes){ NULL, 0 }, &none));
    CU_ASSERT(none.grant_count == 0 && none.former == NULL && none.others == NULL && none.unknown == 0);
    CU_ASSERT_EQUAL(blob_of(&none).len, 0);
}

/* Each policy is one string of bytes: what says the same in another way is not taken. */
static void one_form(void)
{
#define BAD(...) { (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) }
    const struct bytes bad[] = {
        BAD(0),                                                                /* cut off */
        BAD(0, 9, 0),
        BAD(0, 9, 0, 2, 'x'),
        BAD(0, 0, 0, 1, 'x'),                                                  /* no tag */
        BAD(0, 9, 0, 0),                                                       /* empty */
        BAD(0, 9, 0, 1, 'x', 0, 9, 0, 1, 'x'),                                 /* twice */
        BAD(0, 9, 0, 1, 'x', 0, 8, 0, 1, 'x'),                                 /* not by rising tags */
        BAD(0, 2, 0, 1, 'a', 0, 2, 0, 1, 'b'),
        BAD(0, 1, 0, 0),                                                       /* grants: none */
        BAD(0, 1, 0, 6, 1, 0, 0, 0, 33, 0),                                    /* not whole */
        BAD(0, 1, 0, 7, 3, 0, 0, 0, 33, 0, 1),                                 /* of nobody */
        BAD(0, 1, 0, 7, 1, 0, 0, 0, 33, 0, 0),                                 /* of nothing */
        BAD(0, 1, 0, 7, 1, 0, 0, 0, 33, 0, 8),                                 /* of what is not */
        BAD(0, 1, 0, 14, 1, 0, 0, 0, 33, 0, 1, 1, 0, 0, 0, 33, 0, 2),          /* twice */
        BAD(0, 1, 0, 14, 2, 0, 0, 0, 33, 0, 1, 1, 0, 0, 0, 34, 0, 1),          /* not sorted */
        BAD(0, 2, 0, 3, 'b', ' ', 'a'),                                        /* former names: not sorted */
        BAD(0, 2, 0, 2, 'a', 0),
        BAD(0, 3, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5),                  /* schedule: not whole */
        BAD(0, 3, 0, 13, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2),               /* at no time */
        BAD(0, 3, 0, 13, 0, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 0, 0, 2),            /* at one that the store cannot have */
        BAD(0, 3, 0, 13, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 5),               /* of what is destroyed */
        BAD(0, 3, 0, 13, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 3),               /* of another state */
        BAD(0, 3, 0, 13, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 5, 2),               /* of no version */
        BAD(0, 5, 0, 1, 1),                                                    /* purposes: not whole */
        BAD(0, 5, 0, 2, 0, 0),                                                 /* any: then there is no entry */
        BAD(0, 5, 0, 2, 2, 0),                                                 /* of what is none */
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct version_record row = { .version = 1, .state = STATE_ACTIVE };
        struct key_record k = { .versions = &row, .version_count = 1 };
        int r = policy_load(bad[i], &k);

        if (r != LB_E_VALUE)
            fprintf(stderr, "\nblob %zu: %d", i, r);
        CU_ASSERT_EQUAL(r, LB_E_VALUE);
        key_record_drop_policy(&k);
    }
}

static void kinds_have_an_order(void)
{
    const struct policy_kind *kind;
    unsigned last = 0;

    for (size_t i = 0; (kind = policy_kind_at(i)) != NULL; i++) {
        CU_ASSERT(kind->tag > last && kind->name != NULL && kind->check != NULL);
        CU_ASSERT((kind->load == NULL) == (kind->save == NULL));
        CU_ASSERT_PTR_EQUAL(policy_kind_by_tag(kind->tag), kind);
        CU_ASSERT_FALSE(kind->check((struct bytes){ NULL, 0 }));
        last = kind->tag;
    }
    CU_ASSERT_PTR_NULL(policy_kind_by_tag(0));
    CU_ASSERT_PTR_NULL(policy_kind_by_tag(last + 1));
}

/* --- In a vault */

static int use(struct inbox *b, uid_t uid, const char *name, struct problem *p)
{
    struct key_ref ref = { .version = 0 };

    snprintf(ref.name, sizeof(ref.name), "%s", name);
    return inbox_use(b, uid, OP_SIGN, &ref, p);
}

static const struct key_record *record(struct inbox *b, const char *name)
{
    const struct boxkey *k = keyring_find(&b->box.vault->ring, name);

    CU_ASSERT_PTR_NOT_NULL_FATAL(k);
    return &k->rec;
}

static void box_with_keys(struct inbox *b)
{
    const struct grant_request grant = { .name = "web", .grant = { SUBJECT_USER, INBOX_GRANTED, OP_SIGN } };
    struct problem p;
    uint64_t at;

    inbox_init(b);
    OK(inbox_create(b, "web", &p));
    OK(inbox_create(b, "other", &p));
    OK(inbox_create(b, "third", &p));
    OK(vault_grant(b->box.vault, &grant, true, &p));
    OK(vault_rename(b->box.vault, &(struct rename_request){ "third", "fourth" }, &p));
    OK(vault_schedule_destroy(b->box.vault, &(struct destroy_request){ .name = "fourth" }, &at, &p));
}

/* "x'...'" */
static const char *hex(const uint8_t *p, size_t len)
{
    static char text[4096];
    char *to = text + sprintf(text, "x'");

    for (size_t i = 0; i < len; i++)
        to += sprintf(to, "%02x", p[i]);
    strcpy(to, "'");
    return text;
}

/*
 * A policy that a newer littlebox gave the key, bound as it should be: the key is not used, not changed, and kept. Also where one
 * of its versions, a tombstone, is not bound to it.
 */
static void unknown_kind(bool tombstone)
{
    struct grant_request grant = { .name = "web", .grant = { SUBJECT_USER, INBOX_STRANGER, OP_SIGN } };
    struct key_record newer;
    struct version_record v;
    struct inbox b;
    struct problem p;
    char sql[8192];

    size_t last = tombstone ? 1 : 0;

    box_with_keys(&b);
    if (tombstone) {
        OK(vault_destroy(b.box.vault, &(struct destroy_request){ .name = "web" }, &p));
        OK(inbox_create(&b, "web", &p));
        grant.grant.id = INBOX_GRANTED;
        OK(vault_grant(b.box.vault, &grant, true, &p));
    }
    newer = *record(&b, "web");
    v = newer.versions[last];
    newer.others = (uint8_t *)unknown_entry;
    newer.others_len = sizeof(unknown_entry);
    OK(b.box.vault->ops->rebind(b.box.vault->backend, record(&b, "web"), &record(&b, "web")->versions[last], &newer, &v));
    snprintf(sql, sizeof(sql),
             "UPDATE policy SET entries = joined(entries, " UNKNOWN ") WHERE key_id = (SELECT key_id FROM key WHERE name = "
             "'web'); UPDATE version SET material = %s WHERE name = 'web' AND state <> 5",
             hex(v.material, v.material_len));
    free(v.material);
    inbox_close(&b);
    unit_sql(b.conf.paths.store, sql);
    for (unsigned i = 0; i < 2; i++) {
        OK(inbox_reopen(&b, &p));
        CU_ASSERT_EQUAL(atomic_load(&b.box.vault->lock), LOCK_UNLOCKED);
        FAILS(use(&b, INBOX_GRANTED, "web", &p), LB_E_UNSUPPORTED);
        TEXT_HAS(p.text, "key 'web' in box");
        TEXT_HAS(p.text, "has a policy of kind 32513, which this littlebox does not know");
        TEXT_HAS(p.hint, "install that one");
        FAILS(use(&b, 0, "web", &p), LB_E_UNSUPPORTED);
        CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 1);
        OK(use(&b, 0, "other", &p));
        FAILS(vault_grant(b.box.vault, &grant, true, &p), LB_E_UNSUPPORTED);
        FAILS(vault_rename(b.box.vault, &(struct rename_request){ "web", "shop" }, &p), LB_E_UNSUPPORTED);
        FAILS(vault_destroy(b.box.vault, &(struct destroy_request){ .name = "web" }, &p), LB_E_UNSUPPORTED);
        /* A change of another key leaves it alone. */
        grant.grant.id = INBOX_STRANGER + i;
        memcpy(grant.name, "other", 6);
        OK(vault_grant(b.box.vault, &grant, true, &p));
        memcpy(grant.name, "web", 4);
    }
    CU_ASSERT_TRUE(policy_get(record(&b, "web"), 0x7f01, &(struct bytes){ NULL, 0 }));
    inbox_clear(&b);
}

static void unknown_kinds(void)
{
    unknown_kind(/* tombstone= */ false);
    unknown_kind(/* tombstone= */ true);
}

/* An entry of an unknown kind that nobody bound is damage, not a newer littlebox's. */
static void unknown_kinds_are_bound(void)
{
    struct inbox b;
    struct problem p;

    box_with_keys(&b);
    inbox_close(&b);
    unit_sql(b.conf.paths.store,
             "UPDATE policy SET entries = joined(entries, " UNKNOWN ") WHERE key_id = (SELECT key_id FROM key WHERE name = 'web')");
    OK(inbox_reopen(&b, &p));
    FAILS(use(&b, INBOX_GRANTED, "web", &p), LB_E_DAMAGED);
    TEXT_HAS(p.hint, "restore the store from a backup");
    OK(use(&b, 0, "other", &p));
    inbox_clear(&b);
}

/* The row of a key without a policy says nothing that is not bound: without it the key goes on. One that has a policy does not. */
static void lost_rows(void)
{
    struct inbox b;
    struct problem p;

    box_with_keys(&b);
    inbox_close(&b);
    unit_sql(b.conf.paths.store, "DELETE FROM policy");
    for (unsigned i = 0; i < 2; i++) {
        OK(inbox_reopen(&b, &p));
        OK(use(&b, 0, "other", &p));
        FAILS(use(&b, 0, "web", &p), LB_E_DAMAGED);
        FAILS(use(&b, INBOX_GRANTED, "web", &p), LB_E_DENIED);
        FAILS(use(&b, 0, "fourth", &p), LB_E_DAMAGED);
    }
    /* A change writes the row again. */
    OK(vault_rename(b.box.vault, &(struct rename_request){ "other", "shop" }, &p));
    OK(inbox_reopen(&b, &p));
    OK(use(&b, 0, "shop", &p));
    OK(use(&b, 0, "other", &p));
    inbox_clear(&b);
}

static bool take_named(const struct key_entry *e, void *arg)
{
    struct key_entry *entry = arg;

    if (strcmp(e->name, entry->name) == 0)
        *entry = *e;
    return true;
}

/* Told as damaged in the list and version by version, and counted. */
static void is_told(struct inbox *b, const char *name)
{
    static struct key_details s;
    const struct caller who = inbox_caller(getpid(), 0, 0);
    struct key_entry entry = { .damaged = false };
    struct vault_summary sum;
    struct problem p;
    bool more;

    snprintf(entry.name, sizeof(entry.name), "%s", name);
    OK(vault_list(b->box.vault, "", &who, take_named, &entry, &more, &p));
    CU_ASSERT_TRUE(entry.damaged);
    OK(vault_show(b->box.vault, name, &s, &p));
    CU_ASSERT(s.version_count > 0);
    for (size_t i = 0; i < s.version_count; i++)
        CU_ASSERT_TRUE(s.versions[i].damaged);
    vault_summary(b->box.vault, &sum);
    CU_ASSERT_EQUAL(sum.damaged, 1);
}

static void nothing_but_destroy(struct inbox *b, const char *name)
{
    struct grant_request grant = { .grant = { SUBJECT_USER, INBOX_GRANTED, OP_SIGN } };
    struct rename_request to = { .to = "shop" };
    struct destroy_request whole = { .version = 0 };
    struct vault *v = b->box.vault;
    struct problem p;
    uint64_t at;

    snprintf(grant.name, sizeof(grant.name), "%s", name);
    snprintf(to.name, sizeof(to.name), "%s", name);
    snprintf(whole.name, sizeof(whole.name), "%s", name);
    CU_ASSERT(use(b, 0, name, &p) != 0);
    CU_ASSERT(use(b, INBOX_GRANTED, name, &p) != 0);
    CU_ASSERT(vault_grant(v, &grant, true, &p) != 0);
    CU_ASSERT(vault_grant(v, &grant, false, &p) != 0);
    FAILS(vault_rename(v, &to, &p), LB_E_DAMAGED);
    CU_ASSERT(vault_schedule_destroy(v, &whole, &at, &p) != 0);
    CU_ASSERT(vault_cancel_destroy(v, &whole, &p) != 0);
    FAILS(inbox_create(b, name, &p), LB_E_DAMAGED);
    OK(use(b, 0, "other", &p));
    OK(use(b, INBOX_GRANTED, "other", &p));
}

/*
 * Where the row of the policy alone is damaged, the key does nothing, and is not changed; it can be destroyed, and its name is free
 * then.
 */
static void damaged_rows(void)
{
#define OF(name) " WHERE key_id = (SELECT key_id FROM key WHERE name = '" name "')"
    static const struct {
        const char *key, *sql;
        bool late; /* of the right form: it is seen when the store is unlocked */
    } rows[] = {
        { "web", "UPDATE policy SET entries = x'00'" OF("web"), false },
        { "web", "UPDATE policy SET entries = joined(entries, entries)" OF("web"), false },
        { "web", "UPDATE policy SET entries = joined(entries, x'000200037a2061')" OF("web"), false },
        { "web", "UPDATE policy SET entries = joined(entries, x'0003000d00000007000000000000000502')" OF("web"), false },
        { "web", "UPDATE policy SET entries = joined(entries, " UNKNOWN ", x'00')" OF("web"), false },
        { "web", "UPDATE policy SET entries = joined(entries, " UNKNOWN ")" OF("web"), false },
        { "web", "UPDATE policy SET entries = joined(x'04', substr(entries, 2))" OF("web"), false },
        { "web", "UPDATE policy SET entries = x''" OF("web"), false },
        { "web", "UPDATE policy SET entries = joined(entries, x'0002000178')" OF("web"), true },
        { "fourth", "UPDATE policy SET entries = joined(entries, x'00')" OF("fourth"), false },
        { "fourth", "UPDATE policy SET entries = joined(x'04', substr(entries, 2))" OF("fourth"), false },
        { "fourth", "UPDATE policy SET entries = joined(substr(entries, 1, length(entries) - 1), x'03')" OF("fourth"), false },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct grant_request grant = { .name = "other", .grant = { SUBJECT_USER, INBOX_GRANTED, OP_SIGN } };
        struct destroy_request whole = { .version = 0 };
        struct problem p = { 0 };
        struct inbox b;

        snprintf(whole.name, sizeof(whole.name), "%s", rows[i].key);
        box_with_keys(&b);
        OK(vault_grant(b.box.vault, &grant, true, &p));
        inbox_close(&b);
        unit_sql(b.conf.paths.store, rows[i].sql);
        OK(vault_open(&b.vault_settings, &b.box.vault, &p));
        if (!rows[i].late)
            is_told(&b, rows[i].key);
        for (unsigned j = 0; j < 2; j++) {
            OK(inbox_reopen(&b, &p));
            is_told(&b, rows[i].key);
            nothing_but_destroy(&b, rows[i].key);
            is_told(&b, rows[i].key);
        }
        OK(vault_destroy(b.box.vault, &whole, &p));
        CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 0);
        CU_ASSERT_EQUAL(record(&b, rows[i].key)->grant_count, 0);
        OK(inbox_create(&b, rows[i].key, &p));
        for (unsigned j = 0; j < 2; j++) {
            OK(use(&b, 0, rows[i].key, &p));
            FAILS(use(&b, INBOX_GRANTED, rows[i].key, &p), LB_E_DENIED);
            CU_ASSERT_EQUAL(record(&b, rows[i].key)->version_count, 2);
            OK(inbox_reopen(&b, &p));
            CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 0);
        }
        inbox_clear(&b);
    }
}

/* What is damaged of a destroyed key is not its policy, which it has none of: its name can be had again. */
static void damaged_rows_of_destroyed_keys(void)
{
    static const char *const entries[] = { "x'00'", UNKNOWN, "x'0001000701002dc6c10001'" };
    const struct destroy_request web = { .name = "web" };

    for (size_t i = 0; i < COUNT(entries); i++) {
        struct problem p = { 0 };
        struct inbox b;
        char sql[256];

        box_with_keys(&b);
        OK(vault_destroy(b.box.vault, &web, &p));
        inbox_close(&b);
        snprintf(sql, sizeof(sql), "UPDATE policy SET entries = %s" OF("web"), entries[i]);
        unit_sql(b.conf.paths.store, sql);
        OK(vault_open(&b.vault_settings, &b.box.vault, &p));
        is_told(&b, "web");
        OK(inbox_reopen(&b, &p));
        CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 0);
        FAILS(use(&b, 0, "web", &p), LB_E_DESTROYED);
        FAILS(vault_destroy(b.box.vault, &web, &p), LB_E_DESTROYED);
        OK(inbox_create(&b, "web", &p));
        FAILS(use(&b, INBOX_GRANTED, "web", &p), LB_E_DENIED);
        OK(use(&b, 0, "web", &p));
        /* One that was not destroyed is not made so by its row. */
        inbox_close(&b);
        snprintf(sql, sizeof(sql), "UPDATE policy SET entries = %s" OF("web") "; UPDATE version SET state = 5 WHERE name = 'web'",
                 entries[i]);
        unit_sql(b.conf.paths.store, sql);
        OK(inbox_reopen(&b, &p));
        is_told(&b, "web");
        FAILS(inbox_create(&b, "web", &p), LB_E_DAMAGED);
        inbox_clear(&b);
    }
}

/* The store takes no record whose policy is not known, whoever asks. */
static void damaged_policies_are_not_stored(void)
{
    struct key_record rec;
    struct inbox b;
    struct problem p = { 0 };

    box_with_keys(&b);
    rec = *record(&b, "other");
    rec.policy_damaged = true;
    FAILS(store_put_key(b.box.vault->store, &rec, &p), LB_E_VALUE);
    FAILS(b.box.vault->ops->check(b.box.vault->backend, &rec, &rec.versions[0]), LB_E_DAMAGED);
    rec.policy_damaged = false;
    OK(b.box.vault->ops->check(b.box.vault->backend, &rec, &rec.versions[0]));
    inbox_clear(&b);
}

/* The store of a box as a littlebox of before schema 4 leaves it. The vault is closed then. */
static void make_old(struct inbox *b)
{
    struct key_record keys[8];
    struct boxkey *copies[8]; /* the ring's go when the vault is closed */
    size_t count = b->box.vault->ring.count;

    for (size_t i = 0; i < count; i++) {
        copies[i] = boxkey_new(&b->box.vault->ring.keys[i]->rec);
        keys[i] = fixture_bind_old(b->box.vault->sealer, &copies[i]->rec);
    }
    inbox_close(b);
    fixture_write_old(b->conf.paths.store, keys, count);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < keys[i].version_count; j++)
            free(keys[i].versions[j].material);
        free(keys[i].versions);
        boxkey_free(copies[i]);
    }
}

static void check_all(struct inbox *b)
{
    struct problem p;

    CU_ASSERT_EQUAL(atomic_load(&b->box.vault->damaged), 0);
    OK(use(b, INBOX_GRANTED, "web", &p));
    FAILS(use(b, INBOX_STRANGER, "web", &p), LB_E_DENIED);
    OK(use(b, 0, "other", &p));
    FAILS(use(b, 0, "third", &p), LB_E_NOT_ACTIVE);
    TEXT_IS(record(b, "fourth")->former, "third");
    CU_ASSERT_EQUAL(record(b, "fourth")->versions[0].state, STATE_DESTROY_SCHEDULED);
    CU_ASSERT(record(b, "fourth")->versions[0].destroy_at > 0);
}

static void old_stores_are_brought_up(void)
{
    const struct destroy_request fourth = { .name = "fourth" };
    struct inbox b;
    struct problem p;

    box_with_keys(&b);
    make_old(&b);
    OK(vault_open(&b.vault_settings, &b.box.vault, &p));
    CU_ASSERT_TRUE(record(&b, "web")->old_form);
    CU_ASSERT_EQUAL(record(&b, "web")->grant_count, 1);
    TEXT_IS(record(&b, "fourth")->former, "third");
    for (unsigned i = 0; i < 2; i++) {
        OK(inbox_reopen(&b, &p));
        CU_ASSERT_FALSE(record(&b, "web")->old_form);
        check_all(&b);
    }
    /* What is in memory is what is stored: it can be changed. */
    make_old(&b);
    OK(inbox_reopen(&b, &p));
    OK(vault_cancel_destroy(b.box.vault, &fourth, &p));
    OK(use(&b, 0, "third", &p));
    OK(inbox_reopen(&b, &p));
    OK(use(&b, 0, "third", &p));
    inbox_close(&b);
    unit_sql(b.conf.paths.store, "SELECT joined(CASE (SELECT count(*) FROM grant_) + (SELECT count(*) FROM former) + "
                                 "(SELECT count(*) FROM schedule) WHEN 0 THEN x'' ELSE 1 END)");
    inbox_clear(&b);
}

/* A damaged key is left as it is, in the old form, the sound versions of others are not. Once it is mended it is brought up. */
static void damaged_old_keys_stay(void)
{
    struct inbox b;
    struct problem p;

    box_with_keys(&b);
    make_old(&b);
    unit_sql(b.conf.paths.store, "UPDATE grant_ SET ops = 3");
    for (unsigned i = 0; i < 2; i++) {
        OK(inbox_reopen(&b, &p));
        CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 1);
        FAILS(use(&b, INBOX_GRANTED, "web", &p), LB_E_DAMAGED);
        CU_ASSERT_TRUE(record(&b, "web")->old_form);
        CU_ASSERT_FALSE(record(&b, "other")->old_form);
        OK(use(&b, 0, "other", &p));
    }
    inbox_close(&b);
    unit_sql(b.conf.paths.store, "UPDATE grant_ SET ops = 1");
    OK(inbox_reopen(&b, &p));
    CU_ASSERT_FALSE(record(&b, "web")->old_form);
    check_all(&b);
    /* What is damaged can be destroyed, as ever. */
    make_old(&b);
    unit_sql(b.conf.paths.store, "UPDATE grant_ SET ops = 3");
    OK(inbox_reopen(&b, &p));
    FAILS(use(&b, INBOX_GRANTED, "web", &p), LB_E_DAMAGED);
    OK(vault_destroy(b.box.vault, &(struct destroy_request){ .name = "web" }, &p));
    OK(inbox_reopen(&b, &p));
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 0);
    CU_ASSERT_FALSE(record(&b, "web")->old_form);
    inbox_clear(&b);
}

/* The newer form with the older one's rows beside it: they are nobody's, and take nothing back. */
static void old_rows_do_not_come_back(void)
{
    struct inbox b;
    struct problem p;

    box_with_keys(&b);
    inbox_close(&b);
    unit_sql(b.conf.paths.store,
             "INSERT INTO grant_ SELECT key_id, 1, 3000002, 1 FROM key; INSERT INTO former SELECT key_id, 'shop' FROM key;"
             "INSERT INTO schedule SELECT key_id, 1, 5 FROM key");
    OK(inbox_reopen(&b, &p));
    check_all(&b);
    FAILS(use(&b, 0, "shop", &p), LB_E_NO_KEY);
    /* And without the row of the policy, the old ones are read, and do not authenticate. */
    inbox_close(&b);
    unit_sql(b.conf.paths.store, "DELETE FROM policy");
    OK(inbox_reopen(&b, &p));
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 3);
    CU_ASSERT(use(&b, 0, "web", &p) != 0);
    CU_ASSERT(use(&b, INBOX_STRANGER, "other", &p) != 0);
    inbox_clear(&b);
}

static const struct unit_test tests[] = {
    { "in and out", in_and_out },
    { "one form", one_form },
    { "kinds have an order", kinds_have_an_order },
    { "unknown kinds", unknown_kinds },
    { "unknown kinds are bound", unknown_kinds_are_bound },
    { "lost rows", lost_rows },
    { "damaged rows", damaged_rows },
    { "damaged rows of destroyed keys", damaged_rows_of_destroyed_keys },
    { "damaged policies are not stored", damaged_policies_are_not_stored },
    { "old stores are brought up", old_stores_are_brought_up },
    { "damaged old keys stay", damaged_old_keys_stay },
    { "old rows do not come back", old_rows_do_not_come_back },
    { NULL, NULL },
};
const struct unit_suite suite_policyblob = { "policyblob", tests };
