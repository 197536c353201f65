/* A descriptor of ours, told from those that others opened under the same number. */
#include "client/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/socket.h"

/*
 * A socket's timeout may be wrong by that much before it is set anew. Setting it costs a system call, on the path of every
 * signature.
 */
#define TIMEOUT_SLACK_MS 100

/* A careless close() of the program's is unlikely to hit descriptors from this number on. */
#define HIGH 100

/* fd under a number from the given one on, where the limits of the process allow that. */
static int move(int fd, int from)
{
    int higher, saved = errno;

    if (fd < 0 || fd >= from)
        return fd;
    higher = fcntl(fd, F_DUPFD_CLOEXEC, from);
    errno = saved;
    if (higher < 0)
        return fd;
    socket_close(fd);
    return higher;
}

int conn_take(struct conn *s, int fd)
{
    struct stat st;

    *s = (struct conn){ .fd = -1 };
    fd = move(move(fd, HIGH), STDERR_FILENO + 1);
    if (fd >= 0 && fd <= STDERR_FILENO) {
        socket_close(fd);
        fd = -1;
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        socket_close(fd);
        return LB_E_SYSTEM;
    }
    *s = (struct conn){ .fd = fd, .dev = st.st_dev, .ino = st.st_ino };
    return 0;
}

bool conn_is_ours(const struct conn *s)
{
    struct stat st;

    return s->fd >= 0 && fstat(s->fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == s->dev && st.st_ino == s->ino;
}

void conn_drop(struct conn *s)
{
    if (conn_is_ours(s))
        socket_close(s->fd);
    s->fd = -1;
}

int conn_limit(struct conn *s, uint64_t ms)
{
    int r;

    if (s->timeout_ms != 0 && s->timeout_ms <= ms + TIMEOUT_SLACK_MS && ms <= s->timeout_ms + TIMEOUT_SLACK_MS)
        return 0;
    r = socket_set_timeout(s->fd, (unsigned)ms);
    if (r == 0)
        s->timeout_ms = (unsigned)ms;
    return r;
}
