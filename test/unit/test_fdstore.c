/*
 * daemon/fd_store.c, kept.c, heritage.c and notify.c: what a keeper leaves with the service manager or to the next program, and
 * what that believes.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memfile.h"
#include "base/socket.h"
#include "box/usher_link.h"
#include "daemon/heritage.h"
#include "daemon/keeper_link.h"
#include "daemon/kept.h"
#include "daemon/marks.h"
#include "daemon/notify.h"
#include "unit.h"

/* A manager: what it hears, and the descriptors that came with it. */

static char directory[] = "/tmp/littlebox-unit.XXXXXX";
static int manager = -1;
static char place[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

static void start_manager(const char *room)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
    snprintf(place, sizeof(place), "%s/notify", directory);
    memcpy(a.sun_path, place, sizeof(place));
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(manager, (struct sockaddr *)&a, sizeof(a)), 0);
    setenv("NOTIFY_SOCKET", place, 1);
    setenv("LITTLEBOX_FDSTORE", room, 1);
}

static void end_manager(void)
{
    socket_close(manager);
    manager = -1;
    unlink(place);
    rmdir(directory);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("LITTLEBOX_FDSTORE");
}

/* False: nothing was said. *ret_fd: -1, or what came, which is the caller's. */
static bool hears(char text[512], int *ret_fd)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { text, 511 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control) };
    ssize_t n = recvmsg(manager, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    *ret_fd = -1;
    if (n < 0)
        return false;
    text[n] = '\0';
    if (msg.msg_controllen >= CMSG_LEN(sizeof(int)))
        memcpy(ret_fd, CMSG_DATA(&control.align), sizeof(int));
    return true;
}

static void heard(const char *expected, bool with_fd)
{
    char text[512] = "";
    int fd;

    CU_ASSERT(hears(text, &fd));
    CU_ASSERT_STRING_EQUAL(text, expected);
    CU_ASSERT_EQUAL(fd >= 0, with_fd);
    socket_close(fd);
}

static void heard_nothing(void)
{
    char text[512];
    int fd;

    CU_ASSERT_FALSE(hears(text, &fd));
    socket_close(fd);
}

/* Channels: accepted ones, and pairs. */

static int listener = -1;
static char socket_place[64];

static void start_listener(void)
{
    snprintf(socket_place, sizeof(socket_place), "%s/sock", directory);
    OK(socket_listen(socket_place, 0600, &listener));
    CU_ASSERT(socket_listens_at(listener, socket_place));
    CU_ASSERT_FALSE(socket_listens_at(listener, "/tmp/other"));
}

static void end_listener(void)
{
    socket_close(listener);
    listener = -1;
    unlink(socket_place);
}

static void accepted(int *ret, int *ret_far)
{
    OK(socket_connect(socket_place, ret_far));
    *ret = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CU_ASSERT_FATAL(*ret >= 0);
    OK(socket_want_only_peer(*ret));
}

static void made(int *ret, int *ret_far)
{
    int pair[2];

    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    OK(socket_want_only_peer(pair[0]));
    *ret = pair[0];
    *ret_far = pair[1];
}

static struct maker somebody(void)
{
    return (struct maker){ { 42, 33, 34 }, NULL, 0 };
}

static void what_the_manager_hears(void)
{
    struct maker m = somebody();
    struct kept k;
    int one, one_far, two, two_far;
    char name[40];

    start_manager("100");
    start_listener();
    kept_init(&k);
    kept_store(&k, listener, 100);
    accepted(&one, &one_far);
    made(&two, &two_far);
    OK(kept_put(&k, 0, one, &m));
    m = somebody();
    OK(kept_put(&k, 1, two, &m));
    heard("FDSTORE=1\nFDPOLL=0\nFDNAME=~a0", true);
    heard("FDSTORE=1\nFDPOLL=0\nFDNAME=~p1.16.x.y", true);
    OK(kept_drop(&k, 0));
    heard("FDSTOREREMOVE=1\nFDNAME=~a0", false);
    CU_ASSERT_EQUAL(k.store.count, 1);
    OK(kept_drop(&k, 1));
    heard("FDSTOREREMOVE=1\nFDNAME=~p1.16.x.y", false);
    CU_ASSERT_EQUAL(k.store.count, 0);
    CU_ASSERT_EQUAL(k.store.name_bytes, 0);
    heard_nothing();
    snprintf(name, sizeof(name), "~a1\nSTATUS=other");
    OK(fd_store_remove(&k.store, name));
    heard_nothing();
    kept_clear(&k);
    close(one_far);
    close(two_far);
    end_listener();
    end_manager();
}

