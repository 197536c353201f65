/* box/fair_queue.c: users are served by turns, whatever the number of their connections. */
#include "box/fair_queue.h"
#include "unit.h"

#define GREEDY 1000

static void by_turns(void)
{
    static struct turn greedy[GREEDY];
    struct turns t;
    struct turn polite, third;

    turns_init(&t);
    CU_ASSERT_PTR_NULL(turns_next(&t));
    for (unsigned i = 0; i < GREEDY; i++) {
        OK(turns_enter(&t, 1, &greedy[i]));
        turns_add(&t, &greedy[i], TURNS_KNOWN);
    }
    OK(turns_enter(&t, 2, &polite));
    OK(turns_enter(&t, 3, &third));
    CU_ASSERT_EQUAL(turns_count(&t, 1), GREEDY);
    CU_ASSERT_EQUAL(turns_count(&t, 2), 1);
    CU_ASSERT_EQUAL(turns_count(&t, 4), 0);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &greedy[0]);
    /* From now on each who waits gets every second, or every third. */
    for (unsigned i = 1; i < 100; i += 2) {
        turns_add(&t, &polite, TURNS_KNOWN);
        CU_ASSERT_PTR_EQUAL(turns_next(&t), &greedy[i]);
        CU_ASSERT_PTR_EQUAL(turns_next(&t), &polite);
        turns_add(&t, &third, TURNS_KNOWN);
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
    turns_add(&t, &third, TURNS_KNOWN);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &third);
    turns_add(&t, &third, TURNS_KNOWN);
    turns_clear(&t); /* also who waits */
    CU_ASSERT_PTR_NULL(turns_next(&t));
}

/* Whoever may use a key comes before all who may not, however long these wait. */
static void strangers_come_last(void)
{
    struct turns t;
    struct turn strange[3], other, known[2];

    turns_init(&t);
    for (unsigned i = 0; i < COUNT(strange); i++) {
        OK(turns_enter(&t, 1, &strange[i]));
        turns_add(&t, &strange[i], TURNS_STRANGER);
    }
    OK(turns_enter(&t, 2, &other));
    turns_add(&t, &other, TURNS_STRANGER);
    OK(turns_enter(&t, 3, &known[0]));
    OK(turns_enter(&t, 4, &known[1]));
    for (unsigned i = 0; i < 100; i++) {
        turns_add(&t, &known[0], TURNS_KNOWN);
        turns_add(&t, &known[1], TURNS_KNOWN);
        CU_ASSERT_PTR_EQUAL(turns_next(&t), &known[0]);
        CU_ASSERT_PTR_EQUAL(turns_next(&t), &known[1]);
    }
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &strange[0]);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &other);
    turns_add(&t, &known[1], TURNS_KNOWN);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &known[1]);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &strange[1]);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &strange[2]);
    CU_ASSERT_PTR_NULL(turns_next(&t));
    /* It was known as long as it waited, and is none the next time. */
    turns_add(&t, &known[0], TURNS_STRANGER);
    turns_add(&t, &known[1], TURNS_KNOWN);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &known[1]);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &known[0]);
    turns_clear(&t);
}

/* One of its connections is made by a process in a group that may: all that wait come with it. */
static void a_user_is_served_as_its_best_connection(void)
{
    struct turns t;
    struct turn mine[3], others[2];

    turns_init(&t);
    for (unsigned i = 0; i < COUNT(others); i++) {
        OK(turns_enter(&t, 2 + i, &others[i]));
        turns_add(&t, &others[i], TURNS_STRANGER);
    }
    for (unsigned i = 0; i < COUNT(mine); i++)
        OK(turns_enter(&t, 1, &mine[i]));
    turns_add(&t, &mine[0], TURNS_STRANGER);
    turns_add(&t, &mine[1], TURNS_KNOWN);
    turns_add(&t, &mine[2], TURNS_STRANGER);
    for (unsigned i = 0; i < COUNT(mine); i++)
        CU_ASSERT_PTR_EQUAL(turns_next(&t), &mine[i]);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &others[0]);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &others[1]);
    CU_ASSERT_PTR_NULL(turns_next(&t));
    turns_clear(&t);
}

/* More of them than lists that they are found in. */
static void many_users_are_told_apart(void)
{
    static struct turn turns[4 * TURNS_SLOTS];
    struct turns t;
    struct turn second;

    turns_init(&t);
    for (unsigned i = 0; i < COUNT(turns); i++)
        OK(turns_enter(&t, i, &turns[i]));
    OK(turns_enter(&t, 7, &second));
    for (unsigned i = 0; i < COUNT(turns); i++)
        CU_ASSERT_EQUAL(turns_count(&t, i), i == 7 ? 2 : 1);
    for (unsigned i = 0; i < COUNT(turns); i++)
        turns_leave(&t, &turns[i]);
    for (unsigned i = 0; i < COUNT(turns); i++)
        CU_ASSERT_EQUAL(turns_count(&t, i), i == 7 ? 1 : 0);
    turns_leave(&t, &second);
    CU_ASSERT_EQUAL(turns_count(&t, 7), 0);
    turns_clear(&t);
}

static enum turns_class but_one(struct turn *turn, void *arg)
{
    return turn == arg ? TURNS_STRANGER : TURNS_KNOWN;
}

static void who_waits_is_looked_at_again(void)
{
    struct turns t;
    struct turn waiting[3], known;

    turns_init(&t);
    turns_again(&t, but_one, NULL);
    for (unsigned i = 0; i < COUNT(waiting); i++) {
        OK(turns_enter(&t, 1 + i, &waiting[i]));
        turns_add(&t, &waiting[i], TURNS_STRANGER);
    }
    OK(turns_enter(&t, 4, &known));
    turns_add(&t, &known, TURNS_KNOWN);
    turns_again(&t, but_one, &waiting[0]);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &known);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &waiting[1]);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &waiting[2]);
    CU_ASSERT_PTR_EQUAL(turns_next(&t), &waiting[0]);
    CU_ASSERT_PTR_NULL(turns_next(&t));
    turns_clear(&t);
}

static const struct unit_test tests[] = {
    { "by turns", by_turns },
    { "strangers come last", strangers_come_last },
    { "a user is served as its best connection", a_user_is_served_as_its_best_connection },
    { "many users are told apart", many_users_are_told_apart },
    { "who waits is looked at again", who_waits_is_looked_at_again },
    { NULL, NULL },
};
const struct unit_suite suite_turns = { "turns", tests };
