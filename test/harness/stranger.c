/* A neighbour of a box who can connect and may do nothing else, and what he tries with descriptors. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/socket.h"
#include "client/introducer.h"
#include "model/limits.h"
#include "protocol/header.h"

#define USAGE                                                                                                      \
    "usage: stranger UID SOCKET KIND [NUMBER or PATH]      UID is who he is; only root can be somebody else\n"      \
    "  linger N     N connections, to a packet of each a TCP socket is attached whose closing takes an hour\n"      \
    "  stay N       the same, says \"ready\" and stays, so that nobody resets these TCP connections, until he is killed\n"  \
    "  park N       the same behind a packet that costs the connection, and he is gone before it is read\n"         \
    "  channel N    the same on a channel that he asked for\n"                                                      \
    "  handed N     the same in a socket that he hands in, and in the queue of what he hands in\n"                  \
    "  fuse PATH    hands in a file whose server never answers when it is closed; PATH is to mount it on (of root)\n" \
    "  unread N     asks for N channels, of which he receives none; says \"ready\" and stays, until he is killed\n"         \
    "  options N    hands in a socket with every option that has a kernel attach something, and asks N times\n"     \
    "  loop N       hands in both ends of N socketpairs\n"                                                          \
    "  far          hands in the channel that the box gave him\n"                                                   \
    "  stream       hands in a stream of his\n"                                                                    \
    "  stdout       has a program of root's write an administrator's request into his connection, and his channel\n" \
    "  relay PATH   stands between: whoever connects to PATH is handed in to the box\n"                             \
    "  sibling      spoils the connection that he inherited, of which a sibling wants a channel\n"                  \
    "  flood N      attaches a descriptor to each packet of N connections, until he is killed; says \"ready\"\n"    \
    "linger, park, channel and handed say how long it took; what is answered is said in words.\n"

/* Longer than the longest of his tricks holds anybody, if it does. */
#define TIMEOUT_MS 60000

static uid_t uid;
static const char *path;