/* A manager that hears nothing for a while misses nothing, and in its order. */
static void a_manager_that_is_busy(void)
{
    struct maker m = somebody();
    struct kept k;
    char text[512];
    int one, far, other, other_far, fd;
    bool removed = false, added = false;

    start_manager("100");
    start_listener();
    kept_init(&k);
    kept_store(&k, listener, 100);
    made(&one, &far);
    OK(kept_put(&k, 0, one, &m));
    while (notify_descriptor("X=1", -1) == 0)
        continue;
    OK(kept_drop(&k, 0));
    m = somebody();
    made(&other, &other_far);
    OK(kept_put(&k, 0, other, &m));
    CU_ASSERT_FALSE(kept_store_rest(&k));
    while (hears(text, &fd)) {
        CU_ASSERT_PTR_NULL(strstr(text, "REMOVE"));
        socket_close(fd);
    }
    CU_ASSERT(kept_store_rest(&k));
    while (hears(text, &fd)) {
        CU_ASSERT(strstr(text, "REMOVE") == NULL || !added);
        removed = removed || strcmp(text, "FDSTOREREMOVE=1\nFDNAME=~p0.16.x.y") == 0;
        added = added || strcmp(text, "FDSTORE=1\nFDPOLL=0\nFDNAME=~p0.16.x.y") == 0;
        socket_close(fd);
    }
    CU_ASSERT(removed && added);
    kept_clear(&k);
    close(far);
    close(other_far);
    end_listener();
    end_manager();
}

static void a_store_that_is_full(void)
{
    struct maker m = somebody();
    struct marks marks = { .locked = { .is = true } };
    struct kept k;
    int one, far, other, other_far;

    start_manager("4");
    start_listener();
    kept_init(&k);
    kept_store(&k, listener, 4);
    accepted(&one, &far);
    accepted(&other, &other_far);
    OK(kept_put(&k, 0, one, &m));
    m = somebody();
    OK(kept_put(&k, 1, other, &m));
    heard("FDSTORE=1\nFDPOLL=0\nFDNAME=~a0", true);
    heard_nothing();
    CU_ASSERT(kept_store_rest(&k));
    /* Full for channels: what is known of the lock has room all the same. */
    CU_ASSERT(marks_store(&marks, &k.store));
    CU_ASSERT(marks.locked.stored);
    heard("FDSTORE=1\nFDPOLL=0\nFDNAME=~locked", true);
    marks.locked.is = false;
    CU_ASSERT(marks_store(&marks, &k.store));
    heard("FDSTOREREMOVE=1\nFDNAME=~locked", false);
    CU_ASSERT(kept_store_rest(&k));
    heard_nothing();
    OK(kept_drop(&k, 0));
    heard("FDSTOREREMOVE=1\nFDNAME=~a0", false);
    CU_ASSERT(kept_store_rest(&k));
    heard("FDSTORE=1\nFDPOLL=0\nFDNAME=~a1", true);
    kept_clear(&k);
    close(far);
    close(other_far);
    end_listener();
    end_manager();
}

static uint64_t the_time;
static uint64_t what_time(void)
{
    return the_time;
}

static size_t adds_heard(void)
{
    char text[512];
    size_t n = 0;
    int fd;

    while (hears(text, &fd)) {
        n += strncmp(text, "FDSTORE=1\n", 10) == 0;
        socket_close(fd);
    }
    return n;
}

