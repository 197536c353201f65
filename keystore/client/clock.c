/* Times of a request, by a clock that nobody sets. */
#include "client/clock.h"

uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t ms_left(uint64_t deadline)
{
    uint64_t now = now_ms();

    return now < deadline ? deadline - now : 0;
}

struct timespec time_of(uint64_t ms)
{
    return (struct timespec){ .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
}
