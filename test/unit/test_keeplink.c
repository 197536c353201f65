/* What a keeper and its child say to each other: what is understood, what is refused, and which descriptors stay open. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/socket.h"
#include "daemon/keeper_link.h"
#include "unit.h"

static bool wants_fd(unsigned type)
{
    return type == KEEP_ADD || type == KEEP_RESTORE || type == KEEP_USHER;
}

static int receive(int link, struct keep_message *ret)
{
    int r = keep_receive(link, /* dont_wait= */ true, ret);

    while (ret->stray_count > 0)
        socket_close(ret->strays[--ret->stray_count]);
    return r;
}

/* All types, with and without a descriptor: exactly the known ones, with what belongs to them. */
static void what_is_understood(void)
{
    const struct maker maker = { { 1, 2, 3 }, NULL, 0 };
    struct keep_message m;
    int pair[2];
    unsigned before;

    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    before = unit_open_fds();
    for (unsigned t = 0; t < 256; t++) {
        for (int with = 0; with < 2; with++) {
            bool known = t >= KEEP_ADD && t <= KEEP_AWAKE && wants_fd(t) == (with == 1);

            OK(keep_send(pair[0], (enum keep_type)t, 0x01020304, &maker, with ? pair[0] : -1));
            if (!known) {
                FAILS(receive(pair[1], &m), LB_E_VALUE);
                CU_ASSERT_EQUAL(m.fd, -1);
            } else {
                OK(receive(pair[1], &m));
                CU_ASSERT_EQUAL(m.type, t);
                CU_ASSERT_EQUAL(m.number, 0x01020304);
                CU_ASSERT_EQUAL(m.fd >= 0, with == 1);
                socket_close(m.fd);
            }
            CU_ASSERT_EQUAL(unit_open_fds(), before);
        }
    }
    FAILS(receive(pair[1], &m), LB_E_TIMEOUT);
    close(pair[0]);
    FAILS(receive(pair[1], &m), LB_E_CLOSED);
    close(pair[1]);
}

/* Of any other length. */
static void what_is_cut_off(void)
{
    static const uint8_t packet[] = { KEEP_USHER, 0, 0, 0, 1, 0 };
    struct keep_message m;
    int pair[2];
    unsigned before;

    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    before = unit_open_fds();
    for (size_t len = 1; len <= sizeof(packet); len++) {
        if (len == 5)
            continue;
        OK(socket_send(pair[0], packet, len, pair[0], /* dont_wait= */ true));
        FAILS(receive(pair[1], &m), LB_E_VALUE);
        CU_ASSERT_EQUAL(unit_open_fds(), before);
    }
    close(pair[0]);
    close(pair[1]);
}

/* One failure may be chance; from then on the pause doubles, to a bound. */
static void pauses(void)
{
    CU_ASSERT_EQUAL(keep_backoff(0), 0);
    CU_ASSERT_EQUAL(keep_backoff(1), 0);
    CU_ASSERT_EQUAL(keep_backoff(2), 100);
    CU_ASSERT_EQUAL(keep_backoff(3), 200);
    CU_ASSERT_EQUAL(keep_backoff(100), 10000);
    CU_ASSERT_EQUAL(keep_backoff(UINT32_MAX), 10000);
}

static const struct unit_test tests[] = {
    { "what is understood", what_is_understood },
    { "what is cut off", what_is_cut_off },
    { "pauses", pauses },
    { NULL, NULL },
};
const struct unit_suite suite_keeplink = { "keeplink", tests };
