/* Keys that are to be destroyed, that get another name, that were used: what a vault does about it. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../harness/inbox.h"
#include "model/seal_kinds.h"
#include "vault/vault_priv.h"
#include "unit.h"

static const struct destroy_request web_whole = { .name = "web" }, web_first = { .name = "web", .version = 1 };

static void box_with_keys(struct inbox *b)
{
    struct grant_request grant = { .name = "web", .grant = { SUBJECT_USER, INBOX_GRANTED, OP_SIGN } };
    struct problem p;

    inbox_init(b);
    OK(inbox_create(b, "web", &p));
    OK(inbox_create(b, "other", &p));
    OK(vault_grant(b->box.vault, &grant, true, &p));
}

/* As a URI names it: the active version. */
static int use(struct inbox *b, uid_t uid, const char *name, struct problem *p)
{
    struct key_ref ref = { .version = 0 };

    snprintf(ref.name, sizeof(ref.name), "%s", name);
    return inbox_use(b, uid, OP_SIGN, &ref, p);
}

static int get(struct inbox *b, const char *name, struct problem *p)
{
    struct key_ref ref = { .version = 0 };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;

    snprintf(ref.name, sizeof(ref.name), "%s", name);
    return vault_get(b->box.vault, &ref, spki, &key, p);
}

static struct key_details *show(struct inbox *b, const char *name)
{
    static struct key_details s;
    struct problem p;

    OK(vault_show(b->box.vault, name, &s, &p));
    return &s;
}

static void change_store(struct inbox *b, const char *sql)
{
    inbox_close(b);
    unit_sql(b->conf.paths.store, sql);
}

/* Nothing is done with it, its name stays its own, and it is there again as it was. */
static void scheduled_and_back(void)
{
    struct grant_request grant = { .name = "web", .grant = { SUBJECT_USER, INBOX_STRANGER, OP_SIGN } };
    struct key_ref pinned = { .name = "web", .has_hash = true };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct vault *v;
    uint64_t at = 0, before = (uint64_t)time(NULL);
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    v = b.box.vault;
    OK(use(&b, INBOX_GRANTED, "web", &p));
    OK(vault_schedule_destroy(v, &web_whole, &at, &p));
    CU_ASSERT(at >= before + 7 * 86400 && at <= (uint64_t)time(NULL) + 7 * 86400);
    for (int i = 0; i < 2; i++) {
        FAILS(use(&b, INBOX_GRANTED, "web", &p), LB_E_NOT_ACTIVE);
        TEXT_HAS(p.text, "key 'web' in box 'test' is to be destroyed at ");
        TEXT_IS(p.hint, "an administrator can keep it: littlebox --box test destroy --cancel web");
        FAILS(use(&b, 0, "web", &p), LB_E_NOT_ACTIVE);
        FAILS(use(&b, INBOX_STRANGER, "web", &p), LB_E_DENIED);
        /* Nor by what pins the version, as a handle does. */
        memcpy(pinned.hash, keyring_find(&v->ring, "web")->versions[0].hash, LB_HASH_SIZE);
        FAILS(inbox_use(&b, 0, OP_SIGN, &pinned, &p), LB_E_NOT_ACTIVE);
        FAILS(inbox_use(&b, 0, OP_SIGN, &(struct key_ref){ .name = "web", .version = 1 }, &p), LB_E_NOT_ACTIVE);
        FAILS(vault_get(v, &pinned, spki, &key, &p), LB_E_NOT_ACTIVE);
        FAILS(get(&b, "web", &p), LB_E_NOT_ACTIVE);
        CU_ASSERT_EQUAL(show(&b, "web")->versions[0].state, STATE_DESTROY_SCHEDULED);
        CU_ASSERT_EQUAL(show(&b, "web")->versions[0].destroy_at, at);
        CU_ASSERT_EQUAL(show(&b, "web")->grant_count, 1);
        CU_ASSERT_PTR_NULL(keyring_find(&v->ring, "web")->versions[0].live);
        FAILS(inbox_create(&b, "web", &p), LB_E_EXISTS);
        FAILS(vault_grant(v, &grant, true, &p), LB_E_DESTROYED);
        TEXT_IS(p.text, "key 'web' in box 'test' has no active version to allow");
        FAILS(vault_schedule_destroy(v, &web_whole, &at, &p), LB_E_NOT_ACTIVE);
        FAILS(vault_schedule_destroy(v, &web_first, &at, &p), LB_E_NOT_ACTIVE);
        /* And after a restart. */
        if (i == 0) {
            OK(inbox_reopen(&b, &p));
            v = b.box.vault;
        }
        CU_ASSERT_EQUAL(atomic_load(&v->damaged), 0);
    }
    FAILS(vault_cancel_destroy(v, &(struct destroy_request){ "other", 0 }, &p), LB_E_VALUE);
    FAILS(vault_cancel_destroy(v, &(struct destroy_request){ "web", 2 }, &p), LB_E_NO_VERSION);
    FAILS(vault_cancel_destroy(v, &(struct destroy_request){ "none", 0 }, &p), LB_E_NO_KEY);
    OK(vault_cancel_destroy(v, &web_whole, &p));
    OK(use(&b, INBOX_GRANTED, "web", &p));
    OK(inbox_reopen(&b, &p));
    v = b.box.vault;
    OK(use(&b, INBOX_GRANTED, "web", &p));
    CU_ASSERT_EQUAL(show(&b, "web")->versions[0].state, STATE_ACTIVE);
    CU_ASSERT_EQUAL(show(&b, "web")->versions[0].destroy_at, 0);
    FAILS(vault_cancel_destroy(v, &web_whole, &p), LB_E_VALUE);
    TEXT_IS(p.text, "nothing of key 'web' in box 'test' is scheduled for destruction");
    inbox_clear(&b);
}

