/* A box with kinds of seals that want several shares, or fetch their secret from a place of their own: test_kinds. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard/secret.h"
#include "model/seal_kinds.h"
#include "protocol/seals.h"
#include "vault/vault_priv.h"
#include "asking.h"
#include "kinds.h"
#include "unit.h"

static struct bytes text(const char *s)
{
    return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static void add_seal(struct inbox *b, unsigned kind, const char *secret)
{
    struct seal_request m = { .kind = (uint8_t)kind, .label = "more", .secret = text(secret) };
    struct problem p;

    OK(vault_seal_add(b->box.vault, &m, &p));
}

static int unlock(struct inbox *b, unsigned kind, const char *secret, struct problem *p)
{
    return vault_unlock(b->box.vault, kind, text(secret), p);
}

static struct box_opening opening(struct inbox *b, const char *secret)
{
    struct box_opening o;
    struct problem p;

    OK(vault_opening(b->box.vault, secret == NULL ? (struct bytes){ NULL, 0 } : text(secret), &o, &p));
    return o;
}

static bool is_locked(struct inbox *b)
{
    return atomic_load(&b->box.vault->lock) == LOCK_LOCKED && b->box.vault->backend == NULL;
}

/* Shares */

/* What is right and not enough opens nothing, and is no wrong secret. */
static void more_is_wanted(void)
{
    struct problem p;
    struct inbox b;

    asking_box(&b);
    add_seal(&b, SEAL_SHARE, "2abc");
    vault_lock(b.box.vault);
    FAILS(unlock(&b, SEAL_SHARE, "b", &p), LB_E_LOCKED);
    TEXT_IS(p.text, "box 'test' wants more than this share");
    CU_ASSERT(is_locked(&b));
    CU_ASSERT_EQUAL(vault_wrong_secrets(b.box.vault), 0);
    FAILS(unlock(&b, SEAL_SHARE, "x", &p), LB_E_SECRET);
    TEXT_IS(p.text, "no seal of box 'test' opens with this share");
    FAILS(unlock(&b, SEAL_SHARE, "bx", &p), LB_E_SECRET);
    CU_ASSERT_EQUAL(vault_wrong_secrets(b.box.vault), 2);
    FAILS(unlock(&b, SEAL_SHARE, "", &p), LB_E_SECRET);
    CU_ASSERT(is_locked(&b));
    /* Of another kind, whatever it is. */
    FAILS(unlock(&b, SEAL_CREDENTIAL, "b", &p), LB_E_SECRET);
    OK(unlock(&b, SEAL_SHARE, "cb", &p));
    CU_ASSERT_EQUAL(vault_wrong_secrets(b.box.vault), 0);
    CU_ASSERT_EQUAL(b.box.vault->opened.how, OPENED_BY_REQUEST);
    CU_ASSERT_EQUAL(b.box.vault->opened.kind, SEAL_SHARE);
    CU_ASSERT_EQUAL(b.box.vault->opened.seal, 2);
    OK(asking_use(&b, INBOX_GRANTED, OP_SIGN, &(struct key_ref){ .name = "web" }, &p));
    inbox_clear(&b);
}

/* One seal that opens is enough; where none does, one that wants more is what is told, in whatever order they are tried. */
static void several_seals_of_shares(void)
{
    static const char *const orders[][2] = { { "3abc", "1b" }, { "1b", "3abc" } };
    struct problem p;

    for (size_t i = 0; i < COUNT(orders); i++) {
        struct inbox b;

        asking_box(&b);
        add_seal(&b, SEAL_SHARE, orders[i][0]);
        add_seal(&b, SEAL_SHARE, orders[i][1]);
        vault_lock(b.box.vault);
        FAILS(unlock(&b, SEAL_SHARE, "ac", &p), LB_E_LOCKED);
        CU_ASSERT(is_locked(&b));
        OK(unlock(&b, SEAL_SHARE, "b", &p));
        CU_ASSERT_EQUAL(b.box.vault->opened.seal, orders[i][0][0] == '1' ? 2 : 3);
        inbox_clear(&b);
    }
}

/* To a caller it is an answer as others are: not late, and not a wrong secret. */
static void more_is_answered(void)
{
    struct seal_request m = { .kind = SEAL_SHARE, .secret = text("a") };
    uint8_t packet[256];
    struct bytes body;
    struct problem p;
    struct inbox b;
    size_t len;

    asking_box(&b);
    add_seal(&b, SEAL_SHARE, "2abc");
    vault_lock(b.box.vault);
    OK(msg_secret_encode(MSG_UNLOCK, 7, &m, packet, sizeof(packet), &len));
    for (int i = 0; i < 3; i++) {
        FAILS(asking_packet(&b, 0, packet, len, &body, &p), LB_E_LOCKED);
        TEXT_IS(p.text, "box 'test' wants more than this share");
    }
    CU_ASSERT_EQUAL(vault_wrong_secrets(b.box.vault), 0);
    CU_ASSERT(is_locked(&b));
    CU_ASSERT_EQUAL(b.told_locked, -1);
    inbox_clear(&b);
}

