/* Making and starting the ordinary user's own box. */
#include "command/own_box.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/seals.h"
#include "client/status.h"
#include "command/credential.h"
#include "guard/secret.h"
#include "model/seal_kinds.h"
#include "protocol/header.h"

#define READY_TIMEOUT_MS 10000
#define DAEMON "littleboxd"

static int system_failed(const char *what, struct problem *p)
{
    return problem_set(p, LB_E_SYSTEM, "%s: %s", what, strerror(errno));
}

/* Makes path and what is missing above it, for the user alone (as the XDG specification wants it). */
static int make_dirs(const char *path, struct problem *p)
{
    char part[PATH_MAX];
    struct stat st;

    snprintf(part, sizeof(part), "%s", path);
    for (char *s = part + 1; *s != '\0'; s++) {
        if (*s != '/')
            continue;
        *s = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST && stat(part, &st) < 0)
            return system_failed(part, p);
        *s = '/';
    }
    if (mkdir(part, 0700) < 0 && errno != EEXIST)
        return system_failed(part, p);
    if (stat(part, &st) < 0)
        return system_failed(part, p);
    if (!S_ISDIR(st.st_mode))
        return problem_set(p, LB_E_SYSTEM, "%s is not a directory", part);
    return 0;
}

/*
 * One command at a time starts this box. The holder needs no more than READY_TIMEOUT_MS and one init, so waiting is
 * bounded.
 */
static int take_lock(const struct client *c, int *ret_fd, struct problem *p)
{
    char path[PATH_MAX + 8];
    int fd, r;

    snprintf(path, sizeof(path), "%s/start", c->paths.state);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return system_failed(path, p);
    do
        r = flock(fd, LOCK_EX);
    while (r < 0 && errno == EINTR);
    if (r < 0) {
        r = system_failed(path, p);
        socket_close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

/* The daemon of the same build, if it is beside this program; else the installed one. */
static void daemon_path(char ret[PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", ret, PATH_MAX - 1);

    while (len > 0 && ret[len - 1] != '/')
        len--;
    if (len > 0 && (size_t)len + sizeof(DAEMON) <= PATH_MAX) {
        memcpy(ret + len, DAEMON, sizeof(DAEMON));
        if (access(ret, X_OK) == 0)
            return;
    }
    snprintf(ret, PATH_MAX, "%s/" DAEMON, LB_SBINDIR);
}

const char *launch_daemon_name(char ret[PATH_MAX])
{
    const char *path = getenv("PATH");

    while (path != NULL && *path != '\0') {
        int len = (int)strcspn(path, ":");

        if (snprintf(ret, PATH_MAX, "%.*s/" DAEMON, len, path) < PATH_MAX && access(ret, X_OK) == 0)
            return DAEMON;
        path += len + (path[len] == ':');
    }
    daemon_path(ret);
    return ret;
}

/* A socket of our own for the daemon's READY=1; name is what NOTIFY_SOCKET says. */
static int notify_socket(int *ret_fd, char *name, size_t size, struct problem *p)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    socklen_t len = sizeof(addr);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return system_failed("socket", p);
    /* Without a path the kernel chooses an abstract name, which needs no file and no cleaning up. */
    if (bind(fd, (struct sockaddr *)&addr, offsetof(struct sockaddr_un, sun_path)) < 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) < 0 || socket_want_peer(fd) != 0) {
        socket_close(fd);
        return system_failed("socket", p);
    }
    len -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
    snprintf(name, size, "@%.*s", (int)len - 1, addr.sun_path + 1);
    *ret_fd = fd;
    return 0;
}

/* In the new process: takes away all that is the command's, then exec. Only calls that are allowed between fork and exec. */
static void __attribute__((noreturn)) become_daemon(const char *program, const char *box, int log, char **env)
{
    static char option[] = "--box";
    char *argv[] = { (char *)program, option, (char *)box, NULL };
    sigset_t none;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
        _exit(EXIT_FAILED);
    /* Descriptors that the command inherited are not the box's business. */
    if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0 || setsid() < 0 || chdir("/") < 0)
        _exit(EXIT_FAILED);
    execve(program, argv, env);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", program, strerror(errno));
    _exit(EXIT_FAILED);
}

/*
 * The environment as it is, with this NOTIFY_SOCKET and no sockets handed over. The array is the caller's, its
 * strings are not.
 */
