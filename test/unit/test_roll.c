/* Rolling over: versions that become current, drain, come back; who used what; what the disk says of it. */
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model/purpose.h"
#include "rolling.h"
#include "unit.h"

static void rolled_over(void)
{
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;

    box_with_a_key(&b);
    OK(roll(&b, "", &version, &new, &p));
    CU_ASSERT(version == 2 && new);
    CU_ASSERT_EQUAL(state_of(&b, 2), STATE_PRE_ACTIVATION);
    OK(roll(&b, "", &version, &new, &p));
    CU_ASSERT(version == 2 && !new);
    FAILS(roll(&b, "ec:P-256", &version, &new, &p), LB_E_EXISTS);
    TEXT_IS(p.text, "key 'web' in box 'test' has a next version already, and it is of type ed25519");
    OK(use(&b, 1, &p));
    FAILS(use(&b, 2, &p), LB_E_NOT_ACTIVE);
    CU_ASSERT_EQUAL(current(&b), 1);

    for (int i = 0; i < 2; i++) {
        OK(activate(&b, i == 0 ? 0 : 2, 0, 3600, &a, &p));
        CU_ASSERT(a.version == 2 && a.state == STATE_ACTIVE && a.changed == (i == 0) && a.at == 0);
        CU_ASSERT(i == 1 || (a.former == 1 && a.until > (uint64_t)time(NULL) + 3500));
        OK(use(&b, 1, &p));
        OK(use(&b, 2, &p));
        CU_ASSERT_EQUAL(current(&b), 2);
        CU_ASSERT(show(&b)->versions[1].current && !show(&b)->versions[0].current);
        CU_ASSERT(show(&b)->versions[1].life.by == BY && show(&b)->grant_count == 1);
    }
    FAILS(activate(&b, 0, (uint64_t)time(NULL) + 60, 3600, &a, &p), LB_E_NO_VERSION);
    TEXT_IS(p.text, "key 'web' in box 'test' has no next version");
    OK(inbox_reopen(&b, &p));
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 0);
    CU_ASSERT_EQUAL(current(&b), 2);
    OK(use(&b, 1, &p));

    later(&b, 3601);
    CU_ASSERT_EQUAL(state_of(&b, 1), STATE_DEACTIVATED);
    CU_ASSERT_EQUAL(show(&b)->versions[0].life.reason, REASON_SUPERSEDED);
    FAILS(use(&b, 1, &p), LB_E_NOT_ACTIVE);
    OK(use(&b, 2, &p));
    FAILS(back(&b, 10, &a, &p), LB_E_NO_VERSION);
    FAILS(activate(&b, 1, 0, 0, &a, &p), LB_E_VALUE);
    TEXT_IS(p.text, "version 1 of key 'web' in box 'test' is deactivated: to activate it is not possible");
    inbox_clear(&b);
}

/* Also before the box has written down that a version is over. */
static void and_back(void)
{
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;

    box_with_a_key(&b);
    FAILS(back(&b, 60, &a, &p), LB_E_NO_VERSION);
    TEXT_IS(p.text, "no version of key 'web' in box 'test' before version 1 signs any more: there is none to go back to");
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, 0, 3600, &a, &p));
    for (int i = 0; i < 2; i++) {
        OK(back(&b, 7200, &a, &p));
        CU_ASSERT(a.version == 1 && a.changed == (i == 0) && a.former == 2);
        CU_ASSERT_EQUAL(current(&b), 1);
        OK(use(&b, 1, &p));
        OK(use(&b, 2, &p));
        CU_ASSERT_EQUAL(show(&b)->versions[0].life.deactivate_at, 0);
    }
    OK(inbox_reopen(&b, &p));
    CU_ASSERT_EQUAL(current(&b), 1);
    /* And forward once more. */
    OK(activate(&b, 2, 0, 3600, &a, &p));
    CU_ASSERT(a.changed && current(&b) == 2);
    OK(back(&b, 0, &a, &p));
    CU_ASSERT(current(&b) == 1 && state_of(&b, 2) == STATE_DEACTIVATED && a.former == 0);
    inbox_clear(&b);
}