/* Whoever asks what a secret would open hears of what it opens alone. */
static void more_opens_nothing(void)
{
    struct box_opening o;
    struct inbox b;

    asking_box(&b);
    add_seal(&b, SEAL_SHARE, "2abc");
    o = opening(&b, "a");
    CU_ASSERT_EQUAL(o.next, NEXT_WRONG);
    CU_ASSERT_EQUAL(o.next_count, 0);
    o = opening(&b, "ab");
    CU_ASSERT_EQUAL(o.next, NEXT_OPENS);
    CU_ASSERT_EQUAL(o.next_count, 1);
    CU_ASSERT_EQUAL(o.next_seals[0], 2);
    /* A start has no person, so it does not try them. */
    o = opening(&b, NULL);
    CU_ASSERT_EQUAL(o.next, NEXT_ABSENT);
    CU_ASSERT_EQUAL(o.credentials, 1);
    CU_ASSERT_EQUAL(o.passphrases, 1);
    inbox_clear(&b);
}

/* Places */

/* A box with a seal of that place, which has what opens it. */
static void box_with_drawer(struct inbox *b, const char *name, char ret_path[200])
{
    asking_box(b);
    snprintf(ret_path, 200, "%s/%s", b->dir, name);
    unit_write_file(ret_path, "key", 3);
    add_seal(b, SEAL_DRAWER, ret_path);
}

static void start_again(struct inbox *b)
{
    vault_lock(b->box.vault);
    kinds_drawers_opened = 0;
    vault_try_credential(b->box.vault);
}

/* The box fetches the secret itself, from the place that the seal names. */
static void a_place_opens_at_a_start(void)
{
    struct box_opening o;
    struct inbox b;
    char path[200];

    box_with_drawer(&b, "drawer", path);
    o = opening(&b, NULL);
    CU_ASSERT_EQUAL(o.next, NEXT_OPENS);
    CU_ASSERT_EQUAL(o.next_count, 1);
    CU_ASSERT_EQUAL(o.next_seals[0], 2);
    CU_ASSERT_EQUAL(o.credentials, 2);
    CU_ASSERT_EQUAL(o.passphrases, 0);
    CU_ASSERT_FALSE(o.handed);
    CU_ASSERT_EQUAL(o.why.code, 0);
    TEXT_IS(o.next_file, path);
    TEXT_IS(o.file, "");
    CU_ASSERT_TRUE(atomic_load(&b.box.vault->by_credential));
    start_again(&b);
    CU_ASSERT_EQUAL(kinds_drawers_opened, 1);
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->lock), LOCK_UNLOCKED);
    CU_ASSERT_FALSE(atomic_load(&b.box.vault->credential_refused));
    o = opening(&b, NULL);
    CU_ASSERT_EQUAL(o.how, OPENED_AT_START);
    CU_ASSERT_EQUAL(o.kind, SEAL_DRAWER);
    CU_ASSERT_EQUAL(o.seal, 2);
    TEXT_IS(o.file, path);
    inbox_clear(&b);
}

/* Absent, or with something else in it: the box stays locked, and no person has tried a wrong secret. */
static void a_place_that_does_not_open(void)
{
    struct box_opening o;
    struct inbox b;
    char path[200];

    for (int absent = 0; absent < 2; absent++) {
        box_with_drawer(&b, "drawer", path);
        if (absent)
            OK(unlink(path));
        else
            unit_write_file(path, "another", 7);
        start_again(&b);
        CU_ASSERT_EQUAL(kinds_drawers_opened, 1);
        CU_ASSERT(is_locked(&b));
        CU_ASSERT_EQUAL(vault_wrong_secrets(b.box.vault), 0);
        CU_ASSERT_TRUE(atomic_load(&b.box.vault->credential_refused));
        o = opening(&b, NULL);
        CU_ASSERT_EQUAL(o.how, OPENED_NOT);
        CU_ASSERT_EQUAL(o.next, NEXT_ABSENT);
        CU_ASSERT_EQUAL(o.next_count, 0);
        TEXT_IS(o.next_file, b.conf.credential);
        unit_write_file(path, "key", 3);
        start_again(&b);
        CU_ASSERT_EQUAL(atomic_load(&b.box.vault->lock), LOCK_UNLOCKED);
        inbox_clear(&b);
    }
}

