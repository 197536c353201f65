/* daemon/keeper_link.c, daemon/kept.c, box/usher_link.c and box/reception.c: what the processes of a box say to each other. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "box/serve_priv.h"
#include "box/usher_link.h"
#include "daemon/keeper_link.h"
#include "daemon/kept.h"
#include "unit.h"

static int link_pair[2];

static void open_link(void)
{
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link_pair), 0);
}

static void close_link(void)
{
    close(link_pair[0]);
    close(link_pair[1]);
}

static void close_strays(struct keep_message *m)
{
    while (m->stray_count > 0)
        close(m->strays[--m->stray_count]);
}

static gid_t groups[] = { 7, 8 };
static const struct maker some_maker = { { 42, 33, 44 }, groups, 2 };

static void keeper_messages(void)
{
    struct keep_message m;

    open_link();
    for (enum keep_type type = KEEP_ADD; type <= KEEP_AWAKE; type++) {
        bool maker = type == KEEP_ADD || type == KEEP_RESTORE, fd = maker || type == KEEP_USHER;

        OK(keep_send(link_pair[0], type, 4711, maker ? &some_maker : NULL, fd ? link_pair[1] : -1));
        OK(keep_receive(link_pair[1], true, &m));
        CU_ASSERT_EQUAL(m.type, type);
        CU_ASSERT_EQUAL(m.number, 4711);
        CU_ASSERT_EQUAL(m.fd >= 0, fd);
        CU_ASSERT_EQUAL(m.maker.group_count, maker ? 2 : 0);
        maker_clear(&m.maker);
        if (m.fd >= 0)
            close(m.fd);
        /* With a descriptor where there is none, and the other way round. */
        OK(keep_send(link_pair[0], type, 4711, maker ? &some_maker : NULL, fd ? -1 : link_pair[1]));
        FAILS(keep_receive(link_pair[1], true, &m), LB_E_VALUE);
        CU_ASSERT_EQUAL(m.fd, -1);
        CU_ASSERT_EQUAL(m.stray_count, fd ? 0 : 1);
        close_strays(&m);
    }
    OK(keep_send(link_pair[0], (enum keep_type)(KEEP_AWAKE + 1), 1, NULL, -1));
    FAILS(keep_receive(link_pair[1], true, &m), LB_E_VALUE);
    OK(socket_send(link_pair[0], "\2", 1, -1, true));
    FAILS(keep_receive(link_pair[1], true, &m), LB_E_VALUE);
    FAILS(keep_receive(link_pair[1], true, &m), LB_E_TIMEOUT);
    close_link();
}

static void usher_questions(void)
{
    const struct usher_request good[] = { { ASK_RECEIVE, 7, 99, 33, true, STDERR_FILENO },
                                          { ASK_BURY, 0, 0, 0, false, STDERR_FILENO } };
    struct usher_request rq = { .type = (enum usher_ask)3, .fd = STDERR_FILENO }, got;

    open_link();
    for (size_t i = 0; i < COUNT(good); i++) {
        OK(usher_ask(link_pair[0], &good[i], true));
        OK(usher_asked(link_pair[1], &got));
        CU_ASSERT_EQUAL(got.type, good[i].type);
        CU_ASSERT_EQUAL(got.slot, good[i].slot);
        CU_ASSERT_EQUAL(got.number, good[i].number);
        CU_ASSERT_EQUAL(got.uid, good[i].uid);
        CU_ASSERT_EQUAL(got.known, good[i].known);
        close(got.fd);
    }
    OK(usher_ask(link_pair[0], &rq, true));
    FAILS(usher_asked(link_pair[1], &got), LB_E_VALUE);
    rq = good[0];
    rq.fd = -1;
    OK(usher_ask(link_pair[0], &rq, true));
    FAILS(usher_asked(link_pair[1], &got), LB_E_VALUE);
    close(link_pair[0]);
    FAILS(usher_asked(link_pair[1], &got), LB_E_CLOSED);
    close(link_pair[1]);
}

