/* socket.c on real sockets: addresses, descriptors and credentials with a packet. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/socket.h"
#include "client/introducer.h"
#include "model/limits.h"
#include "protocol/header.h"
#include "unit.h"

static void make_pair(int pair[2])
{
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static void close_pair(int pair[2])
{
    socket_close(pair[0]);
    socket_close(pair[1]);
}

static void connect_and_listen(void)
{
    char *dir = unit_dir_new(), buf[16];
    const char *path = unit_path(dir, "box.sock");
    int listening = -1, again = -1, caller = -1, served = -1, fd = -1;
    struct peer peer;
    struct stat st;
    size_t len = 0;

    FAILS(socket_connect(path, &caller), LB_E_NO_BOX);
    CU_ASSERT_EQUAL(errno, ENOENT);
    OK(socket_listen(path, 0660, &listening));
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
    CU_ASSERT(fcntl(listening, F_GETFD) & FD_CLOEXEC);
    FAILS(socket_listen(path, 0600, &again), LB_E_IN_USE);
    OK(socket_connect(path, &caller));
    CU_ASSERT(fcntl(caller, F_GETFD) & FD_CLOEXEC);
    served = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    /* The one that asked whether somebody listens stands before the caller in the queue, closed. */
    if (recv(served, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT) == 0) {
        close(served);
        served = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    }
    CU_ASSERT_FATAL(served >= 0);
    OK(socket_peer(served, &peer));
    CU_ASSERT_EQUAL(peer.pid, getpid());
    CU_ASSERT_EQUAL(peer.uid, geteuid());
    CU_ASSERT_EQUAL(peer.gid, getegid());
    OK(socket_want_peer(served));
    OK(socket_send(caller, "hello", 5, -1, false));
    OK(socket_receive(served, buf, sizeof(buf), false, &len, &fd, &peer));
    CU_ASSERT_EQUAL(len, 5);
    CU_ASSERT_EQUAL(fd, -1);
    CU_ASSERT_EQUAL(peer.pid, getpid());
    socket_close(listening);
    FAILS(socket_connect(path, &fd), LB_E_NO_BOX);
    CU_ASSERT_EQUAL(errno, ECONNREFUSED);
    /* What a killed box leaves behind is replaced. */
    OK(socket_listen(path, 0600, &listening));
    socket_close(listening);
    socket_close(caller);
    socket_close(served);
    unit_dir_remove(dir);
}

/* In a child, as a user without root's powers: connects again and again; the exit status says if it was ever refused. */
static void connect_until_told(const char *path, int told)
{
    struct pollfd end = { .fd = told, .events = POLLIN };
    int fd = -1;

    if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
        _exit(2);
    while (poll(&end, 1, 0) == 0) {
        int r = socket_connect(path, &fd);

        if (r == 0)
            socket_close(fd);
        else if (r != LB_E_NO_BOX)
            _exit(1);
    }
    _exit(0);
}

/* Callers wait for a box to come back: the new socket must not refuse them before it has its mode. */
static void a_new_socket_refuses_nobody(void)
{
    char *dir = unit_dir_new();
    const char *path = unit_path(dir, "box.sock");
    int told[2], listening = -1, status = -1;
    pid_t child;

    CU_ASSERT_EQUAL_FATAL(chmod(dir, 0755), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(told), 0);
    child = fork();
    if (child == 0)
        connect_until_told(path, told[0]);
    for (int i = 0; i < 2000; i++) {
        OK(socket_listen(path, 0666, &listening));
        socket_close(listening);
    }
    CU_ASSERT_EQUAL(write(told[1], "", 1), 1);
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    socket_close(told[0]);
    socket_close(told[1]);
    unit_dir_remove(dir);
}