/* Who connects again and again gives process 1 little work; who stays has a turn; a keeper that ends leaves nobody out. */
static void many_that_come_and_go(void)
{
    struct maker m;
    struct kept k;
    size_t heard = 0;
    int one, far, stays, stays_far;

    start_manager("2000");
    start_listener();
    kept_init(&k);
    k.store.clock = what_time;
    the_time = 1000000;
    kept_store(&k, listener, 2000);
    for (size_t i = 0; i < 3 * FD_STORE_BURST; i++) {
        m = somebody();
        made(&one, &far);
        OK(kept_put(&k, 0, one, &m));
        OK(kept_drop(&k, 0));
        close(far);
        heard += adds_heard();
    }
    CU_ASSERT_EQUAL(heard, FD_STORE_BURST);
    m = somebody();
    made(&stays, &stays_far);
    OK(kept_put(&k, 7, stays, &m));
    CU_ASSERT_FALSE(kept_store_rest(&k));
    CU_ASSERT_FALSE(k.at[7].stored);
    /* With one turn every 5 ms, and another always at the first slot, it has its own within two. */
    for (unsigned i = 0; i < 2; i++) {
        m = somebody();
        made(&one, &far);
        OK(kept_put(&k, 0, one, &m));
        the_time += 1000 / FD_STORE_RATE;
        (void)!kept_store_rest(&k);
        OK(kept_drop(&k, 0));
        close(far);
    }
    CU_ASSERT(k.at[7].stored);
    m = somebody();
    made(&one, &far);
    OK(kept_put(&k, 9, one, &m));
    CU_ASSERT_FALSE(kept_store_rest(&k));
    fd_store_hurry(&k.store, true);
    CU_ASSERT(kept_store_rest(&k));
    CU_ASSERT(k.at[9].stored);
    (void)adds_heard();
    kept_clear(&k);
    close(far);
    close(stays_far);
    end_listener();
    end_manager();
}

/* What waits in a queue is closed by the usher, and not before the manager has closed its own copy. */
static void the_manager_is_never_last(void)
{
    struct maker m = somebody();
    struct kept k;
    struct pollfd asked = { .events = POLLIN };
    struct usher_request rq;
    char text[512];
    int one, far, links[2], barrier;

    start_manager("100");
    start_listener();
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, links), 0);
    kept_init(&k);
    kept_store(&k, listener, 100);
    k.usher = links[0];
    asked.fd = links[1];
    made(&one, &far);
    OK(kept_put(&k, 0, one, &m));
    OK(socket_send(far, "x", 1, far, true));
    OK(kept_drop(&k, 0));
    CU_ASSERT_FALSE(kept_bury(&k));
    CU_ASSERT_EQUAL(poll(&asked, 1, 0), 0);
    heard("FDSTORE=1\nFDPOLL=0\nFDNAME=~p0.16.x.y", true);
    heard("FDSTOREREMOVE=1\nFDNAME=~p0.16.x.y", false);
    CU_ASSERT(hears(text, &barrier));
    CU_ASSERT_STRING_EQUAL(text, "BARRIER=1");
    CU_ASSERT_FALSE(kept_bury(&k));
    CU_ASSERT_EQUAL(poll(&asked, 1, 0), 0);
    socket_close(barrier);
    CU_ASSERT(kept_bury(&k));
    CU_ASSERT_EQUAL_FATAL(poll(&asked, 1, 0), 1);
    OK(usher_asked(links[1], &rq));
    CU_ASSERT_EQUAL(rq.type, ASK_BURY);
    close(rq.fd);
    close(far);
    close(links[0]);
    close(links[1]);
    k.usher = -1;
    kept_clear(&k);
    end_listener();
    end_manager();
}

/* Takes it back under this name. far gets the other end, to be closed. */
static void back(struct kept *k, const char *text, int fd, int expected)
{
    struct stored_name name;

    OK(store_name_read(text, &name));
    CU_ASSERT_EQUAL(kept_take_back(k, fd, &name), expected);
    maker_clear(&name.maker);
}

