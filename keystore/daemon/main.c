/* littleboxd: reads arguments, finds directories and the user to be, and is then keeper or child. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/output.h"
#include "base/socket.h"
#include "box/usher.h"
#include "daemon/box_conf.h"
#include "daemon/child.h"
#include "daemon/closed_exec.h"
#include "daemon/heritage.h"
#include "daemon/keeper.h"
#include "daemon/keeper_sandbox.h"
#include "daemon/keeper_link.h"
#include "daemon/notify.h"
#include "daemon/sandbox.h"
#include "daemon/store_name.h"
#include "model/key_name.h"

#define EXIT_USAGE 2

struct options {
    const char *box;
    const char *dir;
    enum dirs_kind kind;
    const char *user;
    const char *program; /* what this was started as, before it ran itself again; NULL: it did not */
    int resume;          /* the descriptor that the program before us left its heritage in; -1: there was none */
    bool child, usher, trial;
};

static const char usage_text[] =
    "usage: littleboxd [--box NAME] [--dir DIR | --system | --user-dirs] [--user USER]\n"
    "\n"
    "Runs one box: the process that holds keys and signs with them.\n"
    "  --box NAME    the box, 'default' if not given\n"
    "  --dir DIR     configuration, store and socket all in DIR\n"
    "  --system      the system's directories (what root gets anyway)\n"
    "  --user-dirs   the directories of the user who runs it (what others get anyway)\n"
    "  --user USER   drop root for this user once the socket is open\n"
    "  -h, --help; -V, --version\n"
    "\n"
    "example: littleboxd --system --box default --user littlebox-default\n";

static int usage_error(const char *text, const char *what)
{
    fprintf(stderr, "littleboxd: %s%s\nhint: littleboxd --help\n", text, what);
    return EXIT_USAGE;
}

/* 0: go on; else *ret_status is the exit status. */
static int parse_options(int argc, char **argv, struct options *o, int *ret_status)
{
    enum {
        OPT_BOX = 1, OPT_DIR, OPT_SYSTEM, OPT_USER_DIRS, OPT_USER, OPT_PROGRAM, OPT_CHILD, OPT_USHER, OPT_TRIAL, OPT_RESUME,
        OPT_HELP, OPT_VERSION
    };
    static const struct option options[] = {
        { "box", required_argument, NULL, OPT_BOX },       { "dir", required_argument, NULL, OPT_DIR },
        { "system", no_argument, NULL, OPT_SYSTEM },       { "user-dirs", no_argument, NULL, OPT_USER_DIRS },
        { "user", required_argument, NULL, OPT_USER },     { "child", no_argument, NULL, OPT_CHILD },
        { "usher", no_argument, NULL, OPT_USHER },         { "trial", no_argument, NULL, OPT_TRIAL },
        { "resume", required_argument, NULL, OPT_RESUME },
        { "program", required_argument, NULL, OPT_PROGRAM },
        { "help", no_argument, NULL, OPT_HELP },           { "version", no_argument, NULL, OPT_VERSION },
        { NULL, 0, NULL, 0 },
    };
    int opt;

    *o = (struct options){ .box = "default", .kind = DIRS_DEFAULT, .resume = -1 };
    *ret_status = 0;
    while ((opt = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
        switch (opt) {
        case OPT_BOX:
            o->box = optarg;
            break;
        case OPT_DIR:
            o->dir = optarg;
            break;
        case OPT_SYSTEM:
            o->kind = DIRS_SYSTEM;
            break;
        case OPT_USER_DIRS:
            o->kind = DIRS_USER;
            break;
        case OPT_USER:
            o->user = optarg;
            break;
        case OPT_PROGRAM:
            o->program = optarg;
            break;
        case OPT_CHILD:
            o->child = true;
            break;
        case OPT_USHER:
            o->usher = true;
            break;
        case OPT_TRIAL:
            o->trial = true;
            break;
        case OPT_RESUME:
            o->resume = (int)strtol(optarg, NULL, 10);
            break;
        case OPT_HELP:
        case 'h':
            fputs(usage_text, stdout);
            return 1;
        case OPT_VERSION:
        case 'V':
            puts("littleboxd " LB_VERSION);
            return 1;
        default:
            fputs("hint: littleboxd --help\n", stderr);
            *ret_status = EXIT_USAGE;
            return 1;
        }
    }
    if (optind < argc) {
        *ret_status = usage_error("unexpected argument: ", argv[optind]);
        return 1;
    }
    if (!keyname_ok(o->box, strlen(o->box))) {
        *ret_status = usage_error("a box name is " LB_NAME_RULE ", not ", o->box);
        return 1;
    }
    return 0;
}

static int fail(const struct problem *p)
{
    log_error("%s%s%s", p->text, p->hint[0] == '\0' ? "" : "; ", p->hint);
    return EXIT_NOT_AGAIN;
}

/*
 * Takes as many descriptors as the system gives: each caller's connection is one, here and in the child. And takes away the
 * limit on locked memory, if root may still do that; the child says what it got.
 */
static void raise_limits(void)
{
    static const struct rlimit no_limit = { RLIM_INFINITY, RLIM_INFINITY };
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            log_warning("setrlimit: %s", strerror(errno));
    }
    (void)setrlimit(RLIMIT_MEMLOCK, &no_limit);
}

