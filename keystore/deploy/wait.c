/* Waiting for a descriptor, until a time. */
#include "deploy/wait.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

long long wait_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int wait_for(int fd, short events, long long end)
{
    struct pollfd one = { .fd = fd, .events = events };
    long long left;
    int n = -1;

    errno = EINTR;
    while (n < 0 && errno == EINTR) {
        left = end - wait_now();
        if (left <= 0)
            return LB_E_TIMEOUT;
        n = poll(&one, 1, (int)left);
    }
    return n > 0 ? 0 : n == 0 ? LB_E_TIMEOUT : LB_E_SYSTEM;
}