/* The kernel has the last word on what comes back. */
static void what_comes_back(void)
{
    struct kept k;
    int one, far, two, two_far, three, three_far, pipes[2];
    bool root = geteuid() == 0;

    start_manager("100");
    start_listener();
    kept_init(&k);
    kept_store(&k, listener, 100);
    accepted(&one, &far);
    made(&two, &two_far);
    made(&three, &three_far);
    CU_ASSERT_EQUAL_FATAL(pipe2(pipes, O_CLOEXEC), 0);
    /* An accepted one whose name says that somebody else made it, and a pair without a maker. */
    back(&k, "~p0.16.0.0", one, LB_E_VALUE);
    back(&k, "~a0", two, LB_E_VALUE);
    back(&k, "~a0", pipes[0], LB_E_VALUE);
    back(&k, "~a0", listener, LB_E_VALUE);
    back(&k, "~p0.16.x.y", listener, LB_E_VALUE);
    back(&k, "~p0.16.x.y", pipes[0], LB_E_VALUE);
    if (root) {
        /* A pair that another user made. */
        CU_ASSERT_EQUAL_FATAL(seteuid(65534), 0);
        back(&k, "~p0.16.x.y", two, LB_E_VALUE);
        CU_ASSERT_EQUAL_FATAL(seteuid(0), 0);
    }
    k.slots_max = 8;
    back(&k, "~a8", one, LB_E_VALUE);
    back(&k, "~a3", one, 0);
    CU_ASSERT_EQUAL(k.at[3].maker.peer.pid, getpid());
    CU_ASSERT_EQUAL(k.at[3].maker.peer.uid, geteuid());
    back(&k, "~p2.16.x.y.7", two, 0);
    CU_ASSERT_EQUAL(k.at[2].maker.peer.pid, 42);
    CU_ASSERT_EQUAL(k.at[2].maker.peer.uid, 33);
    CU_ASSERT_EQUAL_FATAL(k.at[2].maker.group_count, 1);
    CU_ASSERT_EQUAL(k.at[2].maker.groups[0], 7);
    /* A slot has one channel. What else comes is thrown out, and the first one is told again, as it may have gone too. */
    back(&k, "~p2.16.0.0", three, LB_E_VALUE);
    {
        struct stored_name name;

        OK(store_name_read("~p2.16.0.0", &name));
        kept_refuse_back(&k, three, "~p2.16.0.0", &name);
    }
    heard("FDSTOREREMOVE=1\nFDNAME=~p2.16.0.0", false);
    CU_ASSERT(kept_store_rest(&k));
    heard("FDSTORE=1\nFDPOLL=0\nFDNAME=~p2.16.x.y.7", true);
    /* They go by the names that they came with. */
    OK(kept_drop(&k, 3));
    heard("FDSTOREREMOVE=1\nFDNAME=~a3", false);
    OK(kept_drop(&k, 2));
    heard("FDSTOREREMOVE=1\nFDNAME=~p2.16.x.y.7", false);
    kept_clear(&k);
    close(three);
    close(pipes[0]);
    close(pipes[1]);
    close(far);
    close(two_far);
    close(three_far);
    end_listener();
    end_manager();
}

static void what_is_known_of_the_lock(void)
{
    struct marks m = { .locked = { .is = true } }, next = { .locked = { .is = false } };
    struct fd_store s;

    start_manager("100");
    fd_store_init(&s);
    fd_store_open(&s, 100);
    CU_ASSERT(marks_store(&m, &s));
    heard("FDSTORE=1\nFDPOLL=0\nFDNAME=~locked", true);
    CU_ASSERT(marks_store(&m, &s));
    heard_nothing();
    CU_ASSERT(marks_take_back(&next, STORED_LOCKED, true));
    CU_ASSERT_FALSE(marks_take_back(&next, STORED_ACCEPTED, true));
    CU_ASSERT(next.locked.is && !next.by_hand.is);
    next.locked.is = false;
    next.by_hand.is = true;
    CU_ASSERT(marks_store(&next, &s));
    heard("FDSTOREREMOVE=1\nFDNAME=~locked", false);
    heard("FDSTORE=1\nFDPOLL=0\nFDNAME=~byhand", true);
    fd_store_clear(&s);
    end_manager();
}