/* Makes path and what is missing above it. The last directory gets the mode and, if root makes it, the owner. */
static int make_dir(const char *path, mode_t mode, const struct passwd *owner, struct problem *p)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    struct stat st;

    if (len >= sizeof(part))
        return problem_set(p, LB_E_TOO_LONG, "%s: the path is too long", path);
    for (size_t i = 1; i < len; i++) {
        if (path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return problem_set(p, LB_E_SYSTEM, "cannot make %s: %s", part, strerror(errno));
    }
    if (mkdir(path, mode) == 0) {
        if (chmod(path, mode) < 0 || (owner != NULL && chown(path, owner->pw_uid, owner->pw_gid) < 0))
            return problem_set(p, LB_E_SYSTEM, "%s: %s", path, strerror(errno));
        return 0;
    }
    if (errno != EEXIST || stat(path, &st) < 0)
        return problem_set(p, LB_E_SYSTEM, "cannot make the directory %s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return problem_set(p, LB_E_SYSTEM, "%s is not a directory", path);
    return 0;
}

static int make_dirs(const struct dirs *dirs, const struct boxconf *conf, const struct passwd *owner,
                     struct problem *p)
{
    mode_t run_mode = geteuid() == 0 ? 0755 : 0700;
    struct problem ignored;
    int r = make_dir(dirs->run, run_mode, NULL, p);

    if (r == 0 && strcmp(dirs->state, dirs->run) != 0)
        r = make_dir(dirs->state, run_mode, NULL, p);
    if (r == 0)
        r = make_dir(conf->paths.state, 0700, owner, p);
    /* Made now, because the sandbox reaches only what was there before: 'littlebox init' will put a credential into it. */
    if (r == 0 && make_dir(dirs->config, run_mode, NULL, &ignored) != 0)
        log_info("%s", ignored.text);
    return r;
}

static int become_user(const struct passwd *pw, struct problem *p)
{
    if (pw == NULL)
        return 0;
    if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
        setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
        return problem_set(p, LB_E_SYSTEM, "cannot become user %s: %s", pw->pw_name, strerror(errno));
    if (pw->pw_uid != 0 && setuid(0) == 0)
        return problem_set(p, LB_E_SYSTEM, "root could be had back after becoming user %s", pw->pw_name);
    /* After a change of user the kernel sets this anew, by fs.suid_dumpable, whatever was said before. */
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        return problem_set(p, LB_E_SYSTEM, "prctl: %s", strerror(errno));
    return 0;
}

static int find_user(const char *name, const struct passwd **ret, struct problem *p)
{
    *ret = NULL;
    if (name == NULL)
        return 0;
    *ret = getpwnam(name);
    if (*ret == NULL) {
        problem_set(p, LB_E_CONFIG, "there is no user '%.60s'", name);
        if (strncmp(name, "littlebox-", strlen("littlebox-")) == 0)
            problem_hint(p, "make it: littlebox box create %.60s", name + strlen("littlebox-"));
        else
            problem_hint(p, "make one: useradd --system --shell /usr/sbin/nologin %.60s", name);
        return LB_E_CONFIG;
    }
    if (geteuid() != 0 && (*ret)->pw_uid != geteuid())
        return problem_set(p, LB_E_CONFIG, "only root can run a box as user '%.60s'", name);
    if (geteuid() != 0)
        *ret = NULL;
    return 0;
}

/* The listening socket that the last keeper made, if callers still find it by this path. -1: there is none. */
static int kept_listener(const struct handed *handed, const char *path)
{
    struct stat st;

    for (size_t i = 0; i < handed->count; i++) {
        const struct handed_descriptor *h = &handed->kept[i];
        struct stored_name name;

        if (store_name_read(h->name, &name) != 0)
            continue;
        maker_clear(&name.maker);
        if (name.kind == STORED_LISTENER && socket_listens_at(h->fd, path) && stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
            return h->fd;
    }
    return -1;
}

/* *ret_own: no service manager opened it. */
static int open_socket(const struct boxconf *conf, const struct handed *handed, int *ret_fd, bool *ret_own, struct problem *p)
{
    int r, e;

    *ret_fd = handed->listener;
    *ret_own = *ret_fd < 0;
    if (*ret_fd >= 0)
        return 0;
    *ret_fd = kept_listener(handed, conf->paths.socket);
    if (*ret_fd >= 0)
        return 0;
    r = socket_listen(conf->paths.socket, conf->socket_mode, ret_fd);
    if (r == 0)
        return 0;
    if (r == LB_E_IN_USE) {
        problem_set(p, r, "box '%s' is running already: %s answers", conf->box, conf->paths.socket);
        problem_hint(p, "stop it first, or choose another --box");
        return r;
    }
    if (r == LB_E_TOO_LONG)
        return problem_set(p, r, "%s: a socket's path has at most 106 bytes", conf->paths.socket);
    e = errno;
    problem_set(p, r, "cannot listen on %s: %s", conf->paths.socket, strerror(e));
    /* The socket's unit may live on without its socket, if the unit's files were away for a while. */
    if (e == EACCES && getenv("INVOCATION_ID") != NULL)
        problem_hint(p, "systemd handed over no socket: systemctl reset-failed 'littleboxd@%s.*'; "
                     "systemctl restart littleboxd@%s.socket", conf->box, conf->box);
    return r;
}

/*
 * Child and usher are this program again, with --child or --usher in front of the same arguments. The directories that were
 * found are added: as another user than root the program would look in other places.
 */
static char **child_arguments(int argc, char **argv, const struct options *o)
{
    static const char *const kinds[] = { [DIRS_SYSTEM] = "--system", [DIRS_USER] = "--user-dirs" };
    char **args = calloc((size_t)argc + 3, sizeof(*args));
    int own = o->resume < 0 ? 1 : RESUMED_ARGUMENTS;

    if (args == NULL || argc < own) {
        free(args);
        return NULL;
    }
    args[0] = argv[0];
    args[KEEPER_ROLE] = (char *)"--child";
    args[RESUMED_KIND] = (char *)kinds[o->kind];
    memcpy(args + RESUMED_KIND + 1, argv + own, (size_t)(argc - own) * sizeof(*args));
    return args;
}

static int find_program(char ret[PATH_MAX], struct problem *p)
{
    ssize_t len = readlink("/proc/self/exe", ret, PATH_MAX - 1);

    if (len < 0)
        return problem_set(p, LB_E_SYSTEM, "/proc/self/exe: %s", strerror(errno));
    ret[len] = '\0';
    return 0;
}

/*
 * Runs a user's keeper once more from this program, closed to that user. (Root's processes are closed to all others.) The
 * second process finds out who traces the first one. Returns if that cannot be had: the keeper goes on as it is.
 */
static void close_keeper(int argc, char **argv)
{
    char program[PATH_MAX], **args = calloc((size_t)argc + 3, sizeof(*args));
    struct problem p;

    if (args != NULL && find_program(program, &p) == 0) {
        args[0] = argv[0];
        args[1] = (char *)"--program";
        args[2] = program;
        memcpy(args + 3, argv + 1, ((size_t)argc - 1) * sizeof(*args));
        exec_closed(program, args);
    }
    free(args);
}

/* A process that traces us already sees and changes all that an undumpable process does. */
static int refuse_tracer(const struct boxconf *conf, struct problem *p)
{
    char path[40], name[32] = "?\n";
    pid_t tracer = 0;
    FILE *f;

    if (exec_tracer(&tracer) != 0) {
        log_warning("cannot tell if another process traces this one: /proc/self/status: %s", strerror(errno));
        return 0;
    }
    if (tracer == 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/%ld/comm", (long)tracer);
    f = fopen(path, "re");
    if (f != NULL) {
        (void)!fgets(name, sizeof(name), f);
        fclose(f);
    }
    problem_set(p, LB_E_CONFIG, "process %ld (%.*s) traces this one and could read every key", (long)tracer,
                (int)strcspn(name, "\n"), name);
    if (!conf->sandbox) {
        log_warning("%s", p->text);
        return 0;
    }
    problem_hint(p, "a box that is to be debugged wants 'sandbox = no' in %.150s", conf->paths.config);
    return LB_E_CONFIG;
}

static int confine_keeper(const struct boxconf *conf, const char *program, struct problem *p)
{
#ifndef LB_SANITIZED /* whose runtime makes calls of its own */
    if (conf->sandbox && keeper_sandbox_enter(program) != 0) {
        problem_set(p, LB_E_SYSTEM, "cannot confine the keeper: %s", strerror(errno));
        problem_hint(p, "where the kernel has no seccomp: 'sandbox = no' in %.150s", conf->paths.config);
        return LB_E_SYSTEM;
    }
#endif
    (void)conf;
    (void)program;
    (void)p;
    return 0;
}

static int take_handed(const struct options *o, struct handed *ret, struct problem *p)
{
    return o->resume < 0 ? notify_handed(ret, p) : heritage_read(o->resume, ret, p);
}

static int run_keeper(int argc, char **argv, const struct options *o, const struct dirs *dirs,
                      const struct boxconf *conf)
{
    char program[PATH_MAX];
    const struct passwd *owner;
    struct problem p = { 0 };
    char **args = NULL;
    struct handed handed = { .listener = -1 };
    struct keeper_setup setup;
    bool own = false, listener_kept = false;
    int fd = -1, status;

    if (o->program != NULL && strlen(o->program) < sizeof(program))
        strcpy(program, o->program);
    else if (find_program(program, &p) != 0)
        return fail(&p);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        problem_set(&p, LB_E_SYSTEM, "prctl: %s", strerror(errno));
        return fail(&p);
    }
    raise_limits();
    if (find_user(o->user, &owner, &p) != 0 || make_dirs(dirs, conf, owner, &p) != 0 ||
        take_handed(o, &handed, &p) != 0 || open_socket(conf, &handed, &fd, &own, &p) != 0) {
        notify_handed_clear(&handed);
        return fail(&p);
    }
    if (become_user(owner, &p) != 0) {
        status = fail(&p);
        goto out;
    }
    if (confine_keeper(conf, program, &p) != 0) {
        status = fail(&p);
        goto out;
    }
    args = child_arguments(argc, argv, o);
    if (args == NULL) {
        problem_set(&p, LB_E_NOMEM, "out of memory");
        status = fail(&p);
        goto out;
    }
    setup = (struct keeper_setup){
        .box = conf->box, .listen_fd = fd, .own_listener = own, .resumed = o->resume >= 0, .max_connections = conf->max_connections,
        .watchdog = conf->watchdog, .program = program, .argv = args, .handed = &handed,
    };
    status = keeper_run(&setup, &listener_kept);
out:
    notify_handed_clear(&handed);
    /* May fail: another user than root may not be allowed to remove it. The next start replaces it anyway. */
    if (own && !listener_kept)
        unlink(conf->paths.socket);
    /* The socket stays open. The end of the process closes it, and waits for nothing that was sent and never accepted. */
    free(args);
    return status;
}

static int run_usher(const struct boxconf *conf)
{
    int (*enter_sandbox)(void) = conf->sandbox ? sandbox_enter_usher : NULL;

#ifdef LB_SANITIZED
    enter_sandbox = NULL;
#endif
    /* The child's listening socket is none of the usher's business. */
    socket_close(KEEP_LISTEN_FD);
    return usher_run(KEEP_LINK_FD, enter_sandbox);
}

int main(int argc, char **argv)
{
    struct options o;
    struct dirs dirs;
    struct box_paths paths;
    struct boxconf conf;
    struct problem p = { 0 };
    bool closed = exec_was_closed();
    int status, r;

    if (!output_start())
        return 1;
    if (parse_options(argc, argv, &o, &status) != 0)
        return output_end("littleboxd", status);
    if (!closed && !o.child && !o.usher && !o.trial && o.resume < 0 && o.program == NULL && geteuid() != 0)
        close_keeper(argc, argv);
    log_open(o.box, LOG_LEVEL_INFO);
    /* Names the process: one that was run by its descriptor has a number for a name. */
    if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NAME, "littleboxd") < 0) {
        problem_set(&p, LB_E_SYSTEM, "prctl: %s", strerror(errno));
        return fail(&p);
    }
    /* Directories are made with modes of their own. What is made in them later is the box's alone. */
    umask(o.child ? 0077 : 0022);
    /* Once, as the user who started this: the box's user would find another kind. */
    o.kind = dirs_kind(o.kind);
    r = dirs_find(o.dir, o.kind, &dirs);
    if (r == 0)
        r = box_paths(&dirs, o.box, &paths);
    if (r != 0) {
        problem_set(&p, r, "cannot tell the directories of box '%s': %s", o.box, lb_strerror(r));
        return fail(&p);
    }
    if (boxconf_load(o.box, &paths, &conf, &p) != 0)
        return fail(&p);
    log_open(o.box, conf.log_level);
    if (refuse_tracer(&conf, &p) != 0)
        return fail(&p);
    if (o.trial)
        return 0;
    if (o.usher)
        return run_usher(&conf);
    if (o.child)
        return child_run(&conf, closed);
    return run_keeper(argc, argv, &o, &dirs, &conf);
}
