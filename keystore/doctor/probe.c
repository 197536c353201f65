/* doctor: tries handles in processes that may crash. */
#include "doctor/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <openssl/conf.h>
#include <openssl/provider.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/passwd.h"
#include "base/socket.h"
#include "doctor/module.h"
#include "doctor/trial.h"

#define PROBE_TIMEOUT_MS 60000
/* What a process tells while nobody listens to it has room. Where the system gives less, it waits. */
#define PROBE_PIPE (1 << 20)
/* So many failures in a row must be the same for a handle alone. Then failures of handles together are believed. */
#define PROBE_CONFIRMED 20

/* What a process that probes tells of one handle. */
struct told {
    size_t at;   /* which one, of those that the process was given */
    bool loaded; /* it loads, and there is more to come: somebody else uses it */
    struct problem p;
    struct doctor_public public;
};

/* Sets the directories that decide which box a user means: those of the service, not of whoever runs doctor. */
static void have_environment_of(uid_t uid)
{
    static const char *const of_caller[] = { "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR" };
    char home[PATH_MAX];

    for (size_t i = 0; i < sizeof(of_caller) / sizeof(of_caller[0]); i++)
        unsetenv(of_caller[i]);
    if (passwd_home_of(uid, home) == 0)
        setenv("HOME", home, /* overwrite= */ 1);
}

