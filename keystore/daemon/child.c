/* The child: the process that holds the keys of a box, from hardening to the last request. */
#include "daemon/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/id_map.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/socket.h"
#include "box/box.h"
#include "box/serve.h"
#include "daemon/keeper.h"
#include "daemon/keeper_link.h"
#include "daemon/sandbox.h"
#include "guard/secret.h"

/* Room for some keys of any kind at once; further keys are closed and opened. */
#define SECURE_HEAP_MIN ((size_t)256 << 10)
#define MEMORY_SLACK ((size_t)64 << 10)
#define THREADS_MIN 2
/* How often unused keys are looked for: four times in their time to rest, but within these milliseconds. */
#define REST_TURN_MIN 250
#define REST_TURN_MAX 15000
/* Descriptors beside those of the connections that max-connections counts: administrators' are among them. */
#define OTHER_DESCRIPTORS 160
#define CONNECTIONS_MIN 16

static int report(const char *what, int r)
{
    log_error("%s: %s", what, r == LB_E_SYSTEM ? strerror(errno) : lb_strerror(r));
    return r;
}

/*
 * The locked memory of so many threads; the changer is one more. MEMORY_SLACK is for what modules and libraries lock beside
 * us.
 */
static size_t buffers(unsigned threads)
{
    return server_memory(threads) + vault_memory(server_threads(threads)) + MEMORY_SLACK;
}

/*
 * Takes as many threads as the limit on locked memory has room for, if the configuration sets no number: a machine may have
 * many processors.
 */
static void fit_threads(struct boxconf *conf)
{
    size_t limit = secret_lockable();
    unsigned wanted = conf->threads;

    while (!conf->threads_given && conf->threads > THREADS_MIN && buffers(conf->threads) + SECURE_HEAP_MIN > limit)
        conf->threads--;
    if (conf->threads < wanted)
        log_info("%u threads instead of %u: the limit on locked memory is %zu KiB (LimitMEMLOCK=, ulimit -l)",
                 conf->threads, wanted, limit / 1024);
}

/*
 * Allows no more connections than there are descriptors for: a box that runs out of descriptors serves nobody. Beside
 * connections the box opens its links, the store, a credential, and what a module for tokens wants.
 */
static void fit_connections(struct boxconf *conf)
{
    struct rlimit limit;
    unsigned wanted = conf->max_connections;
    rlim_t room;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    room = limit.rlim_cur > OTHER_DESCRIPTORS ? limit.rlim_cur - OTHER_DESCRIPTORS : 0;
    if (wanted <= room)
        return;
    conf->max_connections = room > CONNECTIONS_MIN ? (unsigned)room : CONNECTIONS_MIN;
    log_warning("max-connections is %u instead of %u: a process may have %llu descriptors (LimitNOFILE=, ulimit -n)",
                conf->max_connections, wanted, (unsigned long long)limit.rlim_cur);
}

/* Says what is locked, or that nothing is. */
static int check_memory(const struct secret_memory *m, const struct boxconf *conf)
{
    char text[SECRET_LIMIT_SIZE];
    const char *limit = secret_limit_text(m->limit, text);

    switch (m->state) {
    case SECRETS_ALL_LOCKED:
        return 0;
    case SECRETS_LOCKED:
        log_info("the limit on locked memory allows to lock secrets only, not all memory (LimitMEMLOCK=, ulimit -l)");
        return 0;
    default:
        break;
    }
    if (!conf->locked_memory && m->refused != 0) {
        log_warning("secrets are not locked in memory, and may be written to swap: the system refuses to lock it: %s "
                    "(locked-memory = no)", strerror(m->refused));
        secret_need_lock(false);
        return 0;
    }
    if (!conf->locked_memory) {
        log_warning("secrets are not locked in memory, and may be written to swap: %zu KiB are needed, the limit is %s "
                    "(locked-memory = no)", m->needed / 1024, limit);
        secret_need_lock(false);
        return 0;
    }
    if (m->refused != 0) {
        log_error("the system refuses to lock memory, whatever the limit: %s: let it (%s), or say 'locked-memory = no' in %s",
                  strerror(m->refused), SECRET_REFUSED_CURE, conf->paths.config);
        return LB_E_NOMEM;
    }
    log_error("%u threads need %zu KiB of locked memory, and the limit is %s: raise it (LimitMEMLOCK= in the unit, "
              "ulimit -l, --ulimit memlock= of a container), or say 'locked-memory = no' in %s", conf->threads,
              m->needed / 1024, limit, conf->paths.config);
    return LB_E_NOMEM;
}

