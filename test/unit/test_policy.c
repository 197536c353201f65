/* Who may do what: each rule of policy.c, with what a kernel says of callers that is made up, and with real channels. */
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy.h"
#include "unit.h"

/* Nobody's on any machine that tests run on. */
#define USER 3000001
#define OTHER 3000002
#define GROUP 3000003
#define MORE 3000004

/*
 * The only place that knows what a caller is made of. channel -1: one that nobody is there behind, so that it tells no
 * groups.
 */
static struct caller caller(pid_t pid, uid_t uid, gid_t gid, int channel)
{
    return (struct caller){ .peer = { pid, uid, gid }, .fd = channel };
}

static struct caller plain(uid_t uid, gid_t gid)
{
    return caller(getpid(), uid, gid, -1);
}

static struct caller unknown(uid_t uid, gid_t gid)
{
    return caller(0, uid, gid, -1);
}

static bool granted(const struct grant *grants, size_t count, struct caller who, uint16_t ops)
{
    return policy_granted(grants, count, &who, ops);
}

static bool any(const struct grant *grants, size_t count, struct caller who)
{
    return policy_granted_any(grants, count, &who);
}

static bool admin(const struct boxconf *conf, struct caller who)
{
    return policy_is_admin(conf, &who);
}

static const struct grant user_signs = { SUBJECT_USER, USER, OP_SIGN }, group_signs = { SUBJECT_GROUP, GROUP, OP_SIGN };

static void a_user_has_what_was_granted(void)
{
    CU_ASSERT(granted(&user_signs, 1, plain(USER, OTHER), OP_SIGN));
    CU_ASSERT(!granted(&user_signs, 1, plain(USER, OTHER), OP_DECRYPT));
    CU_ASSERT(!granted(&user_signs, 1, plain(USER, OTHER), OP_DERIVE));
    CU_ASSERT(!granted(&user_signs, 1, plain(USER, OTHER), OP_SIGN | OP_DECRYPT));
    CU_ASSERT(!granted(&user_signs, 1, plain(OTHER, OTHER), OP_SIGN));
    /* The number alone is none: a group of the user's number, and a user of the group's. */
    CU_ASSERT(!granted(&user_signs, 1, plain(OTHER, USER), OP_SIGN));
    CU_ASSERT(!granted(&group_signs, 1, plain(GROUP, OTHER), OP_SIGN));
    CU_ASSERT(!granted(&user_signs, 0, plain(USER, OTHER), OP_SIGN));
    /* Root and the box's own user are administrators, which is not asked here. */
    CU_ASSERT(!granted(&user_signs, 1, plain(0, 0), OP_SIGN));
    CU_ASSERT(any(&user_signs, 1, plain(USER, OTHER)));
    CU_ASSERT(!any(&user_signs, 1, plain(OTHER, USER)));
    CU_ASSERT(!any(&user_signs, 0, plain(USER, OTHER)));
}

static void a_member_has_what_was_granted(void)
{
    CU_ASSERT(granted(&group_signs, 1, plain(OTHER, GROUP), OP_SIGN));
    CU_ASSERT(!granted(&group_signs, 1, plain(OTHER, GROUP), OP_DECRYPT));
    CU_ASSERT(!granted(&group_signs, 1, plain(OTHER, OTHER), OP_SIGN));
    CU_ASSERT(any(&group_signs, 1, plain(OTHER, GROUP)));
    CU_ASSERT(!any(&group_signs, 1, plain(OTHER, OTHER)));
}

static void grants_add_up(void)
{
    static const struct grant both[] = { { SUBJECT_USER, USER, OP_SIGN },
                                         { SUBJECT_USER, OTHER, OP_DERIVE },
                                         { SUBJECT_GROUP, GROUP, OP_DECRYPT } };

    CU_ASSERT(granted(both, 3, plain(USER, GROUP), OP_SIGN | OP_DECRYPT));
    CU_ASSERT(!granted(both, 3, plain(USER, OTHER), OP_SIGN | OP_DECRYPT));
    CU_ASSERT(!granted(both, 3, plain(USER, GROUP), OP_SIGN | OP_DERIVE));
    CU_ASSERT(!granted(both, 3, plain(USER, GROUP), OP_ALL));
}

/* A packet without credentials: whatever else is said of its sender. */
static void the_unknown_have_nothing(void)
{
    struct boxconf conf = { .admins = { { SUBJECT_USER, USER, 0 }, { SUBJECT_GROUP, GROUP, 0 } }, .admin_count = 2 };

    CU_ASSERT(!granted(&user_signs, 1, unknown(USER, GROUP), OP_SIGN));
    CU_ASSERT(!granted(&group_signs, 1, unknown(USER, GROUP), OP_SIGN));
    CU_ASSERT(!any(&user_signs, 1, unknown(USER, GROUP)));
    CU_ASSERT(!any(&group_signs, 1, unknown(USER, GROUP)));
    CU_ASSERT(!admin(&conf, unknown(0, 0)));
    CU_ASSERT(!admin(&conf, unknown(geteuid(), getegid())));
    CU_ASSERT(!admin(&conf, unknown(USER, OTHER)));
    CU_ASSERT(!admin(&conf, unknown(OTHER, GROUP)));
}

