/* The usher: the process of a box in which descriptors of strangers come, and may do what they like. */
#include "box/usher.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memfile.h"
#include "base/signals.h"
#include "base/socket.h"
#include "box/usher_link.h"
#include "protocol/header.h"

/* Processes at work at once, and for one user. */
#define WORKING_MAX 32
#define WORKING_FOR_USER 8
/*
 * With STUCK_MANY stuck processes, descriptors are taken only from those who have something to do here; with STUCK_MAX,
 * from nobody.
 */
#define STUCK_MANY 16
#define STUCK_MAX 64
#define WORKERS_MAX (WORKING_MAX + STUCK_MAX)
/* How long a process may work, in milliseconds. It needs microseconds, unless a descriptor wants it otherwise. */
#define WORK_TIMEOUT 2000
/* Packets that wait for a process. */
#define WAITING_MAX 8192
/*
 * Connections that wait to be closed. One process closes so many at once, or all after so many milliseconds. That process
 * may be held too: by a file with data that its file system does not take. The more processes are held so, the more seldom
 * connections are closed; with many held, only when there are very many connections. For their callers those connections
 * have ended long since; here each costs a descriptor.
 */
#define BURY_AT_ONCE 64
#define BURY_WITHIN 50
#define BURY_WITHIN_MAX 30000
#define BURIED_MAX 65536
#define CLOSERS_MANY 16
/* How long to wait when the system has no process for us, in milliseconds. */
#define FORK_PAUSE 100

struct worker {
    pid_t pid; /* 0: free */
    uint32_t slot, number, uid;
    uint64_t deadline; /* 0: stuck, and the box knows */
};

struct usher {
    int link, signal_fd;
    struct worker workers[WORKERS_MAX];
    struct usher_request waiting[WAITING_MAX]; /* in the order in which they came */
    size_t waiting_count;
    int buried[BURIED_MAX];
    size_t buried_count;
    unsigned closers; /* processes that close what was buried, and have not ended yet */
    uint64_t bury_at; /* 0: there are none */
};

static uint64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* In a process of its own */

/* Makes the process end by itself, if it can be woken up, and end with the usher. It has nobody to tell but the link. */
static void be_worker(pid_t usher)
{
    sigset_t none;

    sigemptyset(&none);
    signal(SIGALRM, SIG_DFL);
    if (sigprocmask(SIG_SETMASK, &none, NULL) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != usher)
        _exit(1);
    alarm((WORK_TIMEOUT + 999) / 1000);
}

/*
 * Limits what this process may send. Descriptors that were sent and not received yet count for the user of the box, and a
 * kernel lets a user send no more of them than RLIMIT_NOFILE. So callers who leave their channels in flight must not use up
 * what box and keeper need between them. Of the rest, those who have something to do here may use more than others.
 */
static void limit_flight(bool known)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max == RLIM_INFINITY)
        return;
    limit.rlim_cur = limit.rlim_max / 4 * (known ? 3 : 2);
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        _exit(1);
}

static void tell(const struct usher *u, const struct usher_answer *a)
{
    /* The box may be gone. */
    if (usher_tell(u->link, a) != 0)
        _exit(1);
}

static enum usher_reason bad_channel(int fd, const struct peer *sender, struct maker *ret)
{
    if (!socket_is_channel(fd))
        return BAD_KIND;
    if (maker_of(fd, ret) != 0 || sender->pid == 0 || ret->peer.pid != sender->pid || ret->peer.uid != sender->uid)
        return BAD_MAKER;
    return 0;
}

/*
 * Makes a channel. The caller gets one end, over the socket that it handed in. The box gets the other end, which nobody has
 * had.
 */
static void introduce(const struct usher *u, const struct usher_request *rq, int fd, const struct maker *maker)
{
    struct usher_answer a = { .type = TOLD_CHANNEL, .slot = rq->slot, .number = rq->number, .maker = *maker };
    uint8_t packet[LB_HEADER_SIZE];
    int pair[2];
    size_t len;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 || socket_want_only_peer(pair[0]) != 0 ||
        msg_empty_encode(MSG_CHANNEL | MSG_ANSWER, 0, packet, sizeof(packet), &len) != 0)
        _exit(1);
    a.fd = pair[0];
    tell(u, &a);
    /* Sent behind the box's end: what the caller sends now is served. Whether the caller is still there is its own affair. */
    (void)!socket_send(fd, packet, len, pair[1], /* dont_wait= */ true);
}