/* The box was locked at that time, and for longer than the drain: it begins when the change is made. */
/* Until the store has it, the version before is the current one: there is none without. */
/* Whoever lost a key makes the next one under its name. */
static void after_a_loss(void)
{
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;

    box_with_a_key(&b);
    OK(event(&b, 0, EVENT_COMPROMISE, REASON_KEY_COMPROMISE, &a, &p));
    OK(roll(&b, "", &version, &new, &p));
    CU_ASSERT(new && version == 2 && show(&b)->grant_count == 1);
    OK(activate(&b, 0, 0, 60, &a, &p));
    CU_ASSERT(a.version == 2 && a.former == 0);
    OK(use(&b, 2, &p));
    FAILS(use(&b, 1, &p), LB_E_NOT_ACTIVE);
    OK(vault_destroy(b.box.vault, &(struct destroy_request){ "web", 0 }, &p));
    FAILS(roll(&b, "", &version, &new, &p), LB_E_NOT_ACTIVE);
    TEXT_IS(p.text, "key 'web' in box 'test' is destroyed: there is no version to roll over from");
    inbox_clear(&b);
}

/* What was to follow is gone: the current version does not end alone. And the way back leads to what was current before. */
/* What may be asked for twice, since its answer may be lost. */
static void twice(void)
{
    uint64_t at = (uint64_t)time(NULL) + 5000;
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;

    box_with_a_key(&b);
    FAILS(activate(&b, 0, 0, 60, &a, &p), LB_E_NO_VERSION);
    OK(roll(&b, "", &version, &new, &p));
    for (int i = 0; i < 2; i++) {
        OK(activate(&b, 0, 0, 3600, &a, &p));
        CU_ASSERT(a.version == 2 && a.changed == (i == 0));
    }
    FAILS(activate(&b, 0, at, 3600, &a, &p), LB_E_NO_VERSION);
    /* A plan that is taken back is not two steps. */
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, at, 1000, &a, &p));
    for (int i = 0; i < 2; i++) {
        OK(back(&b, 60, &a, &p));
        CU_ASSERT(a.version == 2 && a.changed == (i == 0) && current(&b) == 2);
    }
    inbox_clear(&b);
}

/* Besides the current version none goes on without an end. */
/* A clock that is wrong for a while ends nothing, and what is done meanwhile has the right time. */
/* A clock that is set back brings nothing to life, after a restart too. */
static void suspended_and_the_rest(void)
{
    struct destroy_request first = { "web", 1 };
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint64_t at;

    box_with_a_key(&b);
    for (int i = 0; i < 2; i++) {
        OK(event(&b, 0, EVENT_SUSPEND, 0, &a, &p));
        CU_ASSERT(a.version == 1 && a.state == STATE_SUSPENDED && a.changed == (i == 0));
    }
    OK(inbox_reopen(&b, &p));
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 0);
    FAILS(use(&b, 1, &p), LB_E_NOT_ACTIVE);
    TEXT_IS(p.hint, "an administrator can resume it: littlebox --box test resume 'web;version=1'");
    CU_ASSERT_EQUAL(current(&b), 1);
    /* What is to be destroyed comes back as it was. */
    OK(vault_schedule_destroy(b.box.vault, &first, &at, &p));
    OK(inbox_reopen(&b, &p));
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 0);
    OK(vault_cancel_destroy(b.box.vault, &first, &p));
    CU_ASSERT_EQUAL(state_of(&b, 1), STATE_SUSPENDED);
    OK(event(&b, 0, EVENT_RESUME, 0, &a, &p));
    OK(use(&b, 1, &p));
    FAILS(event(&b, 2, EVENT_SUSPEND, 0, &a, &p), LB_E_NO_VERSION);
    OK(event(&b, 0, EVENT_DEACTIVATE, REASON_SUPERSEDED, &a, &p));
    FAILS(use(&b, 1, &p), LB_E_NOT_ACTIVE);
    FAILS(event(&b, 1, EVENT_RESUME, 0, &a, &p), LB_E_VALUE);
    TEXT_IS(p.text, "version 1 of key 'web' in box 'test' is deactivated: to resume it is not possible");
    /* Compromised while it is to be destroyed: that stays known. */
    OK(vault_schedule_destroy(b.box.vault, &first, &at, &p));
    OK(event(&b, 1, EVENT_COMPROMISE, REASON_KEY_COMPROMISE, &a, &p));
    CU_ASSERT_TRUE(a.changed);
    OK(event(&b, 1, EVENT_COMPROMISE, REASON_KEY_COMPROMISE, &a, &p));
    CU_ASSERT_FALSE(a.changed);
    OK(inbox_reopen(&b, &p));
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 0);
    OK(vault_destroy(b.box.vault, &first, &p));
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(state_of(&b, 1), STATE_DESTROYED_COMPROMISED);
        CU_ASSERT_EQUAL(show(&b)->versions[0].life.reason, REASON_KEY_COMPROMISE);
        FAILS(inbox_use(&b, 0, OP_SIGN, &(struct key_ref){ .name = "web", .version = 1 }, &p), LB_E_DESTROYED);
        OK(inbox_reopen(&b, &p));
        CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 0);
    }
    OK(inbox_create(&b, "web", &p));
    CU_ASSERT_EQUAL(current(&b), 2);
    inbox_clear(&b);
}

