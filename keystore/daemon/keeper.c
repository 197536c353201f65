/* The keeper: the parent of a box, which holds its sockets and no key, and starts its child again. */
#include "daemon/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

#include "base/log.h"
#include "base/signals.h"
#include "base/socket.h"
#include "daemon/closed_exec.h"
#include "daemon/heritage.h"
#include "daemon/keeper_link.h"
#include "daemon/kept.h"
#include "daemon/marks.h"
#include "daemon/notify.h"
#include "model/keeper_words.h"

/*
 * How soon a child is started again. If it lived shorter than SHORT_LIFE (seconds), after a pause that grows a little, in
 * milliseconds: callers wait. If it never came to serve, after the pauses of keep_backoff(). If it served and ended before
 * its start was over, at once, so that there is somebody to ask; the new child is told what it must leave alone, and for
 * how long.
 */
#define SHORT_LIFE 2
#define PAUSE_FIRST 10
#define PAUSE_MAX 100
/* The pause when the system has no process or socket for us, in milliseconds. */
#define PAUSE_SYSTEM 5000
/* How long a child may take to finish its requests before it is killed, in milliseconds. */
#define STOP_TIMEOUT 10000
/* How long the installed program may take to say whether it is fit, in milliseconds. */
#define TRIAL_TIMEOUT 10000
/* How long a child may take to read one packet of the keeper's, in milliseconds. */
#define LINK_TIMEOUT 5000
/* Messages of the child that are read in one turn: a child that talks without end must not keep signals waiting. */
#define LINK_TURN 256
/* More than the socket of a child that ended can hold. */
#define LAST_WORDS 65536
/* After so many milliseconds an usher that ended is started again. */
#define USHER_PAUSE 100
/* How soon the keeper tries again to pass on what the usher had no room for. */
#define BURY_PAUSE 20
/* How long a keeper that ends waits for the manager to hear what it is to keep, in milliseconds. */
#define STORE_TIMEOUT 2000
/* What the manager keeps beside max-connections: administrators' connections, the listening socket, marks. */
#define OTHERS_STORED 20

struct keeper {
    const char *box;
    int listen_fd;
    int signal_fd;
    const char *program;
    char **argv;
    struct kept kept;
    int link;         /* to the child; -1: none */
    pid_t child;      /* 0: none */
    pid_t usher;      /* of this child; 0: none */
    pid_t trial;      /* of the program that is to take this one's place; 0: none */
    uint64_t trial_deadline;
    bool own_listener;
    bool giving_way;  /* to the installed program, once the child has ended */
    uint64_t usher_start; /* when the next one is to be started; 0: there is one, or no child */
    uint32_t starts;
    bool was_ready;   /* some child was ready: the configuration is sound */
    bool served;      /* this child was */
    bool settled;     /* its start is over */
    uint32_t failures; /* children in a row that ended before their start was over */
    bool stopping;
    bool replacing;   /* the child was asked to make room for the next */
    struct marks marks;
    uint64_t started; /* of the child; milliseconds */
    uint64_t away;    /* since when nobody answers; 0: somebody does, or nobody ever did */
    uint64_t deadline; /* for the child to end; 0: none */
    uint64_t next_start;
    unsigned pause;
    unsigned watchdog; /* milliseconds within which some thread of the child must come back; 0: nobody looks */
    uint32_t ping, awake; /* the last one asked, and answered */
    uint64_t pinged;   /* when */
    uint64_t manager;  /* how often the service manager wants to hear, in milliseconds; 0: never */
    uint64_t told_manager;
    char untold[LB_NAME_MAX + 200]; /* the last word on the box's state, which the manager had no room for; "": nothing */
};

static uint64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/*
 * In the forked process, before exec: puts its link and, for a child, the listening socket in their places. Nothing else is
 * open but the standard descriptors.
 */
