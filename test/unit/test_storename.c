/* daemon/store_name.c: the names of what the service manager keeps. */
#include <string.h>

#include "daemon/keeper_link.h"
#include "daemon/store_name.h"
#include "unit.h"

static gid_t groups[] = { 7, 0, 4294967294u };
static const struct {
    struct stored_name name;
    const char *text;
} good_names[] = {
    { { .kind = STORED_LISTENER }, "~listen" },
    { { .kind = STORED_LOCKED }, "~locked" },
    { { .kind = STORED_BY_HAND }, "~byhand" },
    { { .kind = STORED_DEAD }, "~dead" },
    { { .kind = STORED_ACCEPTED }, "~a0" },
    { { .kind = STORED_ACCEPTED, .slot = KEEP_SLOTS_MAX - 1 }, "~a2567" },
    { { .kind = STORED_PAIR, .slot = 36, .maker = { { 1, 0, 35 }, NULL, 0 } }, "~p10.1.0.z" },
    { { .kind = STORED_PAIR, .slot = 1, .maker = { { 2147483647, 4294967294u, 33 }, groups, 3 } },
      "~p1.zik0zj.1z141z2.x.7.0.1z141z2" },
};

static void names_that_are_written(void)
{
    char text[STORE_NAME_SIZE];

    for (size_t i = 0; i < sizeof(good_names) / sizeof(good_names[0]); i++) {
        const struct stored_name *n = &good_names[i].name;
        struct stored_name back;

        store_name_write(n, text);
        CU_ASSERT_STRING_EQUAL(text, good_names[i].text);
        OK(store_name_read(text, &back));
        CU_ASSERT_EQUAL(back.kind, n->kind);
        CU_ASSERT_EQUAL(back.slot, n->slot);
        CU_ASSERT_EQUAL(memcmp(&back.maker.peer, &n->maker.peer, sizeof(struct peer)), 0);
        CU_ASSERT_EQUAL_FATAL(back.maker.group_count, n->maker.group_count);
        for (size_t g = 0; g < n->maker.group_count; g++)
            CU_ASSERT_EQUAL(back.maker.groups[g], n->maker.groups[g]);
        CU_ASSERT(store_name_ours(text));
        maker_clear(&back.maker);
    }
}

/* One thing has one name, and all else is none. */
static void names_that_are_not_read(void)
{
    static const char *const bad[] = {
        "", "~", "~x", "listen", "~listen ", "~LISTEN", "~listen.1", "~locked1", "~a", "~a.", "~a-1", "~a+1", "~a 1", "~a1 ",
        "~a01", "~a00", "~aA", "~a1.2", "~a1\n", "~a2568", "~azzzzzzzz", "~azzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "a1", "~p", "~p1",
        "~p1.2", "~p1.2.3", "~p1.2.3.", "~p1.2.3.4.", "~p1.2.3.4..5", "~p1.0.3.4", "~p1.02.3.4", "~p1.2.03.4", "~p1.2.3.04",
        "~p1.2.3.4.05", "~p1.zik0zk.3.4", "~p1.2.1z141z3.4", "~p1.2.3.1z141z3", "~p1.2.3.4.1z141z3", "~p1.-2.3.4", "~p2568.2.3.4",
        "~p1,2,3,4", "~p1.2.3.4 ", "~p1.2.3.4\n~a1", "~p1.2.3.4.G", "~b1", "~listenX", "stored",
    };
    char longest[STORE_NAME_SIZE + 2] = "~p1.2.3.4";
    struct stored_name n;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        FAILS(store_name_read(bad[i], &n), LB_E_VALUE);
    while (strlen(longest) < STORE_NAME_SIZE)
        strcat(longest, ".1");
    FAILS(store_name_read(longest, &n), LB_E_VALUE);
    CU_ASSERT_FALSE(store_name_ours("littleboxd@default.socket"));
    CU_ASSERT_FALSE(store_name_ours(""));
}

/* Fewer groups, never another one. */
static void groups_that_do_not_fit(void)
{
    gid_t many[200];
    struct stored_name n = { STORED_PAIR, 5, { { 4, 5, 6 }, many, 200 } }, back;
    char text[STORE_NAME_SIZE];

    for (size_t i = 0; i < 200; i++)
        many[i] = 4000000000u + (gid_t)i;
    store_name_write(&n, text);
    CU_ASSERT(strlen(text) < STORE_NAME_SIZE);
    OK(store_name_read(text, &back));
    CU_ASSERT(back.maker.group_count > 20 && back.maker.group_count < 40);
    for (size_t i = 0; i < back.maker.group_count; i++)
        CU_ASSERT_EQUAL(back.maker.groups[i], many[i]);
    maker_clear(&back.maker);
}

static const struct unit_test tests[] = {
    { "names that are written", names_that_are_written },
    { "names that are not read", names_that_are_not_read },
    { "groups that do not fit", groups_that_do_not_fit },
    { NULL, NULL },
};
const struct unit_suite suite_storename = { "storename", tests };