static void what_is_no_socket_is_left_alone(void)
{
    char *dir = unit_dir_new();
    const char *path = unit_path(dir, "box.sock");
    int fd = -1;

    unit_write_file(path, "data", 4);
    FAILS(socket_listen(path, 0600, &fd), LB_E_SYSTEM);
    CU_ASSERT_EQUAL(errno, EEXIST);
    CU_ASSERT_TRUE(unit_file_has(path, "data", 4));
    unit_dir_remove(dir);
}

static void long_paths(void)
{
    char path[200];
    int fd = -1;

    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[108] = '\0';
    FAILS(socket_connect(path, &fd), LB_E_TOO_LONG);
    FAILS(socket_listen(path, 0600, &fd), LB_E_TOO_LONG);
    path[107] = '\0';
    FAILS(socket_connect(path, &fd), LB_E_NO_BOX);
}

static void ends_and_limits(void)
{
    char buf[8];
    int pair[2];
    size_t len;

    make_pair(pair);
    FAILS(socket_receive(pair[0], buf, sizeof(buf), true, &len, NULL, NULL), LB_E_TIMEOUT);
    OK(socket_set_timeout(pair[0], 20));
    FAILS(socket_receive(pair[0], buf, sizeof(buf), false, &len, NULL, NULL), LB_E_TIMEOUT);
    OK(socket_send(pair[1], "123456789", 9, -1, false));
    FAILS(socket_receive(pair[0], buf, sizeof(buf), false, &len, NULL, NULL), LB_E_TOO_LONG);
    OK(socket_send(pair[1], "12345678", 8, -1, false));
    OK(socket_receive(pair[0], buf, sizeof(buf), false, &len, NULL, NULL));
    CU_ASSERT_EQUAL(len, 8);
    /* The other side is gone: an error, no signal. */
    socket_close(pair[1]);
    FAILS(socket_receive(pair[0], buf, sizeof(buf), false, &len, NULL, NULL), LB_E_CLOSED);
    FAILS(socket_send(pair[0], "x", 1, -1, false), LB_E_CLOSED);
    socket_close(pair[0]);
    socket_close(-1);
}

static void a_full_buffer_does_not_block(void)
{
    static const char packet[1000];
    int pair[2], r = 0;

    make_pair(pair);
    for (int i = 0; r == 0 && i < 100000; i++)
        r = socket_send(pair[0], packet, sizeof(packet), -1, true);
    CU_ASSERT_EQUAL(r, LB_E_TIMEOUT);
    close_pair(pair);
}

/* Many descriptors with one packet, as no sender of ours does it. */
static void send_fds(int sock, int fd, size_t count)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(253 * sizeof(int))];
    } control;
    struct iovec iov = { .iov_base = (void *)"xy", .iov_len = 2 };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.space,
                          .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
    struct cmsghdr *c;

    memset(&control, 0, sizeof(control));
    c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (size_t i = 0; i < count; i++)
        memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
    CU_ASSERT_EQUAL_FATAL(sendmsg(sock, &msg, 0), 2);
}

static void descriptors_do_not_leak(void)
{
    static const size_t counts[] = { 1, 2, 17, 253 };
    int pair[2], fd;
    unsigned open_before;
    char buf[8];
    size_t len;

    make_pair(pair);
    OK(socket_want_peer(pair[1]));
    open_before = unit_open_fds();
    for (size_t i = 0; i < COUNT(counts); i++) {
        send_fds(pair[0], STDERR_FILENO, counts[i]);
        OK(socket_receive(pair[1], buf, sizeof(buf), false, &len, &fd, NULL));
        CU_ASSERT_FATAL(fd >= 0);
        CU_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        CU_ASSERT_EQUAL(unit_open_fds(), open_before + 1);
        socket_close(fd);
        /* Whoever wants none keeps none. */
        send_fds(pair[0], STDERR_FILENO, counts[i]);
        OK(socket_receive(pair[1], buf, sizeof(buf), false, &len, NULL, NULL));
        CU_ASSERT_EQUAL(unit_open_fds(), open_before);
        /* Nor with a packet that is refused. */
        send_fds(pair[0], STDERR_FILENO, counts[i]);
        FAILS(socket_receive(pair[1], buf, 1, false, &len, &fd, NULL), LB_E_TOO_LONG);
        CU_ASSERT_EQUAL(fd, -1);
        CU_ASSERT_EQUAL(unit_open_fds(), open_before);
    }
    close_pair(pair);
}

