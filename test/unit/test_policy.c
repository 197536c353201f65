/* policy.c: authority is what sender and maker both have. */
#include <string.h>
#include <unistd.h>

#include "policy/policy.h"
#include "unit.h"

enum { ROOT = 0, WEB = 3301, OTHER = 3302, ADMIN = 3303, WEB_GROUP = 4401, ADMIN_GROUP = 4402 };

static const struct grant grants[] = {
    { .kind = SUBJECT_USER, .id = WEB, .ops = OP_SIGN },
    { .kind = SUBJECT_GROUP, .id = WEB_GROUP, .ops = OP_SIGN | OP_DECRYPT },
};

static struct admins admins_of(void)
{
    struct admins c;

    memset(&c, 0, sizeof(c));
    c.of[c.count++] = (struct grant){ .kind = SUBJECT_USER, .id = ADMIN };
    c.of[c.count++] = (struct grant){ .kind = SUBJECT_GROUP, .id = ADMIN_GROUP };
    return c;
}

static gid_t web_group[] = { 1, WEB_GROUP }, admin_group[] = { ADMIN_GROUP };

/* Sender and maker, and what they may do. */
static const struct {
    struct peer sender;
    struct maker maker;
    bool signs, decrypts, derives, admin;
} cases[] = {
    /* A process on its own channel. */
    { { 10, WEB, 1 }, { { 10, WEB, 1 }, NULL, 0 }, true, false, false, false },
    { { 10, OTHER, 1 }, { { 10, OTHER, 1 }, NULL, 0 }, false, false, false, false },
    { { 10, ROOT, 0 }, { { 10, ROOT, 0 }, NULL, 0 }, true, true, true, true },
    { { 10, ADMIN, 1 }, { { 10, ADMIN, 1 }, NULL, 0 }, true, true, true, true },
    /* Groups: its own, and its supplementary ones as long as it is the process that made the channel. */
    { { 10, OTHER, WEB_GROUP }, { { 10, OTHER, WEB_GROUP }, NULL, 0 }, true, true, false, false },
    { { 10, OTHER, 1 }, { { 10, OTHER, 1 }, web_group, 2 }, true, true, false, false },
    { { 11, OTHER, 1 }, { { 10, OTHER, 1 }, web_group, 2 }, false, false, false, false },
    { { 10, OTHER, 1 }, { { 10, WEB, 1 }, web_group, 2 }, false, false, false, false },
    { { 10, OTHER, 1 }, { { 10, OTHER, 1 }, admin_group, 1 }, true, true, true, true },
    { { 11, OTHER, 1 }, { { 10, OTHER, 1 }, admin_group, 1 }, false, false, false, false },
    { { 11, OTHER, ADMIN_GROUP }, { { 10, OTHER, 1 }, NULL, 0 }, false, false, false, false },
    { { 11, OTHER, ADMIN_GROUP }, { { 10, OTHER, ADMIN_GROUP }, NULL, 0 }, true, true, true, true },
    /* The maker may be more than the sender: a worker has what it inherits from root, and is not root. */
    { { 11, WEB, 1 }, { { 10, ROOT, 0 }, NULL, 0 }, true, false, false, false },
    { { 11, OTHER, 1 }, { { 10, ROOT, 0 }, NULL, 0 }, false, false, false, false },
    { { 11, WEB, 1 }, { { 10, ADMIN, 1 }, NULL, 0 }, true, false, false, false },
    { { 11, OTHER, WEB_GROUP }, { { 10, WEB, 1 }, NULL, 0 }, true, false, false, false },
    /* And never less: whoever writes into a channel of somebody else's lends it nothing. */
    { { 11, ROOT, 0 }, { { 10, OTHER, 1 }, NULL, 0 }, false, false, false, false },
    { { 11, ROOT, 0 }, { { 10, WEB, 1 }, NULL, 0 }, true, false, false, false },
    { { 11, WEB, 1 }, { { 10, OTHER, 1 }, NULL, 0 }, false, false, false, false },
    { { 11, ADMIN, 1 }, { { 10, OTHER, 1 }, NULL, 0 }, false, false, false, false },
    { { 11, ROOT, 0 }, { { 10, ADMIN, 1 }, NULL, 0 }, true, true, true, false },
    { { 11, ADMIN, 1 }, { { 10, ROOT, 0 }, NULL, 0 }, true, true, true, false },
    /* The kernel said nothing of the sender. */
    { { 0, ROOT, 0 }, { { 10, ROOT, 0 }, NULL, 0 }, false, false, false, false },
    { { 0, WEB, 1 }, { { 10, WEB, 1 }, NULL, 0 }, false, false, false, false },
};

