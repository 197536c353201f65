/* The child: the process that holds the keys of a box, from hardening to the last request. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "idmap.h"
#include "keeper.h"
#include "keeplink.h"
#include "log.h"
#include "request.h"
#include "sandbox.h"
#include "secret.h"
#include "serve.h"
#include "signals.h"
#include "socket.h"

static int report(const char *what, int r)
{
    log_error("%s: %s", what, r == LB_E_SYSTEM ? strerror(errno) : lb_strerror(r));
    return r;
}

/* Before any key is in memory. */
static int harden(struct box *box)
{
    int r = secret_harden_process(&box->memory_locked);

    if (r != 0)
        return report("cannot harden the process", r);
    if (!box->memory_locked)
        log_info("the limit on locked memory allows to lock secrets only, not all memory (LimitMEMLOCK=, ulimit -l)");
    if (geteuid() == 0)
        log_warning("running as root: give it a user of its own with --user");
    r = secret_setup_libcrypto();
    if (r == 0)
        r = keyop_setup();
    return r == 0 ? 0 : report("cannot set up libcrypto", r);
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

static int enter_sandbox(struct box *box)
{
    int r;

#ifdef LB_SANITIZED
    log_warning("built with a sanitizer: no system call filter");
    return 0;
#endif
    if (!box->conf->sandbox) {
        log_warning("sandbox = no: no system call filter");
        return 0;
    }
    r = sandbox_enter(box->conf->backend == BACKEND_PKCS11);
    box->sandboxed = r == 0;
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

/* Until SIGTERM, or until the keeper is gone: without it nobody would end this process. */
static void wait_for_end(struct server *s, int signal_fd)
{
    struct pollfd fds[2] = { { .fd = signal_fd, .events = POLLIN }, { .fd = KEEP_LINK_FD, .events = POLLIN } };

    for (;;) {
        struct signalfd_siginfo si;

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[1].revents != 0 && !hear_keeper(s))
            return;
        while (read(signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
            if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
                return;
        }
    }
}

static void log_start(const struct box *box)
{
    static const char *const states[] = {
        [LOCK_NO_STORE] = "it has no store yet: run 'littlebox init'",
        [LOCK_LOCKED] = "it is locked: run 'littlebox unlock'",
        [LOCK_UNLOCKED] = "it is unlocked",
    };

    log_info("version %s serves %u keys with %u threads; %s", LB_VERSION, atomic_load(&box->vault.keys),
             box->conf->threads, states[atomic_load(&box->vault.lock)]);
}

/* The keeper starts the next child without a second thought. It being gone is seen elsewhere. */
static void settled(void)
{
    (void)!keep_send(KEEP_LINK_FD, KEEP_SETTLED, 0, NULL, /* fd= */ -1);
}

static int serve_box(struct box *box, int signal_fd)
{
    struct server *server = NULL;
    struct problem p = { 0 };
    bool stay_locked = false;
    int r = server_new(box, KEEP_LISTEN_FD, KEEP_LINK_FD, &server);

    if (r != 0)
        return report("cannot serve", r);
    r = take_channels(server, box, &stay_locked);
    if (r != 0)
        goto out;
    r = vault_open(&box->vault, box->conf, &p);
    if (r != 0) {
        log_error("%s%s%s", p.text, p.hint[0] == '\0' ? "" : "; ", p.hint);
        goto close;
    }
    /* Locked by hand stays locked by hand, whatever ended the last child. */
    if (!stay_locked)
        vault_try_credential(&box->vault);
    r = enter_sandbox(box);
    if (r == 0)
        r = server_start(server);
    if (r == 0) {
        log_start(box);
        r = keep_send(KEEP_LINK_FD, KEEP_READY, atomic_load(&box->vault.by_credential), NULL, /* fd= */ -1);
    }
    if (r == 0) {
        vault_serve(&box->vault, box->failures, settled);
        wait_for_end(server, signal_fd);
    }
close:
    if (eventfd_write(box->stop_fd, 1) < 0)
        report("eventfd", LB_E_SYSTEM);
    server_stop(server);
    server = NULL;
    vault_close(&box->vault);
out:
    if (server != NULL)
        server_stop(server);
    return r;
}

/* Before the sandbox: files are read, and names are looked up. */
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

int child_run(const struct boxconf *conf)
{
    struct box box = { .conf = conf, .stop_fd = -1, .link = KEEP_LINK_FD, .started = (uint64_t)time(NULL) };
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
    int signal_fd = signals_open(signals, sizeof(signals) / sizeof(signals[0])), r;

    know_callers(conf);
    if (fcntl(KEEP_LINK_FD, F_SETFD, FD_CLOEXEC) < 0 || fcntl(KEEP_LISTEN_FD, F_SETFD, FD_CLOEXEC) < 0) {
        log_error("--child is for littleboxd itself");
        return EXIT_NOT_AGAIN;
    }
    box.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = signal_fd < 0 || box.stop_fd < 0 ? report("cannot start", LB_E_SYSTEM) : harden(&box);
    if (r == 0)
        r = serve_box(&box, signal_fd);
    socket_close(signal_fd);
    socket_close(box.stop_fd);
    return r == 0 ? 0 : EXIT_NOT_AGAIN;
}
