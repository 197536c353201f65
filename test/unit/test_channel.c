/* channel.c: a request gets its own answer, whatever else comes by. */
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/socket.h"
#include "client/channel.h"
#include "client/clock.h"
#include "model/limits.h"
#include "protocol/header.h"
#include "unit.h"

static int box = -1, caller = -1;

static void open_both(void)
{
    int pair[2];

    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    caller = pair[0];
    box = pair[1];
    OK(socket_set_timeout(caller, 60000));
}

static void close_both(void)
{
    socket_close(box);
    socket_close(caller);
    box = caller = -1;
}

/* What the box says next, put into the buffer of the socket in advance. */
static void say(uint16_t type, uint32_t id)
{
    uint8_t packet[LB_HEADER_SIZE];
    size_t len = 0;

    OK(msg_empty_encode(type, id, packet, sizeof(packet), &len));
    OK(socket_send(box, packet, len, -1, true));
}

/* ms: the deadline, from now on. */
static int call_within(uint64_t ms, uint32_t id, uint16_t *ret_type)
{
    uint8_t request[LB_HEADER_SIZE], answer[256];
    struct bytes body;
    size_t len = 0;

    OK(msg_empty_encode(MSG_STATUS, id, request, sizeof(request), &len));
    return channel_call(caller, id, now_ms() + ms, request, len, /* attached= */ -1, answer, sizeof(answer), ret_type, &body);
}

static int call(uint32_t id, uint16_t *ret_type)
{
    return call_within(60000, id, ret_type);
}

static void an_answer(void)
{
    uint16_t type = 0;

    open_both();
    say(MSG_STATUS | MSG_ANSWER, 7);
    OK(call(7, &type));
    CU_ASSERT_EQUAL(type, MSG_STATUS | MSG_ANSWER);
    close_both();
}

static void stale_answers_are_passed_over(void)
{
    uint16_t type = 0;

    open_both();
    say(MSG_SIGN | MSG_ANSWER, 5);
    say(MSG_ERROR, 6);
    say(MSG_STATUS | MSG_ANSWER, 7);
    OK(call(7, &type));
    CU_ASSERT_EQUAL(type, MSG_STATUS | MSG_ANSWER);
    close_both();
}

/* The socket's timeout begins anew with each packet: it would be a minute here, and as long again for the next one. */
static void stale_answers_do_not_make_it_wait(void)
{
    uint16_t type = 0;
    uint64_t begun;

    open_both();
    say(MSG_SIGN | MSG_ANSWER, 5);
    begun = now_ms();
    FAILS(call_within(20, 7, &type), LB_E_TIMEOUT);
    CU_ASSERT(now_ms() - begun < 30000);
    close_both();
}

