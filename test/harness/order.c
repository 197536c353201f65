/*
 * Preloaded into a box: says of each thing that a child reads first (packet, store, credential, module) if its
 * system calls were filtered by then. "order: NAME filtered" or "order: NAME open", on standard error.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/errors.h"

struct sqlite3;
int sqlite3_open_v2(const char *path, struct sqlite3 **ret, int flags, const char *vfs);

static bool is_child;

__attribute__((constructor)) static void begin(int argc, char **argv)
{
    is_child = argc > 1 && strcmp(argv[1], "--child") == 0;
}

static void tell(const char *what)
{
    char line[80];
    int len;

    if (!is_child)
        return;
    /* To ask is forbidden once there is a filter. */
    len = snprintf(line, sizeof(line), "order: %s %s\n", what, prctl(PR_GET_SECCOMP) == 0 ? "open" : "filtered");
    (void)!write(STDERR_FILENO, line, (size_t)len);
}

/* What POSIX wants of dlsym(), and ISO C does not let one write as a cast. */
static void find(const char *name, void *ret)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    memcpy(ret, &symbol, sizeof(symbol));
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
    static atomic_bool told;

    if (!atomic_exchange(&told, true))
        tell("packet");
    return syscall(SYS_recvmsg, fd, msg, flags);
}

int sqlite3_open_v2(const char *path, struct sqlite3 **ret, int flags, const char *vfs)
{
    int (*real)(const char *, struct sqlite3 **, int, const char *);

    tell("store");
    find("sqlite3_open_v2", &real);
    return real(path, ret, flags, vfs);
}

void *dlopen(const char *file, int flags)
{
    void *(*real)(const char *, int);

    if (file != NULL && strstr(file, "badmodule") != NULL)
        tell("module");
    find("dlopen", &real);
    return real(file, flags);
}

static int open_file(const char *path, int flags, va_list ap)
{
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
    size_t len = strlen(path);

    if (len > 11 && strcmp(path + len - 11, ".credential") == 0)
        tell("credential");
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    int fd;

    va_start(ap, flags);
    fd = open_file(path, flags, ap);
    va_end(ap);
    return fd;
}

/* What a fortified program calls where flags are not a constant. */
int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return open(path, flags);
}

#if defined(__GLIBC__) && !defined(open64)
int open64(const char *path, int flags, ...)
{
    va_list ap;
    int fd;

    va_start(ap, flags);
    fd = open_file(path, flags, ap);
    va_end(ap);
    return fd;
}
#endif
