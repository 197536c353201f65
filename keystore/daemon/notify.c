/* What a service manager and a daemon say to each other: readiness and sockets handed over. */
#include "daemon/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/socket.h"

#define LISTEN_FDS_START 3

void notify_manager(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    size_t len = path == NULL ? 0 : strlen(path);
    int fd;

    if (len < 2 || len >= sizeof(addr.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(addr.sun_path, path, len);
    if (path[0] == '@')
        addr.sun_path[0] = '\0'; /* an abstract name, which is not NUL-terminated */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&addr,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    socket_close(fd);
}

uint64_t notify_interval(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

    if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    return strtoull(usec, NULL, 10) / 1000 / 2;
}

int notify_listen_fd(int *ret_fd, struct problem *p)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    int type = 0, listening = 0;
    socklen_t len = sizeof(int);

    *ret_fd = -1;
    if (pid == NULL || fds == NULL || strtol(pid, NULL, 10) != (long)getpid())
        return 0;
    if (strcmp(fds, "1") != 0)
        return problem_set(p, LB_E_CONFIG, "the service manager hands over %.20s sockets, one is expected", fds);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (getsockopt(LISTEN_FDS_START, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET ||
        getsockopt(LISTEN_FDS_START, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening) {
        problem_set(p, LB_E_CONFIG, "the socket of the service manager is not a listening SEQPACKET socket");
        problem_hint(p, "in the .socket unit use ListenSequentialPacket=");
        return LB_E_CONFIG;
    }
    if (fcntl(LISTEN_FDS_START, F_SETFD, FD_CLOEXEC) < 0 || fcntl(LISTEN_FDS_START, F_SETFL, O_NONBLOCK) < 0)
        return problem_set(p, LB_E_SYSTEM, "fcntl on the socket of the service manager failed");
    *ret_fd = LISTEN_FDS_START;
    return 0;
}