static void take_packet(const struct usher *u, const struct usher_request *rq)
{
    static uint8_t packet[LB_PACKET_MAX];
    struct usher_answer a = { .type = TOLD_BAD, .slot = rq->slot, .number = rq->number, .reason = BAD_FORM, .fd = -1 };
    struct msg_header header;
    struct maker maker = { .groups = NULL };
    struct peer sender;
    struct bytes body;
    int fds[SOCKET_FDS_MAX];
    size_t count = 0, len = 0;
    int r = socket_receive_all(rq->fd, packet, sizeof(packet), /* dont_wait= */ true, &len, fds, &count, &sender);

    a.sender = sender;
    if (r == 0)
        r = msg_split(packet, len, &header, &body);
    if (r == 0 && header.type == MSG_CHANNEL && body.len == 0) {
        a.reason = count == 1 ? bad_channel(fds[0], &sender, &maker) : BAD_NUMBER;
        if (a.reason == 0)
            introduce(u, rq, fds[0], &maker);
        else
            tell(u, &a);
        return;
    }
    if (r == 0 || r == LB_E_PROTOCOL_VERSION) {
        a.type = TOLD_PACKET;
        a.packet = (struct bytes){ packet, len };
        a.fd = count == 1 && textfile_is_sealed(fds[0]) ? fds[0] : -1;
    }
    /* A caller that hung up with answers unread is reported first; the next try gives the packet after all. */
    if (r == LB_E_CLOSED || r == LB_E_TIMEOUT)
        a.type = TOLD_LOST;
    tell(u, &a);
}

/*
 * Takes the packet and lets the kernel destroy what came with it. Nothing of that is opened here first, so that no file's
 * server has to be told of a close(2). The call may block all the same, and a signal may not end it.
 */
static void throw_packet(const struct usher *u, const struct usher_request *rq)
{
    struct usher_answer a = { .type = TOLD_BAD, .slot = rq->slot, .number = rq->number, .reason = BAD_TIMES, .fd = -1 };
    bool attached;
    uint8_t byte;
    size_t len;

    if (socket_look(rq->fd, &byte, sizeof(byte), /* dont_wait= */ true, &len, &attached, &a.sender) == LB_E_TIMEOUT)
        a.type = TOLD_LOST;
    /* The box is told first: what comes now may take its time. */
    tell(u, &a);
    if (a.type == TOLD_BAD)
        socket_pass_over(rq->fd);
}

/* Closes nothing on the way out: the end of the process does that, and waits for no socket. */
static void __attribute__((noreturn)) work(const struct usher *u, const struct usher_request *rq, bool take,
                                           pid_t usher)
{
    be_worker(usher);
    limit_flight(rq->known);
    if (take)
        take_packet(u, rq);
    else
        throw_packet(u, rq);
    _exit(0);
}

/* The usher itself */

static void lost(const struct usher *u, uint32_t slot, uint32_t number)
{
    const struct usher_answer a = { .type = TOLD_LOST, .slot = slot, .number = number, .fd = -1 };

    if (usher_tell(u->link, &a) != 0)
        log_error("the box does not hear its usher");
}

struct load {
    unsigned working, stuck, working_for_user;
    bool user_is_stuck;
};

static struct load load_of(const struct usher *u, uint32_t uid)
{
    struct load load = { 0 };

    for (size_t i = 0; i < WORKERS_MAX; i++) {
        const struct worker *w = &u->workers[i];
        bool stuck = w->pid != 0 && w->deadline == 0;

        load.stuck += stuck;
        load.working += w->pid != 0 && !stuck;
        load.working_for_user += w->pid != 0 && !stuck && w->uid == uid;
        load.user_is_stuck = load.user_is_stuck || (stuck && w->uid == uid);
    }
    return load;
}

/*
 * A user who left a process stuck hands in no more until the process is free again. Where many processes are stuck, under
 * as many names, only known users hand in.
 */
static bool may_hand_in(const struct load *load, bool known)
{
    return !load->user_is_stuck && load->stuck < (known ? STUCK_MAX : STUCK_MANY);
}

static void start_worker(struct usher *u, const struct usher_request *rq, bool take)
{
    struct worker *w = u->workers;
    pid_t self = getpid();

    while (w->pid != 0)
        w++;
    w->pid = fork();
    if (w->pid == 0)
        work(u, rq, take, self);
    *w = (struct worker){ w->pid < 0 ? 0 : w->pid, rq->slot, rq->number, rq->uid, now_ms() + WORK_TIMEOUT };
    if (w->pid == 0) {
        log_error("the usher: fork: %s", strerror(errno));
        (void)poll(NULL, 0, FORK_PAUSE);
        lost(u, rq->slot, rq->number);
    }
    /* The box and the keeper have the connection too. */
    socket_close(rq->fd);
}

/*
 * Some places, and some of those at work, are for known users: packets are thrown away by processes too, and these may be
 * held as well.
 */
static bool has_place(const struct load *load, bool known)
{
    unsigned kept = known ? 0 : WORKING_FOR_USER;

    return load->working < WORKING_MAX - kept && load->working_for_user < WORKING_FOR_USER &&
           load->working + load->stuck < (known ? WORKERS_MAX : STUCK_MAX - 1);
}

/* Starts those of the waiting for whom there is a process now: the known users, or the others. */
static void start_some(struct usher *u, bool known)
{
    size_t left = 0;
    bool full = false;

    for (size_t i = 0; i < u->waiting_count; i++) {
        const struct usher_request rq = u->waiting[i];

        if (!full && rq.known == known) {
            struct load load = load_of(u, rq.uid);

            full = load.working >= WORKING_MAX;
            if (has_place(&load, known)) {
                start_worker(u, &rq, may_hand_in(&load, known));
                continue;
            }
        }
        u->waiting[left++] = rq;
    }
    u->waiting_count = left;
}