static int die(const char *what)
{
    fprintf(stderr, "stranger: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void become(void)
{
    if (geteuid() == uid)
        return;
    if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
        die("cannot become him");
}

static int connected(void)
{
    int fd;

    if (socket_connect(path, &fd) != 0 || socket_set_timeout(fd, TIMEOUT_MS) != 0)
        die(path);
    return fd;
}

static void make_packet(uint16_t type, uint8_t packet[LB_HEADER_SIZE])
{
    size_t len;

    if (msg_empty_encode(type, 7, packet, LB_HEADER_SIZE, &len) != 0)
        die("encode");
}

static int ask(int fd, uint16_t type, int attached)
{
    uint8_t packet[LB_HEADER_SIZE];

    make_packet(type, packet);
    return socket_send(fd, packet, sizeof(packet), attached, /* dont_wait= */ false);
}

/* What comes back, in words. */
static const char *answer(int fd)
{
    static uint8_t packet[LB_PACKET_MAX];
    struct msg_header header;
    struct bytes body;
    size_t len;
    int r = socket_receive(fd, packet, sizeof(packet), /* dont_wait= */ false, &len, NULL, NULL);

    if (r == LB_E_CLOSED)
        return "closed";
    if (r == LB_E_TIMEOUT)
        return "silence";
    if (r != 0 || msg_split(packet, len, &header, &body) != 0)
        return "nonsense";
    return header.type == MSG_ERROR ? "refused" : "answered";
}

/* A channel over the introducer; far NULL: its far end is closed here. -1: the box gave none. */
static int channel_over(int introducer)
{
    int asked, fd = -1;

    if (introducer_ask(introducer, /* dont_wait= */ false, &asked) != 0)
        return -1;
    if (socket_set_timeout(asked, TIMEOUT_MS) != 0 || introducer_answer(asked, /* dont_wait= */ false, &fd) != 0)
        fd = -1;
    socket_close(asked);
    if (fd >= 0 && socket_set_timeout(fd, TIMEOUT_MS) != 0)
        die("channel");
    return fd;
}

/*
 * One end of a TCP connection that has data under way which nobody reads, and waits an hour for that when it is closed. The
 * other end stays open in this process.
 */
static int lingering(void)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct linger hour = { .l_onoff = 1, .l_linger = 3600 };
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0), far;
    socklen_t len = sizeof(addr);
    static const char noise[65536];

    if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0 ||
        connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || (far = accept(listener, NULL, NULL)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour, sizeof(hour)) < 0)
        die("TCP");
    while (send(fd, noise, sizeof(noise), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        continue;
    socket_close(listener);
    return fd;
}

/*
 * Whoever closes it last waits, so that must not be this process: another one sends it when it is closed here, and ends,
 * which does not wait.
 */
static void send_lingering(int fd, uint16_t type)
{
    int attached = lingering(), gate[2], status = 1;
    pid_t pid = -1;
    char c;

    if (pipe(gate) < 0 || (pid = fork()) < 0)
        die("fork");
    if (pid == 0) {
        int r;

        close(gate[1]);
        r = read(gate[0], &c, 1) == 0 ? ask(fd, type, attached) : LB_E_SYSTEM;
        _exit(r == 0 || r == LB_E_CLOSED ? 0 : 1); /* the box may have hung up already */
    }
    socket_close(attached);
    socket_close(gate[0]);
    socket_close(gate[1]);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("send");
}

static void linger(unsigned long n)
{
    for (unsigned long i = 0; i < n; i++)
        send_lingering(connected(), MSG_STATUS);
}

static void stay(unsigned long n)
{
    linger(n);
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}

static void park(unsigned long n)
{
    for (unsigned long i = 0; i < n; i++) {
        int fd = connected();

        if (socket_send(fd, "garbage", 7, -1, false) != 0)
            die("send");
        send_lingering(fd, MSG_STATUS);
        /* An empty packet, which looks like the end, in front of another one. */
        if (send(fd, "", 0, MSG_NOSIGNAL) == 0)
            send_lingering(fd, MSG_STATUS);
    }
}

static void on_channel(unsigned long n)
{
    for (unsigned long i = 0; i < n; i++) {
        int introducer = connected(), fd = channel_over(introducer);

        if (fd < 0)
            die("no channel");
        send_lingering(fd, MSG_STATUS);
        send_lingering(fd, MSG_CHANNEL);
    }
}

static void handed(unsigned long n)
{
    for (unsigned long i = 0; i < n; i++) {
        int introducer = connected(), pair[2];

        send_lingering(introducer, MSG_CHANNEL);
        introducer = connected();
        if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
            die("socketpair");
        send_lingering(pair[0], MSG_STATUS);
        /* The pair stays open until this process ends, which closes it without waiting. */
        if (ask(introducer, MSG_CHANNEL, pair[1]) != 0)
            die("send");
    }
}

/* A file system of one file, whose server answers all but the close. It ends with its parent. */
static void serve_fuse(int dev)
{
    static char buf[1 << 17];

    for (;;) {
        ssize_t n = read(dev, buf, sizeof(buf));
        struct fuse_in_header in;
        struct {
            struct fuse_out_header head;
            union {
                struct fuse_init_out init;
                struct fuse_attr_out attr;
                struct fuse_open_out open;
            } body;
        } out = { .head = { .error = 0 } };
        size_t len = 0;

        if (n < (ssize_t)sizeof(in))
            _exit(0);
        memcpy(&in, buf, sizeof(in));
        if (in.opcode == FUSE_FLUSH || in.opcode == FUSE_INTERRUPT || in.opcode == FUSE_RELEASE)
            continue; /* the trick */
        if (in.opcode == FUSE_INIT) {
            out.body.init.major = FUSE_KERNEL_VERSION;
            out.body.init.minor = FUSE_KERNEL_MINOR_VERSION;
            out.body.init.max_write = 4096;
            len = sizeof(out.body.init);
        } else if (in.opcode == FUSE_GETATTR) {
            out.body.attr.attr.ino = 1;
            out.body.attr.attr.mode = S_IFREG | 0666;
            out.body.attr.attr.nlink = 1;
            len = sizeof(out.body.attr);
        } else if (in.opcode == FUSE_OPEN) {
            len = sizeof(out.body.open);
        } else {
            out.head.error = -ENOSYS;
        }
        out.head.unique = in.unique;
        out.head.len = (uint32_t)(sizeof(out.head) + len);
        if (write(dev, &out, out.head.len) < 0 && errno != ENOENT)
            _exit(1);
    }
}

static void fuse(const char *mountpoint)
{
    int dev = open("/dev/fuse", O_RDWR | O_CLOEXEC), fd, introducer;
    char options[128];
    pid_t server;

    if (dev < 0)
        die("/dev/fuse");
    snprintf(options, sizeof(options), "fd=%d,rootmode=100000,user_id=%u,group_id=%u", dev, uid, uid);
    if (mount("stranger", mountpoint, "fuse", MS_NOSUID | MS_NODEV, options) < 0)
        die("mount");
    server = fork();
    if (server == 0)
        serve_fuse(dev);
    socket_close(dev);
    become();
    fd = open(mountpoint, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        die(mountpoint);
    introducer = connected();
    if (ask(introducer, MSG_CHANNEL, fd) != 0)
        die("send");
    printf("server %d\n", (int)server);
    fflush(stdout);
    /* Closing it would hold this process as well: it waits to be killed. */
    pause();
}

/* Every option of a socket that has a kernel attach something to a packet; see socket(7), unix(7) and <asm/socket.h>. */
static void set_options(int fd)
{
    static const int options[] = { SO_PASSCRED, SO_PASSSEC, 76 /* SO_PASSPIDFD */, 83 /* SO_PASSRIGHTS */,
                                   SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING, SO_RXQ_OVFL, SO_WIFI_STATUS,
                                   84 /* SO_INQ */, SO_PEEK_OFF, SO_SELECT_ERR_QUEUE };
    const int on = 1, stamps = 0x1ff, small = 1;

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const int *value = options[i] == SO_TIMESTAMPING ? &stamps : &on;

        (void)setsockopt(fd, SOL_SOCKET, options[i], value, sizeof(*value));
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
}

static void with_options(unsigned long n)
{
    int introducer = connected(), pair[2], fd = -1;
    unsigned long good = 0;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
        die("socketpair");
    set_options(pair[1]);
    if (ask(introducer, MSG_CHANNEL, pair[1]) != 0 || socket_set_timeout(pair[0], TIMEOUT_MS) != 0 ||
        introducer_answer(pair[0], false, &fd) != 0)
        die("no channel");
    /* He still has the end that he handed in. */
    set_options(pair[0]);
    set_options(pair[1]);
    set_options(introducer);
    set_options(fd);
    (void)!socket_set_timeout(fd, TIMEOUT_MS);
    for (unsigned long i = 0; i < n; i++) {
        (void)!ask(pair[0], MSG_STATUS, -1);
        (void)recv(pair[1], &(char){ 0 }, 1, MSG_DONTWAIT);
        if (ask(fd, MSG_STATUS, -1) == 0 && strcmp(answer(fd), "answered") == 0)
            good++;
    }
    printf("%lu answered\n", good);
}

static void loop(unsigned long n)
{
    for (unsigned long i = 0; i < n; i++) {
        int introducer = connected(), pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
            die("socketpair");
        for (int k = 0; k < 2; k++) {
            if (ask(introducer, MSG_CHANNEL, pair[k]) != 0)
                die("send");
        }
        /* What the box would answer to itself for ever. */
        (void)!ask(pair[0], MSG_STATUS, -1);
        (void)!ask(pair[1], MSG_STATUS | MSG_ANSWER, -1);
    }
}

static void far(void)
{
    int introducer = connected(), fd = channel_over(introducer);

    if (fd < 0 || ask(introducer, MSG_CHANNEL, fd) != 0)
        die("no channel");
    printf("introducer: %s\n", answer(introducer));
    puts(ask(fd, MSG_STATUS, -1) == 0 ? answer(fd) : "closed");
}

/* In a process of his: a connection, or a channel over it; in the parent, which stays root, its descriptor. */
static int his(bool channel)
{
    int pair[2], fd = -1;
    size_t len;
    char c;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
        die("socketpair");
    if (fork() == 0) {
        become();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fd = connected();
        if (channel)
            fd = channel_over(fd);
        /* He stays, so that nobody else has his number. */
        _exit(socket_send(pair[0], "x", 1, fd, false) == 0 && recv(pair[0], &c, 1, 0) >= 0 ? 0 : 1);
    }
    if (socket_receive(pair[1], &c, 1, false, &len, &fd, NULL) != 0 || fd < 0)
        die("his connection");
    return fd;
}

/* A socket of the right maker and of the wrong type. */
static void stream(void)
{
    int introducer = connected(), pair[2], fd = -1;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || ask(introducer, MSG_CHANNEL, pair[1]) != 0)
        die("send");
    socket_close(pair[1]);
    (void)!socket_set_timeout(pair[0], TIMEOUT_MS);
    puts(introducer_answer(pair[0], false, &fd) == 0 ? "a channel" : "none");
}

static void standard_output(void)
{
    for (int i = 0; i < 2; i++) {
        int fd = his(i == 1);

        printf("%s: %s\n", i == 0 ? "connection" : "channel",
               ask(fd, MSG_LOCK, -1) == 0 ? answer(fd) : "closed");
    }
}

static void relay(const char *place)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), introducer, fd;

    become();
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", place);
    if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || chmod(place, 0666) < 0 || listen(listener, 8) < 0)
        die(place);
    puts("ready");
    fflush(stdout);
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        introducer = connected();
        if (ask(introducer, MSG_CHANNEL, fd) != 0)
            die("send");
        printf("introducer: %s\n", answer(introducer));
        fflush(stdout);
        socket_close(fd);
        socket_close(introducer);
    }
}