/* The credential file comes first: where it opens the store, no place is looked into. */
static void a_file_comes_before_places(void)
{
    struct box_opening o;
    struct inbox b;
    char path[200];

    box_with_drawer(&b, "drawer", path);
    unit_write_file(b.conf.credential, INBOX_CREDENTIAL, strlen(INBOX_CREDENTIAL));
    OK(chmod(b.conf.credential, 0600));
    start_again(&b);
    CU_ASSERT_EQUAL(kinds_drawers_opened, 0);
    o = opening(&b, NULL);
    CU_ASSERT_EQUAL(kinds_drawers_opened, 0);
    CU_ASSERT_EQUAL(o.kind, SEAL_CREDENTIAL);
    TEXT_IS(o.file, b.conf.credential);
    TEXT_IS(o.next_file, b.conf.credential);
    /* One that opens nothing leaves it to them, and is no trouble then. */
    unit_write_file(b.conf.credential, "a credential that opens no seal of this box", 43);
    o = opening(&b, NULL);
    CU_ASSERT_EQUAL(o.next, NEXT_OPENS);
    CU_ASSERT_EQUAL(o.next_seals[0], 2);
    TEXT_IS(o.next_file, path);
    start_again(&b);
    CU_ASSERT_EQUAL(kinds_drawers_opened, 1);
    CU_ASSERT_EQUAL(b.box.vault->opened.kind, SEAL_DRAWER);
    inbox_clear(&b);
}

/* A person who unlocks names the place; the box says then that the next start opens the store. */
static void a_place_by_request(void)
{
    struct problem p;
    struct inbox b;
    char path[200];

    box_with_drawer(&b, "drawer", path);
    vault_lock(b.box.vault);
    FAILS(unlock(&b, SEAL_DRAWER, "/another/place", &p), LB_E_SECRET);
    TEXT_IS(p.text, "no seal of box 'test' opens with this drawer");
    CU_ASSERT_FALSE(atomic_load(&b.box.vault->by_credential));
    OK(unlock(&b, SEAL_DRAWER, path, &p));
    CU_ASSERT_EQUAL(b.box.vault->opened.how, OPENED_BY_REQUEST);
    CU_ASSERT_TRUE(atomic_load(&b.box.vault->by_credential));
    inbox_clear(&b);
}

/* What people are shown of it cannot steer a terminal; of what has no place, or a damaged one, nothing is shown. */
static void places_are_told(void)
{
    struct seal_record seal = { .kind = SEAL_DRAWER, .params = (uint8_t *)"/here", .params_len = 5 };
    char place[LB_PATH_TEXT_MAX + 1], path[200];
    struct box_opening o;
    struct inbox b;

    seal_place(&seal, place);
    TEXT_IS(place, "/here");
    seal.params_len = 0;
    seal_place(&seal, place);
    TEXT_IS(place, "");
    seal.kind = SEAL_CREDENTIAL;
    strcpy(place, "old");
    seal_place(&seal, place);
    TEXT_IS(place, "");
    seal.kind = 99;
    strcpy(place, "old");
    seal_place(&seal, place);
    TEXT_IS(place, "");
    box_with_drawer(&b, "a\033drawer", path);
    o = opening(&b, NULL);
    CU_ASSERT_EQUAL(o.next, NEXT_OPENS);
    TEXT_HAS(o.next_file, "/a?drawer");
    CU_ASSERT_PTR_NULL(strchr(o.next_file, '\033'));
    start_again(&b);
    o = opening(&b, NULL);
    TEXT_HAS(o.file, "/a?drawer");
    inbox_clear(&b);
}

int main(void)
{
    static CU_TestInfo shares[] = {
        { "more is wanted", more_is_wanted },
        { "several seals of shares", several_seals_of_shares },
        { "more is answered", more_is_answered },
        { "more opens nothing", more_opens_nothing },
        CU_TEST_INFO_NULL,
    };
    static CU_TestInfo places[] = {
        { "a place opens at a start", a_place_opens_at_a_start },
        { "a place that does not open", a_place_that_does_not_open },
        { "a file comes before places", a_file_comes_before_places },
        { "a place by request", a_place_by_request },
        { "places are told", places_are_told },
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        { "shares", NULL, NULL, NULL, NULL, shares },
        { "places", NULL, NULL, NULL, NULL, places },
        CU_SUITE_INFO_NULL,
    };
    unsigned failed;

    if (secret_setup_libcrypto() != 0 || CU_initialize_registry() != CUE_SUCCESS ||
        CU_register_suites(suites) != CUE_SUCCESS)
        return 99;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failed = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed == 0 ? 0 : 1;
}
