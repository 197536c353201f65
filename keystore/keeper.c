/* The keeper: the parent of a box, which holds its sockets and no key, and starts its child again. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "closed_exec.h"
#include "keeplink.h"
#include "log.h"
#include "notify.h"
#include "signals.h"
#include "socket.h"

/*
 * A child that lived shorter than this (seconds) is started again with a pause that grows a little, in milliseconds: callers
 * wait for it. One that never came to serve is started with the pauses of keep_backoff(). One that served and ended before
 * its start was over is started at once, so that there is somebody to ask: what it must leave alone, and for how long, it
 * is told.
 */
#define SHORT_LIFE 2
#define PAUSE_FIRST 10
#define PAUSE_MAX 100
/* Where the system has no process or socket for us, in milliseconds. */
#define PAUSE_SYSTEM 5000
/* How long a child may take to finish its requests before it is killed, in milliseconds. */
#define STOP_TIMEOUT 10000
/* How long it may take to read one packet of the keeper's, in milliseconds. */
#define LINK_TIMEOUT 5000

struct keeper {
    int listen_fd;
    int signal_fd;
    const char *program;
    char *const *argv;
    int *kept;        /* by slot; -1: free */
    size_t kept_size;
    int link;         /* to the child; -1: none */
    pid_t child;      /* 0: none */
    uint32_t starts;
    bool was_ready;   /* any child ever was: the configuration is sound */
    bool served;      /* this child was */
    bool settled;     /* its start is over */
    uint32_t failures; /* children in a row that ended before that */
    bool stopping;
    bool replacing;   /* the child was asked to make room for the next */
    bool locked;      /* by hand: a crash must not open it again */
    uint64_t started; /* of the child; milliseconds */
    uint64_t away;    /* since when nobody answers; 0: somebody does, or nobody ever did */
    uint64_t deadline; /* for the child to end; 0: none */
    uint64_t next_start;
    unsigned pause;
};

static uint64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int keep(struct keeper *k, uint32_t slot, int fd)
{
    if (slot >= KEEP_SLOTS_MAX)
        return LB_E_VALUE;
    if (slot >= k->kept_size) {
        size_t size = k->kept_size == 0 ? 64 : k->kept_size;
        int *more;

        while (size <= slot)
            size *= 2;
        more = realloc(k->kept, size * sizeof(*more));
        if (more == NULL)
            return LB_E_NOMEM;
        for (size_t i = k->kept_size; i < size; i++)
            more[i] = -1;
        k->kept = more;
        k->kept_size = size;
    }
    socket_close(k->kept[slot]);
    k->kept[slot] = fd;
    return 0;
}

static void drop(struct keeper *k, uint32_t slot)
{
    if (slot < k->kept_size) {
        socket_close(k->kept[slot]);
        k->kept[slot] = -1;
    }
}

/*
 * In the forked process, before exec: the two descriptors to their places, and nothing else open but the standard
 * ones.
 */
static void become_child(struct keeper *k, int link, pid_t keeper)
{
    sigset_t none;
    int high_link = fcntl(link, F_DUPFD_CLOEXEC, 10), high_listen = fcntl(k->listen_fd, F_DUPFD_CLOEXEC, 10);

    /* The keeper's death must not leave a process with keys behind; it may have happened already. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != keeper)
        _exit(1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (high_link < 0 || high_listen < 0 || dup2(high_link, KEEP_LINK_FD) < 0 ||
        dup2(high_listen, KEEP_LISTEN_FD) < 0)
        _exit(1);
    exec_closed(k->program, k->argv);
    log_error("cannot start %s: %s", k->program, strerror(errno));
    _exit(1);
}

static int send_state(struct keeper *k)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < k->kept_size; i++) {
        if (k->kept[i] >= 0)
            r = keep_send(k->link, KEEP_RESTORE, (uint32_t)i, k->kept[i]);
    }
    if (r == 0 && k->locked)
        r = keep_send(k->link, KEEP_LOCKED, 1, /* fd= */ -1);
    if (r == 0 && k->failures > 0)
        r = keep_send(k->link, KEEP_FAILED, k->failures, /* fd= */ -1);
    return r != 0 ? r : keep_send(k->link, KEEP_START, k->starts - 1, /* fd= */ -1);
}

