/* box_clock.c: the time that a box goes by, whatever the system's clock does. */
#include <string.h>

#include "unit.h"
#include "vault/box_clock.h"

#define SECOND INT64_C(1000000000)
#define DAY 86400
/* Of a machine that has run for a day. */
#define WALL 1800000000
#define RUNNING DAY

/* What the last look gave. */
static struct clock_step step;

/* The system's clock and the running time, in seconds since WALL and RUNNING. */
static struct clock_reading at(int64_t wall, int64_t running)
{
    return (struct clock_reading){ (WALL + wall) * SECOND, (RUNNING + running) * SECOND };
}

static enum clock_event look(struct box_clock *c, int64_t wall, int64_t running)
{
    return box_clock_look(c, at(wall, running), &step);
}

/* What the box has at that moment, in seconds since WALL. */
static int64_t now(const struct box_clock *c, int64_t running)
{
    struct clock_reading r = at(0, running);

    CU_ASSERT_EQUAL(box_clock_due(c, r), box_clock_now(c, r));
    return (int64_t)box_clock_now(c, r) - WALL;
}

static void begin(struct box_clock *c)
{
    *c = (struct box_clock){ .begun = false };
    CU_ASSERT_EQUAL(box_clock_begin(c, at(0, 0), WALL - DAY, &step), CLOCK_SAME);
    CU_ASSERT_EQUAL(now(c, 0), 0);
}

/* Time keeping moves a clock a little, both ways. */
static void followed(void)
{
    struct box_clock c;

    begin(&c);
    CU_ASSERT_EQUAL(now(&c, 7), 7);
    CU_ASSERT_EQUAL(look(&c, 40, 10), CLOCK_SAME);
    CU_ASSERT_EQUAL(now(&c, 10), 40);
    CU_ASSERT_EQUAL(look(&c, 20, 20), CLOCK_SAME);
    CU_ASSERT_EQUAL(now(&c, 21), 21);
}

static void ahead_for_a_moment(void)
{
    struct box_clock c;

    begin(&c);
    CU_ASSERT_EQUAL(look(&c, 10 * 365 * DAY, 60), CLOCK_SET_AHEAD);
    CU_ASSERT_EQUAL(now(&c, 60), 60);
    CU_ASSERT_EQUAL(look(&c, 10 * 365 * DAY + 3000, 3060), CLOCK_SAME);
    CU_ASSERT_EQUAL(now(&c, 3060), 3060);
    CU_ASSERT_EQUAL(look(&c, 3600, 3600), CLOCK_SAME);
    CU_ASSERT(step.by == 0 && now(&c, 3600) == 3600);
    /* The next time counts from its own beginning. */
    CU_ASSERT_EQUAL(look(&c, DAY, 5000), CLOCK_SET_AHEAD);
    CU_ASSERT_EQUAL(look(&c, DAY + 3599, 8599), CLOCK_SAME);
    CU_ASSERT_EQUAL(now(&c, 8599), 8599);
}

/* The machine slept, or somebody set a clock right that was wrong from the beginning. */
static void ahead_for_good(void)
{
    struct box_clock c;

    begin(&c);
    CU_ASSERT_EQUAL(look(&c, DAY, 100), CLOCK_SET_AHEAD);
    /* And once more, before it stood for an hour: it has to stand there. */
    CU_ASSERT_EQUAL(look(&c, 3 * DAY, 200), CLOCK_SET_AHEAD);
    CU_ASSERT_EQUAL(look(&c, 3 * DAY + 3500, 3700), CLOCK_SAME);
    CU_ASSERT_EQUAL(now(&c, 3700), 3700);
    CU_ASSERT_EQUAL(look(&c, 3 * DAY + 3600, 3800), CLOCK_BELIEVED);
    /* What was written down since it was doubted is three days and more too early. */
    CU_ASSERT(step.since == WALL + 100 && step.by == 3 * DAY - 200);
    CU_ASSERT_EQUAL(now(&c, 3800), 3 * DAY + 3600);
    CU_ASSERT_EQUAL(look(&c, 3 * DAY + 3601, 3801), CLOCK_SAME);
}

