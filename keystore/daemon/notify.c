/* What a service manager and a daemon say to each other: readiness, and descriptors handed over. */
#include "daemon/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/socket.h"
#include "daemon/keeper_link.h"
#include "daemon/store_name.h"

#define LISTEN_FDS_START 3
/* More than a box has. */
#define HANDED_MAX (2 * KEEP_SLOTS_MAX)

/* The manager's address, and its length; 0: there is none. */
static socklen_t manager_address(struct sockaddr_un *ret)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path == NULL ? 0 : strlen(path);

    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (len < 2 || len >= sizeof(ret->sun_path) || (path[0] != '/' && path[0] != '@'))
        return 0;
    memcpy(ret->sun_path, path, len);
    if (path[0] == '@')
        ret->sun_path[0] = '\0'; /* an abstract name, which is not NUL-terminated */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

bool notify_there(void)
{
    struct sockaddr_un addr;

    return manager_address(&addr) > 0;
}

/* Else there is no room: in the manager's queue, in memory, or among the descriptors that may be under way. */
static bool manager_gone(int error)
{
    return error == ECONNREFUSED || error == ENOENT || error == EACCES || error == EPERM || error == ENOTDIR;
}

int notify_descriptor(const char *text, int fd)
{
    union {
        struct cmsghdr align;
        uint8_t space[CMSG_SPACE(sizeof(int))];
    } control = { .space = { 0 } };
    struct iovec iov = { (char *)text, strlen(text) };
    struct sockaddr_un addr;
    struct msghdr msg = { .msg_name = &addr, .msg_namelen = manager_address(&addr), .msg_iov = &iov, .msg_iovlen = 1 };
    int sock, r = 0;

    if (msg.msg_namelen == 0)
        return LB_E_NO_BOX;
    if (fd >= 0) {
        struct cmsghdr *c = &control.align;

        msg.msg_control = control.space;
        msg.msg_controllen = sizeof(control.space);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(fd));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    }
    sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return LB_E_TIMEOUT;
    if (sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        r = manager_gone(errno) ? LB_E_SYSTEM : LB_E_TIMEOUT;
    socket_close(sock);
    return r;
}


uint64_t notify_interval(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

    if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    return strtoull(usec, NULL, 10) / 1000 / 2;
}

/* Is it a socket that the box can accept connections from? */
static int check_listener(int fd, struct problem *p)
{
    int type = 0, listening = 0;
    socklen_t len = sizeof(int);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening) {
        problem_set(p, LB_E_CONFIG, "the socket of the service manager is not a listening SEQPACKET socket");
        problem_hint(p, "in the .socket unit use ListenSequentialPacket=");
        return LB_E_CONFIG;
    }
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return problem_set(p, LB_E_SYSTEM, "fcntl on the socket of the service manager failed");
    return 0;
}

int handed_add(struct handed *h, int fd, const char *name, struct problem *p)
{
    int flags = fcntl(fd, F_GETFD);

    /* Descriptors for us stay open when we are run. Whatever does not is our own, or was handed over already. */
    if (flags < 0 || (flags & FD_CLOEXEC) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return problem_set(p, LB_E_CONFIG, "descriptor %d was to be handed over, and is not there", fd);
    if (store_name_ours(name)) {
        h->kept[h->count++] = (struct handed_descriptor){ fd, name, .stored = true };
        return 0;
    }
    if (h->listener >= 0)
        return problem_set(p, LB_E_CONFIG, "the service manager hands over several sockets, one is expected");
    h->listener = fd;
    return check_listener(fd, p);
}

int notify_handed(struct handed *ret, struct problem *p)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
    unsigned long count;
    char *end, *rest;
    int r = 0;

    *ret = (struct handed){ .listener = -1 };
    if (pid == NULL || fds == NULL || strtol(pid, NULL, 10) != (long)getpid())
        return 0;
    count = strtoul(fds, &end, 10);
    if (fds[0] < '1' || fds[0] > '9' || *end != '\0' || count > HANDED_MAX || (names == NULL && count > 1))
        return problem_set(p, LB_E_CONFIG, "the service manager hands over %.20s sockets, one is expected", fds);
    ret->kept = calloc(count, sizeof(*ret->kept));
    ret->names = names == NULL ? NULL : strdup(names);
    if (ret->kept == NULL || (names != NULL && ret->names == NULL))
        return problem_set(p, LB_E_NOMEM, "out of memory");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    rest = ret->names;
    for (unsigned long i = 0; r == 0 && i < count; i++) {
        const char *name = rest == NULL ? "" : strsep(&rest, ":");

        /* Without names all are the manager's sockets; with them there is one for each. */
        if (ret->names != NULL && name[0] == '\0' && rest == NULL && i > 0)
            return problem_set(p, LB_E_CONFIG, "the service manager hands over %lu descriptors, and names fewer", count);
        r = handed_add(ret, LISTEN_FDS_START + (int)i, name, p);
    }
    return r;
}

void notify_handed_clear(struct handed *h)
{
    free(h->kept);
    free(h->names);
    *h = (struct handed){ .listener = -1 };
}