static void __attribute__((noreturn)) become(struct keeper *k, const char *role, int link, pid_t keeper)
{
    sigset_t none;
    int high_link = fcntl(link, F_DUPFD_CLOEXEC, 10), high_listen = fcntl(k->listen_fd, F_DUPFD_CLOEXEC, 10);

    /* No process with keys may outlive the keeper, which may be dead already. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != keeper)
        _exit(1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (high_link < 0 || high_listen < 0 || dup2(high_link, KEEP_LINK_FD) < 0 ||
        dup2(high_listen, KEEP_LISTEN_FD) < 0)
        _exit(1);
    k->argv[KEEPER_ROLE] = (char *)role;
    if ((k->marks.by_hand.is ? setenv(KEEP_BY_HAND, "1", /* overwrite= */ 1) : unsetenv(KEEP_BY_HAND)) != 0)
        _exit(1);
    exec_closed(k->program, k->argv);
    log_error("cannot start %s: %s", k->program, strerror(errno));
    _exit(1);
}

/* Starts a process of ours at the other end of a new link. -1: the system has none for us, which is in the log. */
static pid_t start_process(struct keeper *k, const char *role, const int pair[2])
{
    pid_t self = getpid(), pid = fork();

    if (pid == 0)
        become(k, role, pair[1], self);
    if (pid < 0)
        log_error("fork: %s", strerror(errno));
    socket_close(pair[1]);
    return pid;
}

static void end_usher(struct keeper *k)
{
    if (k->usher != 0)
        kill(k->usher, SIGKILL);
    k->usher = 0;
    k->usher_start = 0;
    kept_leave_usher(&k->kept);
}

/*
 * Starts an usher for the child that there is. Its link is new too: what the last usher had under way ends with that one.
 * If the system has no process for us, the child does without an usher until the next try.
 */
static int start_usher(struct keeper *k)
{
    int pair[2];
    pid_t pid;

    end_usher(k);
    k->usher_start = now_ms() + PAUSE_SYSTEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("socketpair: %s", strerror(errno));
        return 0;
    }
    pid = start_process(k, "--usher", pair);
    if (pid < 0) {
        socket_close(pair[0]);
        return 0;
    }
    k->usher = pid;
    k->usher_start = 0;
    k->kept.usher = pair[0];
    return keep_send(k->link, KEEP_USHER, 0, NULL, pair[0]);
}

static int send_state(struct keeper *k)
{
    int r = start_usher(k);

    for (size_t i = 0; r == 0 && i < k->kept.size; i++) {
        if (k->kept.at[i].fd >= 0)
            r = keep_send(k->link, KEEP_RESTORE, (uint32_t)i, &k->kept.at[i].maker, k->kept.at[i].fd);
    }
    if (r == 0 && k->marks.locked.is)
        r = keep_send(k->link, KEEP_LOCKED, 1, NULL, /* fd= */ -1);
    if (r == 0 && k->failures > 0)
        r = keep_send(k->link, KEEP_FAILED, k->failures, NULL, /* fd= */ -1);
    return r != 0 ? r : keep_send(k->link, KEEP_START, k->starts - 1, NULL, /* fd= */ -1);
}

static void start_child(struct keeper *k)
{
    int pair[2];
    pid_t pid;

    k->next_start = 0;
    k->replacing = false;
    k->deadline = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("socketpair: %s", strerror(errno));
        k->next_start = now_ms() + PAUSE_SYSTEM;
        return;
    }
    pid = start_process(k, "--child", pair);
    if (pid < 0) {
        socket_close(pair[0]);
        k->next_start = now_ms() + PAUSE_SYSTEM;
        return;
    }
    k->child = pid;
    k->link = pair[0];
    k->started = now_ms();
    k->served = k->settled = false;
    k->ping = k->awake = 0;
    k->starts++;
    /*
     * A child that dies in the middle of this is seen by SIGCHLD. A child that never reads must not hold the keeper. A
     * child that did not get all would wait for the rest for ever.
     */
    if (socket_set_timeout(k->link, LINK_TIMEOUT) != 0 || send_state(k) != 0) {
        log_warning("the child did not take its channels: %s; it is replaced", strerror(errno));
        kill(k->child, SIGKILL);
    }
}

/* The manager is never waited for: whoever serves all callers must not stand still because it does. False: try again. */
static bool tell_again(struct keeper *k)
{
    if (k->untold[0] != '\0' && notify_descriptor(k->untold, /* fd= */ -1) != LB_E_TIMEOUT)
        k->untold[0] = '\0';
    return k->untold[0] == '\0';
}

