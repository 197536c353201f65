/*
 * Prints TCP ports of the loopback address that nobody has. They are below those that the kernel gives away by itself: on a
 * busy machine it takes its time until the server listens, and meanwhile a connection of anybody's could get its port.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORTS_MAX 16
#define LOWEST 10000
#define TRIES 1000

/* The first port that the kernel gives away. */
static unsigned kernels(void)
{
    unsigned low = 0;
    FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");

    if (f == NULL || fscanf(f, "%u", &low) != 1)
        low = 0;
    if (f != NULL)
        fclose(f);
    return low;
}

/* This port, which stays bound; 0: one of the kernel's choice. */
static bool take(unsigned port, unsigned *ret)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port) };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0)
        return false;
    if (bind(fd, (struct sockaddr *)&a, len) != 0 || getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        close(fd);
        return false;
    }
    *ret = ntohs(a.sin_port);
    return true;
}

static bool take_any(unsigned *ret)
{
    unsigned end = kernels(), number;

    for (int i = 0; end > 2 * LOWEST && i < TRIES; i++) {
        if (getrandom(&number, sizeof(number), 0) == (ssize_t)sizeof(number) && take(LOWEST + number % (end - LOWEST), ret))
            return true;
    }
    return take(0, ret);
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 1;
    unsigned port;

    if (n < 1 || n > PORTS_MAX) {
        fputs("usage: freeport [N]\n", stderr);
        return 2;
    }
    /* All stay bound until the end, so that no two are the same. */
    for (int i = 0; i < n; i++) {
        if (!take_any(&port)) {
            perror("freeport");
            return 1;
        }
        printf("%u\n", port);
    }
    return 0;
}