static void both_ends(void)
{
    const struct admins c = admins_of();

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct caller who = caller_of(&cases[i].sender, &cases[i].maker);
        bool any = cases[i].signs || cases[i].decrypts || cases[i].derives;

        CU_ASSERT_EQUAL(policy_granted(&c, grants, COUNT(grants), &who, OP_SIGN), cases[i].signs);
        CU_ASSERT_EQUAL(policy_granted(&c, grants, COUNT(grants), &who, OP_DECRYPT), cases[i].decrypts);
        CU_ASSERT_EQUAL(policy_granted(&c, grants, COUNT(grants), &who, OP_DERIVE), cases[i].derives);
        CU_ASSERT_EQUAL(policy_granted(&c, grants, COUNT(grants), &who, OP_SIGN | OP_DECRYPT),
                        cases[i].signs && cases[i].decrypts);
        CU_ASSERT_EQUAL(policy_granted_any(&c, grants, COUNT(grants), &who), any);
        CU_ASSERT_EQUAL(policy_is_admin(&c, &who), cases[i].admin);
    }
}

/* Whom a refusal names. */
static void who_lacks_it(void)
{
    static const struct {
        uid_t sender, maker, not_granted, not_admin;
    } ends[] = {
        { OTHER, OTHER, OTHER, OTHER },
        { OTHER, ROOT, OTHER, OTHER },
        { ROOT, OTHER, OTHER, OTHER },
        { WEB, OTHER, OTHER, WEB },
        { ADMIN, OTHER, OTHER, OTHER },
    };
    const struct admins c = admins_of();

    for (size_t i = 0; i < COUNT(ends); i++) {
        const struct maker maker = { { 10, ends[i].maker, 1 }, NULL, 0 };
        const struct caller who = caller_of(&(struct peer){ 11, ends[i].sender, 1 }, &maker);

        CU_ASSERT_FALSE(policy_granted(&c, grants, COUNT(grants), &who, OP_SIGN));
        CU_ASSERT_EQUAL(policy_not_granted(&c, grants, COUNT(grants), &who, OP_SIGN)->uid, ends[i].not_granted);
        CU_ASSERT_FALSE(policy_is_admin(&c, &who));
        CU_ASSERT_EQUAL(policy_not_admin(&c, &who)->uid, ends[i].not_admin);
    }
}

static void without_grants(void)
{
    const struct admins c = admins_of();
    const struct maker maker = { { 10, WEB, WEB_GROUP }, web_group, 2 };
    const struct caller who = caller_of(&(struct peer){ 10, WEB, WEB_GROUP }, &maker);

    CU_ASSERT_FALSE(policy_granted(&c, NULL, 0, &who, OP_SIGN));
    CU_ASSERT_FALSE(policy_granted_any(&c, NULL, 0, &who));
}

static void the_boxs_own_user(void)
{
    const struct admins c = admins_of();
    const struct maker maker = { { 10, geteuid(), 1 }, NULL, 0 }, other = { { 10, OTHER, 1 }, NULL, 0 };
    const struct caller who = caller_of(&(struct peer){ 10, geteuid(), 1 }, &maker),
                        on_others = caller_of(&(struct peer){ 10, geteuid(), 1 }, &other);

    CU_ASSERT(policy_is_admin(&c, &who));
    CU_ASSERT_FALSE(policy_is_admin(&c, &on_others));
    CU_ASSERT(policy_admin_made(&c, &maker));
    CU_ASSERT_FALSE(policy_admin_made(&c, &other));
}

static const struct unit_test tests[] = {
    { "both ends", both_ends },
    { "who lacks it", who_lacks_it },
    { "without grants", without_grants },
    { "the box's own user", the_boxs_own_user },
    { NULL, NULL },
};
const struct unit_suite suite_policy = { "policy", tests };
