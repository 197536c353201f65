/* Versions and time: what is planned, what ends when, and clocks that are wrong. */
#include <time.h>

#include "model/seal_kinds.h"
#include "rolling.h"
#include "unit.h"

static void over_by_the_clock_alone(void)
{
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;

    box_with_a_key(&b);
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, 0, 60, &a, &p));
    atomic_fetch_add(&b.box.vault->clock.ahead, 61 * INT64_C(1000000000));
    CU_ASSERT_EQUAL(state_of(&b, 1), STATE_ACTIVE);
    FAILS(use(&b, 1, &p), LB_E_NOT_ACTIVE);
    TEXT_HAS(p.text, "version 1 of key 'web' in box 'test' is deactivated since ");
    /* Nor does anything bring it back at that moment. */
    FAILS(activate(&b, 1, 0, 60, &a, &p), LB_E_VALUE);
    CU_ASSERT_EQUAL(state_of(&b, 1), STATE_DEACTIVATED);
    inbox_clear(&b);
}

static void planned(void)
{
    uint64_t at = (uint64_t)time(NULL) + 5000;
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;

    box_with_a_key(&b);
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, at, 1000, &a, &p));
    CU_ASSERT(a.version == 2 && a.changed && a.at == at && a.former == 1 && a.until == at + 1000);
    CU_ASSERT_EQUAL(state_of(&b, 2), STATE_PRE_ACTIVATION);
    CU_ASSERT(b.box.vault->next_life == at && current(&b) == 1);
    /* Taken back, and planned again. */
    OK(back(&b, 60, &a, &p));
    CU_ASSERT(a.changed && a.version == 1 && show(&b)->versions[0].life.deactivate_at == 0);
    CU_ASSERT(b.box.vault->next_life == UINT64_MAX && show(&b)->versions[1].life.activate_at == 0);
    OK(activate(&b, 0, at, 1000, &a, &p));
    CU_ASSERT_TRUE(a.changed);
    /* The same once more. */
    OK(activate(&b, 0, at, 1000, &a, &p));
    CU_ASSERT(!a.changed && a.version == 2 && a.at == at);
    OK(activate(&b, 0, at, 2000, &a, &p));
    CU_ASSERT(a.changed && a.until == at + 2000 && show(&b)->versions[0].life.deactivate_at == 0);
    OK(activate(&b, 0, at, 1000, &a, &p));
    /* The current one is so already, at any time. */
    OK(activate(&b, 1, at, 1000, &a, &p));
    CU_ASSERT_FALSE(a.changed);
    OK(inbox_reopen(&b, &p));
    later(&b, 5001);
    CU_ASSERT(state_of(&b, 2) == STATE_ACTIVE && current(&b) == 2);
    OK(use(&b, 1, &p));
    later(&b, 1001);
    CU_ASSERT_EQUAL(state_of(&b, 1), STATE_DEACTIVATED);
    FAILS(activate(&b, 0, UINT64_MAX / 4, 1000, &a, &p), LB_E_NO_VERSION);
    inbox_clear(&b);
}

static void planned_while_locked(void)
{
    static const struct bytes credential = { (const uint8_t *)INBOX_CREDENTIAL, sizeof(INBOX_CREDENTIAL) - 1 };
    uint64_t at = (uint64_t)time(NULL) + 5000;
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;

    box_with_a_key(&b);
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, at, 1000, &a, &p));
    vault_lock(b.box.vault);
    later(&b, 20000);
    OK(vault_unlock(b.box.vault, SEAL_CREDENTIAL, credential, &p));
    CU_ASSERT(current(&b) == 2 && state_of(&b, 1) == STATE_ACTIVE);
    CU_ASSERT(show(&b)->versions[0].life.deactivate_at >= at + 15000);
    OK(use(&b, 1, &p));
    OK(use(&b, 2, &p));
    inbox_clear(&b);
}

