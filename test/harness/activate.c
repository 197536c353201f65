/*
 * Starts a command the way systemd does: with a listening socket (LISTEN_FDS) and a place to report readiness
 * (NOTIFY_SOCKET).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * activate [--listen PATH] [--notify PATH] [--pid FILE] -- COMMAND...
 * activate --listen PATH --keep FD -- COMMAND...
 *
 * --listen: a SOCK_SEQPACKET socket at PATH becomes descriptor 3 of the command. --notify: every line that arrives
 * there is printed as "notify: LINE". --pid: the command's process id is written there. Ends with the command, and
 * with its exit status (128 and the signal's number). SIGUSR1: shutdown(2) of the socket, as any process that has it may.
 *
 * --keep: the socket is descriptor FD of the command, which takes this program's place: for scripts that hold the socket
 * while they stop and start what serves it.
 */
#define LISTEN_FD 3

static int die(const char *what)
{
    fprintf(stderr, "activate: %s: %s\n", what, strerror(errno));
    return 125;
}

static int bound_socket(const char *path, int type)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, type, 0);

    if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
        return -1;
    memcpy(a.sun_path, path, strlen(path) + 1);
    unlink(path);
    return bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? fd : -1;
}

static int run(int listener, const char *notify, char **command)
{
    char pid[32];

    /* A test that ends early must not leave the command behind. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        return die("prctl");
    if (listener >= 0) {
        if (listener != LISTEN_FD && dup2(listener, LISTEN_FD) < 0)
            return die("dup2");
        if (fcntl(LISTEN_FD, F_SETFD, 0) != 0)
            return die("fcntl");
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("LISTEN_FDS", "1", 1);
        setenv("LISTEN_PID", pid, 1);
    }
    if (notify != NULL)
        setenv("NOTIFY_SOCKET", notify, 1);
    execvp(command[0], command);
    return die(command[0]);
}

static int keep(int listener, int fd, char **command)
{
    if (listener < 0 || fd <= STDERR_FILENO || (listener != fd && (dup2(listener, fd) < 0 || close(listener) != 0)))
        return die("--keep");
    execvp(command[0], command);
    return die(command[0]);
}

static void print_lines(int notify_fd)
{
    char text[4096];
    ssize_t n;

    while ((n = recv(notify_fd, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
        text[n] = '\0';
        for (char *save = NULL, *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
            printf("notify: %s\n", line);
        fflush(stdout);
    }
}

static volatile sig_atomic_t to_shut;

static void on_signal(int sig)
{
    (void)sig;
    to_shut = 1;
}

static int watch(pid_t child, int listener, int notify_fd)
{
    int status = 0;
    bool ended = false;

    while (!ended) {
        struct pollfd p = { .fd = notify_fd, .events = POLLIN };

        poll(&p, 1, /* milliseconds= */ 100);
        ended = waitpid(child, &status, WNOHANG) == child;
        if (to_shut && listener >= 0)
            (void)shutdown(listener, SHUT_RDWR);
        if (notify_fd >= 0)
            print_lines(notify_fd);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    const char *notify = NULL, *pid_file = NULL;
    int listener = -1, notify_fd = -1, kept = -1, i = 1;
    pid_t child;

    for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
        if (strcmp(argv[i], "--listen") == 0) {
            listener = bound_socket(argv[i + 1], SOCK_SEQPACKET);
            if (listener < 0 || listen(listener, SOMAXCONN) != 0)
                return die(argv[i + 1]);
        } else if (strcmp(argv[i], "--notify") == 0) {
            notify = argv[i + 1];
            notify_fd = bound_socket(notify, SOCK_DGRAM | SOCK_CLOEXEC);
            if (notify_fd < 0)
                return die(notify);
        } else if (strcmp(argv[i], "--keep") == 0) {
            kept = atoi(argv[i + 1]);
        } else if (strcmp(argv[i], "--pid") == 0) {
            pid_file = argv[i + 1];
        } else {
            break;
        }
    }
    if (i + 1 >= argc || strcmp(argv[i], "--") != 0) {
        fputs("usage: activate [--listen PATH] [--notify PATH] [--pid FILE | --keep FD] -- COMMAND...\n", stderr);
        return 125;
    }
    if (kept >= 0)
        return keep(listener, kept, argv + i + 1);
    child = fork();
    if (child < 0)
        return die("fork");
    if (child == 0)
        _exit(run(listener, notify, argv + i + 1));
    signal(SIGUSR1, on_signal);
    if (pid_file != NULL) {
        FILE *f = fopen(pid_file, "w");

        if (f == NULL || fprintf(f, "%d\n", (int)child) < 0 || fclose(f) != 0)
            return die(pid_file);
    }
    return watch(child, listener, notify_fd);
}
