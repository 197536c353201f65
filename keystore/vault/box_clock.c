/* The time that a box goes by. */
#include "vault/box_clock.h"

#include <time.h>

#define SECOND INT64_C(1000000000)
#define SLACK (BOX_CLOCK_SLACK * SECOND)
#define SETTLE (BOX_CLOCK_SETTLE * SECOND)

static int64_t in_ns(clockid_t id)
{
    struct timespec t = { 0 };

    clock_gettime(id, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

struct clock_reading clock_read(void)
{
    return (struct clock_reading){ in_ns(CLOCK_REALTIME), in_ns(CLOCK_BOOTTIME) };
}

/* Until then the time of the machine's start is not believed. */
static void doubt(struct box_clock *c, uint64_t floor, int64_t until)
{
    c->settles = until;
    atomic_store(&c->floor, floor);
}

static enum clock_event begin(struct box_clock *c, struct clock_reading at, uint64_t newest)
{
    c->begun = true;
    atomic_store(&c->ahead, at.wall - at.running);
    if (newest != 0 && at.running < SETTLE && at.wall > (int64_t)newest * SECOND + SLACK)
        doubt(c, newest, SETTLE);
    return CLOCK_SAME;
}

enum clock_event box_clock_begin(struct box_clock *c, struct clock_reading at, uint64_t newest)
{
    enum clock_event event = c->begun ? box_clock_look(c, at) : begin(c, at, newest);
    int64_t ahead = (int64_t)newest * SECOND - at.running;

    if (ahead <= atomic_load(&c->ahead) + SECOND)
        return event;
    atomic_store(&c->ahead, ahead);
    c->settles = 0;
    return box_clock_look(c, at);
}

/* The time of the machine's start is set right, as soon as somebody knows it; but not to before what is written down. */
static enum clock_event look_after_start(struct box_clock *c, struct clock_reading at)
{
    int64_t ahead = at.wall - at.running, floor = (int64_t)atomic_load(&c->floor) * SECOND - at.running;
    int64_t step = ahead - atomic_load(&c->ahead);

    if (ahead < floor)
        ahead = floor;
    atomic_store(&c->ahead, ahead);
    if (step > SLACK || step < -SLACK)
        c->settles = at.running + SETTLE;
    if (at.running < c->settles)
        return CLOCK_SAME;
    doubt(c, 0, 0);
    return CLOCK_BELIEVED;
}

static enum clock_event look_ahead(struct box_clock *c, struct clock_reading at)
{
    int64_t ahead = at.wall - at.running, moved = ahead - c->candidate;

    if (c->settles == 0 || moved > SLACK || moved < -SLACK) {
        c->candidate = ahead;
        c->settles = at.running + SETTLE;
        return CLOCK_SET_AHEAD;
    }
    if (at.running < c->settles)
        return CLOCK_SAME;
    atomic_store(&c->ahead, ahead);
    c->settles = 0;
    return CLOCK_BELIEVED;
}

enum clock_event box_clock_look(struct box_clock *c, struct clock_reading at)
{
    int64_t ahead = at.wall - at.running, step = ahead - atomic_load(&c->ahead);
    bool behind = c->behind;

    if (atomic_load(&c->floor) != 0)
        return look_after_start(c, at);
    c->behind = step < -SLACK;
    if (step > SLACK)
        return look_ahead(c, at);
    c->settles = 0;
    if (c->behind)
        return behind ? CLOCK_SAME : CLOCK_BEHIND;
    atomic_store(&c->ahead, ahead);
    return CLOCK_SAME;
}

static uint64_t seconds(int64_t ns)
{
    return ns <= 0 ? 0 : (uint64_t)(ns / SECOND);
}

uint64_t box_clock_now(const struct box_clock *c, struct clock_reading at)
{
    return seconds(at.running + atomic_load_explicit(&c->ahead, memory_order_relaxed));
}

uint64_t box_clock_due(const struct box_clock *c, struct clock_reading at)
{
    uint64_t floor = atomic_load_explicit(&c->floor, memory_order_relaxed);

    return floor != 0 ? floor : box_clock_now(c, at);
}