static void start_child(struct keeper *k)
{
    pid_t self = getpid();
    int pair[2];

    k->next_start = 0;
    k->replacing = false;
    k->deadline = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("socketpair: %s", strerror(errno));
        k->next_start = now_ms() + PAUSE_SYSTEM;
        return;
    }
    k->child = fork();
    if (k->child == 0)
        become_child(k, pair[1], self);
    socket_close(pair[1]);
    if (k->child < 0) {
        log_error("fork: %s", strerror(errno));
        socket_close(pair[0]);
        k->child = 0;
        k->next_start = now_ms() + PAUSE_SYSTEM;
        return;
    }
    k->link = pair[0];
    k->started = now_ms();
    k->served = k->settled = false;
    k->starts++;
    /* A child that dies in the middle of this is seen by SIGCHLD; one that never reads must not hold the keeper. */
    if (socket_set_timeout(k->link, LINK_TIMEOUT) != 0 || send_state(k) != 0)
        log_warning("the child did not take its channels");
}

static void child_is_ready(struct keeper *k, bool by_credential)
{
    char text[120];

    k->was_ready = k->served = true;
    if (k->away != 0)
        log_info("the next child serves: the box was away for %llu ms", (unsigned long long)(now_ms() - k->away));
    k->away = 0;
    snprintf(text, sizeof(text), "READY=1\nSTATUS=Serving%s", by_credential ? ", opened by its credential" : "");
    notify_manager(text);
}

/* Everything that the child has said so far. A child that breaks the form is killed: it is not what we started. */
static void read_link(struct keeper *k)
{
    while (k->link >= 0) {
        enum keep_type type;
        uint32_t number;
        int fd, r = keep_receive(k->link, /* dont_wait= */ true, &type, &number, &fd);

        if (r == LB_E_TIMEOUT)
            return;
        if (r == LB_E_CLOSED) {
            /* It is ending: SIGCHLD says when. */
            socket_close(k->link);
            k->link = -1;
            return;
        }
        if (r == 0 && type == KEEP_ADD) {
            r = keep(k, number, fd);
            if (r != 0)
                socket_close(fd);
        } else if (r == 0 && type == KEEP_DROP) {
            drop(k, number);
        } else if (r == 0 && type == KEEP_LOCKED) {
            k->locked = number == 1;
        } else if (r == 0 && type == KEEP_READY) {
            child_is_ready(k, number == 1);
        } else if (r == 0 && type == KEEP_SETTLED) {
            k->settled = true;
            k->failures = 0;
        } else {
            r = LB_E_VALUE;
        }
        if (r != 0) {
            log_error("the child sent something unknown and is replaced");
            kill(k->child, SIGKILL);
            return;
        }
    }
}

/* From now on callers wait. */
static void went_away(struct keeper *k)
{
    if (k->away == 0 && k->served)
        k->away = now_ms();
}

static void stop_child(struct keeper *k)
{
    if (k->child != 0) {
        kill(k->child, SIGTERM);
        k->deadline = now_ms() + STOP_TIMEOUT;
        went_away(k);
    }
}

static void start_now(struct keeper *k)
{
    k->pause = 0;
    k->failures = 0;
    k->next_start = now_ms();
}

static void tell_failures(const struct keeper *k, unsigned wait)
{
    char text[160];

    log_error("%u children in a row ended at their start: the next try is %u.%u s after this", k->failures, wait / 1000,
              wait % 1000 / 100);
    snprintf(text, sizeof(text), "STATUS=%u processes in a row ended at their start, the next try is %u.%u s later",
             k->failures, wait / 1000, wait % 1000 / 100);
    notify_manager(text);
}

