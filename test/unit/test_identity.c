/* base/id_map.c, base/id_range.c, policy/policy.c, client/owner.c: who somebody is, and who is nobody. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/id_map.h"
#include "base/id_range.h"
#include "base/passwd.h"
#include "client/owner.h"
#include "policy/policy.h"
#include "unit.h"

static const struct idmap complete = { true, true, 65534, 65534 };
static const struct idmap no_users = { false, true, 65534, 65534 };
static const struct idmap no_groups = { true, false, 65534, 65534 };
static const struct idmap odd = { false, false, 0, 77 };

static void maps(void)
{
    static const struct {
        const char *text;
        bool complete;
    } cases[] = {
        { "         0          0 4294967295\n", true },
        { "0 0 4294967295", true },
        { "", false },
        { "0 0 4294967294\n", false },
        { "         0     100000      65536\n", false },
        { "0 0 65536\n", false },
        { "1 1 4294967295\n", false },
        { "0 1 4294967295\n", false },
        { "0 0 4294967295\n0 0 1\n", false },
        { "0 0 1\n1 1 4294967294\n", false },
        { "0 0\n", false },
        { "0 0 4294967295 x\n", false },
        { "nonsense", false },
    };
    struct idmap m;

    for (size_t i = 0; i < COUNT(cases); i++) {
        CU_ASSERT_EQUAL(idmap_text_complete(cases[i].text), cases[i].complete);
    }
    idmap_read(&m);
    CU_ASSERT_TRUE(m.overflow_uid != (uint32_t)-1 && m.overflow_gid != (uint32_t)-1);
}

/* Nobody is whom the maps leave out, and no one else. */
static void nobody(void)
{
    struct problem p = { .hint = "as it was" };
    char text[200];

    CU_ASSERT_FALSE(idmap_no_user(&complete, 65534));
    CU_ASSERT_FALSE(idmap_no_group(&complete, 65534));
    CU_ASSERT_FALSE(idmap_tell(&complete, text, sizeof(text)));
    CU_ASSERT_FALSE(idmap_hint(&complete, 65534, &p));
    TEXT_IS(p.hint, "as it was");
    CU_ASSERT_TRUE(idmap_no_user(&no_users, 65534));
    CU_ASSERT_FALSE(idmap_no_user(&no_users, 65533));
    CU_ASSERT_FALSE(idmap_no_group(&no_users, 65534));
    CU_ASSERT_TRUE(idmap_tell(&no_users, text, sizeof(text)));
    TEXT_IS(text, "the box's user namespace does not map all users: uid 65534 stands for all others, and is granted nothing");
    CU_ASSERT_FALSE(idmap_hint(&no_users, 65533, &p));
    CU_ASSERT_TRUE(idmap_hint(&no_users, 65534, &p));
    TEXT_HAS(p.hint, "uid 65534 stands for every user that the box's user namespace does not map: "
                     "run the box without PrivateUsers=");
    CU_ASSERT_TRUE(idmap_no_group(&no_groups, 65534));
    CU_ASSERT_FALSE(idmap_no_user(&no_groups, 65534));
    CU_ASSERT_TRUE(idmap_tell(&no_groups, text, sizeof(text)));
    TEXT_HAS(text, "all groups: gid 65534 stands");
    CU_ASSERT_TRUE(idmap_tell(&odd, text, sizeof(text)));
    TEXT_HAS(text, "all users and groups: uid 0 or gid 77 stands");
    /* The caller's own id proves nothing where strangers have it too, be it root's. */
    CU_ASSERT_TRUE(idmap_is_ours(&complete, geteuid()));
    CU_ASSERT_TRUE(idmap_is_ours(&no_users, 0));
    CU_ASSERT_FALSE(idmap_is_ours(&odd, 0));
    CU_ASSERT_FALSE(idmap_is_ours(&complete, geteuid() + 1));
    CU_ASSERT_FALSE(idmap_is_ours(&(struct idmap){ false, true, geteuid(), 65534 }, geteuid()));
    CU_ASSERT_TRUE(idmap_is_ours(&(struct idmap){ true, true, geteuid(), 65534 }, geteuid()));
}

static const struct admins plain;

/* Sender and maker are the same process. */
static struct caller same_process(struct maker *maker, uid_t uid, gid_t gid)
{
    *maker = (struct maker){ .peer = { .pid = getpid(), .uid = uid, .gid = gid } };
    return caller_of(&maker->peer, maker);
}

