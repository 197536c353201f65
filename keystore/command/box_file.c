/* Files of a box, read for it with no more rights than it has itself: root never lends its own. */
#include "command/box_file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/secret.h"
#include "guard/secret_file.h"

#define WAIT_SECONDS 10

/* What the reading process tells; the bytes follow. */
struct told {
    int result, error; /* LB_E_*, errno */
    size_t len;
    struct problem why;
};

bool boxfile_can(const struct peer *box)
{
    return geteuid() == 0 || geteuid() == box->uid;
}

/* Drops the capabilities. Leaving root does that, unless root was told to keep them (capabilities(7), securebits). */
static bool drop_capabilities(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

    return syscall(SYS_capset, &header, none) == 0;
}

/*
 * Becomes the user for good, and checks that. The process is a copy of root's: after the change of user, the user's other
 * processes must not be able to trace it.
 */
static bool become(const struct peer *box)
{
    uid_t uids[3];
    gid_t gids[3];

    if (setgroups(0, NULL) < 0 || setresgid(box->gid, box->gid, box->gid) < 0 ||
        setresuid(box->uid, box->uid, box->uid) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return false;
    if (!drop_capabilities() || getresuid(&uids[0], &uids[1], &uids[2]) < 0 || getresgid(&gids[0], &gids[1], &gids[2]) < 0)
        return false;
    errno = EPERM;
    for (int i = 0; i < 3; i++) {
        if (uids[i] != box->uid || gids[i] != box->gid)
            return false;
    }
    return true;
}

/* The reading process. It writes all at once, since the pipe has room for it. */
static _Noreturn void read_and_tell(const struct peer *box, const struct secretfile *from, int out)
{
    struct told told;
    void *data = NULL;
    struct iovec parts[2] = { { &told, sizeof(told) }, { NULL, 0 } };
    ssize_t written;

    memset(&told, 0, sizeof(told)); /* holes too */
    if (!become(box)) {
        told.error = errno;
        told.result = problem_set(&told.why, LB_E_SYSTEM, "cannot become uid %lu: %s", (unsigned long)box->uid,
                                  strerror(told.error));
    } else {
        told.result = secretfile_read(from, &data, &told.len, &told.why);
        told.error = errno;
    }
    if (told.result == 0)
        parts[1] = (struct iovec){ data, told.len };
    written = writev(out, parts, 2);
    secret_free(data, from->max);
    _exit(written == (ssize_t)(sizeof(told) + parts[1].iov_len) ? 0 : 1);
}

/*
 * Hears what the reading process tells. The user may stop that process, which then never tells, or never ends. Once it has
 * begun to write, all is in the pipe, and it is not needed any more.
 */
static int hear(int in, pid_t pid, size_t max, void **ret, size_t *ret_len, struct problem *p)
{
    struct pollfd ready = { .fd = in, .events = POLLIN };
    struct told told;
    int n;

    do
        n = poll(&ready, 1, WAIT_SECONDS * 1000);
    while (n < 0 && errno == EINTR);
    errno = ETIMEDOUT;
    if (n == 1)
        errno = EIO;
    if (n != 1 || read(in, &told, sizeof(told)) != (ssize_t)sizeof(told))
        return problem_set(p, LB_E_SYSTEM, "%s", strerror(errno));
    (void)kill(pid, SIGKILL);
    *p = told.why;
    errno = told.error;
    if (told.result != 0)
        return told.result;
    n = secret_read_fd(in, max, ret, ret_len);
    if (n == LB_E_NOMEM)
        return secret_no_memory(p);
    if (n == 0 && *ret_len == told.len)
        return 0;
    if (n == 0)
        secret_free(*ret, max);
    *ret = NULL;
    errno = EIO;
    return problem_set(p, LB_E_SYSTEM, "%s", strerror(errno));
}

static int read_as(const struct peer *box, const struct secretfile *from, void **ret, size_t *ret_len, struct problem *p)
{
    int fds[2], r, saved;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return problem_set(p, LB_E_SYSTEM, "%s", strerror(errno));
    pid = fork();
    if (pid == 0)
        read_and_tell(box, from, fds[1]);
    saved = errno;
    socket_close(fds[1]);
    errno = saved;
    r = pid < 0 ? problem_set(p, LB_E_SYSTEM, "%s", strerror(errno)) : hear(fds[0], pid, from->max, ret, ret_len, p);
    saved = errno;
    socket_close(fds[0]);
    if (pid > 0) {
        (void)kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    errno = saved;
    return r;
}

int boxfile_read(const struct peer *box, const char *path, size_t max, void **ret, size_t *ret_len, struct problem *p)
{
    const struct secretfile from = { .path = path, .max = max, .also = box->uid };

    *ret = NULL;
    *ret_len = 0;
    if (!boxfile_can(box))
        return problem_set(p, LB_E_DENIED, "only root and uid %lu can read it for the box", (unsigned long)box->uid);
    /* A box that is root's may read what root may. */
    return geteuid() == box->uid ? secretfile_read(&from, ret, ret_len, p) : read_as(box, &from, ret, ret_len, p);
}
