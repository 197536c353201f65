/* line.c: which questions are asked again when the box's child was replaced, how often, and who answered. */
#include "client/line.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/socket.h"
#include "model/limits.h"
#include "protocol/header.h"
#include "protocol/messages.h"
#include "unit.h"

/* As many times as line.c asks. */
#define ASKED_AT_MOST 5
/* More crashes than that, and few enough that a line which asks for ever is seen at once. */
#define ALWAYS (20 * ASKED_AT_MOST)

/* A box whose child crashes over the first so many requests. */
struct crashing {
    int fd;
    int crashes;
    bool stale;   /* before each answer comes one of an older request */
    int requests; /* how many came */
    pthread_t thread;
};

static uint8_t request[LB_PACKET_MAX], answer[LB_PACKET_MAX];
static struct crashing box;
static struct line line;

static int say(int fd, uint16_t type, uint32_t id)
{
    uint8_t packet[LB_HEADER_SIZE];
    size_t len = 0;
    int r = msg_empty_encode(type, id, packet, sizeof(packet), &len);

    return r != 0 ? r : socket_send(fd, packet, len, /* fd= */ -1, /* dont_wait= */ false);
}

static void *serve(void *arg)
{
    struct crashing *b = arg;
    uint8_t packet[256];
    struct msg_header header;
    struct bytes body;
    size_t len;
    int r = 0;

    while (r == 0 && socket_receive(b->fd, packet, sizeof(packet), false, &len, NULL, NULL) == 0) {
        r = msg_split(packet, len, &header, &body);
        b->requests++;
        if (r == 0 && b->requests <= b->crashes) {
            r = say(b->fd, MSG_RESET, 0);
            continue;
        }
        if (r == 0 && b->stale)
            r = say(b->fd, MSG_ERROR, header.id + 100);
        if (r == 0)
            r = say(b->fd, header.type | MSG_ANSWER, header.id);
    }
    return NULL;
}

static int failed(const struct line *l, int r, struct problem *p)
{
    (void)l;
    return problem_set(p, r, "failed");
}

static void begin(int crashes, bool stale)
{
    int pair[2];

    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    (void)line_init(&line, "default", request, answer);
    line.fd = pair[0];
    line.failed = failed;
    OK(socket_want_peer(line.fd));
    box = (struct crashing){ .fd = pair[1], .crashes = crashes, .stale = stale };
    CU_ASSERT_EQUAL_FATAL(pthread_create(&box.thread, NULL, serve, &box), 0);
}

/* How many requests came. */
static int end(void)
{
    line_close(&line);
    CU_ASSERT_EQUAL(pthread_join(box.thread, NULL), 0);
    socket_close(box.fd);
    return box.requests;
}

static void who_answered(void)
{
    struct problem p = { 0 };
    struct peer peer = { 0 };

    begin(0, /* stale= */ true);
    OK(line_peer(&line, &peer, &p));
    CU_ASSERT(peer.pid == getpid() && peer.uid == geteuid() && peer.gid == getegid());
    CU_ASSERT_EQUAL(end(), 1);
}

static void who_answers_after_crashes(void)
{
    struct problem p = { 0 };
    struct peer peer = { 0 };

    begin(ASKED_AT_MOST - 1, /* stale= */ true);
    OK(line_peer(&line, &peer, &p));
    CU_ASSERT(peer.pid == getpid() && peer.uid == geteuid());
    CU_ASSERT_EQUAL(end(), ASKED_AT_MOST);
}

static void crashes_without_end(void)
{
    struct problem p = { 0 };
    struct peer peer = { 0 };

    begin(ALWAYS, /* stale= */ false);
    FAILS(line_peer(&line, &peer, &p), LB_E_RESET);
    CU_ASSERT_EQUAL(end(), ASKED_AT_MOST);
}

/* Each request there is, over a box that crashes always: what may be done twice is asked again, and all else never. */
static void what_is_asked_again(void)
{
    size_t count;
    const struct msg_kind *kinds = msg_kinds(&count);

    for (size_t i = 0; i < count; i++) {
        struct problem p = { 0 };
        struct bytes body;

        begin(ALWAYS, /* stale= */ false);
        FAILS(ask_empty(&line.ask, kinds[i].type, &body, &p), LB_E_RESET);
        CU_ASSERT_EQUAL(end(), kinds[i].repeat ? ASKED_AT_MOST : 1);
    }
}

/* An old RESET in the queue is not about a change that is sent now. */
static void a_reset_of_before(void)
{
    struct problem p = { 0 };
    struct bytes body;

    begin(0, /* stale= */ false);
    OK(say(box.fd, MSG_RESET, 0));
    OK(ask_empty(&line.ask, MSG_ALLOW, &body, &p));
    CU_ASSERT_EQUAL(end(), 1);
}

static const struct unit_test tests[] = {
    { "who answered", who_answered },
    { "who answers after crashes", who_answers_after_crashes },
    { "crashes without end", crashes_without_end },
    { "what is asked again", what_is_asked_again },
    { "a RESET of before", a_reset_of_before },
    { NULL, NULL },
};
const struct unit_suite suite_line = { "line", tests };