/* In a process that inherited the connection, as another user than who made it. */
static void spoil(int introducer)
{
    become();
    for (int i = 0; i < 1000; i++) {
        uint8_t noise[64];

        for (size_t k = 0; k < sizeof(noise); k++)
            noise[k] = (uint8_t)(i * 31 + (int)k * 7);
        (void)!socket_send(introducer, noise, 1 + (size_t)i % sizeof(noise), -1, false);
        (void)!ask(introducer, MSG_STATUS, -1);
        (void)!ask(introducer, MSG_STATUS | MSG_ANSWER, -1);
        (void)!ask(introducer, MSG_CHANNEL, -1);
        if (i % 100 == 0) {
            (void)!ask(introducer, MSG_STATUS, STDIN_FILENO);
            (void)!ask(introducer, MSG_CHANNEL, STDIN_FILENO);
        }
    }
    _exit(0);
}

static void sibling(void)
{
    int introducer = connected(), fd, status;
    pid_t pid = fork();

    if (pid == 0)
        spoil(introducer);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        die("sibling");
    pid = fork();
    if (pid == 0) {
        become();
        fd = channel_over(introducer);
        puts(fd < 0 ? "no channel" : ask(fd, MSG_STATUS, -1) == 0 ? answer(fd) : "closed");
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, &status, 0);
}