/* Descriptors 3 and up, as a manager hands them over, in a process of their own. Its exit status is 0, or the error's number. */
static int handed(const char *fds, const char *names, const int *given, int count, int *ret_kept)
{
    int status = 0, answer[2];
    pid_t pid;

    CU_ASSERT_EQUAL_FATAL(pipe2(answer, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        struct problem p;
        struct handed h;
        char text[20];
        int high[8], r, to = fcntl(answer[1], F_DUPFD, 40);

        for (int i = 0; i < count; i++)
            high[i] = fcntl(given[i], F_DUPFD, 50);
        for (int i = 0; i < 32; i++)
            close(3 + i);
        for (int i = 0; i < count; i++)
            dup2(high[i], 3 + i);
        snprintf(text, sizeof(text), "%d", (int)getpid());
        setenv("LISTEN_PID", text, 1);
        setenv("LISTEN_FDS", fds, 1);
        if (names != NULL)
            setenv("LISTEN_FDNAMES", names, 1);
        r = notify_handed(&h, &p);
        (void)!write(to, &h.count, sizeof(h.count));
        notify_handed_clear(&h);
        _exit(-r);
    }
    waitpid(pid, &status, 0);
    close(answer[1]);
    {
        size_t kept = 0;

        CU_ASSERT_EQUAL(read(answer[0], &kept, sizeof(kept)), (ssize_t)sizeof(kept));
        *ret_kept = (int)kept;
    }
    close(answer[0]);
    return WIFEXITED(status) ? -WEXITSTATUS(status) : 1;
}

static void what_is_handed_over(void)
{
    int given[3], kept, one, far;

    start_manager("100");
    start_listener();
    accepted(&one, &far);
    given[1] = one;
    given[0] = listener;
    given[2] = listener;
    OK(handed("1", NULL, given, 1, &kept));
    OK(handed("1", "littleboxd@default.socket", given, 1, &kept));
    OK(handed("2", "littleboxd@default.socket:~a1", given, 2, &kept));
    CU_ASSERT_EQUAL(kept, 1);
    /* Whatever is called as ours is looked at later. */
    OK(handed("3", "~a1:~nonsense:x", given, 3, &kept));
    CU_ASSERT_EQUAL(kept, 2);
    FAILS(handed("2", NULL, given, 2, &kept), LB_E_CONFIG);
    FAILS(handed("2", "a:b", given, 2, &kept), LB_E_CONFIG);
    given[1] = listener;
    FAILS(handed("2", "a:b", given, 2, &kept), LB_E_CONFIG);
    given[1] = one;
    FAILS(handed("2", "a", given, 2, &kept), LB_E_CONFIG);
    FAILS(handed("2", "~a1:x", given, 1, &kept), LB_E_CONFIG);
    FAILS(handed("1", "x", given + 1, 1, &kept), LB_E_CONFIG);
    FAILS(handed("x", "~a1", given, 1, &kept), LB_E_CONFIG);
    FAILS(handed("1x", "~a1", given, 1, &kept), LB_E_CONFIG);
    FAILS(handed("-1", "~a1", given, 1, &kept), LB_E_CONFIG);
    FAILS(handed("999999999999", "~a1", given, 1, &kept), LB_E_CONFIG);
    close(one);
    close(far);
    end_listener();
    end_manager();
}

/* Of the list that was read last: does the manager have all of it? */
static bool all_stored;

/* A list as a program leaves it to the next one. sealed: as it does. */
static int read_list(const char *text, size_t len, bool sealed, size_t *ret_kept, int *ret_listener)
{
    struct problem p;
    struct handed h;
    int file, r;

    if (sealed) {
        OK(textfile_make(text, len, &file));
    } else {
        file = memfd_create("list", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        CU_ASSERT_EQUAL_FATAL(write(file, text, len), (ssize_t)len);
    }
    r = heritage_read(file, &h, &p);
    *ret_kept = h.count;
    *ret_listener = h.listener;
    all_stored = true;
    for (size_t i = 0; i < h.count; i++)
        all_stored = all_stored && h.kept[i].stored;
    notify_handed_clear(&h);
    return r;
}

/* In text '#' is the number of one and '$' that of other, which stay open when a program is run, as those in such a list do. */
static int list(const char *text, int one, int other)
{
    char filled[200] = "";
    size_t kept;
    int found;

    for (; *text != '\0'; text++) {
        size_t len = strlen(filled);

        if (*text == '#' || *text == '$')
            snprintf(filled + len, sizeof(filled) - len, "%d", *text == '#' ? one : other);
        else
            snprintf(filled + len, sizeof(filled) - len, "%c", *text);
    }
    CU_ASSERT_EQUAL(fcntl(one, F_SETFD, 0), 0);
    CU_ASSERT_EQUAL(fcntl(other, F_SETFD, 0), 0);
    return read_list(filled, strlen(filled), true, &kept, &found);
}

static void what_a_program_leaves(void)
{
    char text[100];
    size_t kept;
    int one, far, found;
    unsigned before;

    start_manager("100");
    start_listener();
    accepted(&one, &far);
    before = unit_open_fds();
    (void)fcntl(one, F_SETFD, 0);
    (void)fcntl(listener, F_SETFD, 0);
    snprintf(text, sizeof(text), "%d socket\n%d ~a1\n", listener, one);
    OK(read_list(text, strlen(text), true, &kept, &found));
    CU_ASSERT_EQUAL(kept, 1);
    CU_ASSERT_EQUAL(found, listener);
    CU_ASSERT(all_stored);
    CU_ASSERT_EQUAL(fcntl(one, F_GETFD), FD_CLOEXEC);
    CU_ASSERT_EQUAL(fcntl(listener, F_GETFD), FD_CLOEXEC);
    (void)fcntl(one, F_SETFD, 0);
    snprintf(text, sizeof(text), "%d +~a1\n", one);
    OK(read_list(text, strlen(text), true, &kept, &found));
    CU_ASSERT_EQUAL(kept, 1);
    CU_ASSERT_FALSE(all_stored);
    snprintf(text, sizeof(text), "%d socket\n%d ~a1\n", listener, one);
    /* They are ours now, and whoever says that they are handed over once more is wrong. */
    FAILS(read_list(text, strlen(text), true, &kept, &found), LB_E_CONFIG);
    (void)fcntl(one, F_SETFD, 0);
    (void)fcntl(listener, F_SETFD, 0);
    FAILS(read_list(text, strlen(text), false, &kept, &found), LB_E_CONFIG);
    FAILS(list("# ~a1\n$ ~a1", one, listener), LB_E_CONFIG);
    FAILS(list("# ~a1\n# ~a2\n", one, one), LB_E_CONFIG);
    FAILS(list("#x ~a1\n", one, one), LB_E_CONFIG);
    FAILS(list("#\n", one, one), LB_E_CONFIG);
    FAILS(list("# \n", one, one), LB_E_CONFIG);
    FAILS(list("0# ~a1\n", one, one), LB_E_CONFIG);
    FAILS(list(" # ~a1\n", one, one), LB_E_CONFIG);
    FAILS(list("# ~a1\n\n", one, one), LB_E_CONFIG);
    FAILS(list("2 ~a1\n", one, one), LB_E_CONFIG);
    FAILS(list("100000 ~a1\n", one, one), LB_E_CONFIG);
    FAILS(list("# socket\n", one, one), LB_E_CONFIG);
    FAILS(list("# socket\n$ socket\n", listener, one), LB_E_CONFIG);
    (void)fcntl(one, F_SETFD, 0);
    FAILS(read_list("", 0, true, &kept, &found), LB_E_CONFIG);
    FAILS(read_list("3 ~a1\0\n", 8, true, &kept, &found), LB_E_CONFIG);
    CU_ASSERT_EQUAL(unit_open_fds(), before);
    CU_ASSERT_EQUAL(fcntl(STDERR_FILENO, F_GETFD), 0);
    close(one);
    close(far);
    end_listener();
    end_manager();
}

static const struct unit_test tests[] = {
    { "what the manager hears", what_the_manager_hears },
    { "a manager that is busy", a_manager_that_is_busy },
    { "a store that is full", a_store_that_is_full },
    { "many that come and go", many_that_come_and_go },
    { "the manager is never last", the_manager_is_never_last },
    { "what comes back", what_comes_back },
    { "what is known of the lock", what_is_known_of_the_lock },
    { "what is handed over", what_is_handed_over },
    { "what a program leaves to the next", what_a_program_leaves },
    { NULL, NULL },
};
const struct unit_suite suite_fdstore = { "fdstore", tests };