static void a_flood_ends(void)
{
    uint16_t type = 0;
    int count = 0, status;
    pid_t pid;

    open_both();
    pid = fork();
    if (pid == 0) {
        uint8_t packet[LB_HEADER_SIZE];
        size_t len = 0;

        socket_close(caller);
        if (msg_empty_encode(MSG_SIGN | MSG_ANSWER, 5, packet, sizeof(packet), &len) != 0)
            _exit(1);
        while (count < 1000000 && socket_send(box, packet, len, -1, false) == 0)
            count++;
        _exit(0);
    }
    CU_ASSERT_FATAL(pid > 0);
    FAILS(call(7, &type), LB_E_VALUE);
    close_both();
    CU_ASSERT(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void long_answers(void)
{
    uint8_t packet[1000] = { 0 };
    uint16_t type = 0;
    size_t len = 0;

    open_both();
    OK(msg_empty_encode(MSG_LIST | MSG_ANSWER, 5, packet, sizeof(packet), &len));
    OK(socket_send(box, packet, sizeof(packet), -1, true));
    say(MSG_STATUS | MSG_ANSWER, 7);
    OK(call(7, &type));
    CU_ASSERT_EQUAL(type, MSG_STATUS | MSG_ANSWER);
    OK(socket_send(box, packet, sizeof(packet), -1, true));
    FAILS(call(5, &type), LB_E_TOO_LONG);
    close_both();
}

static void resets_are_told(void)
{
    uint16_t type = 0;

    open_both();
    say(MSG_RESET, 0);
    say(MSG_STATUS | MSG_ANSWER, 7);
    FAILS(call(7, &type), LB_E_RESET);
    OK(call(7, &type));
    CU_ASSERT_EQUAL(type, MSG_STATUS | MSG_ANSWER);
    close_both();
}

static void without_waiting(void)
{
    uint8_t answer[64], request[LB_HEADER_SIZE];
    struct bytes body;
    uint16_t type = 0;
    size_t len = 0;
    int r = 0;

    open_both();
    FAILS(channel_answer(caller, 7, CHANNEL_DONT_WAIT, answer, sizeof(answer), &type, &body, NULL), LB_E_TIMEOUT);
    say(MSG_SIGN | MSG_ANSWER, 6);
    FAILS(channel_answer(caller, 7, CHANNEL_DONT_WAIT, answer, sizeof(answer), &type, &body, NULL), LB_E_TIMEOUT);
    say(MSG_STATUS | MSG_ANSWER, 7);
    OK(channel_answer(caller, 7, CHANNEL_DONT_WAIT, answer, sizeof(answer), &type, &body, NULL));
    CU_ASSERT_EQUAL(type, MSG_STATUS | MSG_ANSWER);
    OK(msg_empty_encode(MSG_STATUS, 8, request, sizeof(request), &len));
    for (int i = 0; i < 100000 && r == 0; i++)
        r = channel_ask(caller, request, len, /* attached= */ -1, /* dont_wait= */ true);
    CU_ASSERT_EQUAL(r, LB_E_TIMEOUT);
    close_both();
}

static void draining(void)
{
    uint8_t scratch[64];
    uint16_t type = 0;

    open_both();
    OK(channel_drain(caller, scratch, sizeof(scratch)));
    say(MSG_RESET, 0);
    say(MSG_ERROR, 3);
    OK(channel_drain(caller, scratch, sizeof(scratch)));
    say(MSG_STATUS | MSG_ANSWER, 8);
    OK(call(8, &type));
    socket_close(box);
    box = -1;
    FAILS(channel_drain(caller, scratch, sizeof(scratch)), LB_E_CLOSED);
    close_both();
}

static void a_box_that_is_gone(void)
{
    uint16_t type;

    open_both();
    socket_close(box);
    box = -1;
    FAILS(call(1, &type), LB_E_CLOSED);
    close_both();
    open_both();
    /* The request goes out, and no answer ever comes. */
    OK(socket_set_timeout(caller, 20));
    FAILS(call(1, &type), LB_E_TIMEOUT);
    close_both();
}

static void what_is_no_answer(void)
{
    uint16_t type;

    open_both();
    OK(socket_send(box, "garbage!", 8, -1, true));
    FAILS(call(1, &type), LB_E_VALUE);
    OK(socket_send(box, "L\1", 2, -1, true));
    FAILS(call(1, &type), LB_E_VALUE);
    OK(socket_send(box, "L\2\0\0\0\0\0\1", 8, -1, true));
    FAILS(call(1, &type), LB_E_VALUE);
    close_both();
}

static const struct unit_test tests[] = {
    { "an answer", an_answer },
    { "stale answers are passed over", stale_answers_are_passed_over },
    { "stale answers do not make it wait", stale_answers_do_not_make_it_wait },
    { "a flood ends", a_flood_ends },
    { "a stale one that is longer than the buffer, and one's own", long_answers },
    { "resets are told", resets_are_told },
    { "without waiting", without_waiting },
    { "draining", draining },
    { "a box that is gone", a_box_that_is_gone },
    { "what is no answer", what_is_no_answer },
    { NULL, NULL },
};
const struct unit_suite suite_channel = { "channel", tests };