/* Takes the worker's rights for good: this process has no others any more. */
static int become(const struct doctor_worker *w, struct problem *p)
{
    uid_t r, e, s;

    have_environment_of(w->uid);
    if ((w->chroot != NULL && (chroot(w->chroot) < 0 || chdir("/") < 0)) ||
        setgroups((size_t)w->group_count, w->groups) < 0 || setresgid(w->gid, w->gid, w->gid) < 0 ||
        setresuid(w->uid, w->uid, w->uid) < 0)
        return problem_set(p, LB_E_SYSTEM, "cannot become %s%s%s: %s", w->name, w->chroot == NULL ? "" : " in ",
                           w->chroot == NULL ? "" : w->chroot, strerror(errno));
    if (getresuid(&r, &e, &s) < 0 || r != w->uid || e != w->uid || s != w->uid)
        return problem_set(p, LB_E_SYSTEM, "cannot become %s", w->name);
    /* Cleared by the change. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    return 0;
}

/* In the process that probes */

static void tell(int out, const struct told *told)
{
    if (write(out, told, sizeof(*told)) != (ssize_t)sizeof(*told))
        _exit(1);
}

/* A key that waits for the worker's part. */
struct waiting {
    EVP_PKEY *key; /* NULL: none */
    struct doctor_public public;
};

/* What the process that probes has. */
struct place {
    struct trial trial;
    struct waiting *keys; /* in the places of their handles */
    size_t count;
};

static int open_place(struct place *at, const char *conf, size_t count, const struct doctor_worker *worker, struct problem *p)
{
    struct trial *t = &at->trial;
    int r = worker != NULL && worker->loads ? become(worker, p) : 0;

    if (r != 0)
        return r;
    t->ctx = OSSL_LIB_CTX_new();
    t->other = OSSL_LIB_CTX_new();
    at->keys = calloc(count, sizeof(*at->keys));
    at->count = count;
    OPENSSL_load_builtin_modules();
    if (t->other == NULL || at->keys == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    if (t->ctx == NULL || !OSSL_LIB_CTX_load_config(t->ctx, conf) || !OSSL_PROVIDER_available(t->ctx, TRIAL_PROVIDER)) {
        r = trial_problem(p, LB_E_CONFIG, "OpenSSL does not load the provider");

        doctor_module_why(conf, p);
        return r;
    }
    if (count > 1)
        t->decoders = keydecoders_new(t->ctx);
    return 0;
}

static void close_place(struct place *at)
{
    free(at->keys);
    keydecoders_free(at->trial.decoders);
    OSSL_LIB_CTX_free(at->trial.other);
    OSSL_LIB_CTX_free(at->trial.ctx);
}

/* Tells of each key that waits: why it cannot be used, or if it can. */
static void use_keys(const struct place *at, int failed, const struct problem *why, int out)
{
    struct told told;

    for (size_t i = 0; i < at->count; i++) {
        if (at->keys[i].key == NULL)
            continue;
        told = (struct told){ .at = i, .p = *why };
        told.p.code = failed != 0 ? failed : trial_use(&at->trial, at->keys[i].key, &at->keys[i].public, &told.p);
        tell(out, &told);
    }
}

/*
 * Uses the keys as a server's worker uses those that the server has loaded: in another process, with other rights. Does not
 * return.
 */
static void use_as_worker(const struct place *at, const struct doctor_worker *w, int out) __attribute__((noreturn));

static void use_as_worker(const struct place *at, const struct doctor_worker *w, int out)
{
    struct problem p = { 0 };
    int status = 0, r;
    pid_t pid = fork();

    if (pid == 0) {
        r = become(w, &p);
        use_keys(at, r, &p, out);
        _exit(0);
    }
    if (pid < 0) {
        r = problem_set(&p, LB_E_SYSTEM, "fork: %s", strerror(errno));
        use_keys(at, r, &p, out);
        _exit(0);
    }
    (void)waitpid(pid, &status, 0);
    if (WIFEXITED(status))
        _exit(WEXITSTATUS(status));
    /* Of several nobody knows here which one it was. */
    r = problem_set(&p, LB_E_CONFIG, "the process that uses the key died of signal %d", WTERMSIG(status));
    if (at->count == 1)
        use_keys(at, r, &p, out);
    _exit(1);
}

/* Tries each handle in its turn, and tells of each before it comes to the next one. Does not return. */
static void probe(const char *conf, struct doctor_trial *const *trials, size_t count, const struct doctor_worker *worker, int out)
    __attribute__((noreturn));

static void probe(const char *conf, struct doctor_trial *const *trials, size_t count, const struct doctor_worker *worker, int out)
{
    bool by_other = worker != NULL && !worker->loads, waiting = false;
    struct place at = { .count = 0 };
    struct problem broken = { 0 };
    int r = open_place(&at, conf, count, worker, &broken);

    for (size_t i = 0; i < count; i++) {
        struct told told = { .at = i, .p = broken };
        EVP_PKEY *key = NULL;

        told.p.code = r;
        if (r == 0 && trials[i]->handle != NULL) {
            told.p.code = trial_load(&at.trial, trials[i]->handle, &key, &told.public, &told.p);
            told.loaded = key != NULL && by_other;
        }
        if (told.loaded) {
            at.keys[i] = (struct waiting){ key, told.public };
            waiting = true;
        } else if (key != NULL) {
            told.p.code = trial_use(&at.trial, key, &told.public, &told.p);
            EVP_PKEY_free(key);
        }
        tell(out, &told);
    }
    if (waiting)
        use_as_worker(&at, worker, out);
    close_place(&at);
    _exit(0);
}

/* In the process that waits */

/*
 * Makes openssl.cnf as it would be with the lines, in a file without a name. ret is its path for this process and its
 * children.
 */
static int make_conf(const struct doctor_conf *conf, const char *lines, char ret[40], int *ret_fd, struct problem *p)
{
    int fd = memfd_create("openssl.cnf", MFD_CLOEXEC);

    if (fd < 0 || (conf->error[0] == '\0' && dprintf(fd, ".include %s\n", conf->path) < 0) ||
        dprintf(fd, "%s", lines) < 0) {
        socket_close(fd);
        return problem_set(p, LB_E_SYSTEM, "memfd_create: %s", strerror(errno));
    }
    snprintf(ret, 40, "/proc/self/fd/%d", fd);
    *ret_fd = fd;
    return 0;
}

/* All of it, or nothing. False at the end of what is told, too. */
static bool hear(int fd, struct told *ret)
{
    size_t at = 0;

    while (at < sizeof(*ret)) {
        ssize_t n = read(fd, (char *)ret + at, sizeof(*ret) - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    ret->p.text[sizeof(ret->p.text) - 1] = '\0';
    ret->p.hint[sizeof(ret->p.hint) - 1] = '\0';
    return at == sizeof(*ret) && ret->public.len <= sizeof(ret->public.der);
}

/* The handle that the process is busy with: it loads all, then uses those that load. count: it is done with all. */
static size_t busy_with(struct doctor_trial *const *trials, size_t count)
{
    for (enum trial_state state = TRIAL_WAITS; state < TRIAL_DONE; state++) {
        for (size_t i = 0; i < count; i++) {
            if (trials[i]->state == state)
                return i;
        }
    }
    return count;
}

static void note(struct doctor_trial *t, const struct told *told)
{
    if (t->state == TRIAL_WAITS)
        t->public = told->public;
    t->p = told->p;
    t->state = told->loaded ? TRIAL_LOADS : TRIAL_DONE;
}

/*
 * Notes what the process tells, until its end. 0: it told of all, and ended well. Else p says what became of it, and *ret_busy
 * is the handle that it was busy with, count for none.
 */
static int wait_child(pid_t pid, int fd, struct doctor_trial *const *trials, size_t count, size_t *ret_busy, struct problem *p)
{
    struct pollfd in = { .fd = fd, .events = POLLIN };
    struct told told;
    int status = 0, r = 0;

    for (;;) {
        size_t busy = *ret_busy = busy_with(trials, count);

        if (poll(&in, 1, PROBE_TIMEOUT_MS) <= 0) {
            kill(pid, SIGKILL);
            r = problem_set(p, LB_E_TIMEOUT, "the provider did not come back within %d seconds", PROBE_TIMEOUT_MS / 1000);
            break;
        }
        if (!hear(fd, &told) || busy == count)
            break;
        if (told.at != busy) {
            kill(pid, SIGKILL);
            r = problem_set(p, LB_E_CONFIG, "the process that uses the provider tells nonsense");
            break;
        }
        note(trials[busy], &told);
    }
    (void)waitpid(pid, &status, 0);
    if (r == 0 && WIFSIGNALED(status))
        r = problem_set(p, LB_E_CONFIG, "the process that uses the provider died of signal %d", WTERMSIG(status));
    else if (r == 0 && *ret_busy < count)
        r = problem_set(p, LB_E_CONFIG, "the process that uses the provider ended without a word");
    return r;
}

/* A process that tries some handles. */
struct lane {
    struct doctor_trial *trials[PROBE_TOGETHER];
    size_t count;
    pid_t pid;
    int file, in;     /* openssl.cnf, and what the process tells; -1: none */
    int r;            /* it could not be started: p tells */
    struct problem p;
};

/* Starts the process for the trials of the lane. lane_end() in any case. */
static void lane_begin(struct lane *l, const struct doctor_prober *by)
{
    char path[40];
    int fds[2] = { -1, -1 };

    l->file = l->in = -1;
    l->p = (struct problem){ 0 };
    for (size_t i = 0; i < l->count; i++) {
        l->trials[i]->state = TRIAL_WAITS;
        l->trials[i]->p = (struct problem){ 0 };
        l->trials[i]->public.len = 0;
    }
    l->r = make_conf(by->conf, by->lines, path, &l->file, &l->p);
    if (l->r == 0 && pipe(fds) < 0)
        l->r = problem_set(&l->p, LB_E_SYSTEM, "pipe: %s", strerror(errno));
    if (l->r != 0)
        return;
    (void)fcntl(fds[1], F_SETPIPE_SZ, PROBE_PIPE);
    fflush(NULL);
    l->pid = fork();
    if (l->pid == 0)
        probe(path, l->trials, l->count, by->worker, fds[1]);
    if (l->pid < 0)
        l->r = problem_set(&l->p, LB_E_SYSTEM, "fork: %s", strerror(errno));
    socket_close(fds[1]);
    l->in = fds[0];
}

/* Hears it out. As wait_child(). */
static int lane_end(struct lane *l, size_t *ret_busy, struct problem *p)
{
    int r = l->r;

    *ret_busy = 0;
    if (r == 0)
        r = wait_child(l->pid, l->in, l->trials, l->count, ret_busy, p);
    else
        *p = l->p;
    socket_close(l->in);
    socket_close(l->file);
    return r;
}

/* Ends a lane with one handle: whatever became of the process is the handle's. */
static void lane_settle_alone(struct lane *l)
{
    struct doctor_trial *t = l->trials[0];
    struct problem p = { 0 };
    size_t busy;

    if (lane_end(l, &busy, &p) != 0)
        t->p = p;
    t->state = TRIAL_DONE;
    t->alone = true;
}

static void probe_alone(const struct doctor_prober *by, struct doctor_trial *t)
{
    struct lane l = { .trials = { t }, .count = 1 };

    lane_begin(&l, by);
    lane_settle_alone(&l);
}

/*
 * Ends a lane. The handle with which its process died or hung is tried alone, for the reason may be one of those before. A process
 * that died once it told of all does not say with which: each is tried alone.
 */
static void lane_settle(struct lane *l, const struct doctor_prober *by)
{
    struct problem p = { 0 };
    size_t busy = 0;
    int r = lane_end(l, &busy, &p);

    for (size_t i = 0; i < l->count; i++) {
        if (r != 0 && (busy == l->count || i == busy))
            probe_alone(by, l->trials[i]);
        else if (l->trials[i]->state != TRIAL_DONE)
            l->trials[i]->state = TRIAL_WAITS;
    }
}

struct doctor_probing {
    struct doctor_prober *by;
    struct doctor_trial *trials;
    size_t count, from; /* all before `from` are done */
    struct lane lanes[PROBE_LANES];
    size_t begun; /* lanes */
};

static void begin_lanes(struct doctor_probing *g)
{
    size_t at = g->from;

    for (g->begun = 0; g->begun < PROBE_LANES; g->begun++) {
        struct lane *l = &g->lanes[g->begun];

        for (l->count = 0; at < g->count && l->count < PROBE_TOGETHER; at++) {
            if (g->trials[at].state != TRIAL_DONE)
                l->trials[l->count++] = &g->trials[at];
        }
        if (l->count == 0)
            break;
        lane_begin(l, g->by);
    }
}

static void settle_lanes(struct doctor_probing *g)
{
    for (size_t i = 0; i < g->begun; i++) {
        if (g->lanes[i].count == 1)
            lane_settle_alone(&g->lanes[i]);
        else
            lane_settle(&g->lanes[i], g->by);
    }
    while (g->from < g->count && g->trials[g->from].state == TRIAL_DONE)
        g->from++;
}

struct doctor_probing *doctor_probe_begin(struct doctor_prober *by, struct doctor_trial *trials, size_t count)
{
    struct doctor_probing *g = calloc(1, sizeof(*g));

    if (g == NULL)
        return NULL;
    *g = (struct doctor_probing){ .by = by, .trials = trials, .count = count };
    for (size_t i = 0; i < count; i++)
        trials[i] = (struct doctor_trial){ .handle = trials[i].handle };
    begin_lanes(g);
    return g;
}

void doctor_probe_end(struct doctor_probing *g)
{
    if (g == NULL)
        return;
    for (; g->begun > 0; begin_lanes(g))
        settle_lanes(g);
    for (size_t i = 0; i < g->count && g->by->confirmed < PROBE_CONFIRMED; i++) {
        if (g->trials[i].p.code == 0 || g->trials[i].alone)
            continue;
        probe_alone(g->by, &g->trials[i]);
        g->by->confirmed = g->trials[i].p.code == 0 ? 0 : g->by->confirmed + 1;
    }
    free(g);
}

int doctor_probe(const struct doctor_conf *conf, const char *lines, const char *handle,
                 const struct doctor_worker *worker, struct problem *p, struct doctor_public *ret_public)
{
    const struct doctor_prober by = { .conf = conf, .lines = lines, .worker = worker };
    struct doctor_trial *t = calloc(1, sizeof(*t));
    int r;

    if (t == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    t->handle = handle;
    probe_alone(&by, t);
    *p = t->p;
    r = p->code;
    if (ret_public != NULL)
        *ret_public = t->public;
    free(t);
    return r;
}
