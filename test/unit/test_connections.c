/* box/connections.c: who has how many of a box's connections, and what the keeper and the event queue have of them. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../harness/inbox.h"
#include "box/serve_priv.h"
#include "daemon/keeper_link.h"
#include "unit.h"

/* Of all who are not administrators; any one of them has half. */
#define MOST 16
#define PLACES (MOST + 2)

#define USER_A INBOX_GRANTED
#define USER_B INBOX_STRANGER
#define USER_C INBOX_GROUP

struct fixed {
    struct inbox inbox;
    struct server server;
    int caller[PLACES + 1]; /* the far ends, in the order of the connections */
    unsigned callers;
};

static struct fixed *open_server(void)
{
    struct fixed *f = calloc(1, sizeof(*f));
    struct server *s = &f->server;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    inbox_init(&f->inbox);
    f->inbox.settings.max_connections = MOST;
    s->box = &f->inbox.box;
    s->listen_fd = s->ping_fd = -1;
    s->slots = PLACES;
    s->conns = calloc(PLACES, sizeof(*s->conns));
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    CU_ASSERT_FATAL(s->conns != NULL && s->epoll_fd >= 0);
    pthread_mutex_init(&s->conns_lock, NULL);
    pthread_mutex_init(&s->turns_lock, NULL);
    reception_init(&s->reception);
    turns_init(&s->turns);
    return f;
}

static void close_server(struct fixed *f)
{
    for (uint32_t i = 0; i < PLACES; i++) {
        if (f->server.conns[i] != NULL)
            conn_close(&f->server, f->server.conns[i]);
    }
    CU_ASSERT_EQUAL(f->server.used, 0);
    CU_ASSERT_EQUAL(f->server.used_by_others, 0);
    for (unsigned i = 0; i < f->callers; i++)
        close(f->caller[i]);
    reception_clear(&f->server.reception);
    turns_clear(&f->server.turns);
    pthread_mutex_destroy(&f->server.turns_lock);
    pthread_mutex_destroy(&f->server.conns_lock);
    close(f->server.epoll_fd);
    free(f->server.conns);
    inbox_clear(&f->inbox);
    free(f);
}

/* A connection that process pid of that user made. */
static int add_of(struct fixed *f, pid_t pid, uid_t uid)
{
    struct maker maker = { .peer = { .pid = pid, .uid = uid, .gid = INBOX_GROUP } };
    int pair[2];

    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    f->caller[f->callers++ % COUNT(f->caller)] = pair[1];
    return conn_add(&f->server, pair[0], 0, &maker, /* keep= */ true);
}

static int add(struct fixed *f, uid_t uid)
{
    return add_of(f, getpid(), uid);
}

/* The caller's end of the last connection; its box has closed the other one. */
static bool last_is_closed(struct fixed *f)
{
    char byte;

    return recv(f->caller[f->callers - 1], &byte, 1, MSG_DONTWAIT) == 0;
}

static void take_back_last(struct fixed *f)
{
    close(f->caller[--f->callers]);
}

/* What the keeper is told next. */
static void keeper_hears(struct fixed *f, enum keep_type type, uint32_t slot, uid_t uid)
{
    struct keep_message m;

    CU_ASSERT_EQUAL_FATAL(keep_receive(f->inbox.keeper, /* dont_wait= */ true, &m), 0);
    CU_ASSERT_EQUAL(m.type, type);
    CU_ASSERT_EQUAL(m.number, slot);
    if (type == KEEP_ADD)
        CU_ASSERT_EQUAL(m.maker.peer.uid, uid);
    CU_ASSERT_EQUAL(m.fd >= 0, type == KEEP_ADD);
    if (m.fd >= 0)
        close(m.fd);
    maker_clear(&m.maker);
}

/* No user fills what there is for others, all others together keep no administrator out, and what ends makes room. */
static void places(void)
{
    struct fixed *f = open_server();
    struct server *s = &f->server;

    for (unsigned i = 0; i < MOST / 2; i++)
        OK(add(f, USER_A));
    FAILS(add(f, USER_A), LB_E_BUSY);
    CU_ASSERT(last_is_closed(f));
    take_back_last(f);
    for (unsigned i = 0; i < MOST / 2; i++)
        OK(add(f, USER_B));
    FAILS(add(f, USER_C), LB_E_BUSY);
    take_back_last(f);
    CU_ASSERT_EQUAL(atomic_load(&s->box->connections), MOST);
    OK(add(f, geteuid()));
    OK(add(f, geteuid()));
    CU_ASSERT_EQUAL(s->used_by_others, MOST);
    /* Every place is taken. */
    FAILS(add(f, geteuid()), LB_E_BUSY);
    take_back_last(f);
    conn_close(s, s->conns[3]);
    CU_ASSERT_EQUAL(atomic_load(&s->box->connections), PLACES - 1);
    CU_ASSERT_EQUAL(turns_count(&s->turns, USER_A), MOST / 2 - 1);
    f->callers--;
    close(f->caller[f->callers]);
    OK(add(f, USER_C));
    CU_ASSERT_PTR_NOT_NULL(s->conns[3]);
    close_server(f);
}