/* Each door of policy.c, with and without complete maps. */
static void grants(void)
{
    static const struct grant to_user[] = { { SUBJECT_USER, 65534, OP_SIGN } };
    static const struct grant to_group[] = { { SUBJECT_GROUP, 65534, OP_SIGN } };
    struct admins admins = { .of = { { SUBJECT_USER, 65534, 0 } }, .count = 1 };
    struct maker makers[3];
    struct caller who = same_process(&makers[0], 65534, 12345), member = same_process(&makers[1], 12345, 65534);
    struct caller root = same_process(&makers[2], 0, 0);

    idmap_assume(&complete);
    CU_ASSERT_TRUE(policy_granted(&plain, to_user, 1, &who, OP_SIGN));
    CU_ASSERT_TRUE(policy_granted_any(&plain, to_user, 1, &who));
    CU_ASSERT_TRUE(policy_is_admin(&admins, &who));
    CU_ASSERT_TRUE(policy_granted(&plain, to_group, 1, &member, OP_SIGN));

    idmap_assume(&no_users);
    CU_ASSERT_FALSE(policy_granted(&plain, to_user, 1, &who, OP_SIGN));
    CU_ASSERT_FALSE(policy_granted_any(&plain, to_user, 1, &who));
    CU_ASSERT_FALSE(policy_is_admin(&admins, &who));
    CU_ASSERT_TRUE(policy_granted(&plain, to_group, 1, &member, OP_SIGN));
    CU_ASSERT_TRUE(policy_is_admin(&admins, &root));

    idmap_assume(&no_groups);
    CU_ASSERT_TRUE(policy_granted(&plain, to_user, 1, &who, OP_SIGN));
    CU_ASSERT_FALSE(policy_granted(&plain, to_group, 1, &member, OP_SIGN));
    CU_ASSERT_FALSE(policy_granted_any(&plain, to_group, 1, &member));
    admins.of[0] = to_group[0];
    CU_ASSERT_FALSE(policy_is_admin(&admins, &member));
    idmap_assume(&complete);
    CU_ASSERT_TRUE(policy_is_admin(&admins, &member));
}

/* A box that runs as the overflow user is its own administrator where it can be told from others, and only there. */
static void own_user(void)
{
    struct admins admins = { .count = 0 };
    struct maker makers[2];
    struct caller me = same_process(&makers[0], geteuid(), getegid()), root = same_process(&makers[1], 0, 0);
    struct idmap own = { true, true, geteuid(), 65534 };

    idmap_assume(&own);
    CU_ASSERT_TRUE(policy_is_admin(&admins, &me));
    own.users_complete = false;
    idmap_assume(&own);
    CU_ASSERT_FALSE(policy_is_admin(&admins, &me));
    CU_ASSERT_EQUAL(policy_is_admin(&admins, &root), geteuid() != 0);
    idmap_assume(&complete);
}

/* A supplementary group that the namespace does not map shows as the overflow gid. */
static void supplementary(void)
{
    static const struct grant to_group[] = { { SUBJECT_GROUP, 65534, OP_SIGN } };
    gid_t groups[] = { 1, 65534 };
    struct maker maker = { { getpid(), 12345, 12345 }, groups, COUNT(groups) };
    struct caller who = caller_of(&maker.peer, &maker);

    idmap_assume(&complete);
    CU_ASSERT_TRUE(policy_granted(&plain, to_group, 1, &who, OP_SIGN));
    idmap_assume(&no_groups);
    CU_ASSERT_FALSE(policy_granted(&plain, to_group, 1, &who, OP_SIGN));
    idmap_assume(&complete);
}