/* Before any key is in memory. */
static int harden(struct box *box, struct boxconf *conf)
{
    struct secret_memory *m = &box->memory;
    int r = secret_harden_process(&m->all_locked);

    if (r != 0)
        return report("cannot harden the process", r);
    if (geteuid() == 0)
        log_warning("running as root: give it a user of its own with --user");
    else if (!box->closed)
        log_warning("this process could be traced by its user while it started: the system runs no closed program "
                    "(vm.memfd_noexec, fs.suid_dumpable); make the program unreadable for that user (chmod 711)");
    fit_threads(conf);
    fit_connections(conf);
    m->buffers = buffers(conf->threads);
    m->heap_min = SECURE_HEAP_MIN;
    r = secret_setup(m);
    if (r == 0)
        r = keyop_setup();
    return r == 0 ? check_memory(m, conf) : report("cannot set up libcrypto", r);
}

static int take_channels(struct server *s, struct box *box, bool *ret_stay_locked)
{
    for (;;) {
        struct keep_message m;
        int r = keep_receive(KEEP_LINK_FD, /* dont_wait= */ false, &m);

        if (r != 0)
            return report("the keeper", r);
        switch (m.type) {
        case KEEP_START:
            box->restarts = m.number;
            return 0;
        case KEEP_LOCKED:
            *ret_stay_locked = true;
            break;
        case KEEP_FAILED:
            box->failures = m.number;
            break;
        case KEEP_USHER:
            server_usher(s, m.fd);
            break;
        case KEEP_RESTORE:
            r = server_restore(s, m.number, m.fd, &m.maker);
            if (r != 0)
                log_warning("a channel of the last child is lost: %s", lb_strerror(r));
            break;
        default:
            maker_clear(&m.maker);
            socket_close(m.fd);
            return report("the keeper", LB_E_VALUE);
        }
    }
}

static int enter_sandbox(struct box *box, const struct boxconf *conf)
{
    const struct sandbox_rules rules = {
        .state = conf->paths.state,
        .credential = conf->credential,
        .module_writes = conf->backend == BACKEND_PKCS11 ? conf->p11.writes : NULL,
    };
    int r;

#ifdef LB_SANITIZED
    (void)rules;
    log_warning("built with a sanitizer: no system call filter, no Landlock");
    return 0;
#endif
    if (!conf->sandbox) {
        log_warning("sandbox = no: no system call filter, no Landlock");
        return 0;
    }
    r = sandbox_enter(&rules, &box->sandbox);
    return r == 0 ? 0 : report("cannot enter the sandbox", r);
}

/* False: the keeper is gone. */
static bool hear_keeper(struct server *s)
{
    struct keep_message m;
    int r = keep_receive(KEEP_LINK_FD, /* dont_wait= */ true, &m);

    if (r == LB_E_TIMEOUT)
        return true;
    if (r == 0 && m.type == KEEP_PING) {
        server_ping(s, m.number);
    } else if (r == 0 && m.type == KEEP_USHER) {
        server_usher(s, m.fd);
    } else if (r == 0) {
        maker_clear(&m.maker);
        socket_close(m.fd);
        r = LB_E_VALUE;
    }
    if (r == 0)
        return true;
    report("the keeper", r);
    return false;
}

/* This clock goes on while the machine sleeps: a key that slept long is to rest at once. */
static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/*
 * Waits until SIGTERM, or until the keeper is gone: without the keeper nobody would end this process. Meanwhile closes the
 * keys that nobody uses.
 */