static void usher_answers(void)
{
    static uint8_t buf[USHER_PACKET_MAX];
    struct usher_answer good[] = {
        { .type = TOLD_CHANNEL, .slot = 1, .number = 6, .maker = some_maker, .fd = STDERR_FILENO },
        { .type = TOLD_PACKET, .slot = 2, .number = 7, .sender = { 9, 10, 11 }, .packet = { (const uint8_t *)"packet", 6 }, .fd = -1 },
        { .type = TOLD_PACKET, .slot = 3, .number = 8, .packet = { (const uint8_t *)"packet", 6 }, .fd = STDERR_FILENO },
        { .type = TOLD_BAD, .slot = 4, .number = 9, .sender = { 1, 2, 3 }, .reason = BAD_MAKER, .fd = -1 },
        { .type = TOLD_LOST, .slot = 5, .fd = -1 },
    };
    struct usher_answer a;

    open_link();
    for (size_t i = 0; i < COUNT(good); i++) {
        OK(usher_tell(link_pair[0], &good[i]));
        OK(usher_told(link_pair[1], buf, &a));
        CU_ASSERT_EQUAL(a.type, good[i].type);
        CU_ASSERT_EQUAL(a.slot, good[i].slot);
        CU_ASSERT_EQUAL(a.number, good[i].number);
        CU_ASSERT_EQUAL(a.sender.pid, good[i].sender.pid);
        CU_ASSERT_EQUAL(a.sender.uid, good[i].sender.uid);
        CU_ASSERT_EQUAL(a.sender.gid, good[i].sender.gid);
        CU_ASSERT_EQUAL(a.fd >= 0, good[i].fd >= 0);
        CU_ASSERT_EQUAL(a.attached, good[i].type == TOLD_PACKET && good[i].fd >= 0);
        CU_ASSERT_EQUAL(a.packet.len, good[i].packet.len);
        CU_ASSERT_EQUAL(a.maker.group_count, good[i].maker.group_count);
        maker_clear(&a.maker);
        if (a.fd >= 0)
            close(a.fd);
    }
    for (enum usher_reason reason = BAD_FORM; reason <= BAD_LAST; reason++)
        CU_ASSERT_PTR_NOT_NULL(usher_reason_text(reason));
    good[3].reason = BAD_LAST + 1;
    OK(usher_tell(link_pair[0], &good[3]));
    FAILS(usher_told(link_pair[1], buf, &a), LB_E_VALUE);
    good[3].fd = STDERR_FILENO;
    good[3].reason = BAD_FORM;
    OK(usher_tell(link_pair[0], &good[3]));
    FAILS(usher_told(link_pair[1], buf, &a), LB_E_VALUE);
    good[4].type = (enum usher_word)9;
    OK(usher_tell(link_pair[0], &good[4]));
    FAILS(usher_told(link_pair[1], buf, &a), LB_E_VALUE);
    FAILS(usher_told(link_pair[1], buf, &a), LB_E_TIMEOUT);
    close(link_pair[0]);
    FAILS(usher_told(link_pair[1], buf, &a), LB_E_CLOSED);
    close(link_pair[1]);
}

static struct maker nobody(void)
{
    return (struct maker){ { 1, 2, 3 }, NULL, 0 };
}

/* A channel's far end is given back, to see when the keeper's copy is closed. */
static int put(struct kept *k, uint32_t slot, int expected)
{
    struct maker m = nobody();
    int pair[2];

    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    OK(socket_want_only_peer(pair[0]));
    CU_ASSERT_EQUAL(kept_put(k, slot, pair[0], &m), expected);
    return pair[1];
}