static void planned_and_not_written(void)
{
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;

    box_with_a_key(&b);
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, (uint64_t)time(NULL) + 60, 0, &a, &p));
    atomic_fetch_add(&b.box.vault->clock.ahead, 100 * INT64_C(1000000000));
    OK(use(&b, 1, &p));
    CU_ASSERT_EQUAL(current(&b), 1);
    (void)vault_tend(b.box.vault);
    FAILS(use(&b, 1, &p), LB_E_NOT_ACTIVE);
    OK(use(&b, 2, &p));
    inbox_clear(&b);
}

static void no_end_alone(void)
{
    uint64_t at = (uint64_t)time(NULL) + 5000;
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;

    box_with_a_key(&b);
    OK(roll(&b, "", &version, &new, &p));
    FAILS(activate(&b, 0, 1, 60, &a, &p), LB_E_VALUE);
    TEXT_IS(p.text, "the time at which version 2 of key 'web' in box 'test' is to become the current one is over");
    OK(activate(&b, 0, at, 1000, &a, &p));
    OK(event(&b, 2, EVENT_COMPROMISE, REASON_KEY_COMPROMISE, &a, &p));
    CU_ASSERT_EQUAL(show(&b)->versions[0].life.deactivate_at, 0);
    /* Planned, and to be destroyed: cancelled after its time, it is no version that signs. */
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, at, 1000, &a, &p));
    OK(vault_schedule_destroy(b.box.vault, &(struct destroy_request){ "web", 3 }, &at, &p));
    CU_ASSERT_EQUAL(show(&b)->versions[0].life.deactivate_at, 0);
    OK(vault_cancel_destroy(b.box.vault, &(struct destroy_request){ "web", 3 }, &p));
    later(&b, 6000);
    CU_ASSERT_EQUAL(state_of(&b, 3), STATE_PRE_ACTIVATION);
    /* Replaced, and what replaced it was compromised. */
    OK(activate(&b, 0, 0, 3600, &a, &p));
    OK(event(&b, 3, EVENT_COMPROMISE, REASON_KEY_COMPROMISE, &a, &p));
    CU_ASSERT(current(&b) == 1 && show(&b)->versions[0].life.deactivate_at == 0);
    /* 1, 4, back to 1, 5, back: to 1. */
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, 0, 3600, &a, &p));
    OK(back(&b, 3600, &a, &p));
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, 0, 3600, &a, &p));
    CU_ASSERT_EQUAL(current(&b), 5);
    OK(back(&b, 3600, &a, &p));
    CU_ASSERT(a.version == 1 && current(&b) == 1);
    inbox_clear(&b);
}

static void ends(void)
{
    static const struct destroy_request first = { "web", 1 }, third = { "web", 3 };
    uint64_t at = (uint64_t)time(NULL) + 5000, when;
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;

    box_with_a_key(&b);
    OK(roll(&b, "", &version, &new, &p));
    OK(vault_schedule_destroy(b.box.vault, &first, &when, &p));
    OK(activate(&b, 0, 0, 3600, &a, &p));
    OK(vault_cancel_destroy(b.box.vault, &first, &p));
    CU_ASSERT(state_of(&b, 1) == STATE_ACTIVE && current(&b) == 2);
    CU_ASSERT(show(&b)->versions[0].life.deactivate_at >= at - 5000 + LB_DRAIN);
    /* Of two versions that are not active yet one is planned, and that is taken back. */
    OK(roll(&b, "", &version, &new, &p));
    OK(vault_schedule_destroy(b.box.vault, &third, &when, &p));
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 4, at, 1000, &a, &p));
    OK(vault_cancel_destroy(b.box.vault, &third, &p));
    OK(activate(&b, 3, at + 1000, 1000, &a, &p));
    CU_ASSERT(show(&b)->versions[3].life.activate_at == 0 && show(&b)->versions[2].life.deactivate_at == at + 2000);
    CU_ASSERT_EQUAL(show(&b)->versions[1].life.deactivate_at, 0);
    OK(back(&b, 60, &a, &p));
    CU_ASSERT(a.changed && a.version == 2 && show(&b)->versions[2].life.activate_at == 0);
    OK(activate(&b, 3, at + 1000, 1000, &a, &p));
    later(&b, 6001);
    CU_ASSERT(current(&b) == 3 && state_of(&b, 4) == STATE_PRE_ACTIVATION);
    /* A version that is made current is not replaced by what was planned before. */
    OK(activate(&b, 4, at + 50000, 1000, &a, &p));
    OK(roll(&b, "", &version, &new, &p));
    CU_ASSERT_FALSE(new);
    OK(activate(&b, 2, 0, 1000, &a, &p));
    CU_ASSERT(current(&b) == 2 && show(&b)->versions[3].life.activate_at == 0);
    inbox_clear(&b);
}

