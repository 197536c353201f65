/* How a caller waits for a box, which is handed in: a thread blocks, a job is paused, a user sees a sign of life. */
#include "client/waiter.h"

#include "client/clock.h"

void wait_ms(struct wait *w, uint64_t ms)
{
    const struct timespec t = time_of(ms);

    if (w == NULL)
        nanosleep(&t, NULL);
    else
        w->by->sleep(w, ms);
}