static void unread(unsigned long n)
{
    struct rlimit files;
    int introducer = connected(), asked;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    for (unsigned long i = 0; i < n; i++) {
        /* What is asked for comes to this one, which stays open. */
        if (introducer_ask(introducer, /* dont_wait= */ false, &asked) != 0)
            die("introduce");
    }
    if (ask(introducer, MSG_STATUS, -1) != 0)
        die("send");
    printf("%s\nready\n", answer(introducer));
    fflush(stdout);
    for (;;)
        pause();
}

static void flood(unsigned long n)
{
    int *fds = calloc(n, sizeof(*fds)), attached[3] = { STDIN_FILENO, open("/dev/null", O_RDWR), lingering() };
    uint8_t packet[LB_HEADER_SIZE];

    become();
    for (unsigned long i = 0; i < n; i++)
        fds[i] = connected();
    puts("ready");
    fflush(stdout);
    for (unsigned long i = 0;; i++) {
        int *fd = &fds[i % n], r;

        make_packet(i % 2 == 0 ? MSG_STATUS : MSG_CHANNEL, packet);
        r = socket_send(*fd, packet, sizeof(packet), attached[i % 3], /* dont_wait= */ true);
        if (r == LB_E_CLOSED) {
            socket_close(*fd);
            *fd = connected();
        } else if (r == LB_E_TIMEOUT) {
            (void)poll(NULL, 0, 1);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*with_number)(unsigned long n);
        void (*with_path)(const char *path);
        void (*alone)(void);
        bool as_root; /* becomes him later */
    } kinds[] = {
        { "linger", linger, NULL, NULL, false },        { "stay", stay, NULL, NULL, false },
        { "park", park, NULL, NULL, false },
        { "channel", on_channel, NULL, NULL, false },   { "handed", handed, NULL, NULL, false },
        { "fuse", NULL, fuse, NULL, true },             { "options", with_options, NULL, NULL, false },
        { "loop", loop, NULL, NULL, false },            { "far", NULL, NULL, far, false },
        { "stream", NULL, NULL, stream, false },
        { "stdout", NULL, NULL, standard_output, true }, { "relay", NULL, relay, NULL, false },
        { "sibling", NULL, NULL, sibling, true },       { "flood", flood, NULL, NULL, false },
        { "unread", unread, NULL, NULL, false },
    };

    signal(SIGPIPE, SIG_IGN);
    if (argc < 4 || argc > 5) {
        fputs(USAGE, stderr);
        return 2;
    }
    uid = (uid_t)strtoul(argv[1], NULL, 10);
    path = argv[2];
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, argv[3]) != 0)
            continue;
        if (!kinds[i].as_root)
            become();
        if (kinds[i].with_number != NULL)
            kinds[i].with_number(argc == 5 ? strtoul(argv[4], NULL, 10) : 1);
        else if (kinds[i].with_path != NULL && argc == 5)
            kinds[i].with_path(argv[4]);
        else if (kinds[i].alone != NULL)
            kinds[i].alone();
        return 0;
    }
    fputs(USAGE, stderr);
    return 2;
}