/* At its time, by whatever comes first: a change, somebody who tends the vault, or the next time the store is opened. */
static void carried_out(void)
{
    struct problem p;
    uint64_t at;

    for (int i = 0; i < 3; i++) {
        struct vault *v;
        struct inbox b;

        box_with_keys(&b);
        v = b.box.vault;
        b.vault_settings.destroy_after = 1000;
        OK(vault_schedule_destroy(v, &(struct destroy_request){ "other", 0 }, &at, &p));
        b.vault_settings.destroy_after = 0;
        OK(vault_schedule_destroy(v, &web_whole, &at, &p));
        CU_ASSERT(v->next_destroy <= at);
        CU_ASSERT_EQUAL(show(&b, "web")->versions[0].state, STATE_DESTROY_SCHEDULED);
        if (i == 0)
            vault_expire(v);
        else if (i == 1)
            CU_ASSERT(vault_tend(v) <= VAULT_TEND_EVERY * 1000)
        else
            OK(inbox_reopen(&b, &p));
        v = b.box.vault;
        CU_ASSERT_EQUAL(show(&b, "web")->versions[0].state, STATE_DESTROYED);
        CU_ASSERT_EQUAL(show(&b, "web")->versions[0].destroy_at, 0);
        CU_ASSERT_EQUAL(show(&b, "web")->grant_count, 0);
        CU_ASSERT_EQUAL(show(&b, "other")->versions[0].state, STATE_DESTROY_SCHEDULED);
        FAILS(use(&b, 0, "web", &p), LB_E_DESTROYED);
        FAILS(vault_cancel_destroy(v, &web_whole, &p), LB_E_DESTROYED);
        OK(inbox_create(&b, "web", &p));
        OK(inbox_reopen(&b, &p));
        v = b.box.vault;
        CU_ASSERT_EQUAL(atomic_load(&v->damaged), 0);
        CU_ASSERT(v->next_destroy > (uint64_t)time(NULL) && v->next_destroy < UINT64_MAX);
        inbox_clear(&b);
    }
}

/* A clock may be wrong for a while: nothing is destroyed because it says so once. */
static void clock_settles(void)
{
    struct boxkey *k;
    struct vault *v;
    struct problem p;
    struct inbox b;
    uint64_t at;

    box_with_keys(&b);
    v = b.box.vault;
    b.vault_settings.destroy_after = 0;
    OK(vault_schedule_destroy(v, &web_whole, &at, &p));
    /* It is due now, and would have to be so for VAULT_SETTLE seconds. */
    b.vault_settings.destroy_after = 7 * 86400;
    vault_expire(v);
    CU_ASSERT_EQUAL(show(&b, "web")->versions[0].state, STATE_DESTROY_SCHEDULED);
    CU_ASSERT(vault_tend(v) <= VAULT_TEND_EVERY * 1000);
    OK(inbox_reopen(&b, &p));
    v = b.box.vault;
    CU_ASSERT_EQUAL(show(&b, "web")->versions[0].state, STATE_DESTROY_SCHEDULED);
    /* The clock is set back: then it has to begin again. */
    k = keyring_find(&v->ring, "web");
    vault_expire(v);
    CU_ASSERT(k->due_since > 0);
    k->rec.versions[0].destroy_at += 86400;
    vault_expire(v);
    CU_ASSERT_EQUAL(k->due_since, 0);
    k->rec.versions[0].destroy_at -= 86400;
    /* What is due and still there can be had back. */
    OK(vault_cancel_destroy(v, &web_whole, &p));
    OK(use(&b, INBOX_GRANTED, "web", &p));
    inbox_clear(&b);
}