static void administrators(void)
{
    struct boxconf conf = { .admins = { { SUBJECT_USER, USER, 0 }, { SUBJECT_GROUP, GROUP, 0 } }, .admin_count = 2 };
    struct boxconf nobody = { .admin_count = 0 };

    CU_ASSERT(admin(&nobody, plain(0, 0)));
    CU_ASSERT(admin(&nobody, plain(geteuid(), OTHER)));
    CU_ASSERT(!admin(&nobody, plain(USER, GROUP)));
    CU_ASSERT(!admin(&nobody, plain(OTHER, 0)));
    CU_ASSERT(!admin(&nobody, plain(OTHER, getegid())));
    CU_ASSERT(admin(&conf, plain(USER, OTHER)));
    CU_ASSERT(admin(&conf, plain(OTHER, GROUP)));
    CU_ASSERT(!admin(&conf, plain(OTHER, OTHER)));
    CU_ASSERT(!admin(&conf, plain(GROUP, USER)));
    conf.admin_count = 1;
    CU_ASSERT(!admin(&conf, plain(OTHER, GROUP)));
}

/*
 * In a child that is another user with groups besides its own: makes a socketpair, as whose maker the kernel knows it, and
 * looks at it as a box does. Groups can only be taken by root.
 */
static void run_as_member(void (*look)(int channel))
{
    static const gid_t groups[] = { MORE, GROUP };
    int pair[2];
    pid_t pid = fork();

    if (pid == 0) {
        if (setgroups(COUNT(groups), groups) < 0 || setgid(OTHER) < 0 || setuid(USER) < 0 ||
            socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
            _exit(99);
        look(pair[0]);
        /* What a fork asserts its parent does not see. */
        _exit(CU_get_number_of_failures() == 0 ? 0 : 1);
    }
    unit_reap(pid);
}

/* The child's own ids, so that no administrator's rule is met. */
static void supplementary_groups_count(int channel)
{
    static const struct grant others = { SUBJECT_GROUP, OTHER + 100, OP_SIGN }, more = { SUBJECT_GROUP, MORE, OP_SIGN };

    CU_ASSERT(granted(&group_signs, 1, caller(getpid(), USER, OTHER, channel), OP_SIGN));
    CU_ASSERT(granted(&more, 1, caller(getpid(), USER, OTHER, channel), OP_SIGN));
    CU_ASSERT(any(&group_signs, 1, caller(getpid(), USER, OTHER, channel)));
    /* Only those that it has, and for what was granted. */
    CU_ASSERT(!granted(&others, 1, caller(getpid(), USER, OTHER, channel), OP_SIGN));
    CU_ASSERT(!granted(&group_signs, 1, caller(getpid(), USER, OTHER, channel), OP_DECRYPT));
    CU_ASSERT(!any(&others, 1, caller(getpid(), USER, OTHER, channel)));
}

/* A channel tells the groups of its maker, and whoever inherited it has none of them. */
static void of_the_maker_alone(int channel)
{
    CU_ASSERT(!granted(&group_signs, 1, caller(getpid() + 1, USER, OTHER, channel), OP_SIGN));
    CU_ASSERT(!granted(&group_signs, 1, caller(getpid(), USER + 100, OTHER, channel), OP_SIGN));
    CU_ASSERT(!granted(&group_signs, 1, caller(0, USER, OTHER, channel), OP_SIGN));
    CU_ASSERT(!any(&group_signs, 1, caller(getpid() + 1, USER, OTHER, channel)));
    CU_ASSERT(!granted(&group_signs, 1, caller(getpid(), USER, OTHER, -1), OP_SIGN));
}

static void members_by_supplementary_group(void)
{
    if (geteuid() != 0)
        return;
    run_as_member(supplementary_groups_count);
    run_as_member(of_the_maker_alone);
}

/* Of any user: the groups that it has, and no others. */
static void groups_of_this_process(void)
{
    gid_t groups[64];
    int pair[2], count = getgroups(COUNT(groups), groups);
    struct peer me = { getpid(), geteuid(), getegid() };
    const struct grant own = { SUBJECT_GROUP, me.gid, OP_SIGN };

    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    CU_ASSERT(!granted(&group_signs, 1, caller(me.pid, me.uid, me.gid, pair[0]), OP_SIGN));
    CU_ASSERT(granted(&own, 1, caller(me.pid, me.uid, me.gid, pair[0]), OP_SIGN));
    for (int i = 0; i < count; i++) {
        const struct grant one = { SUBJECT_GROUP, groups[i], OP_SIGN };

        CU_ASSERT(granted(&one, 1, caller(me.pid, me.uid, OTHER, pair[0]), OP_SIGN));
    }
    close(pair[0]);
    close(pair[1]);
}

static const struct unit_test tests[] = {
    { "a user has what was granted, and nothing else", a_user_has_what_was_granted },
    { "a member of a group too", a_member_has_what_was_granted },
    { "grants add up", grants_add_up },
    { "whom the kernel does not name has nothing", the_unknown_have_nothing },
    { "administrators", administrators },
    { "members by a supplementary group", members_by_supplementary_group },
    { "groups of this process", groups_of_this_process },
    { NULL, NULL },
};
const struct unit_suite suite_policy = { "policy", tests };
