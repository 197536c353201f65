/* policy/admit.c: each rule refuses, and in its order: of two that would, the first one does. */
#include "model/purpose.h"
#include "policy/admit.h"

#include <string.h>
#include <unistd.h>

#include "base/id_map.h"
#include "unit.h"

#define WEB 3000001
#define STRANGER 3000002

static const struct admins none;
static const struct grant grants[] = { { SUBJECT_USER, WEB, OP_SIGN } };
static const struct maker web = { { 10, WEB, WEB }, NULL, 0 }, stranger = { { 10, STRANGER, STRANGER }, NULL, 0 };
static struct caller who;
static struct key_ref ref;

/* All that each rule asks for is there. */
static struct version_life life;

static struct admission good(void)
{
    life = (struct version_life){ 0 };
    ref = (struct key_ref){ .name = "web" };
    who = caller_of(&web.peer, &web);
    return (struct admission){
        .who = &who,
        .op = OP_SIGN,
        .ref = &ref,
        .now = 1,
        .box = { .name = "test", .admins = &none, .unlocked = true },
        .key = { .name = "web", .grants = grants, .grant_count = COUNT(grants) },
        .version = { .meant = true, .number = 3, .state = STATE_ACTIVE, .life = &life },
    };
}

static void unknown(struct admission *a)
{
    a->key.name = NULL;
}

static void not_granted(struct admission *a)
{
    who = caller_of(&stranger.peer, &stranger);
    a->who = &who;
}

static void damaged_key(struct admission *a)
{
    a->key.damaged = true;
}

static void no_version(struct admission *a)
{
    a->version.meant = false;
    ref.version = 7;
}

static void damaged_version(struct admission *a)
{
    a->version.damaged = true;
}

static void inactive(struct admission *a)
{
    a->version.state = STATE_DEACTIVATED;
}

/* tag, length, value: for TLS servers and requests. */
static const uint8_t for_a_server[] = { 0, 5, 0, 2, 0, PURPOSE_TLS_SERVER | PURPOSE_CSR };

static void another_purpose(struct admission *a)
{
    a->key.entries = (struct bytes){ for_a_server, sizeof(for_a_server) };
}

static void locked(struct admission *a)
{
    a->box.unlocked = false;
}

/* In the order of the rules. telling: who only wants to know the public half meets the rule too. */
static const struct {
    const char *name;
    void (*spoil)(struct admission *a);
    int code;
    bool telling;
    const char *text, *hint;
} cases[] = {
    { "known", unknown, LB_E_NO_KEY, true, "there is no key 'web' in box 'test'", "the keys of a box: littlebox --box test list" },
    { "granted", not_granted, LB_E_DENIED, false, "uid 3000002 may not sign with key 'web' of box 'test'",
      "an administrator may run: littlebox --box test allow web --user 3000002" },
    { "whole", damaged_key, LB_E_DAMAGED, true,
      "key 'web' version 0 in box 'test' is damaged: its record does not authenticate", "restore the store from a backup" },
    { "version", no_version, LB_E_NO_VERSION, true, "key 'web' in box 'test' has no version 7",
      "see: littlebox --box test show web" },
    { "whole version", damaged_version, LB_E_DAMAGED, true,
      "key 'web' version 3 in box 'test' is damaged: its record does not authenticate", "restore the store from a backup" },
    { "state", inactive, LB_E_NOT_ACTIVE, false, "version 3 of key 'web' in box 'test' is deactivated",
      "see: littlebox --box test show web" },
    { "purpose", another_purpose, LB_E_DENIED, false,
      "this is a digest, of which nobody can see what it is of: key 'web' of box 'test' is for tls-server,csr",
      "if that is meant, an administrator can say so: littlebox --box test purpose web PURPOSES" },
    { "unlocked", locked, LB_E_LOCKED, false, "box 'test' is locked", "run: littlebox --box test unlock" },
};

static void each_refuses(void)
{
    struct admission a = good();
    struct problem p;

    OK(admit_use(&a, &p));
    OK(admit_tell(&a, &p));
    for (size_t i = 0; i < COUNT(cases); i++) {
        a = good();
        cases[i].spoil(&a);
        memset(&p, 0, sizeof(p));
        FAILS(admit_use(&a, &p), cases[i].code);
        CU_ASSERT_EQUAL(p.code, cases[i].code);
        TEXT_IS(p.text, cases[i].text);
        TEXT_IS(p.hint, cases[i].hint);
        CU_ASSERT_EQUAL(admit_tell(&a, &p), cases[i].telling ? cases[i].code : 0);
        TEXT_IS(admit_rule_name(i), cases[i].name);
    }
    CU_ASSERT_PTR_NULL(admit_rule_name(COUNT(cases)));
}

/* So that who has no right to a key learns nothing of its versions, and nobody learns by it that a box is locked. */
static void the_first_refuses(void)
{
    struct problem p;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct admission a = good();

        for (size_t j = COUNT(cases); j > i; j--)
            cases[j - 1].spoil(&a);
        FAILS(admit_use(&a, &p), cases[i].code);
        CU_ASSERT_EQUAL(p.code, cases[i].code);
    }
}