/* By a clock that is behind, what is scheduled would be due as soon as it is set. */
static void clock_behind(void)
{
    struct vault *v;
    struct problem p;
    struct inbox b;
    uint64_t at;

    box_with_keys(&b);
    v = b.box.vault;
    keyring_find(&v->ring, "other")->rec.versions[0].changed += 3600;
    FAILS(vault_schedule_destroy(v, &web_whole, &at, &p), LB_E_SYSTEM);
    TEXT_HAS(p.text, "the system's clock says ");
    TEXT_IS(p.hint, "set the clock: the time of a destruction goes by it");
    OK(use(&b, INBOX_GRANTED, "web", &p));
    keyring_find(&v->ring, "other")->rec.versions[0].changed -= 3600;
    OK(vault_schedule_destroy(v, &web_whole, &at, &p));
    inbox_clear(&b);
}

/* While the store is locked no tombstone can be made: it is done before anybody can use it. */
static void locked_meanwhile(void)
{
    struct vault *v;
    struct problem p;
    struct inbox b;
    uint64_t at;

    box_with_keys(&b);
    v = b.box.vault;
    b.vault_settings.destroy_after = 0;
    OK(vault_schedule_destroy(v, &web_whole, &at, &p));
    vault_lock(v);
    vault_expire(v);
    CU_ASSERT_EQUAL(show(&b, "web")->versions[0].state, STATE_DESTROY_SCHEDULED);
    FAILS(use(&b, 0, "web", &p), LB_E_NOT_ACTIVE);
    CU_ASSERT(vault_tend(v) > 0);
    OK(vault_unlock(v, SEAL_CREDENTIAL, (struct bytes){ (const uint8_t *)INBOX_CREDENTIAL, strlen(INBOX_CREDENTIAL) }, &p));
    CU_ASSERT_EQUAL(show(&b, "web")->versions[0].state, STATE_DESTROYED);
    inbox_clear(&b);
}

/* At once is at once, of what is scheduled too. */
static void now_after_all(void)
{
    struct problem p;
    struct inbox b;
    uint64_t at;

    box_with_keys(&b);
    OK(vault_schedule_destroy(b.box.vault, &web_first, &at, &p));
    OK(vault_destroy(b.box.vault, &web_whole, &p));
    FAILS(use(&b, 0, "web", &p), LB_E_DESTROYED);
    FAILS(vault_schedule_destroy(b.box.vault, &web_whole, &at, &p), LB_E_DESTROYED);
    CU_ASSERT_EQUAL(b.box.vault->next_destroy, UINT64_MAX);
    OK(inbox_reopen(&b, &p));
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 0);
    inbox_clear(&b);
}

/* The entry of what is scheduled is the last: 4 bytes of head, 13 of one version. */
#define OF_WEB " WHERE key_id = (SELECT key_id FROM key WHERE name = 'web')"
#define BEFORE "substr(entries, 1, length(entries) - 17)"
#define SCHEDULE "substr(entries, -17)"

