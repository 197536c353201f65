/* Unix sockets: addresses, connecting, listening, descriptors and credentials with a packet. */
#include "base/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>


#define SOCKET_TYPE (SOCK_SEQPACKET | SOCK_CLOEXEC)
#define BACKLOG 1024
/* A socket keeps the name that it was bound to when its file is renamed. */
#define DRAFT "~"
/* In milliseconds. */
#define CONNECT_TIMEOUT 5000
/* Linux 6.5 and 6.16; older headers do not name them. */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif
#ifndef SO_INQ
#define SO_INQ 84
#endif

static int address(const char *path, struct sockaddr_un *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(ret->sun_path))
        return LB_E_TOO_LONG;
    memcpy(ret->sun_path, path, strlen(path) + 1);
    return 0;
}

void socket_close(int fd)
{
    int saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
}

int socket_connect(const char *path, int *ret_fd)
{
    return socket_connect_within(path, CONNECT_TIMEOUT, ret_fd);
}

int socket_connect_within(const char *path, unsigned ms, int *ret_fd)
{
    struct sockaddr_un addr;
    int fd, r = address(path, &addr);

    if (r != 0)
        return r;
    fd = socket(AF_UNIX, SOCKET_TYPE, 0);
    if (fd < 0)
        return LB_E_SYSTEM;
    /*
     * Credentials are asked for on the caller's end too. What is sent between the box's accept and its setsockopt would
     * have none.
     */
    r = socket_want_peer(fd);
    /* The time limit holds for connect(2) too, which waits while the queue of a box is full. */
    if (r == 0)
        r = socket_set_timeout(fd, ms);
    while (r == 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 && errno != EISCONN) {
        if (errno != EINTR)
            r = LB_E_SYSTEM;
    }
    if (r < 0) {
        bool absent = errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR;

        socket_close(fd);
        return absent ? LB_E_NO_BOX : errno == EAGAIN ? LB_E_TIMEOUT : LB_E_SYSTEM;
    }
    if (socket_set_timeout(fd, 0) != 0) {
        socket_close(fd);
        return LB_E_SYSTEM;
    }
    *ret_fd = fd;
    return 0;
}

/* Only a socket may be replaced. Anything else is somebody's, and stays. */
static bool may_replace(const char *path)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT;
    errno = EEXIST;
    return S_ISSOCK(st.st_mode);
}

/*
 * The socket is made beside its place. It is moved there when it listens and has its mode. So callers that wait for a box
 * find the old socket or the new one, and never one that refuses them.
 */
int socket_listen(const char *path, mode_t mode, int *ret_fd)
{
    struct sockaddr_un addr;
    char draft[sizeof(addr.sun_path) + 1];
    int fd = -1, probe = -1, r;

    snprintf(draft, sizeof(draft), "%s" DRAFT, path);
    r = address(draft, &addr);
    if (r != 0)
        return r;
    r = socket_connect(path, &probe);
    socket_close(probe);
    if (r == 0)
        return LB_E_IN_USE;
    if (!may_replace(path) || (unlink(draft) < 0 && errno != ENOENT))
        return LB_E_SYSTEM;
    fd = socket(AF_UNIX, SOCKET_TYPE | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return LB_E_SYSTEM;
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || chmod(draft, mode) < 0 || listen(fd, BACKLOG) < 0 ||
        rename(draft, path) < 0) {
        socket_close(fd);
        return LB_E_SYSTEM;
    }
    *ret_fd = fd;
    return 0;
}

bool socket_listens_at(int fd, const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNSPEC };
    char draft[sizeof(addr.sun_path) + 1];
    int type = 0, listening = 0;
    socklen_t len = sizeof(int), addr_len = sizeof(addr) - 1;

    snprintf(draft, sizeof(draft), "%s" DRAFT, path);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening &&
           getsockname(fd, (struct sockaddr *)&addr, &addr_len) == 0 && addr.sun_family == AF_UNIX &&
           strncmp(addr.sun_path, draft, sizeof(addr.sun_path)) == 0;
}