static bool is_closed(int fd)
{
    char c;

    return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

/* What the child says is not believed: a slot that is none, that is taken, that is free, and what is no channel. */
static void the_childs_word(void)
{
    struct maker m = nobody();
    struct kept k;
    int far, other, pipes[2];

    kept_init(&k);
    far = put(&k, 3, 0);
    other = put(&k, 3, LB_E_VALUE);
    CU_ASSERT_FALSE(is_closed(far));
    close(other);
    close(put(&k, KEEP_SLOTS_MAX, LB_E_VALUE));
    CU_ASSERT_EQUAL_FATAL(pipe(pipes), 0);
    FAILS(kept_put(&k, 4, pipes[0], &m), LB_E_VALUE);
    FAILS(kept_drop(&k, 4), LB_E_VALUE);
    FAILS(kept_drop(&k, KEEP_SLOTS_MAX), LB_E_VALUE);
    OK(kept_drop(&k, 3));
    CU_ASSERT(is_closed(far));
    FAILS(kept_drop(&k, 3), LB_E_VALUE);
    close(far);
    close(pipes[1]);
    kept_clear(&k);
}

/* A child that hands over all that it can leaves its keeper the descriptors to start the next one. */
static void descriptors_are_left(void)
{
    struct rlimit before, few;
    struct kept k;
    int far;

    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 256;
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &few), 0);
    kept_init(&k);
    far = put(&k, 192, LB_E_VALUE);
    close(far);
    far = put(&k, 191, 0);
    OK(kept_drop(&k, 191));
    close(far);
    kept_clear(&k);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* What waits in a queue is not destroyed by the keeper: it goes to the usher, now or when there is one. */
static void the_usher_closes(void)
{
    struct usher_request rq;
    struct kept k;
    int first, second;

    open_link();
    kept_init(&k);
    first = put(&k, 0, 0);
    second = put(&k, 1, 0);
    OK(socket_send(first, "x", 1, -1, true));
    OK(socket_send(second, "x", 1, link_pair[1], true));
    OK(kept_drop(&k, 0));
    CU_ASSERT_FALSE(kept_bury(&k));
    k.usher = link_pair[0];
    CU_ASSERT(kept_bury(&k));
    OK(kept_drop(&k, 1));
    for (int i = 0; i < 2; i++) {
        struct pollfd asked = { .fd = link_pair[1], .events = POLLIN };

        CU_ASSERT_EQUAL_FATAL(poll(&asked, 1, 0), 1); /* usher_asked() waits */
        OK(usher_asked(link_pair[1], &rq));
        CU_ASSERT_EQUAL(rq.type, ASK_BURY);
        close(rq.fd);
    }
    close(first);
    close(second);
    kept_clear(&k);
    close_link();
}

/*
 * A process of the usher's that a descriptor holds is given up, and its question is answered by others: what it says then is
 * late, and must not be taken for the answer to the next question of that connection, which would be served twice at once.
 */
static void late_answers(void)
{
    static uint8_t buf[USHER_PACKET_MAX];
    struct usher_answer told = { .type = TOLD_PACKET, .number = 4, .packet = { (const uint8_t *)"packet", 6 }, .fd = -1 }, got;
    struct conn c = { .fd = -1, .at_usher = true, .asked = 5 }, *conns[] = { &c }, *back = NULL;
    struct server s = { .epoll_fd = epoll_create1(EPOLL_CLOEXEC), .conns = conns, .slots = 1 };

    open_link();
    pthread_mutex_init(&s.conns_lock, NULL);
    reception_init(&s.reception);
    reception_renew(&s, link_pair[0]);
    OK(usher_tell(link_pair[1], &told));
    CU_ASSERT_FALSE(reception_hear(&s, buf, &back, &got));
    CU_ASSERT(c.at_usher);
    told.number = 5;
    OK(usher_tell(link_pair[1], &told));
    CU_ASSERT(reception_hear(&s, buf, &back, &got));
    CU_ASSERT_PTR_EQUAL(back, &c);
    CU_ASSERT_FALSE(c.at_usher);
    /* Nor is one that comes twice. */
    OK(usher_tell(link_pair[1], &told));
    CU_ASSERT_FALSE(reception_hear(&s, buf, &back, &got));
    reception_clear(&s.reception);
    pthread_mutex_destroy(&s.conns_lock);
    close(s.epoll_fd);
    close_link();
}

static const struct unit_test tests[] = {
    { "keeper and child", keeper_messages },
    { "box to usher", usher_questions },
    { "usher to box", usher_answers },
    { "the child's word is not believed", the_childs_word },
    { "descriptors are left", descriptors_are_left },
    { "late answers", late_answers },
    { "what waits is closed by the usher", the_usher_closes },
    { NULL, NULL },
};
const struct unit_suite suite_links = { "links", tests };