/* Whoever can write the disk brings nothing back, and has nothing destroyed before its time: it does not authenticate. */
static void changed_behind_its_back(void)
{
    static const char *const changes[] = {
        "UPDATE policy SET entries = " BEFORE OF_WEB,
        "UPDATE policy SET entries = joined(substr(entries, 1, length(entries) - 2), x'7702')" OF_WEB,
        "UPDATE policy SET entries = joined(substr(entries, 1, length(entries) - 9), x'000000000000000102')" OF_WEB,
        "UPDATE version SET state = 3 WHERE name = 'web'",
        "UPDATE policy SET entries = (SELECT " SCHEDULE " FROM policy" OF_WEB
        ") WHERE key_id = (SELECT key_id FROM key WHERE name = 'other'); UPDATE policy SET entries = " BEFORE OF_WEB,
        "UPDATE policy SET entries = joined(" BEFORE ", x'0002000473686f70', " SCHEDULE ")" OF_WEB,
        "UPDATE policy SET entries = joined(" BEFORE ", x'000200057468697264', " SCHEDULE ")" OF_WEB
        "; UPDATE policy SET entries = x'' WHERE key_id = (SELECT key_id FROM key WHERE name = 'fourth')",
    };
    struct problem p;
    uint64_t at;

    for (size_t i = 0; i < COUNT(changes); i++) {
        struct inbox b;

        box_with_keys(&b);
        OK(inbox_create(&b, "third", &p));
        OK(vault_rename(b.box.vault, &(struct rename_request){ "third", "fourth" }, &p));
        OK(vault_schedule_destroy(b.box.vault, &web_whole, &at, &p));
        /* So that what is due would go at once. */
        b.vault_settings.destroy_after = 0;
        change_store(&b, changes[i]);
        OK(inbox_reopen(&b, &p));
        CU_ASSERT(atomic_load(&b.box.vault->damaged) >= 1);
        CU_ASSERT_TRUE(show(&b, "web")->versions[0].damaged);
        CU_ASSERT_NOT_EQUAL(show(&b, "web")->versions[0].state, STATE_DESTROYED);
        CU_ASSERT(use(&b, 0, "web", &p) != 0);
        CU_ASSERT(use(&b, 0, "shop", &p) != 0);
        inbox_clear(&b);
    }
}

/* Handles with the old name mean the same key as before, and never another one. */
static void another_name(void)
{
    struct vault *v;
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    v = b.box.vault;
    OK(vault_rename(v, &(struct rename_request){ "web", "a.shop" }, &p));
    for (int i = 0; i < 2; i++) {
        OK(use(&b, INBOX_GRANTED, "a.shop", &p));
        OK(use(&b, INBOX_GRANTED, "web", &p));
        FAILS(use(&b, INBOX_STRANGER, "web", &p), LB_E_DENIED);
        TEXT_IS(show(&b, "web")->name, "a.shop");
        TEXT_IS(show(&b, "a.shop")->former, "web");
        FAILS(inbox_create(&b, "web", &p), LB_E_EXISTS);
        TEXT_IS(p.text, "'web' is a former name of key 'a.shop' in box 'test', whose handles may still have it");
        FAILS(vault_rename(v, &(struct rename_request){ "other", "web" }, &p), LB_E_EXISTS);
        FAILS(vault_rename(v, &(struct rename_request){ "other", "a.shop" }, &p), LB_E_EXISTS);
        FAILS(vault_rename(v, &(struct rename_request){ "a.shop", "a.shop" }, &p), LB_E_EXISTS);
        FAILS(vault_rename(v, &(struct rename_request){ "none", "new" }, &p), LB_E_NO_KEY);
        /* What changes a key wants its name. */
        FAILS(vault_destroy(v, &web_whole, &p), LB_E_EXISTS);
        FAILS(vault_rename(v, &(struct rename_request){ "web", "new" }, &p), LB_E_EXISTS);
        CU_ASSERT_EQUAL(atomic_load(&v->damaged), 0);
        if (i == 0) {
            OK(inbox_reopen(&b, &p));
            v = b.box.vault;
        }
    }
    /* The ring is in order still. */
    CU_ASSERT_EQUAL(v->ring.count, 2);
    TEXT_IS(v->ring.keys[0]->rec.name, "a.shop");
    /* There and back. */
    OK(vault_rename(v, &(struct rename_request){ "a.shop", "web" }, &p));
    TEXT_IS(show(&b, "web")->former, "a.shop");
    OK(use(&b, INBOX_GRANTED, "web", &p));
    OK(use(&b, INBOX_GRANTED, "a.shop", &p));
    /* With the key its names end. */
    OK(vault_destroy(v, &web_whole, &p));
    FAILS(use(&b, 0, "a.shop", &p), LB_E_NO_KEY);
    FAILS(vault_rename(v, &(struct rename_request){ "web", "new" }, &p), LB_E_DESTROYED);
    OK(inbox_create(&b, "a.shop", &p));
    FAILS(vault_rename(v, &(struct rename_request){ "other", "web" }, &p), LB_E_EXISTS);
    inbox_clear(&b);
}

