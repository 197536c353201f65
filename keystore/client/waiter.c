/* How a caller waits for a box, which is handed in: a thread blocks, a job is paused, a user sees a sign of life. */
#include "client/waiter.h"

#include <stddef.h>

#include "client/clock.h"

struct wait *wait_begin(const struct waiter *by, uint16_t type)
{
    return by == NULL ? NULL : by->begin(type);
}

void wait_end(struct wait *w)
{
    if (w != NULL)
        w->by->end(w);
}

bool wait_pauses(const struct wait *w)
{
    return w != NULL && w->by->more != NULL;
}

void wait_own(struct wait *w, void *what, void (*done)(void *what))
{
    w->by->own(w, what, done);
}

int wait_hold(struct wait *w, struct conn *c)
{
    return w->by->hold(w, c);
}

void wait_give_back(struct wait *w, struct conn *ret)
{
    w->by->give_back(w, ret);
}

int wait_more(struct wait *w, uint64_t deadline)
{
    return w->by->more(w, deadline);
}

bool wait_is_ours(const struct wait *w)
{
    return w->by->is_ours(w);
}

void wait_ms(struct wait *w, uint64_t ms)
{
    const struct timespec t = time_of(ms);

    if (w == NULL)
        nanosleep(&t, NULL);
    else
        w->by->sleep(w, ms);
}