/* A destroyed version becomes compromised when that is found out later. */
static void found_out_later(void)
{
    struct life_answer a;
    struct problem p;
    struct inbox b;

    box_with_a_key(&b);
    OK(vault_destroy(b.box.vault, &(struct destroy_request){ "web", 1 }, &p));
    OK(event(&b, 1, EVENT_COMPROMISE, REASON_KEY_COMPROMISE, &a, &p));
    OK(inbox_reopen(&b, &p));
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 0);
    CU_ASSERT_EQUAL(state_of(&b, 1), STATE_DESTROYED_COMPROMISED);
    inbox_clear(&b);
}

/* All that the next version signs. */
static void its_own_request(void)
{
    struct key_ref next = { .name = "web", .version = KEY_VERSION_NEXT };
    struct caller who = inbox_caller(getpid(), INBOX_GRANTED, INBOX_GRANTED);
    uint8_t spki[LB_SPKI_MAX], *info = NULL;
    X509_REQ *req = X509_REQ_new();
    EVP_PKEY *half, *signer = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    const uint8_t *at = spki;
    struct used_key key;
    struct key_info m;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;
    int len;

    box_with_a_key(&b);
    FAILS(vault_get(b.box.vault, &next, spki, &m, &p), LB_E_NO_VERSION);
    OK(roll(&b, "", &version, &new, &p));
    OK(vault_get(b.box.vault, &next, spki, &m, &p));
    CU_ASSERT_EQUAL(m.version, 2);
    half = d2i_PUBKEY(NULL, &at, (long)m.spki.len);
    CU_ASSERT_FATAL(req != NULL && half != NULL && X509_REQ_set_pubkey(req, half));
    (void)X509_REQ_sign(req, signer, NULL); /* so that it is whole */
    len = i2d_re_X509_REQ_tbs(req, &info);
    CU_ASSERT_FATAL(len > 0);
    OK(vault_use(b.box.vault, &(struct use_wish){ &next, &who, OP_SIGN, 1, { info, (size_t)len }, false }, &key, &p));
    livekey_unref(key.live);
    CU_ASSERT_EQUAL(key.version, 2);
    FAILS(vault_use(b.box.vault, &(struct use_wish){ &next, &who, OP_SIGN, 1, { info, (size_t)len - 1 }, false }, &key, &p), LB_E_NOT_ACTIVE);
    FAILS(vault_use(b.box.vault, &(struct use_wish){ &next, &who, OP_SIGN, 1, { NULL, 0 }, false }, &key, &p), LB_E_NOT_ACTIVE);
    TEXT_IS(p.text, "version 2 of key 'web' in box 'test' is not active yet, and signs only its own certificate request");
    OPENSSL_free(info);
    X509_REQ_free(req);
    EVP_PKEY_free(half);
    EVP_PKEY_free(signer);
    inbox_clear(&b);
}

