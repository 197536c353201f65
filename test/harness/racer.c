/*
 * Races a process that hardens itself, as another process of its user would: looks into each new child of a process, as
 * soon as there is one.
 *   racer KEEPER         until SIGTERM; says what it got into, and at the end "N seen, M opened"
 *   racer --late COUNT   the control: starts COUNT children, one after the other, each of which hardens itself late
 *   racer --trace PROGRAM ARGUMENTS...   runs it traced from the start; ends with its status, and it with the racer
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;

static void stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static void milliseconds(long n)
{
    struct timespec t = { .tv_nsec = n * 1000000 };

    nanosleep(&t, NULL);
}

/* One way in each: what it is called if it was open. */
static const char *look_into(long pid)
{
    static const char *const files[] = { "mem", "environ", "auxv", "map_files", "fd" };
    char path[64];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        int fd;

        snprintf(path, sizeof(path), "/proc/%ld/%s", pid, files[i]);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            close(fd);
            return files[i];
        }
    }
    if (ptrace(PTRACE_SEIZE, (pid_t)pid, NULL, NULL) < 0)
        return NULL;
    /* Let go again: it could not end otherwise. */
    if (ptrace(PTRACE_INTERRUPT, (pid_t)pid, NULL, NULL) == 0 && waitpid((pid_t)pid, NULL, __WALL) == pid)
        (void)ptrace(PTRACE_DETACH, (pid_t)pid, NULL, NULL);
    return "ptrace";
}

static int race(const char *keeper)
{
    char path[64], line[256];
    long last = 0, opened_last = 0;
    unsigned seen = 0, opened = 0;

    snprintf(path, sizeof(path), "/proc/%s/task/%s/children", keeper, keeper);
    while (!stopping) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
        const char *how;
        long pid = 0;

        if (fd >= 0)
            close(fd);
        if (n < 0)
            break;
        line[n] = '\0';
        /* The newest is the last. */
        for (char *at = line, *end; (end = strchr(at, ' ')) != NULL; at = end + 1)
            pid = strtol(at, NULL, 10);
        if (pid == 0)
            continue;
        seen += pid != last;
        last = pid;
        how = pid == opened_last ? NULL : look_into(pid);
        if (how == NULL)
            continue;
        opened_last = pid;
        opened++;
        printf("process %ld was open: %s\n", pid, how);
    }
    printf("%u seen, %u opened\n", seen, opened);
    return 0;
}

static int late(const char *self, const char *count)
{
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        return 1;
    /* Whoever races is told whom, and has time to begin. */
    printf("ready\n");
    fflush(stdout);
    milliseconds(100);
    for (long i = 0; i < strtol(count, NULL, 10); i++) {
        pid_t child = fork();

        if (child == 0) {
            execl(self, self, "--harden", (char *)NULL);
            _exit(1);
        }
        if (child < 0 || waitpid(child, NULL, 0) != child)
            return 1;
    }
    return 0;
}

static int trace(char **argv)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        raise(SIGSTOP);
        execv(argv[0], argv);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, WUNTRACED) != child || ptrace(PTRACE_SEIZE, child, NULL, PTRACE_O_EXITKILL) < 0 ||
        kill(child, SIGCONT) < 0)
        return 126;
    while (waitpid(child, &status, __WALL) == child && WIFSTOPPED(status)) {
        int number = WSTOPSIG(status);

        ptrace(PTRACE_CONT, child, NULL, (void *)(long)(number == SIGTRAP || number == SIGSTOP ? 0 : number));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = stop };

    setvbuf(stdout, NULL, _IOLBF, 0);
    sigaction(SIGTERM, &action, NULL);
    if (argc == 2 && strcmp(argv[1], "--harden") == 0) {
        milliseconds(5);
        return prctl(PR_SET_DUMPABLE, 0) < 0;
    }
    if (argc == 3 && strcmp(argv[1], "--late") == 0)
        return late(argv[0], argv[2]);
    if (argc >= 3 && strcmp(argv[1], "--trace") == 0)
        return trace(argv + 2);
    return argc == 2 ? race(argv[1]) : 2;
}