static void a_descriptor_arrives(void)
{
    int pair[2], pipe_fds[2], fd = -1;
    char buf[8];
    size_t len;

    make_pair(pair);
    CU_ASSERT_EQUAL_FATAL(pipe(pipe_fds), 0);
    OK(socket_send(pair[0], "x", 1, pipe_fds[1], false));
    OK(socket_receive(pair[1], buf, sizeof(buf), false, &len, &fd, NULL));
    CU_ASSERT_EQUAL(write(fd, "through", 7), 7);
    CU_ASSERT_EQUAL(read(pipe_fds[0], buf, sizeof(buf)), 7);
    socket_close(fd);
    close_pair(pipe_fds);
    close_pair(pair);
}

/* An inherited descriptor lends no authority: the packet carries who sent it, not who made the socket. */
static void credentials_are_of_each_packet(void)
{
    int pair[2], pid;
    bool root = geteuid() == 0;
    struct peer peer;
    char buf[8];
    size_t len;

    make_pair(pair);
    OK(socket_want_peer(pair[1]));
    pid = fork();
    if (pid == 0) {
        bool good = !root || (setgid(65534) == 0 && setuid(65534) == 0);

        _exit(good && socket_send(pair[0], "x", 1, -1, false) == 0 ? 0 : 1);
    }
    OK(socket_receive(pair[1], buf, sizeof(buf), false, &len, NULL, &peer));
    CU_ASSERT_EQUAL(peer.pid, pid);
    CU_ASSERT_EQUAL(peer.uid, root ? 65534 : geteuid());
    CU_ASSERT_EQUAL(peer.gid, root ? 65534 : getegid());
    unit_reap(pid);
    OK(socket_send(pair[0], "x", 1, -1, false));
    OK(socket_receive(pair[1], buf, sizeof(buf), false, &len, NULL, &peer));
    CU_ASSERT_EQUAL(peer.pid, getpid());
    CU_ASSERT_EQUAL(peer.uid, geteuid());
    close_pair(pair);
    /* Not asked for, the kernel says nothing, and that is seen. */
    make_pair(pair);
    OK(socket_send(pair[0], "x", 1, -1, false));
    OK(socket_receive(pair[1], buf, sizeof(buf), false, &len, NULL, &peer));
    CU_ASSERT_EQUAL(peer.pid, 0);
    CU_ASSERT_EQUAL(peer.uid, (uid_t)-1);
    close_pair(pair);
}