static void plan_next_start(struct keeper *k)
{
    uint64_t now = now_ms();

    if (!k->settled && k->failures < UINT32_MAX)
        k->failures++;
    if (k->failures > 1)
        tell_failures(k, keep_backoff(k->failures));
    if (!k->served) {
        k->next_start = now + keep_backoff(k->failures);
        return;
    }
    if (now - k->started >= SHORT_LIFE * 1000)
        k->pause = 0;
    k->next_start = now + k->pause;
    k->pause = k->pause == 0 ? PAUSE_FIRST : k->pause * 2 < PAUSE_MAX ? k->pause * 2 : PAUSE_MAX;
}

/* True: the keeper ends, with *ret_status. */
static bool child_ended(struct keeper *k, int status, int *ret_status)
{
    read_link(k); /* what it said last is still in the socket */
    went_away(k);
    socket_close(k->link);
    k->link = -1;
    k->child = 0;
    if (k->stopping) {
        *ret_status = 0;
        return true;
    }
    if (WIFSIGNALED(status))
        log_error("the child was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        log_error("the child ended with status %d", WEXITSTATUS(status));
    if (!k->was_ready) {
        *ret_status = WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1;
        return true;
    }
    if (k->replacing)
        start_now(k);
    else
        plan_next_start(k);
    return false;
}

/* True: the keeper ends. */
static bool handle_signals(struct keeper *k, int *ret_status)
{
    struct signalfd_siginfo si;

    while (read(k->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT) {
            k->stopping = true;
            notify_manager("STOPPING=1");
            if (k->child == 0) {
                *ret_status = 0;
                return true;
            }
            stop_child(k);
        } else if (si.ssi_signo == SIGHUP && k->child != 0 && !k->stopping) {
            log_info("replacing the child");
            k->replacing = true;
            stop_child(k);
        } else if (si.ssi_signo == SIGHUP && k->child == 0) {
            start_now(k);
        }
    }
    if (k->child != 0) {
        int status;

        if (waitpid(k->child, &status, WNOHANG) == k->child)
            return child_ended(k, status, ret_status);
    }
    return false;
}

static int wait_time(const struct keeper *k)
{
    uint64_t when = k->child != 0 ? k->deadline : k->next_start, now = now_ms();

    return when == 0 ? -1 : when <= now ? 0 : (int)(when - now);
}

static int loop(struct keeper *k)
{
    int status = 0;

    for (;;) {
        struct pollfd fds[2] = { { .fd = k->signal_fd, .events = POLLIN }, { .events = POLLIN } };

        if (k->child == 0 && k->next_start <= now_ms())
            start_child(k);
        fds[1].fd = k->link;
        if (poll(fds, 2, wait_time(k)) < 0 && errno != EINTR) {
            log_error("poll: %s", strerror(errno));
            return 1;
        }
        if (fds[1].revents != 0)
            read_link(k);
        if (handle_signals(k, &status))
            return status;
        if (k->child != 0 && k->deadline != 0 && now_ms() >= k->deadline) {
            log_error("the child did not end in %d s and is killed", STOP_TIMEOUT / 1000);
            k->deadline = 0;
            kill(k->child, SIGKILL);
        }
    }
}

int keeper_run(int listen_fd, const char *program, char *const argv[])
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
    struct keeper k = { .listen_fd = listen_fd, .program = program, .argv = argv, .link = -1 };
    int status = 1;

    k.signal_fd = signals_open(signals, sizeof(signals) / sizeof(signals[0]));
    if (k.signal_fd < 0)
        log_error("signalfd: %s", strerror(errno));
    else
        status = loop(&k);
    for (size_t i = 0; i < k.kept_size; i++)
        socket_close(k.kept[i]);
    free(k.kept);
    socket_close(k.link);
    socket_close(k.signal_fd);
    return status;
}