static char **daemon_environment(char *notify)
{
    static const char *const dropped[] = { "NOTIFY_SOCKET=", "LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES=",
                                           "FDSTORE=",       "LITTLEBOX_FDSTORE=", "WATCHDOG_USEC=", "WATCHDOG_PID=" };
    size_t n = 0, kept = 0;
    char **env;

    while (environ[n] != NULL)
        n++;
    env = calloc(n + 2, sizeof(*env));
    if (env == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        bool drop = false;

        for (size_t k = 0; k < sizeof(dropped) / sizeof(dropped[0]); k++)
            drop = drop || strncmp(environ[i], dropped[k], strlen(dropped[k])) == 0;
        if (!drop)
            env[kept++] = environ[i];
    }
    env[kept] = notify;
    return env;
}

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Did the daemon say READY? Only a process of this user counts, since whoever finds the abstract name could say so. */
static bool said_ready(int notify)
{
    struct peer peer;
    char text[256];
    size_t len;

    if (socket_receive(notify, text, sizeof(text) - 1, /* dont_wait= */ true, &len, /* ret_fd= */ NULL, &peer) != 0)
        return false;
    text[len] = '\0';
    return peer.pid != 0 && peer.uid == geteuid() && strstr(text, "READY=1") != NULL;
}

static int wait_ready(const struct client *c, pid_t pid, int notify, struct problem *p)
{
    struct pollfd fds[2] = { { .fd = notify, .events = POLLIN }, { .fd = pidfd_open(pid, 0), .events = POLLIN } };
    long long end = now_ms() + READY_TIMEOUT_MS, left;
    bool ready = false, ended = false;

    while (!ready && !ended && (left = end - now_ms()) > 0) {
        if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
            break;
        ready = (fds[0].revents & POLLIN) != 0 && said_ready(notify);
        ended = !ready && (fds[1].revents & POLLIN) != 0;
    }
    socket_close(fds[1].fd);
    if (ready)
        return 0;
    if (ended)
        (void)waitpid(pid, NULL, 0);
    else
        (void)kill(pid, SIGTERM);
    problem_set(p, LB_E_NO_BOX, ended ? "your box '%s' could not be started" : "your box '%s' did not start in time",
                c->cli->box);
    problem_hint(p, "it says why in %s/log", c->paths.state);
    return LB_E_NO_BOX;
}

static int start_daemon(const struct client *c, struct problem *p)
{
    char program[PATH_MAX], name[128], notify[160], log_path[PATH_MAX + 8];
    int fd = -1, log = -1, r;
    char **env = NULL;
    pid_t pid;

    daemon_path(program);
    r = notify_socket(&fd, name, sizeof(name), p);
    if (r != 0)
        return r;
    snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", name);
    snprintf(log_path, sizeof(log_path), "%s/log", c->paths.state);
    log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    env = daemon_environment(notify);
    if (log < 0 || env == NULL) {
        r = system_failed(log_path, p);
        goto out;
    }
    pid = fork();
    if (pid == 0)
        become_daemon(program, c->cli->box, log, env);
    r = pid < 0 ? system_failed("fork", p) : wait_ready(c, pid, fd, p);
out:
    free(env);
    socket_close(log);
    socket_close(fd);
    return r;
}

int launch_box(struct client *c, struct problem *p)
{
    int lock = -1, other = -1, r = make_dirs(c->dirs.config, p);

    if (r == 0)
        r = make_dirs(c->paths.state, p);
    if (r == 0)
        r = make_dirs(c->dirs.run, p);
    if (r == 0)
        r = take_lock(c, &lock, p);
    if (r != 0)
        return r;
    /* Whoever had the lock before may have started the box. */
    if (socket_connect(c->paths.socket, &other) != 0)
        r = start_daemon(c, p);
    socket_close(other);
    socket_close(lock);
    return r;
}

int launch_init(struct client *c, struct problem *p)
{
    const struct seal_kind *kind = seal_kind_from(SEAL_FROM_FILE);
    struct seal_request m = { .kind = kind->number };
    struct box_status status;
    struct credential credential = { 0 };
    int lock = -1, r = take_lock(c, &lock, p);

    if (r != 0)
        return r;
    r = ask_status(c->ask, &status, p);
    if (r != 0 || status.lock != LOCK_NO_STORE)
        goto out; /* another command was faster */
    /* There is something that opens a store: so the store is lost, and a new one in its place would hide that. */
    if (access(c->paths.credential, F_OK) == 0) {
        r = client_no_store(c, p);
        goto out;
    }
    r = credential_get(c->paths.credential, /* box= */ NULL, &credential, p);
    if (r != 0)
        goto out;
    snprintf(m.label, sizeof(m.label), "%s", kind->name);
    m.secret = (struct bytes){ credential.data, credential.len };
    r = ask_secret(c->ask, MSG_INIT, &m, p);
    if (r == 0)
        cli_note("made your own box '%s' in %s", c->cli->box, c->paths.state);
    else
        credential_undo(&credential);
out:
    credential_clear(&credential);
    socket_close(lock);
    return r;
}