/* How it is with the box: what was not heard of before does not count any more. */
static void tell_manager(struct keeper *k, const char *text)
{
    snprintf(k->untold, sizeof(k->untold), "%s", text);
    (void)tell_again(k);
}

/* What the next child cannot do alone. NULL: nothing. */
static const char *why_locked(struct keeper *k, bool by_credential)
{
    if (k->marks.locked.is)
        return "was locked by hand before this start, and still is";
    if (by_credential)
        k->marks.by_hand.is = false;
    return k->marks.by_hand.is ? "was unlocked by hand, and this start has locked it" : NULL;
}

static void child_is_ready(struct keeper *k, bool by_credential)
{
    const char *locked = why_locked(k, by_credential);
    char text[LB_NAME_MAX + 200];

    k->was_ready = k->served = true;
    k->pinged = now_ms();
    if (k->away != 0)
        log_info("the next child serves: the box was away for %llu ms", (unsigned long long)(now_ms() - k->away));
    k->away = 0;
    if (locked != NULL) {
        log_warning("the box %s: no key can be used until 'littlebox --box %s unlock'", locked, k->box);
        snprintf(text, sizeof(text), "READY=1\nSTATUS=LOCKED: the box %s; run: littlebox --box %s unlock", locked, k->box);
    } else {
        snprintf(text, sizeof(text), "READY=1\nSTATUS=Serving%s", by_credential ? ", opened by its credential" : "");
    }
    tell_manager(k, text);
}

/* Handles one message. LB_E_VALUE: the child broke the form. */
static int heard(struct keeper *k, struct keep_message *m)
{
    switch (m->type) {
    case KEEP_ADD:
        return kept_put(&k->kept, m->number, m->fd, &m->maker);
    case KEEP_DROP:
        return kept_drop(&k->kept, m->number);
    case KEEP_LOCKED:
        k->marks.locked.is = m->number == 1;
        k->marks.by_hand.is = m->number == 0;
        return m->number > 1 ? LB_E_VALUE : 0;
    case KEEP_READY:
        child_is_ready(k, m->number == 1);
        return 0;
    case KEEP_SETTLED:
        k->settled = true;
        k->failures = 0;
        return 0;
    case KEEP_AWAKE:
        k->awake = m->number;
        return m->number > k->ping ? LB_E_VALUE : 0;
    default:
        maker_clear(&m->maker);
        kept_bury_one(&k->kept, m->fd);
        return LB_E_VALUE;
    }
}