static void introducers(void)
{
    int pair[2], made[2], asked = -1, far = -1, channel = -1, pid, r = 0;
    struct peer peer;
    struct msg_header header;
    struct bytes body;
    uint8_t buf[64], packet[LB_HEADER_SIZE];
    size_t len;

    make_pair(pair);
    OK(introducer_ask(pair[0], false, &asked));
    OK(socket_receive(pair[1], buf, sizeof(buf), false, &len, &far, NULL));
    OK(msg_split(buf, len, &header, &body));
    CU_ASSERT_EQUAL(header.type, MSG_CHANNEL);
    CU_ASSERT_FATAL(far >= 0);
    OK(socket_peer(far, &peer));
    CU_ASSERT_EQUAL(peer.pid, getpid());
    FAILS(introducer_answer(asked, true, &channel), LB_E_TIMEOUT);
    /* What comes back is the channel, and it is another socket. */
    make_pair(made);
    OK(msg_empty_encode(MSG_CHANNEL | MSG_ANSWER, 0, packet, sizeof(packet), &len));
    OK(socket_send(far, packet, len, made[1], false));
    OK(introducer_answer(asked, false, &channel));
    OK(socket_send(channel, "ask", 3, -1, false));
    OK(socket_receive(made[0], buf, sizeof(buf), false, &len, NULL, NULL));
    CU_ASSERT_EQUAL(len, 3);
    socket_close(channel);
    close_pair(made);
    /* Something else is none. */
    OK(socket_send(far, packet, len = LB_HEADER_SIZE, -1, false));
    FAILS(introducer_answer(asked, false, &channel), LB_E_VALUE);
    OK(msg_empty_encode(MSG_STATUS | MSG_ANSWER, 0, packet, sizeof(packet), &len));
    OK(socket_send(far, packet, len, pair[0], false));
    FAILS(introducer_answer(asked, false, &channel), LB_E_VALUE);
    CU_ASSERT_EQUAL(channel, -1);
    socket_close(far);
    FAILS(introducer_answer(asked, false, &channel), LB_E_CLOSED);
    socket_close(asked);
    /* From a child: the kernel names the child. */
    pid = fork();
    if (pid == 0)
        _exit(introducer_ask(pair[0], false, &asked) == 0 ? 0 : 1);
    OK(socket_receive(pair[1], buf, sizeof(buf), false, &len, &far, NULL));
    OK(socket_peer(far, &peer));
    CU_ASSERT_EQUAL(peer.pid, pid);
    unit_reap(pid);
    socket_close(far);
    /* Nobody reads: it is full at some time. */
    for (int i = 0; i < 100000 && r == 0; i++) {
        r = introducer_ask(pair[0], true, &asked);
        if (r == 0)
            socket_close(asked);
    }
    CU_ASSERT_EQUAL(r, LB_E_TIMEOUT);
    socket_close(pair[1]);
    FAILS(introducer_ask(pair[0], false, &asked), LB_E_CLOSED);
    socket_close(pair[0]);
}

static void looking_takes_nothing(void)
{
    static const size_t counts[] = { 1, 2, 17, 253 };
    struct peer peer;
    bool attached = true;
    unsigned open_before;
    int pair[2];
    char buf[8];
    size_t len = 0;

    make_pair(pair);
    OK(socket_want_only_peer(pair[1]));
    FAILS(socket_look(pair[1], buf, sizeof(buf), /* dont_wait= */ true, &len, &attached, &peer), LB_E_TIMEOUT);
    OK(socket_send(pair[0], "one", 3, -1, false));
    for (int i = 0; i < 2; i++) {
        OK(socket_look(pair[1], buf, sizeof(buf), /* dont_wait= */ true, &len, &attached, &peer));
        CU_ASSERT_EQUAL(len, 3);
        CU_ASSERT(memcmp(buf, "one", 3) == 0);
        CU_ASSERT_FALSE(attached);
        CU_ASSERT_EQUAL(peer.pid, getpid());
        CU_ASSERT_EQUAL(peer.uid, getuid());
    }
    socket_pass_over(pair[1]);
    FAILS(socket_look(pair[1], buf, sizeof(buf), /* dont_wait= */ true, &len, &attached, &peer), LB_E_TIMEOUT);
    open_before = unit_open_fds();
    for (size_t i = 0; i < COUNT(counts); i++) {
        send_fds(pair[0], STDERR_FILENO, counts[i]);
        OK(socket_look(pair[1], buf, sizeof(buf), /* dont_wait= */ true, &len, &attached, &peer));
        CU_ASSERT(attached);
        CU_ASSERT_EQUAL(peer.pid, getpid());
        FAILS(socket_look(pair[1], buf, 1, /* dont_wait= */ true, &len, &attached, &peer), LB_E_TOO_LONG);
        CU_ASSERT(attached);
        CU_ASSERT_EQUAL(unit_open_fds(), open_before);
        socket_pass_over(pair[1]);
    }
    socket_close(pair[0]);
    FAILS(socket_look(pair[1], buf, sizeof(buf), /* dont_wait= */ true, &len, &attached, &peer), LB_E_CLOSED);
    socket_close(pair[1]);
}