static void wait_for_end(struct box *box, const struct boxconf *conf, struct server *s, int signal_fd)
{
    const unsigned after = conf->rest_after * 1000;
    const unsigned turn = after / 4 < REST_TURN_MIN ? REST_TURN_MIN : after / 4 > REST_TURN_MAX ? REST_TURN_MAX : after / 4;
    struct pollfd fds[2] = { { .fd = signal_fd, .events = POLLIN }, { .fd = KEEP_LINK_FD, .events = POLLIN } };

    for (;;) {
        struct signalfd_siginfo si;

        if (after != 0)
            vault_rest(box->vault, now_ms(), after + turn);
        if (poll(fds, 2, after == 0 ? -1 : (int)turn) < 0 && errno != EINTR)
            return;
        if (fds[1].revents != 0 && !hear_keeper(s))
            return;
        while (read(signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
            if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
                return;
        }
    }
}

static void log_no_store(const struct box *box)
{
    struct problem p;

    if (vault_no_store(box->vault, &p) != 0)
        log_warning("%s: %s", p.text, p.hint);
}

static void log_start(const struct box *box)
{
    static const struct {
        const char *is, *cure;
    } states[] = {
        [LOCK_NO_STORE] = { "it has no store", NULL },
        [LOCK_LOCKED] = { "it is locked", "unlock" },
        [LOCK_UNLOCKED] = { "it is unlocked", NULL },
    };
    struct vault_summary vault;
    char run[LB_NAME_MAX + 60] = "";

    vault_summary(box->vault, &vault);
    if (states[vault.lock].cure != NULL)
        snprintf(run, sizeof(run), ": run 'littlebox --box %s %s'", box->conf->box, states[vault.lock].cure);
    log_info("version %s serves %u keys with %u threads; %s%s", LB_VERSION, vault.keys,
             box->conf->threads, states[vault.lock].is, run);
    if (vault.lock == LOCK_NO_STORE)
        log_no_store(box);
}

/* From now on the keeper starts the next child without a second thought. If the keeper is gone, that is seen elsewhere. */
static void settled(void)
{
    (void)!keep_send(KEEP_LINK_FD, KEEP_SETTLED, 0, NULL, /* fd= */ -1);
}

static int serve_box(struct box *box, const struct boxconf *conf, int signal_fd)
{
    struct vault_settings vault_settings;
    struct box_settings settings;
    struct vault_summary vault;
    struct server *server = NULL;
    struct problem p = { 0 };
    bool stay_locked = false;
    int r;

    boxconf_settings(conf, &vault_settings, &settings);
    box->conf = &settings;
    r = server_new(box, KEEP_LISTEN_FD, &server);
    if (r == LB_E_NOMEM && secret_no_memory(&p) != 0)
        log_error("cannot serve: %s%s%s", p.text, p.hint[0] == '\0' ? "" : "; ", p.hint);
    else if (r != 0)
        report("cannot serve", r);
    if (r != 0)
        return r;
    /* Before a byte is read that others wrote (store, credential, packets), and before a module is loaded. */
    r = enter_sandbox(box, conf);
    if (r == 0)
        r = take_channels(server, box, &stay_locked);
    if (r != 0)
        goto out;
    r = vault_open(&vault_settings, &box->vault, &p);
    if (r != 0) {
        log_error("%s%s%s", p.text, p.hint[0] == '\0' ? "" : "; ", p.hint);
        goto close;
    }
    box->lock_cause = stay_locked ? LOCK_BY_HAND : getenv(KEEP_BY_HAND) != NULL ? LOCK_BY_RESTART : LOCK_BY_NOTHING;
    /* A box that was locked by hand stays locked, whatever ended the last child. */
    if (!stay_locked)
        vault_try_credential(box->vault);
    r = server_start(server);
    if (r != 0)
        report("cannot start the threads", r);
    if (r == 0) {
        log_start(box);
        vault_summary(box->vault, &vault);
        r = keep_send(KEEP_LINK_FD, KEEP_READY, vault.credential == CREDENTIAL_OPENS, NULL, /* fd= */ -1);
    }
    if (r == 0) {
        vault_serve(box->vault, box->failures, keep_backoff(box->failures), settled);
        wait_for_end(box, conf, server, signal_fd);
    }
close:
    if (eventfd_write(box->stop_fd, 1) < 0)
        report("eventfd", LB_E_SYSTEM);
    server_stop(server);
    server = NULL;
    vault_close(box->vault);
out:
    if (server != NULL)
        server_stop(server);
    return r;
}

/* Must run before the sandbox: it reads files and looks names up. */
static void know_callers(const struct boxconf *conf)
{
    char text[200];

    idmap_load();
    if (idmap_tell(idmap_own(), text, sizeof(text)))
        log_warning("%s", text);
    if (geteuid() == idmap_own()->overflow_uid)
        log_warning("running as uid %u, as other programs may that have no user of their own%s: give it one with --user",
                    geteuid(), idmap_is_ours(idmap_own(), geteuid()) ? ", and all of these are its administrators" : "");
    boxconf_warn(conf);
}

int child_run(const struct boxconf *conf, bool closed)
{
    struct boxconf own = *conf;
    struct box box = { .closed = closed, .stop_fd = -1, .keeper = keep_calls(KEEP_LINK_FD), .started = (uint64_t)time(NULL) };
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
    int signal_fd = signals_open(signals, sizeof(signals) / sizeof(signals[0])), r;

    know_callers(conf);
    if (fcntl(KEEP_LINK_FD, F_SETFD, FD_CLOEXEC) < 0 || fcntl(KEEP_LISTEN_FD, F_SETFD, FD_CLOEXEC) < 0) {
        log_error("--child is for littleboxd itself");
        return EXIT_NOT_AGAIN;
    }
    box.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = signal_fd < 0 || box.stop_fd < 0 ? report("cannot start", LB_E_SYSTEM) : harden(&box, &own);
    if (r == 0)
        r = serve_box(&box, &own, signal_fd);
    socket_close(signal_fd);
    socket_close(box.stop_fd);
    return r == 0 ? 0 : EXIT_NOT_AGAIN;
}
