/* A time as people read it. */
#include "base/time_text.h"

#include <stdio.h>
#include <time.h>

void time_text(uint64_t at, char ret[TIME_TEXT_SIZE])
{
    time_t t = (time_t)at;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL || strftime(ret, TIME_TEXT_SIZE, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        snprintf(ret, TIME_TEXT_SIZE, "%llu s after 1970", (unsigned long long)at);
}