int socket_set_timeout(int fd, unsigned ms)
{
    struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
        return LB_E_SYSTEM;
    return 0;
}

int socket_want_peer(int fd)
{
    int on = 1;

    return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ? LB_E_SYSTEM : 0;
}

int socket_want_only_peer(int fd)
{
    static const int attached[] = { SO_PASSSEC,     SO_PASSPIDFD,   SO_TIMESTAMP, SO_TIMESTAMPNS,
                                    SO_TIMESTAMPING, SO_RXQ_OVFL, SO_WIFI_STATUS, SO_INQ };
    int off = 0;

    /* Failures do not matter: a kernel that does not know an option attaches nothing by it. */
    for (size_t i = 0; i < sizeof(attached) / sizeof(attached[0]); i++)
        (void)setsockopt(fd, SOL_SOCKET, attached[i], &off, sizeof(off));
    return socket_want_peer(fd);
}

int socket_peer(int fd, struct peer *ret)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || len != sizeof(cred))
        return LB_E_SYSTEM;
    *ret = (struct peer){ cred.pid, cred.uid, cred.gid };
    return 0;
}

static int error_of_errno(void)
{
    switch (errno) {
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
        return LB_E_CLOSED;
    case EAGAIN:
    case ETIMEDOUT:
        return LB_E_TIMEOUT;
    case EMSGSIZE:
        return LB_E_TOO_LONG;
    default:
        return LB_E_SYSTEM;
    }
}

int socket_send(int sock, const void *data, size_t len, int fd, bool dont_wait)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n;

    if (fd >= 0) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof(control));
        msg.msg_control = control.space;
        msg.msg_controllen = sizeof(control.space);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
    }
    do
        n = sendmsg(sock, &msg, MSG_NOSIGNAL | (dont_wait ? MSG_DONTWAIT : 0));
    while (n < 0 && errno == EINTR);
    return n < 0 ? error_of_errno() : 0;
}

/* Takes every descriptor that the kernel installed. One that is missed stays open in this process for good. */
static void take_fds(const struct cmsghdr *c, int fds[SOCKET_FDS_MAX], size_t *count)
{
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < n; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
        if (*count < SOCKET_FDS_MAX)
            fds[(*count)++] = fd;
        else
            close(fd);
    }
}

/* Reads the control messages of a packet. True: there is more than credentials. fds NULL: descriptors are closed. */
static bool read_control(struct msghdr *msg, int *fds, size_t *count, struct peer *ret_peer)
{
    bool more = (msg->msg_flags & MSG_CTRUNC) != 0;
    LB_UNFILLED int closed[SOCKET_FDS_MAX];
    size_t closed_count = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
            struct ucred cred;

            memcpy(&cred, CMSG_DATA(c), sizeof(cred));
            if (ret_peer != NULL)
                *ret_peer = (struct peer){ cred.pid, cred.uid, cred.gid };
            continue;
        }
        more = true;
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && fds != NULL)
            take_fds(c, fds, count);
        else if (c->cmsg_level == SOL_SOCKET && (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == SCM_PIDFD))
            take_fds(c, closed, &closed_count);
    }
    while (closed_count > 0)
        close(closed[--closed_count]);
    return more;
}