static bool take_object(const struct found_object *e, void *arg)
{
    *(struct found_object *)arg = *e;
    return true;
}

/* A pkcs11: URI names a key of a box without a token as an object: by its name, and by those that it had. */
static void another_name_in_a_uri(void)
{
    static const struct {
        const char *label;
        uint16_t count;
    } rows[] = { { "web", 1 }, { "a.shop", 1 }, { "shop", 0 }, { "we", 0 } };
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    OK(vault_rename(b.box.vault, &(struct rename_request){ "web", "a.shop" }, &p));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct caller who = inbox_caller(getpid(), INBOX_GRANTED, INBOX_STRANGER);
        struct p11uri want = { .a = { { .set = false } } };
        struct found_object e = { .name = "" };
        struct found_token found;

        OK(p11uri_set_text(&want, P11_OBJECT, rows[i].label));
        OK(vault_find(b.box.vault, &want, &who, take_object, &e, &found, &p));
        CU_ASSERT_EQUAL(found.count, rows[i].count);
        CU_ASSERT_FALSE(found.more);
        if (found.count == 0)
            continue;
        TEXT_IS(e.name, "a.shop");
        CU_ASSERT_TRUE(p11uri_matches(&want, &e.object, P11_BIT(P11_OBJECT)));
    }
    inbox_clear(&b);
}

static void too_many_names(void)
{
    struct rename_request m = { "web", "n00" };
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    for (unsigned i = 0; i < LB_FORMER_NAMES_MAX; i++) {
        snprintf(m.to, sizeof(m.to), "n%02u", i % 100);
        OK(vault_rename(b.box.vault, &m, &p));
        memcpy(m.name, m.to, sizeof(m.name));
    }
    snprintf(m.to, sizeof(m.to), "%s", "last");
    FAILS(vault_rename(b.box.vault, &m, &p), LB_E_TOO_LONG);
    OK(use(&b, INBOX_GRANTED, "web", &p));
    OK(inbox_reopen(&b, &p));
    OK(use(&b, INBOX_GRANTED, "web", &p));
    OK(use(&b, INBOX_GRANTED, "n15", &p));
    inbox_clear(&b);
}

static void last_use(void)
{
    struct grant_request grant = { .name = "web", .grant = { SUBJECT_USER, INBOX_STRANGER, OP_DECRYPT } };
    uint64_t before = (uint64_t)time(NULL), used;
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    CU_ASSERT_EQUAL(show(&b, "web")->versions[0].used, 0);
    FAILS(use(&b, INBOX_STRANGER, "web", &p), LB_E_DENIED);
    CU_ASSERT_EQUAL(show(&b, "web")->versions[0].used, 0);
    OK(use(&b, INBOX_GRANTED, "web", &p));
    used = show(&b, "web")->versions[0].used;
    CU_ASSERT(used >= before && used <= (uint64_t)time(NULL));
    CU_ASSERT_EQUAL(show(&b, "other")->versions[0].used, 0);
    /* It outlives changes of the key, locks and restarts. */
    OK(vault_grant(b.box.vault, &grant, true, &p));
    OK(vault_rename(b.box.vault, &(struct rename_request){ "web", "shop" }, &p));
    CU_ASSERT_EQUAL(show(&b, "web")->versions[0].used, used);
    OK(inbox_reopen(&b, &p));
    CU_ASSERT_EQUAL(show(&b, "web")->versions[0].used, used);
    CU_ASSERT_EQUAL(show(&b, "other")->versions[0].used, 0);
    inbox_clear(&b);
}

static const struct unit_test tests[] = {
    { "scheduled, and back", scheduled_and_back },
    { "carried out", carried_out },
    { "a clock settles", clock_settles },
    { "a clock is behind", clock_behind },
    { "locked meanwhile", locked_meanwhile },
    { "now after all", now_after_all },
    { "changed behind its back", changed_behind_its_back },
    { "another name", another_name },
    { "another name in a URI", another_name_in_a_uri },
    { "too many names", too_many_names },
    { "last use", last_use },
    { NULL, NULL },
};
const struct unit_suite suite_ending = { "ending", tests };