static void clock_set_ahead(void)
{
    uint64_t now;
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;

    box_with_a_key(&b);
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, 0, 3600, &a, &p));
    now = vault_now(b.box.vault);
    /* The box's time is a year behind the system's. */
    atomic_fetch_sub(&b.box.vault->clock.ahead, 365 * 86400 * INT64_C(1000000000));
    (void)vault_tend(b.box.vault);
    CU_ASSERT_EQUAL(state_of(&b, 1), STATE_ACTIVE);
    OK(event(&b, 1, EVENT_SUSPEND, 0, &a, &p));
    CU_ASSERT(show(&b)->versions[0].changed < now - 364 * 86400);
    OK(event(&b, 1, EVENT_RESUME, 0, &a, &p));
    OK(use(&b, 1, &p));
    /* A version that became current meanwhile, and the drain of the one before. */
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, 0, 3600, &a, &p));
    /* It stood there for an hour. */
    b.box.vault->clock.settles = 1;
    (void)vault_tend(b.box.vault);
    CU_ASSERT(vault_now(b.box.vault) >= now);
    /* In whole seconds. */
    CU_ASSERT(show(&b)->versions[2].life.activate_at + 1 >= now && show(&b)->versions[2].created + 1 >= now);
    CU_ASSERT(state_of(&b, 2) == STATE_ACTIVE && show(&b)->versions[1].life.deactivate_at + 1 >= now + 3600);
    OK(use(&b, 2, &p));
    OK(inbox_reopen(&b, &p));
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 0);
    CU_ASSERT_EQUAL(state_of(&b, 1), STATE_ACTIVE);
    later(&b, 3601);
    CU_ASSERT_EQUAL(state_of(&b, 1), STATE_DEACTIVATED);
    inbox_clear(&b);
}

static void clock_set_back(void)
{
    struct life_answer a;
    struct problem p;
    struct inbox b;
    uint32_t version;
    bool new;

    box_with_a_key(&b);
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, 0, 60, &a, &p));
    later(&b, 100000);
    CU_ASSERT_EQUAL(state_of(&b, 1), STATE_DEACTIVATED);
    OK(inbox_reopen(&b, &p));
    CU_ASSERT(vault_now(b.box.vault) >= (uint64_t)time(NULL) + 99990);
    FAILS(use(&b, 1, &p), LB_E_NOT_ACTIVE);
    CU_ASSERT_TRUE(b.box.vault->clock.behind);
    OK(roll(&b, "", &version, &new, &p));
    OK(activate(&b, 0, 0, 60, &a, &p));
    CU_ASSERT(a.until > (uint64_t)time(NULL) + 99990);
    inbox_clear(&b);
}

static const struct unit_test tests[] = {
    { "over by the clock alone", over_by_the_clock_alone },
    { "planned", planned },
    { "planned while it was locked", planned_while_locked },
    { "planned, and not written", planned_and_not_written },
    { "no end alone", no_end_alone },
    { "ends", ends },
    { "a clock that is set ahead", clock_set_ahead },
    { "a clock that is set back", clock_set_back },
    { NULL, NULL },
};

const struct unit_suite suite_schedule = { "schedule", tests };
