/* Where a server answers: HOST:PORT or a socket's path, and what is said there before TLS begins. */
#include "deploy/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/socket.h"
#include "deploy/starttls.h"
#include "deploy/wait.h"

static bool parse_port(const char *text, char ret[6])
{
    size_t len = strspn(text, "0123456789");
    unsigned long n = 0;

    if (len == 0 || len > 5 || text[len] != '\0')
        return false;
    for (size_t i = 0; i < len; i++)
        n = n * 10 + (unsigned long)(text[i] - '0');
    memcpy(ret, text, len + 1);
    return n >= 1 && n <= 65535;
}

static bool take_host(const char *from, size_t len, char ret[ADDRESS_HOST_MAX + 1])
{
    if (len == 0 || len > ADDRESS_HOST_MAX)
        return false;
    memcpy(ret, from, len);
    ret[len] = '\0';
    return true;
}

bool address_parse(const char *text, struct address *ret)
{
    const char *comma = strrchr(text, ',');
    char place[ADDRESS_HOST_MAX + 20];
    size_t len = comma == NULL ? strlen(text) : (size_t)(comma - text);
    const char *colon;

    memset(ret, 0, sizeof(*ret));
    if (len == 0 || len >= sizeof(place) || strcspn(text, " \t") != strlen(text))
        return false;
    memcpy(place, text, len);
    place[len] = '\0';
    if (comma != NULL && (ret->starttls = starttls_find(comma + 1)) == NULL)
        return false;
    if (place[0] == '/')
        return len < sizeof(((struct sockaddr_un *)NULL)->sun_path) && take_host(place, len, ret->host);
    colon = strrchr(place, ':');
    if (colon == NULL || !parse_port(colon + 1, ret->port))
        return false;
    if (place[0] == '[')
        return colon > place + 1 && colon[-1] == ']' && take_host(place + 1, (size_t)(colon - place) - 2, ret->host);
    return take_host(place, (size_t)(colon - place), ret->host) && strchr(ret->host, ':') == NULL;
}

bool address_is_number(const struct address *a)
{
    struct in6_addr unused;

    return a->host[0] == '/' || inet_pton(AF_INET, a->host, &unused) == 1 || strchr(a->host, ':') != NULL;
}

static int connect_to(int family, const struct sockaddr *to, socklen_t len, long long end, int *ret_fd)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0, error = 0;
    socklen_t size = sizeof(error);

    if (fd < 0)
        return LB_E_SYSTEM;
    if (connect(fd, to, len) < 0) {
        r = errno == EINPROGRESS ? wait_for(fd, POLLOUT, end) : LB_E_SYSTEM;
        if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
            r = LB_E_SYSTEM;
        if (r == 0 && error != 0) {
            errno = error;
            r = LB_E_SYSTEM;
        }
    }
    if (r == 0)
        *ret_fd = fd;
    else
        socket_close(fd);
    return r;
}

static int connect_host(const struct address *a, long long end, int *ret_fd, struct problem *p)
{
    const struct addrinfo wanted = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int r = getaddrinfo(a->host, a->port, &wanted, &found);

    if (r != 0)
        return problem_set(p, LB_E_SYSTEM, "the name is not known: %s", gai_strerror(r));
    r = LB_E_SYSTEM;
    for (const struct addrinfo *to = found; r != 0 && to != NULL; to = to->ai_next)
        r = connect_to(to->ai_family, to->ai_addr, to->ai_addrlen, end, ret_fd);
    if (r != 0)
        problem_set(p, r, "nothing answers there: %s", r == LB_E_TIMEOUT ? "it takes too long" : strerror(errno));
    freeaddrinfo(found);
    return r;
}

static int connect_path(const struct address *a, long long end, int *ret_fd, struct problem *p)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int r;

    /* address_parse() has seen that it fits. */
    memcpy(to.sun_path, a->host, strnlen(a->host, sizeof(to.sun_path) - 1));
    r = connect_to(AF_UNIX, (const struct sockaddr *)&to, sizeof(to), end, ret_fd);
    return r == 0 ? 0 : problem_set(p, r, "nothing answers there: %s", r == LB_E_TIMEOUT ? "it takes too long" : strerror(errno));
}

int address_connect(const struct address *a, long long end, int *ret_fd, struct problem *p)
{
    int fd = -1, r = a->port[0] == '\0' ? connect_path(a, end, &fd, p) : connect_host(a, end, &fd, p);

    if (r == 0 && a->starttls != NULL)
        r = starttls_ask(a->starttls, fd, end, p);
    if (r == 0)
        *ret_fd = fd;
    else
        socket_close(fd);
    return r;
}
