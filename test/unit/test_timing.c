/* token/timing.c: when a copy of a key counts as faster than the key. */
#include "token/timing.h"

#include "unit.h"

static void add_all(struct p11_timing *t, bool second, uint64_t from, uint64_t step)
{
    for (unsigned i = 0; i < P11_TIMINGS; i++)
        p11_timing_add(t, second, from + i * step);
}

static bool is_faster(uint64_t first, uint64_t second, uint64_t step)
{
    struct p11_timing t = { .count = { 0 } };

    add_all(&t, false, first, step);
    add_all(&t, true, second, step);
    CU_ASSERT_TRUE(p11_timing_full(&t));
    return p11_timing_second_is_faster(&t);
}

static void full(void)
{
    struct p11_timing t = { .count = { 0 } };

    CU_ASSERT_FALSE(p11_timing_second_is_faster(&t));
    add_all(&t, false, 100, 1);
    p11_timing_add(&t, false, 1);
    CU_ASSERT_EQUAL(t.count[0], P11_TIMINGS);
    CU_ASSERT_EQUAL(p11_timing_best(&t, false), 100);
    CU_ASSERT_FALSE(p11_timing_full(&t));
    for (unsigned i = 1; i < P11_TIMINGS; i++)
        p11_timing_add(&t, true, 90 - i);
    CU_ASSERT_FALSE(p11_timing_full(&t));
    p11_timing_add(&t, true, 95);
    CU_ASSERT_TRUE(p11_timing_full(&t));
    CU_ASSERT_EQUAL(p11_timing_best(&t, true), 91 - P11_TIMINGS);
}

static void difference(void)
{
    /* All alike, or as good as that. */
    CU_ASSERT_FALSE(is_faster(1000, 1000, 0));
    CU_ASSERT_FALSE(is_faster(1000, 1000, 10));
    CU_ASSERT_FALSE(is_faster(1000, 990, 10));
    CU_ASSERT_FALSE(is_faster(1000, 1050, 10));
    /* Four parts in a hundred, which no noise hides. */
    CU_ASSERT_TRUE(is_faster(587000, 563500, 500));
    CU_ASSERT_TRUE(is_faster(1001, 1000, 0));
    CU_ASSERT_FALSE(is_faster(1000, 1001, 0));
}

/* Ways that differ by less than they vary: where the line is. */
static void line(void)
{
    /* Times 10 apart: 165 of the 256 pairs, and 178. Two thirds are 171. */
    CU_ASSERT_FALSE(is_faster(1000, 1000 - 21, 10));
    CU_ASSERT_TRUE(is_faster(1000, 1000 - 31, 10));
}

/* One that was held up, by a lock or another process, decides nothing. */
static void outlier(void)
{
    struct p11_timing t = { .count = { 0 } };

    add_all(&t, false, 1000, 1);
    for (unsigned i = 0; i < P11_TIMINGS; i++)
        p11_timing_add(&t, true, i == 3 ? 1000000 : 900 + i);
    CU_ASSERT_TRUE(p11_timing_second_is_faster(&t));
    t = (struct p11_timing){ .count = { 0 } };
    for (unsigned i = 0; i < P11_TIMINGS; i++)
        p11_timing_add(&t, false, i == 3 ? 1000000 : 900 + i);
    add_all(&t, true, 1000, 1);
    CU_ASSERT_FALSE(p11_timing_second_is_faster(&t));
}

static const struct unit_test tests[] = {
    { "a way is timed often enough", full },
    { "the second is faster, or not", difference },
    { "in two thirds of the pairs", line },
    { "one time that is far off", outlier },
    { NULL, NULL },
};

const struct unit_suite suite_timing = { "timing", tests };