static void set_back(void)
{
    struct box_clock c;

    begin(&c);
    CU_ASSERT_EQUAL(look(&c, -DAY, 100), CLOCK_BEHIND);
    CU_ASSERT_EQUAL(look(&c, -DAY + 5000, 5100), CLOCK_SAME);
    CU_ASSERT_EQUAL(now(&c, 5100), 5100);
    CU_ASSERT_EQUAL(look(&c, 5200, 5200), CLOCK_SAME);
    CU_ASSERT_EQUAL(look(&c, -DAY, 5300), CLOCK_BEHIND);
}

/* Records of a later time: the box goes on from there. */
static void behind_its_records(void)
{
    struct box_clock c = { .begun = false };

    CU_ASSERT_EQUAL(box_clock_begin(&c, at(0, 0), WALL + DAY, &step), CLOCK_BEHIND);
    CU_ASSERT_EQUAL(now(&c, 10), DAY + 10);
    /* Those of a store that was opened later too. */
    begin(&c);
    CU_ASSERT_EQUAL(box_clock_begin(&c, at(5, 5), WALL, &step), CLOCK_SAME);
    CU_ASSERT_EQUAL(now(&c, 5), 5);
    CU_ASSERT_EQUAL(box_clock_begin(&c, at(6, 6), WALL + DAY, &step), CLOCK_BEHIND);
    CU_ASSERT_EQUAL(now(&c, 7), DAY + 1);
}

/* The machine has just started: its clock may be any. Running times are from the start here. */
static struct clock_reading young(int64_t wall, int64_t running)
{
    return (struct clock_reading){ (WALL + wall) * SECOND, running * SECOND };
}

static void after_the_start(void)
{
    struct box_clock c = { .begun = false };

    (void)box_clock_begin(&c, young(20 * DAY, 30), WALL, &step);
    CU_ASSERT_EQUAL(box_clock_now(&c, young(0, 30)), WALL + 20 * DAY);
    CU_ASSERT_EQUAL(box_clock_due(&c, young(0, 30)), WALL);
    /* It is set right, and back: not to before what is written down. */
    CU_ASSERT_EQUAL(box_clock_look(&c, young(-DAY, 40), &step), CLOCK_STEPPED);
    CU_ASSERT(step.since == WALL + 20 * DAY && step.by == -(20 * DAY + 10));
    CU_ASSERT_EQUAL(box_clock_now(&c, young(0, 40)), WALL);
    CU_ASSERT_EQUAL(box_clock_look(&c, young(DAY, 100), &step), CLOCK_STEPPED);
    CU_ASSERT(step.since == WALL && step.by == DAY - 60);
    CU_ASSERT_EQUAL(box_clock_now(&c, young(0, 100)), WALL + DAY);
    CU_ASSERT_EQUAL(box_clock_look(&c, young(DAY + 599, 699), &step), CLOCK_SAME);
    CU_ASSERT_EQUAL(box_clock_due(&c, young(0, 699)), WALL);
    CU_ASSERT_EQUAL(box_clock_look(&c, young(DAY + 600, 700), &step), CLOCK_BELIEVED);
    CU_ASSERT(step.by == 0 && box_clock_due(&c, young(0, 700)) == WALL + DAY + 600);
    /* Nothing is new where a record is of this minute, or where there are none. */
    for (int i = 0; i < 2; i++) {
        c = (struct box_clock){ .begun = false };
        CU_ASSERT_EQUAL(box_clock_begin(&c, young(0, 30), i == 0 ? 0 : WALL - 30, &step), CLOCK_SAME);
        CU_ASSERT_EQUAL(box_clock_due(&c, young(0, 31)), WALL + 1);
    }
}

/* A box that is locked looks at the clock before it knows what time its records have. */
static void not_begun(void)
{
    struct box_clock c = { .begun = false };

    CU_ASSERT_EQUAL(look(&c, 0, 0), CLOCK_SAME);
    CU_ASSERT(step.by == 0 && !c.behind && c.settles == 0);
}

static const struct unit_test tests[] = {
    { "not begun", not_begun },
    { "followed", followed },
    { "ahead for a moment", ahead_for_a_moment },
    { "ahead for good", ahead_for_good },
    { "set back", set_back },
    { "behind its records", behind_its_records },
    { "after the start", after_the_start },
    { NULL, NULL },
};

const struct unit_suite suite_boxclock = { "boxclock", tests };