static void no_active_version(void)
{
    static const struct {
        enum admit_left left;
        int code;
        const char *text;
    } rows[] = {
        { LEFT_SOME, LB_E_NOT_ACTIVE, "key 'web' in box 'test' has no active version" },
        { LEFT_NONE, LB_E_DESTROYED, "key 'web' in box 'test' is destroyed" },
        { LEFT_SCHEDULED, LB_E_NOT_ACTIVE,
          "key 'web' in box 'test' is to be destroyed at 1970-01-02 00:00:00 UTC, and does nothing until then" },
    };
    struct problem p;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct admission a = good();

        a.version.meant = false;
        a.key.left = rows[i].left;
        a.key.destroy_at = 86400;
        FAILS(admit_use(&a, &p), rows[i].code);
        TEXT_IS(p.text, rows[i].text);
        FAILS(admit_tell(&a, &p), rows[i].code);
        TEXT_IS(p.text, rows[i].text);
    }
}

/* A state that a version is only told in, and one that it is not even told in. */
static void states(void)
{
    static const struct {
        uint8_t state;
        int use, tell;
        const char *text;
    } rows[] = {
        { STATE_DEACTIVATED, LB_E_NOT_ACTIVE, 0, "version 3 of key 'web' in box 'test' is deactivated" },
        { STATE_PRE_ACTIVATION, LB_E_NOT_ACTIVE, 0,
          "version 3 of key 'web' in box 'test' is not active yet, and signs only its own certificate request" },
        { STATE_COMPROMISED, LB_E_NOT_ACTIVE, 0, "version 3 of key 'web' in box 'test' is compromised" },
        { STATE_SUSPENDED, LB_E_NOT_ACTIVE, 0, "version 3 of key 'web' in box 'test' is suspended" },
        { STATE_DESTROYED_COMPROMISED, LB_E_DESTROYED, LB_E_DESTROYED,
          "version 3 of key 'web' in box 'test' is destroyed-compromised" },
        { STATE_DESTROYED, LB_E_DESTROYED, LB_E_DESTROYED, "version 3 of key 'web' in box 'test' is destroyed" },
        { STATE_DESTROY_SCHEDULED, LB_E_NOT_ACTIVE, LB_E_NOT_ACTIVE,
          "version 3 of key 'web' in box 'test' is to be destroyed at 1970-01-02 00:00:00 UTC, and does nothing until then" },
    };
    struct problem p;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct admission a = good();

        a.version.state = rows[i].state;
        a.version.destroy_at = 86400;
        FAILS(admit_use(&a, &p), rows[i].use);
        TEXT_IS(p.text, rows[i].text);
        CU_ASSERT_EQUAL(admit_tell(&a, &p), rows[i].tell);
    }
}

/* The clock ends a version, whatever the store says of it yet. Until then it does everything, afterwards it decrypts. */
static void drained(void)
{
    struct admission a = good();
    struct problem p;

    life.deactivate_at = 86400;
    a.now = 86399;
    OK(admit_use(&a, &p));
    a.now = 86400;
    FAILS(admit_use(&a, &p), LB_E_NOT_ACTIVE);
    TEXT_IS(p.text, "version 3 of key 'web' in box 'test' is deactivated since 1970-01-02 00:00:00 UTC");
    CU_ASSERT_EQUAL(admit_tell(&a, &p), 0);
    a.version.state = STATE_DEACTIVATED;
    FAILS(admit_use(&a, &p), LB_E_NOT_ACTIVE);
}

static void no_next_version(void)
{
    struct admission a = good();
    struct problem p;

    a.version.meant = false;
    ref.version = KEY_VERSION_NEXT;
    FAILS(admit_tell(&a, &p), LB_E_NO_VERSION);
    TEXT_IS(p.text, "key 'web' in box 'test' has no next version");
    TEXT_IS(p.hint, "make it: littlebox --box test roll web");
}

/* Whom the kernel does not name is told that, and gets no command for somebody else. */
static void nobody(void)
{
    struct admission a = good();
    struct problem p;

    who = caller_of(&(struct peer){ 0, WEB, WEB }, &web);
    FAILS(admit_use(&a, &p), LB_E_DENIED);
    TEXT_IS(p.text, "the kernel did not tell who asks for key 'web'");
    TEXT_IS(p.hint, "");
}

static void hints(void)
{
    struct admission a = good();
    struct problem p;

    a.op = OP_DECRYPT;
    FAILS(admit_use(&a, &p), LB_E_DENIED);
    TEXT_IS(p.hint, "an administrator may run: littlebox --box test allow web --user 3000001 --op decrypt");
    a = good();
    a.key.name = NULL;
    a.box.damaged = true;
    FAILS(admit_use(&a, &p), LB_E_NO_KEY);
    TEXT_IS(p.hint, "some records are damaged, see: littlebox --box test list");
    a = good();
    a.box.unlocked = false;
    a.box.credential_refused = true;
    FAILS(admit_use(&a, &p), LB_E_LOCKED);
    TEXT_IS(p.hint, "run: littlebox --box test unlock; the box's log says why its credential did not open it");
    a = good();
    a.version.meant = false;
    ref.has_hash = true;
    FAILS(admit_use(&a, &p), LB_E_PUBLIC_KEY);
    TEXT_IS(p.hint, "make a new handle: littlebox --box test handle web");
}

static const struct unit_test tests[] = {
    { "each refuses", each_refuses },
    { "the first refuses", the_first_refuses },
    { "no active version", no_active_version },
    { "states", states },
    { "drained", drained },
    { "no next version", no_next_version },
    { "nobody", nobody },
    { "hints", hints },
    { NULL, NULL },
};

const struct unit_suite suite_admit = { "admit", tests };