static int receive(int sock, struct msghdr *msg, int flags, size_t *ret_len)
{
    size_t room = msg->msg_controllen;
    ssize_t n;

    do {
        msg->msg_controllen = room;
        n = recvmsg(sock, msg, MSG_CMSG_CLOEXEC | flags);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_of_errno();
    *ret_len = (size_t)n;
    return 0;
}

/* An empty packet is the end of the connection: no packet of the protocol is empty. */
static int length_error(const struct msghdr *msg, size_t len)
{
    return len == 0 ? LB_E_CLOSED : (msg->msg_flags & MSG_TRUNC) != 0 ? LB_E_TOO_LONG : 0;
}

static const struct peer no_peer = { 0, (uid_t)-1, (gid_t)-1 };

/* Room for all that can come. What has no room, the kernel destroys during the call. */
union all_control {
    struct cmsghdr align;
    char space[CMSG_SPACE(SOCKET_FDS_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

static int receive_all(int sock, void *buf, size_t size, bool dont_wait, size_t *ret_len, int *fds, size_t *count,
                       struct peer *ret_peer)
{
    LB_UNFILLED union all_control control;
    struct iovec iov = { .iov_base = buf, .iov_len = size };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space,
                          .msg_controllen = sizeof(control.space) };
    int r;

    if (ret_peer != NULL)
        *ret_peer = no_peer;
    *count = 0;
    r = receive(sock, &msg, dont_wait ? MSG_DONTWAIT : 0, ret_len);
    if (r != 0)
        return r;
    (void)read_control(&msg, fds, count, ret_peer);
    return length_error(&msg, *ret_len);
}

int socket_receive_all(int sock, void *buf, size_t size, bool dont_wait, size_t *ret_len, int fds[SOCKET_FDS_MAX],
                       size_t *ret_count, struct peer *ret_peer)
{
    return receive_all(sock, buf, size, dont_wait, ret_len, fds, ret_count, ret_peer);
}

int socket_receive(int sock, void *buf, size_t size, bool dont_wait, size_t *ret_len, int *ret_fd,
                   struct peer *ret_peer)
{
    LB_UNFILLED int fds[SOCKET_FDS_MAX];
    int kept = -1, r;
    size_t count = 0;

    r = receive_all(sock, buf, size, dont_wait, ret_len, fds, &count, ret_peer);
    if (r == 0 && ret_fd != NULL && count > 0)
        kept = fds[0];
    for (size_t i = kept < 0 ? 0 : 1; i < count; i++)
        close(fds[i]);
    if (ret_fd != NULL)
        *ret_fd = kept;
    return r;
}

/* Room for credentials alone, so that no descriptor is installed. */
union peer_control {
    struct cmsghdr align;
    char space[CMSG_SPACE(sizeof(struct ucred))];
};

int socket_look(int sock, void *buf, size_t size, bool dont_wait, size_t *ret_len, bool *ret_attached, struct peer *ret_peer)
{
    union peer_control control;
    struct iovec iov = { .iov_base = buf, .iov_len = size };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space,
                          .msg_controllen = sizeof(control.space) };
    int r;

    *ret_peer = no_peer;
    r = receive(sock, &msg, MSG_PEEK | (dont_wait ? MSG_DONTWAIT : 0), ret_len);
    if (r != 0)
        return r;
    *ret_attached = read_control(&msg, NULL, NULL, ret_peer);
    return length_error(&msg, *ret_len);
}

void socket_pass_over(int sock)
{
    ssize_t n;

    do
        n = recv(sock, NULL, 0, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
}

bool socket_is_channel(int fd)
{
    int domain = 0, type = 0, listening = 1;
    socklen_t len = sizeof(int);
    struct sockaddr_un peer;

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain != AF_UNIX ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || listening)
        return false;
    len = sizeof(peer);
    return getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
}

bool socket_end(int fd)
{
    union peer_control control;
    struct msghdr msg = { .msg_control = control.space, .msg_controllen = sizeof(control.space) };
    int saved = errno;
    size_t len = 1;
    bool empty;

    /* From here on nobody can add to the queue: neither who has the far end nor who sends right now. */
    (void)shutdown(fd, SHUT_RDWR);
    /* Credentials fill the room for control messages. In the same room without them, a look would open descriptors. */
    if (socket_want_peer(fd) != 0)
        return false;
    /* An empty packet has credentials; the end has none. */
    empty = receive(fd, &msg, MSG_PEEK | MSG_DONTWAIT, &len) == 0 && len == 0 && msg.msg_controllen == 0 &&
            (msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0;
    errno = saved;
    return empty;
}