/* Whatever the listening socket was set to: only credentials come with a packet. */
static void only_credentials(void)
{
    static const struct {
        int option, value;
    } more[] = {
        { SO_PASSSEC, 1 },         { 76 /* SO_PASSPIDFD */, 1 }, { SO_TIMESTAMP, 1 },
        { SO_TIMESTAMPNS, 1 },     { SO_TIMESTAMPING, 0x18 },    { SO_RXQ_OVFL, 1 },
        { SO_WIFI_STATUS, 1 },     { 84 /* SO_INQ */, 1 },
    };
    struct peer peer;
    unsigned open_before;
    bool attached;
    int pair[2];
    char buf[8];
    size_t len;

    for (size_t i = 0; i < COUNT(more); i++) {
        make_pair(pair);
        /* A kernel that does not know it has nothing to switch off. */
        (void)setsockopt(pair[1], SOL_SOCKET, more[i].option, &more[i].value, sizeof(more[i].value));
        OK(socket_want_only_peer(pair[1]));
        open_before = unit_open_fds();
        OK(socket_send(pair[0], "x", 1, -1, false));
        OK(socket_look(pair[1], buf, sizeof(buf), /* dont_wait= */ true, &len, &attached, &peer));
        CU_ASSERT_FALSE(attached);
        CU_ASSERT_EQUAL(peer.pid, getpid());
        CU_ASSERT_EQUAL(unit_open_fds(), open_before);
        close_pair(pair);
    }
}

/* A pidfd that a kernel installs although nobody wants one does not stay open. */
static void pidfds_do_not_leak(void)
{
    int pair[2], on = 1;
    unsigned open_before;
    char buf[8];
    size_t len;

    make_pair(pair);
    if (setsockopt(pair[1], SOL_SOCKET, 76 /* SO_PASSPIDFD */, &on, sizeof(on)) == 0) {
        open_before = unit_open_fds();
        OK(socket_send(pair[0], "x", 1, -1, false));
        OK(socket_receive(pair[1], buf, sizeof(buf), false, &len, NULL, NULL));
        CU_ASSERT_EQUAL(unit_open_fds(), open_before);
    }
    close_pair(pair);
}

static void all_descriptors(void)
{
    int pair[2], fds[SOCKET_FDS_MAX];
    struct peer peer;
    size_t len, count = 0;
    char buf[8];

    make_pair(pair);
    OK(socket_want_only_peer(pair[1]));
    send_fds(pair[0], STDERR_FILENO, SOCKET_FDS_MAX);
    OK(socket_receive_all(pair[1], buf, sizeof(buf), /* dont_wait= */ true, &len, fds, &count, &peer));
    CU_ASSERT_EQUAL(count, SOCKET_FDS_MAX);
    CU_ASSERT_EQUAL(peer.pid, getpid());
    for (size_t i = 0; i < count; i++)
        socket_close(fds[i]);
    close_pair(pair);
}

static void what_can_be_a_channel(void)
{
    int pair[2], ends[2], fd;
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    make_pair(pair);
    CU_ASSERT(socket_is_channel(pair[0]));
    close_pair(pair);
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CU_ASSERT_FALSE(socket_is_channel(pair[0]));
    close_pair(pair);
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    CU_ASSERT_FALSE(socket_is_channel(pair[0]));
    close_pair(pair);
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    CU_ASSERT_FALSE(socket_is_channel(ends[0]));
    close_pair(ends);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_FALSE(socket_is_channel(fd));
    socket_close(fd);
    fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    CU_ASSERT_FALSE(socket_is_channel(fd));
    CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&addr, sizeof(addr.sun_family)), 0);
    CU_ASSERT_EQUAL(listen(fd, 1), 0);
    CU_ASSERT_FALSE(socket_is_channel(fd));
    socket_close(fd);
}