/* Reads what the child has said so far. A child that breaks the form is killed: it is not what we started. */
static void read_link(struct keeper *k, unsigned most)
{
    while (k->link >= 0 && most-- > 0) {
        struct keep_message m;
        int r = keep_receive(k->link, /* dont_wait= */ true, &m);

        while (m.stray_count > 0)
            kept_bury_one(&k->kept, m.strays[--m.stray_count]);
        if (r == LB_E_TIMEOUT)
            return;
        if (r == LB_E_CLOSED) {
            /* It is ending: SIGCHLD says when. */
            socket_close(k->link);
            k->link = -1;
            return;
        }
        if (r == 0)
            r = heard(k, &m);
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

static void tell_failures(struct keeper *k, unsigned wait)
{
    char text[160];

    log_error("%u " KEEPER_SAYS_AGAIN ": the next try is %u.%u s after this", k->failures, wait / 1000,
              wait % 1000 / 100);
    snprintf(text, sizeof(text), "STATUS=%u processes in a row ended at their start, the next try is %u.%u s later",
             k->failures, wait / 1000, wait % 1000 / 100);
    tell_manager(k, text);
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

/* The manager's store is all that is left of this keeper: what could not be told yet is told now, within limits. */
static void tell_the_rest(struct keeper *k)
{
    uint64_t end = now_ms() + STORE_TIMEOUT;

    fd_store_hurry(&k->kept.store, true);
    while ((!marks_store(&k->marks, &k->kept.store) || !kept_store_rest(&k->kept)) && now_ms() < end)
        (void)poll(NULL, 0, BURY_PAUSE);
}

/* Runs the installed program in the place of this one, with all that it has. Comes back if that cannot be. */
static void give_way(struct keeper *k)
{
    const struct legacy legacy = { .program = k->program, .argv = k->argv, .listen_fd = k->listen_fd, .own = k->own_listener };

    k->giving_way = false;
    log_info("the installed program takes this one's place");
    tell_the_rest(k);
    heritage_give(&k->kept, &k->marks, &legacy);
    log_error("cannot run %s: %s; this program goes on", k->program, strerror(errno));
    fd_store_hurry(&k->kept.store, false);
    k->replacing = true;
}

/*
 * SIGUSR2: is the installed program one that reads these arguments, and this configuration? It is asked in a process of its own,
 * because nothing is left of this one when the other program runs in its place.
 */
static void try_program(struct keeper *k)
{
    int pair[2];

    if (k->stopping || k->trial != 0 || k->giving_way)
        return;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("socketpair: %s", strerror(errno));
        return;
    }
    k->trial = start_process(k, "--trial", pair);
    if (k->trial < 0)
        k->trial = 0;
    k->trial_deadline = k->trial == 0 ? 0 : now_ms() + TRIAL_TIMEOUT;
    socket_close(pair[0]);
}

static void trial_ended(struct keeper *k, int status)
{
    k->trial = 0;
    k->trial_deadline = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        log_error("the installed program is not fit to take this one's place (status %d): this one goes on",
                  WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        return;
    }
    if (k->stopping)
        return;
    k->giving_way = true;
    if (k->child != 0)
        stop_child(k);
    else
        give_way(k);
}

/* True: the keeper ends, with *ret_status. */
static bool child_ended(struct keeper *k, int status, int *ret_status)
{
    read_link(k, LAST_WORDS); /* its last words are still in the socket, which it may have passed on */
    end_usher(k);
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
        log_error(KEEPER_SAYS_ENDED " %d", WEXITSTATUS(status));
    if (!k->was_ready) {
        *ret_status = WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1;
        return true;
    }
    if (k->giving_way)
        give_way(k);
    if (k->replacing)
        start_now(k);
    else
        plan_next_start(k);
    return false;
}

/* True: the keeper ends. */
static bool reap(struct keeper *k, int *ret_status)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == k->child && child_ended(k, status, ret_status))
            return true;
        if (pid == k->trial)
            trial_ended(k, status);
        if (pid == k->usher && !k->stopping) {
            log_error("the usher ended and is started again");
            k->usher = 0;
            k->usher_start = now_ms() + USHER_PAUSE;
        }
    }
    return false;
}

/* True: the keeper ends. */
static bool handle_signals(struct keeper *k, int *ret_status)
{
    struct signalfd_siginfo si;

    while (read(k->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT) {
            k->stopping = true;
            tell_manager(k, "STOPPING=1");
            if (k->child == 0) {
                *ret_status = 0;
                return true;
            }
            stop_child(k);
        } else if (si.ssi_signo == SIGUSR2) {
            try_program(k);
        } else if (si.ssi_signo == SIGHUP && k->child != 0 && !k->stopping) {
            log_info("replacing the child");
            k->replacing = true;
            stop_child(k);
        } else if (si.ssi_signo == SIGHUP && k->child == 0) {
            start_now(k);
        }
    }
    return reap(k, ret_status);
}

/* Is some thread of the child still awake? While a child starts or ends none has to be: other limits hold then. */
static void watch_child(struct keeper *k)
{
    uint64_t now = now_ms();

    if (k->watchdog == 0 || k->child == 0 || !k->served || k->deadline != 0)
        return;
    if (k->ping == k->awake) {
        if (now < k->pinged + k->watchdog / 2)
            return;
        k->pinged = now;
        if (keep_send(k->link, KEEP_PING, ++k->ping, NULL, /* fd= */ -1) != 0)
            log_warning("the child does not listen");
    } else if (now >= k->pinged + k->watchdog) {
        log_error("no thread of the child came back within %u s: it is replaced", k->watchdog / 1000);
        k->deadline = 0;
        k->pinged = now;
        went_away(k);
        kill(k->child, SIGKILL);
    }
}

