/* Programs that are closed to their own user from the first instruction on: exec(2) of a file that it may not read. */
#include "daemon/closed_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u /* Linux 6.3 */
#endif

#ifndef LB_SANITIZED
/* The bytes that one sendfile(2) copies at most. */
#define COPY_STEP ((size_t)1 << 30)

static int new_memory_file(void)
{
    int fd = memfd_create("littleboxd", MFD_CLOEXEC | MFD_EXEC);

    return fd < 0 && errno == EINVAL ? memfd_create("littleboxd", MFD_CLOEXEC) : fd;
}

static bool copy(int from, int to)
{
    ssize_t n;

    do
        n = sendfile(to, from, NULL, COPY_STEP);
    while (n > 0 || (n < 0 && errno == EINTR));
    return n == 0;
}

/* A copy of the program, open neither for reading nor for writing: the kernel runs no file that somebody can write to. -1. */
static int closed_copy(const char *program)
{
    char path[40];
    int from = open(program, O_RDONLY | O_CLOEXEC), to = -1, ret = -1;

    if (from >= 0)
        to = new_memory_file();
    if (to >= 0 && copy(from, to) && fchmod(to, 0111) == 0) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", to);
        ret = open(path, O_PATH | O_CLOEXEC);
    }
    if (to >= 0)
        close(to);
    if (from >= 0)
        close(from);
    return ret;
}

static void try_copy(const char *program, char *const argv[])
{
    int fd = closed_copy(program);

    if (fd < 0)
        return;
    (void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
    close(fd);
}
#endif

void exec_closed(const char *program, char *const argv[])
{
#ifndef LB_SANITIZED /* whose reports name lines by what they read of the program */
    try_copy(program, argv);
#endif
    execv(program, argv);
}

bool exec_was_closed(void)
{
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1;
}

int exec_tracer(pid_t *ret)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    int r = LB_E_SYSTEM;

    if (f == NULL)
        return LB_E_SYSTEM;
    while (r != 0 && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "TracerPid:", 10) != 0)
            continue;
        *ret = (pid_t)strtol(line + 10, NULL, 10);
        r = 0;
    }
    fclose(f);
    if (r != 0)
        errno = ENODATA;
    return r;
}