struct ends_seen {
    size_t count;
    char names[8][LB_NAME_MAX + 1];
};

static bool take_end(const struct expiring_entry *e, void *arg)
{
    struct ends_seen *s = arg;

    if (s->count < COUNT(s->names))
        memcpy(s->names[s->count++], e->name, sizeof(e->name));
    return true;
}

/* What ends when is shown of keys that one may use, and to administrators of all. */
static void who_sees_ends(void)
{
    const struct { uid_t uid; size_t count; } rows[] = { { 0, 2 }, { INBOX_GRANTED, 1 }, { INBOX_STRANGER, 0 } };
    const struct expiring_request m = { .before = (uint64_t)time(NULL) + 10 * 86400 };
    uint64_t at;
    struct problem p;
    struct inbox b;
    bool more;

    box_with_a_key(&b);
    OK(inbox_create(&b, "other", &p));
    OK(vault_schedule_destroy(b.box.vault, &(struct destroy_request){ "web", 1 }, &at, &p));
    OK(vault_schedule_destroy(b.box.vault, &(struct destroy_request){ "other", 1 }, &at, &p));
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct caller who = inbox_caller(getpid(), rows[i].uid, rows[i].uid);
        struct ends_seen seen = { 0 };

        OK(vault_expiring(b.box.vault, &m, &who, take_end, &seen, &more, &p));
        CU_ASSERT(seen.count == rows[i].count && !more);
        CU_ASSERT(rows[i].count != 1 || strcmp(seen.names[0], "web") == 0);
    }
    inbox_clear(&b);
}

static bool take_purposes(const struct purposes_entry *e, void *arg)
{
    struct ends_seen *s = arg;

    if (s->count < COUNT(s->names))
        memcpy(s->names[s->count++], e->name, sizeof(e->name));
    return true;
}

/* So it is with what keys are for. */
static void who_sees_purposes(void)
{
    const struct { uid_t uid; size_t count; } rows[] = { { 0, 2 }, { INBOX_GRANTED, 1 }, { INBOX_STRANGER, 0 } };
    struct problem p;
    struct inbox b;
    bool more, changed;

    box_with_a_key(&b);
    OK(inbox_create(&b, "other", &p));
    OK(vault_purpose(b.box.vault, &(struct purpose_request){ "web", PURPOSE_CSR }, &changed, &p));
    OK(vault_purpose(b.box.vault, &(struct purpose_request){ "other", PURPOSE_CSR }, &changed, &p));
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct caller who = inbox_caller(getpid(), rows[i].uid, rows[i].uid);
        struct ends_seen seen = { 0 };

        OK(vault_purposes(b.box.vault, "", &who, take_purposes, &seen, &more, &p));
        CU_ASSERT(seen.count == rows[i].count && !more);
        CU_ASSERT(rows[i].count != 1 || strcmp(seen.names[0], "web") == 0);
    }
    inbox_clear(&b);
}

static void who_used_it(void)
{
    struct user_entry users[8];
    struct problem p;
    struct inbox b;
    size_t count;

    box_with_a_key(&b);
    OK(vault_users(b.box.vault, "web", users, COUNT(users), &count, &p));
    CU_ASSERT_EQUAL(count, 0);
    OK(use(&b, 1, &p));
    OK(use(&b, 1, &p));
    OK(vault_users(b.box.vault, "web", users, COUNT(users), &count, &p));
    CU_ASSERT(count == 1 && users[0].version == 1 && users[0].uid == INBOX_GRANTED && users[0].uses == 2);
    FAILS(vault_users(b.box.vault, "none", users, COUNT(users), &count, &p), LB_E_NO_KEY);
    inbox_clear(&b);
}

