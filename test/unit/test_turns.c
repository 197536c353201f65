/* turns.c: users are served by turns, whatever the number of their connections. */
#include "turns.h"
#include "unit.h"

#define GREEDY 1000

static void by_turns(void)
{
    static struct turn greedy[GREEDY];
    struct turns t = { .users = NULL };
    struct turn polite, third;

    CU_ASSERT_PTR_NULL(turns_next(&t));
    for (unsigned i = 0; i < GREEDY; i++) {
        OK(turns_enter(&t, 1, &greedy[i]));
        turns_add(&t, &greedy[i]);
    }
    OK(turns_enter(&t, 2, &polite));
    OK(turns_enter(&t, 3, &third));
    CU_ASSERT_EQUAL(turns_count(&t, 1), GREEDY);
    CU_ASSERT_EQUAL(turns_count(&t, 2), 1);
    CU_ASSERT_EQUAL(turns_count(&t, 4), 0);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &greedy[0]);
    /* From now on each who waits gets every second, or every third. */
    for (unsigned i = 1; i < 100; i += 2) {
        turns_add(&t, &polite);
        CU_ASSERT_PTR_EQUAL(turns_next(&t), &greedy[i]);
        CU_ASSERT_PTR_EQUAL(turns_next(&t), &polite);
        turns_add(&t, &third);
        CU_ASSERT_PTR_EQUAL(turns_next(&t), &greedy[i + 1]);
        CU_ASSERT_PTR_EQUAL(turns_next(&t), &third);
    }
    for (unsigned i = 101; i < GREEDY; i++)
        CU_ASSERT_PTR_EQUAL(turns_next(&t), &greedy[i]);
    CU_ASSERT_PTR_NULL(turns_next(&t));
    turns_leave(&t, &polite);
    CU_ASSERT_EQUAL(turns_count(&t, 2), 0);
    for (unsigned i = 0; i < GREEDY; i++)
        turns_leave(&t, &greedy[i]);
    CU_ASSERT_EQUAL(turns_count(&t, 1), 0);
    turns_add(&t, &third);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &third);
    turns_add(&t, &third);
    turns_clear(&t); /* also who waits */
    CU_ASSERT_PTR_NULL(turns_next(&t));
}

static const struct unit_test tests[] = {
    { "by turns", by_turns },
    { NULL, NULL },
};
const struct unit_suite suite_turns = { "turns", tests };