static void lists(void)
{
    static const struct {
        const char *text, *refusal; /* NULL: it is one */
    } cases[] = {
        { "root", NULL },
        { "0", NULL },
        { " alice,1000\t bob-2 ,, 4294967294 DOMAIN\\user$", NULL },
        { "", "littlebox-users: '' is not a user" },
        { " , ", "littlebox-users: '' is not a user" },
        { "4294967295", "littlebox-users: '4294967295' is not a user" },
        { "99999999999", "is not a user" },
        { "root 12x", "littlebox-users: '12x' is not a user" },
        { "-1", "littlebox-users: '-1' is not a user" },
        { "root:x", "is not a user" },
        { "a\nb", "is not a user" },
        { "0123456789012345678901234567890123456789012345678901234567890123", "is not a user" },
        { "a123456789012345678901234567890123456789012345678901234567890123", "is not a user" },
        { "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", NULL },
        { "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "littlebox-users: more than 16 users" },
    };
    struct owner_list list;
    struct problem p;

    for (size_t i = 0; i < COUNT(cases); i++) {
        p = (struct problem){ 0 };
        if (cases[i].refusal == NULL) {
            OK(owner_list_parse(cases[i].text, LB_OWNERS_SETTING, &list, &p));
            continue;
        }
        FAILS(owner_list_parse(cases[i].text, LB_OWNERS_SETTING, &list, &p), LB_E_CONFIG);
        TEXT_HAS(p.text, cases[i].refusal);
    }
    OK(owner_list_parse(" alice,1000\t bob", LB_OWNERS_SETTING, &list, &p));
    CU_ASSERT_EQUAL(list.count, 3);
    TEXT_IS(list.who[0].name, "alice");
    TEXT_IS(list.who[1].name, "");
    CU_ASSERT_EQUAL(list.who[1].uid, 1000);
    TEXT_IS(list.who[2].name, "bob");
}

static void names(void)
{
    struct owner_list list;
    struct owner_uids uids;
    struct problem p;
    char home[PATH_MAX];
    uid_t uid = 77;

    OK(owner_list_parse("7 root", LB_OWNERS_OPTION, &list, &p));
    OK(owner_list_resolve(&list, LB_OWNERS_OPTION, &uids, &p));
    CU_ASSERT_EQUAL(uids.count, 2);
    CU_ASSERT_EQUAL(uids.uids[0], 7);
    CU_ASSERT_EQUAL(uids.uids[1], 0);
    OK(owner_list_parse("no-such-user-here", LB_OWNERS_OPTION, &list, &p));
    FAILS(owner_list_resolve(&list, LB_OWNERS_OPTION, &uids, &p), LB_E_CONFIG);
    TEXT_IS(p.text, "--users: there is no user 'no-such-user-here'");
    OK(passwd_uid_of("root", &uid));
    CU_ASSERT_EQUAL(uid, 0);
    FAILS(passwd_uid_of("no-such-user-here", &uid), LB_E_VALUE);
    OK(passwd_home_of(0, home));
    CU_ASSERT_EQUAL(home[0], '/');
    FAILS(passwd_home_of(4294900000U, home), LB_E_VALUE);
}

/* A listening socket of that uid, and a connection to it. Root's business, but for its own. */
static void connect_to(const char *path, uid_t owner, int *ret_listen, int *ret_fd)
{
    OK(socket_listen(path, 0666, ret_listen));
    CU_ASSERT_EQUAL_FATAL(seteuid(owner), 0);
    CU_ASSERT_EQUAL_FATAL(listen(*ret_listen, 8), 0);
    CU_ASSERT_EQUAL_FATAL(seteuid(getuid()), 0);
    OK(socket_connect(path, ret_fd));
}

static void owners(void)
{
    const struct owner_uids nobody_named = { 0 }, named = { 2, { 7, 12345 } }, others = { 1, { 12346 } };
    char *dir = unit_dir_new();
    const char *path = unit_path(dir, "web.sock");
    struct problem p = { 0 };
    int server = -1, fd = -1;

    connect_to(path, geteuid(), &server, &fd);
    OK(owner_check(fd, &nobody_named, LB_OWNERS_SETTING, "web", path, &p));
    close(fd);
    close(server);
    if (geteuid() == 0) {
        char expected[400];

        connect_to(path, 12345, &server, &fd);
        FAILS(owner_check(fd, &nobody_named, LB_OWNERS_SETTING, "web", path, &p), LB_E_STRANGER);
        snprintf(expected, sizeof(expected), "box 'web' is of uid 12345, not of root or uid 0, who asks: it answers at %.200s", path);
        TEXT_IS(p.text, expected);
        TEXT_HAS(p.hint, "in the provider's section of openssl.cnf: littlebox-users = 12345");
        FAILS(owner_check(fd, &others, LB_OWNERS_OPTION, "web", path, &p), LB_E_STRANGER);
        TEXT_IS(p.hint, "if it is the right one, say so: --users 12345");
        OK(owner_check(fd, &named, LB_OWNERS_SETTING, "web", path, &p));
        close(fd);
        close(server);
    }
    unit_dir_remove(dir);
}

static void lent(void)
{
    static const struct {
        uint32_t id;
        const char *why; /* NULL: none */
    } cases[] = {
        { 0, NULL },
        { 1000, NULL },
        { 60000, NULL },
        { 60001, NULL },
        { 60513, NULL },
        { 60514, "systemd-nspawn gives to users" },
        { 60577, "systemd-nspawn gives to users" },
        { 60578, NULL },
        { 61183, NULL },
        { 61184, "DynamicUser=" },
        { 65519, "DynamicUser=" },
        { 65520, NULL },
        { 65534, "stands for everybody" },
        { 65535, NULL },
        { 524287, NULL },
        { 524288, "gives to containers" },
        { 1879048191, "gives to containers" },
        { 1879048192, NULL },
    };
    char text[200], expected[40];
    const char *cure;

    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int group = 0; group < 2; group++) {
            bool is = idrange_lent(group == 1, cases[i].id, text, sizeof(text), &cure);

            CU_ASSERT_EQUAL(is, cases[i].why != NULL);
            if (!is || cases[i].why == NULL)
                continue;
            TEXT_HAS(text, cases[i].why);
            snprintf(expected, sizeof(expected), "%s %u ", group == 1 ? "gid" : "uid", cases[i].id);
            CU_ASSERT_EQUAL(strncmp(text, expected, strlen(expected)), 0);
            CU_ASSERT_TRUE(cure[0] != '\0');
        }
    }
}

static const struct unit_test tests[] = {
    { "maps", maps },
    { "nobody", nobody },
    { "grants", grants },
    { "the box's own user", own_user },
    { "supplementary groups", supplementary },
    { "lists of users", lists },
    { "names of users", names },
    { "owners", owners },
    { "numbers that are lent", lent },
    { NULL, NULL },
};
const struct unit_suite suite_identity = { "identity", tests };
