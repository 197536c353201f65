/* maker.c: the kernel's word on who made a socket, and its way to a keeper and back. */
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/maker.h"
#include "unit.h"

/* Among the supplementary ones. */
static bool in_group(const struct maker *m, gid_t gid)
{
    for (size_t i = 0; i < m->group_count; i++) {
        if (m->groups[i] == gid)
            return true;
    }
    return false;
}

/* In a process of its own, whose groups are set: root's. */
static bool groups_of_pair(const gid_t *groups, size_t count, struct maker *ret)
{
    int pair[2];

    return setgroups(count, groups) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 &&
           maker_of(pair[0], ret) == 0;
}

static void the_kernels_word(void)
{
    struct maker m;
    int pair[2];

    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    OK(maker_of(pair[0], &m));
    CU_ASSERT_EQUAL(m.peer.pid, getpid());
    CU_ASSERT_EQUAL(m.peer.uid, geteuid());
    CU_ASSERT_EQUAL(m.peer.gid, getegid());
    CU_ASSERT_EQUAL(m.group_count, (size_t)getgroups(0, NULL));
    maker_clear(&m);
    close(pair[0]);
    close(pair[1]);
    FAILS(maker_of(STDIN_FILENO, &m), LB_E_SYSTEM);
}

static void groups(void)
{
    gid_t few[2] = { 4711, 4712 };
    struct maker m;
    int pid;

    if (geteuid() != 0)
        return;
    pid = fork();
    if (pid == 0)
        _exit(groups_of_pair(few, 2, &m) && in_group(&m, 4711) && in_group(&m, 4712) &&
                      !in_group(&m, 4713)
                  ? 0
                  : 1);
    unit_reap(pid);
    pid = fork();
    if (pid == 0)
        _exit(groups_of_pair(few, 0, &m) && m.group_count == 0 && !in_group(&m, 0) ? 0 : 1);
    unit_reap(pid);
    pid = fork();
    if (pid == 0) {
        gid_t many[MAKER_GROUPS_MAX + 1];

        for (size_t i = 0; i < COUNT(many); i++)
            many[i] = 5000 + (gid_t)i;
        _exit(groups_of_pair(many, COUNT(many), &m) && in_group(&m, 5000 + MAKER_GROUPS_MAX - 1) &&
                      !in_group(&m, 5000 + MAKER_GROUPS_MAX)
                  ? 0
                  : 1);
    }
    unit_reap(pid);
}

static void there_and_back(void)
{
    gid_t list[] = { 1, 33, 4711 };
    const struct maker m = { { 42, 33, 44 }, list, COUNT(list) };
    struct wire_writer w;
    struct wire_reader r;
    struct maker back;
    uint8_t buf[64];
    size_t len = 0;

    wire_write(&w, buf, sizeof(buf));
    maker_put(&w, &m);
    OK(wire_written(&w, &len));
    for (size_t cut = 0; cut < len; cut++) {
        wire_read(&r, buf, cut);
        maker_get(&r, &back);
        FAILS(wire_end(&r), LB_E_CUT_OFF);
        maker_clear(&back);
    }
    wire_read(&r, buf, len);
    maker_get(&r, &back);
    OK(wire_end(&r));
    CU_ASSERT(memcmp(&back.peer, &m.peer, sizeof(m.peer)) == 0);
    CU_ASSERT_EQUAL_FATAL(back.group_count, COUNT(list));
    CU_ASSERT(memcmp(back.groups, list, sizeof(list)) == 0);
    maker_clear(&back);
    /* More groups than are kept. */
    buf[12] = 0xff;
    wire_read(&r, buf, len);
    maker_get(&r, &back);
    FAILS(wire_end(&r), LB_E_TOO_LONG);
    maker_clear(&back);
}

static const struct unit_test tests[] = {
    { "the kernel's word", the_kernels_word },
    { "groups", groups },
    { "there and back", there_and_back },
    { NULL, NULL },
};
const struct unit_suite suite_maker = { "maker", tests };