/* The keeper has a copy of each at its slot, which is the lowest that is free, until it is closed. */
static void keeper_is_told(void)
{
    struct fixed *f = open_server();
    struct server *s = &f->server;
    struct maker maker = { .peer = { .pid = getpid(), .uid = USER_B } };
    int pair[2];

    OK(add(f, USER_A));
    OK(add(f, USER_B));
    OK(add(f, USER_C));
    keeper_hears(f, KEEP_ADD, 0, USER_A);
    keeper_hears(f, KEEP_ADD, 1, USER_B);
    keeper_hears(f, KEEP_ADD, 2, USER_C);
    conn_close(s, s->conns[1]);
    keeper_hears(f, KEEP_DROP, 1, 0);
    conn_close(s, s->conns[0]);
    keeper_hears(f, KEEP_DROP, 0, 0);
    OK(add(f, USER_A));
    keeper_hears(f, KEEP_ADD, 0, USER_A);
    /* One that the keeper hands back has its slot, and is not told; a slot that is taken is nobody else's. */
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    f->caller[f->callers++] = pair[1];
    OK(conn_add(s, pair[0], 7, &maker, /* keep= */ false));
    CU_ASSERT_PTR_NOT_NULL(s->conns[7]);
    maker = (struct maker){ .peer = { .pid = getpid(), .uid = USER_B } };
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    f->caller[f->callers++] = pair[1];
    FAILS(conn_add(s, pair[0], 7, &maker, /* keep= */ false), LB_E_BUSY);
    CU_ASSERT(last_is_closed(f));
    maker = (struct maker){ .peer = { .pid = getpid(), .uid = USER_B } };
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    f->caller[f->callers++] = pair[1];
    FAILS(conn_add(s, pair[0], PLACES, &maker, /* keep= */ false), LB_E_BUSY);
    {
        struct keep_message m;

        FAILS(keep_receive(f->inbox.keeper, /* dont_wait= */ true, &m), LB_E_TIMEOUT);
    }
    close_server(f);
}

static struct conn *ready(struct fixed *f)
{
    struct epoll_event ev;

    return epoll_wait(f->server.epoll_fd, &ev, 1, 0) == 1 ? ev.data.ptr : NULL;
}

/* One thread gets a connection, once, until it is listened to again. */
static void one_at_a_time(void)
{
    struct fixed *f = open_server();
    struct conn *c;

    OK(add(f, USER_A));
    c = f->server.conns[0];
    CU_ASSERT_PTR_NULL(ready(f));
    CU_ASSERT_EQUAL(send(f->caller[0], "x", 1, MSG_NOSIGNAL), 1);
    CU_ASSERT_PTR_EQUAL(ready(f), c);
    CU_ASSERT_PTR_NULL(ready(f));
    conn_go_on(&f->server, c);
    CU_ASSERT_PTR_EQUAL(ready(f), c);
    close_server(f);
}

/* A process that inherited a connection costs its maker nothing. */
static void blame(void)
{
    struct fixed *f = open_server();
    struct server *s = &f->server;
    const struct peer heir = { .pid = getpid() + 1, .uid = USER_A }, maker = { .pid = getpid(), .uid = USER_A };

    OK(add(f, USER_A));
    CU_ASSERT(conn_is_makers(s->conns[0], &maker));
    CU_ASSERT(!conn_is_makers(s->conns[0], &heir));
    CU_ASSERT_EQUAL(send(f->caller[0], "x", 1, MSG_NOSIGNAL), 1);
    CU_ASSERT_PTR_EQUAL(ready(f), s->conns[0]);
    conn_blame(s, s->conns[0], &heir);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->conns[0]);
    CU_ASSERT_PTR_EQUAL(ready(f), s->conns[0]);
    conn_blame(s, s->conns[0], &maker);
    CU_ASSERT_PTR_NULL(s->conns[0]);
    CU_ASSERT_EQUAL(s->used, 0);
    CU_ASSERT_PTR_NULL(ready(f));
    close_server(f);
}

static const struct unit_test tests[] = {
    { "places", places },
    { "the keeper is told", keeper_is_told },
    { "one at a time", one_at_a_time },
    { "blame", blame },
    { NULL, NULL },
};
const struct unit_suite suite_connections = { "connections", tests };