/* The service manager watches the keeper (WatchdogSec=), and the keeper watches the child. */
static void pat_manager(struct keeper *k)
{
    if (k->manager == 0 || now_ms() < k->told_manager + k->manager)
        return;
    k->told_manager = now_ms();
    /* Half of the interval is left to be heard in. */
    if (notify_descriptor("WATCHDOG=1", /* fd= */ -1) == LB_E_TIMEOUT)
        k->told_manager -= k->manager - k->manager / 16;
}

static void sooner(uint64_t *when, uint64_t other)
{
    if (other != 0 && (*when == 0 || other < *when))
        *when = other;
}

static int wait_time(const struct keeper *k, bool something_waits)
{
    uint64_t when = k->child != 0 ? k->deadline : k->next_start, now = now_ms();

    sooner(&when, k->usher_start);
    sooner(&when, k->trial_deadline);
    if (something_waits)
        sooner(&when, now + BURY_PAUSE);
    if (k->watchdog != 0 && k->child != 0 && k->served && k->deadline == 0)
        sooner(&when, k->pinged + (k->ping == k->awake ? k->watchdog / 2 : k->watchdog));
    if (k->manager != 0)
        sooner(&when, k->told_manager + k->manager);
    return when == 0 ? -1 : when <= now ? 0 : (int)(when - now);
}

static int loop(struct keeper *k)
{
    int status = 0;

    for (;;) {
        struct pollfd fds[3] = { { .fd = k->signal_fd, .events = POLLIN }, { .events = POLLIN },
                                 { .fd = k->listen_fd, .events = POLLRDHUP } };

        bool told, store_waits, bury_waits;

        if (k->child == 0 && k->next_start <= now_ms())
            start_child(k);
        if (k->usher_start != 0 && k->child != 0 && k->usher_start <= now_ms() && start_usher(k) != 0)
            log_warning("the child did not take its usher");
        told = tell_again(k);
        store_waits = !marks_store(&k->marks, &k->kept.store) || !kept_store_rest(&k->kept);
        bury_waits = !kept_bury(&k->kept);
        fds[1].fd = k->link;
        if (poll(fds, 3, wait_time(k, !told || store_waits || bury_waits)) < 0 && errno != EINTR) {
            log_error("poll: %s", strerror(errno));
            return 1;
        }
        /*
         * Any process that has the socket can call shutdown(2), for all and for good. Whoever starts us again makes a new
         * one.
         */
        if (fds[2].revents != 0) {
            log_error("a process of the box shut its listening socket down: the box ends; start it again, with its socket unit "
                      "if it has one");
            return 1;
        }
        if (fds[1].revents != 0)
            read_link(k, LINK_TURN);
        if (handle_signals(k, &status))
            return status;
        watch_child(k);
        pat_manager(k);
        if (k->trial != 0 && now_ms() >= k->trial_deadline)
            kill(k->trial, SIGKILL);
        if (k->child != 0 && k->deadline != 0 && now_ms() >= k->deadline) {
            log_error("the child did not end in %d s and is killed", STOP_TIMEOUT / 1000);
            k->deadline = 0;
            kill(k->child, SIGKILL);
        }
    }
}

int keeper_run(const struct keeper_setup *setup, bool *ret_listener_kept)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD };
    struct keeper k = {
        .box = setup->box, .listen_fd = setup->listen_fd, .own_listener = setup->own_listener, .program = setup->program,
        .argv = setup->argv, .was_ready = setup->resumed, .link = -1, .watchdog = setup->watchdog * 1000,
        .manager = notify_interval(),
    };
    int status = 1;

    kept_init(&k.kept);
    kept_store(&k.kept, k.listen_fd, setup->max_connections + OTHERS_STORED);
    heritage_take(&k.kept, &k.marks, setup->handed);
    *ret_listener_kept = setup->own_listener && heritage_keep_listener(&k.kept, setup->handed);
    k.signal_fd = signals_open(signals, sizeof(signals) / sizeof(signals[0]));
    if (k.signal_fd < 0)
        log_error("signalfd: %s", strerror(errno));
    else
        status = loop(&k);
    tell_the_rest(&k);
    end_usher(&k);
    kept_clear(&k.kept);
    socket_close(k.link);
    socket_close(k.signal_fd);
    return status;
}