/* A process that closes any descriptor of a file loses its locks on it: so another one sees if ours is still there. */
static bool is_locked(int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* What is looked at is not opened here, not even for a moment: whose file it is would be told when it is closed. */
static void looking_closes_nothing(void)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    /* Not in a register: a child of is_locked() would lose it there, and valgrind would tell. */
    static char *dir;
    int fd, pair[2];
    struct peer peer;
    bool attached;
    char buf[8];
    size_t len;

    dir = unit_dir_new();
    fd = open(unit_path(dir, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    make_pair(pair);
    OK(socket_want_only_peer(pair[1]));
    CU_ASSERT_EQUAL_FATAL(fcntl(fd, F_SETLK, &lock), 0);
    send_fds(pair[0], fd, 1);
    OK(socket_look(pair[1], buf, sizeof(buf), /* dont_wait= */ true, &len, &attached, &peer));
    CU_ASSERT(is_locked(fd));
    CU_ASSERT_FALSE(socket_end(pair[1]));
    CU_ASSERT(is_locked(fd));
    close(fd);
    close_pair(pair);
    unit_dir_remove(dir);
}

/* Only where nothing waits is closing harmless: an empty packet is something too, and what is behind it. */
static void ending(void)
{
    int pair[2];

    make_pair(pair);
    OK(socket_want_only_peer(pair[1]));
    CU_ASSERT(socket_end(pair[1]));
    CU_ASSERT_EQUAL(send(pair[0], "x", 1, MSG_NOSIGNAL), -1);
    close_pair(pair);
    make_pair(pair);
    OK(socket_want_only_peer(pair[1]));
    socket_close(pair[0]);
    CU_ASSERT(socket_end(pair[1]));
    socket_close(pair[1]);
    make_pair(pair);
    OK(socket_want_only_peer(pair[1]));
    OK(socket_send(pair[0], "x", 1, -1, false));
    CU_ASSERT_FALSE(socket_end(pair[1]));
    close_pair(pair);
    make_pair(pair);
    OK(socket_want_only_peer(pair[1]));
    CU_ASSERT_EQUAL(send(pair[0], "", 0, 0), 0);
    send_fds(pair[0], STDERR_FILENO, 1);
    CU_ASSERT_FALSE(socket_end(pair[1]));
    close_pair(pair);
}

/* On any socket, also one that did not want to know who sends: the look opens nothing of what is in the packet. */
static void ending_opens_nothing(void)
{
    unsigned before;
    int pair[2];

    make_pair(pair);
    send_fds(pair[0], STDERR_FILENO, 1);
    before = unit_open_fds();
    CU_ASSERT_FALSE(socket_end(pair[1]));
    CU_ASSERT_EQUAL(unit_open_fds(), before);
    close_pair(pair);
}

static const struct unit_test tests[] = {
    { "connect and listen", connect_and_listen },
    { "a new socket refuses nobody", a_new_socket_refuses_nobody },
    { "what is no socket is left alone", what_is_no_socket_is_left_alone },
    { "long paths", long_paths },
    { "ends and limits", ends_and_limits },
    { "a full buffer does not block", a_full_buffer_does_not_block },
    { "descriptors do not leak", descriptors_do_not_leak },
    { "a descriptor arrives", a_descriptor_arrives },
    { "credentials are of each packet", credentials_are_of_each_packet },
    { "introducers", introducers },
    { "looking takes nothing", looking_takes_nothing },
    { "only credentials come with a packet", only_credentials },
    { "pidfds do not leak", pidfds_do_not_leak },
    { "all descriptors of a packet", all_descriptors },
    { "what can be a channel", what_can_be_a_channel },
    { "ending", ending },
    { "ending opens nothing", ending_opens_nothing },
    { "looking closes nothing", looking_closes_nothing },
    { NULL, NULL },
};
const struct unit_suite suite_socket = { "socket", tests };