static void start_workers(struct usher *u)
{
    start_some(u, /* known= */ true);
    start_some(u, /* known= */ false);
}

/* Milliseconds after which what is buried is closed. */
static uint64_t bury_pause(const struct usher *u)
{
    uint64_t pause = BURY_WITHIN;

    for (unsigned i = 1; i < u->closers && pause < BURY_WITHIN_MAX; i++)
        pause *= 2;
    return pause < BURY_WITHIN_MAX ? pause : BURY_WITHIN_MAX;
}

static bool bury_now(const struct usher *u)
{
    size_t at_once = u->closers <= 1 ? BURY_AT_ONCE : BURIED_MAX;

    if (u->buried_count >= at_once)
        return true;
    return u->bury_at != 0 && u->closers < CLOSERS_MANY && now_ms() >= u->bury_at;
}

/*
 * Starts a process that closes what is buried. It has copies of all descriptors when fork(2) returns, and ends once they
 * are closed here. So it is always the one that closes them last.
 */
static void close_buried(struct usher *u)
{
    int gate[2];
    uint8_t nothing;
    pid_t pid;

    u->bury_at = now_ms() + WORK_TIMEOUT;
    if (u->buried_count == 0 || pipe(gate) < 0)
        return;
    pid = fork();
    if (pid == 0) {
        close(gate[1]);
        (void)!read(gate[0], &nothing, 1);
        _exit(0);
    }
    if (pid > 0) {
        u->closers++;
        while (u->buried_count > 0)
            socket_close(u->buried[--u->buried_count]);
        u->bury_at = 0;
    }
    socket_close(gate[0]);
    socket_close(gate[1]);
}

/* False: the other ends are closed. */
static bool read_link(struct usher *u)
{
    struct usher_request rq;
    int r = usher_asked(u->link, &rq);

    if (r == LB_E_VALUE)
        log_error("the usher was asked something unknown");
    if (r != 0)
        return r == LB_E_VALUE;
    if (rq.type == ASK_RECEIVE) {
        u->waiting[u->waiting_count++] = rq;
        return true;
    }
    if (u->buried_count == 0)
        u->bury_at = now_ms() + bury_pause(u);
    u->buried[u->buried_count++] = rq.fd;
    return true;
}

static void worker_ended(struct usher *u, pid_t pid, int status)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        struct worker *w = &u->workers[i];

        if (w->pid != pid)
            continue;
        if (status != 0 && w->deadline != 0)
            lost(u, w->slot, w->number);
        w->pid = 0;
        return;
    }
    u->closers -= u->closers > 0;
}

static void reap(struct usher *u)
{
    struct signalfd_siginfo si;
    int status;
    pid_t pid;

    while (read(u->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
        continue;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        worker_ended(u, pid, status);
}

/* Leaves a process alone that even a signal does not end. */
static void look_for_stuck(struct usher *u)
{
    uint64_t now = now_ms();

    for (size_t i = 0; i < WORKERS_MAX; i++) {
        struct worker *w = &u->workers[i];

        if (w->pid == 0 || w->deadline == 0 || now < w->deadline)
            continue;
        log_caused(w->uid, "a descriptor of uid %u cannot be closed: process %d is left behind with it", w->uid,
                   (int)w->pid);
        kill(w->pid, SIGKILL);
        w->deadline = 0;
        lost(u, w->slot, w->number);
    }
}

static int wait_time(const struct usher *u)
{
    uint64_t when = u->closers < CLOSERS_MANY ? u->bury_at : 0, now = now_ms();

    for (size_t i = 0; i < WORKERS_MAX; i++) {
        const struct worker *w = &u->workers[i];

        if (w->pid != 0 && w->deadline != 0 && (when == 0 || w->deadline < when))
            when = w->deadline;
    }
    return when == 0 ? -1 : when <= now ? 0 : (int)(when - now);
}

int usher_run(int link, int (*enter_sandbox)(void))
{
    static const int signals[] = { SIGCHLD };
    static struct usher u = { .link = -1 }; /* too large for a stack */
    struct pollfd fds[2] = { { .fd = link, .events = POLLIN }, { .events = POLLIN } };

    u.link = link;
    u.signal_fd = signals_open(signals, 1);
    if (u.signal_fd < 0) {
        log_error("the usher: signalfd: %s", strerror(errno));
        return 1;
    }
    if (enter_sandbox != NULL && enter_sandbox() != 0) {
        log_error("the usher cannot enter its sandbox: %s", strerror(errno));
        return 1;
    }
    fds[1].fd = u.signal_fd;
    for (;;) {
        /* What there is no room for stays in the link. */
        fds[0].fd = u.waiting_count < WAITING_MAX && u.buried_count < BURIED_MAX ? u.link : -1;
        if (poll(fds, 2, wait_time(&u)) < 0 && errno != EINTR)
            return 1;
        if (fds[1].revents != 0)
            reap(&u);
        if (fds[0].fd >= 0 && fds[0].revents != 0 && !read_link(&u))
            return 0;
        look_for_stuck(&u);
        start_workers(&u);
        if (bury_now(&u))
            close_buried(&u);
    }
}