/* A set holds what was used last. */
static void many_users(void)
{
    static struct user_entry found[LB_USERS_MAX + 8000];
    const uint8_t id[KEY_ID_SIZE] = { 1 }, other[KEY_ID_SIZE] = { 2 };
    struct users *u;

    OK(users_new(&u));
    for (pid_t pid = 1; pid <= 100000; pid++)
        users_note(u, id, 1, &(struct peer){ pid, 1, 1 }, (uint64_t)pid);
    users_note(u, other, 1, &(struct peer){ 1, 1, 1 }, 200000);
    CU_ASSERT(users_of(u, id, found, COUNT(found)) <= 8192);
    CU_ASSERT_EQUAL(users_of(u, id, found, 5), 5);
    CU_ASSERT_EQUAL(users_of(u, other, found, COUNT(found)), 1);
    users_free(u);
}

#define OF_WEB " WHERE key_id = (SELECT key_id FROM key WHERE name = 'web')"

/* Rows that are swapped, dates and states that are edited: noticed, and refused. */
static void changed_behind_its_back(void)
{
    static const char *const changes[] = {
        /* the end of version 1; when version 2 became current; the flags; no life at all */
        "UPDATE policy SET entries = joined(substr(entries, 1, length(entries) - 32), x'7f', substr(entries, -31))" OF_WEB,
        "UPDATE policy SET entries = joined(substr(entries, 1, length(entries) - 21), x'01', substr(entries, -20))" OF_WEB,
        "UPDATE policy SET entries = joined(substr(entries, 1, length(entries) - 22), x'05', substr(entries, -21))" OF_WEB,
        "UPDATE policy SET entries = substr(entries, 1, length(entries) - 56)" OF_WEB,
        "UPDATE version SET state = 1 WHERE version = 2",
        "UPDATE version SET state = 3 WHERE version = 2",
        "UPDATE version SET changed = changed + 1 WHERE version = 1",
        "UPDATE version SET version = 9 WHERE version = 1; UPDATE version SET version = 1 WHERE version = 2; UPDATE version SET version = 2 WHERE version = 9",
        "CREATE TEMP TABLE t AS SELECT material FROM version WHERE version = 1; "
        "UPDATE version SET material = (SELECT material FROM version WHERE version = 2) WHERE version = 1; "
        "UPDATE version SET material = (SELECT material FROM t) WHERE version = 2",
    };
    struct life_answer a;
    struct problem p;
    uint32_t version;
    bool new;

    for (size_t i = 0; i < COUNT(changes); i++) {
        struct inbox b;
        bool damaged;

        box_with_a_key(&b);
        OK(roll(&b, "", &version, &new, &p));
        OK(activate(&b, 0, 0, 3600, &a, &p));
        inbox_close(&b);
        unit_sql(b.conf.paths.store, changes[i]);
        OK(inbox_reopen(&b, &p));
        damaged = atomic_load(&b.box.vault->damaged) > 0;
        CU_ASSERT_TRUE(damaged);
        if (!damaged)
            printf("\n%s\n", changes[i]);
        FAILS(roll(&b, "", &version, &new, &p), LB_E_DAMAGED);
        FAILS(activate(&b, 2, 0, 1, &a, &p), LB_E_DAMAGED);
        FAILS(back(&b, 1, &a, &p), LB_E_DAMAGED);
        FAILS(event(&b, 1, EVENT_SUSPEND, 0, &a, &p), LB_E_DAMAGED);
        inbox_clear(&b);
    }
}

static const struct unit_test tests[] = {
    { "rolled over", rolled_over },
    { "and back", and_back },
    { "after a loss", after_a_loss },
    { "twice", twice },
    { "suspended, and the rest", suspended_and_the_rest },
    { "found out later", found_out_later },
    { "its own request", its_own_request },
    { "who sees what ends", who_sees_ends },
    { "who sees what keys are for", who_sees_purposes },
    { "who used it", who_used_it },
    { "many users", many_users },
    { "changed behind its back", changed_behind_its_back },
    { NULL, NULL },
};

const struct unit_suite suite_roll = { "roll", tests };
