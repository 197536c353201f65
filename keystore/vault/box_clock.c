/* The time that a box goes by. */
#include "vault/box_clock.h"

#include <time.h>

#define SECOND INT64_C(1000000000)
#define SLACK (BOX_CLOCK_SLACK * SECOND)
#define SETTLE (BOX_CLOCK_SETTLE * SECOND)
#define START (BOX_CLOCK_START * SECOND)

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

static uint64_t seconds(int64_t ns)
{
    return ns <= 0 ? 0 : (uint64_t)(ns / SECOND);
}

/* The box's time is another one from now on. */
static struct clock_step step_to(struct box_clock *c, int64_t ahead)
{
    struct clock_step step = { c->doubted, (ahead - atomic_load(&c->ahead)) / SECOND };

    atomic_store(&c->ahead, ahead);
    return step;
}

static void believe(struct box_clock *c)
{
    c->settles = 0;
    c->doubted = 0;
    atomic_store(&c->floor, 0);
}

static void begin(struct box_clock *c, struct clock_reading at, uint64_t newest)
{
    c->begun = true;
    atomic_store(&c->ahead, at.wall - at.running);
    if (newest == 0 || at.running >= START || at.wall <= (int64_t)newest * SECOND + SLACK)
        return;
    c->settles = START;
    c->doubted = seconds(at.wall);
    atomic_store(&c->floor, newest);
}

enum clock_event box_clock_begin(struct box_clock *c, struct clock_reading at, uint64_t newest, struct clock_step *ret)
{
    enum clock_event event = CLOCK_SAME;
    int64_t ahead = (int64_t)newest * SECOND - at.running;

    *ret = (struct clock_step){ 0, 0 };
    if (c->begun)
        event = box_clock_look(c, at, ret);
    else
        begin(c, at, newest);
    if (ahead <= atomic_load(&c->ahead) + SECOND)
        return event;
    believe(c);
    atomic_store(&c->ahead, ahead);
    return box_clock_look(c, at, ret);
}

/* The time of the machine's start is set right, as soon as somebody knows it; but not to before what is written down. */
static enum clock_event look_after_start(struct box_clock *c, struct clock_reading at, struct clock_step *ret)
{
    int64_t ahead = at.wall - at.running, floor = (int64_t)atomic_load(&c->floor) * SECOND - at.running;
    int64_t step;

    if (ahead < floor)
        ahead = floor;
    step = ahead - atomic_load(&c->ahead);
    if (step > SLACK || step < -SLACK) {
        *ret = step_to(c, ahead);
        c->doubted = seconds(at.running + ahead);
        c->settles = at.running + START;
        return CLOCK_STEPPED;
    }
    atomic_store(&c->ahead, ahead);
    if (at.running < c->settles)
        return CLOCK_SAME;
    believe(c);
    return CLOCK_BELIEVED;
}

static enum clock_event look_ahead(struct box_clock *c, struct clock_reading at, struct clock_step *ret)
{
    int64_t ahead = at.wall - at.running, moved = ahead - c->candidate;

    if (c->settles == 0 || moved > SLACK || moved < -SLACK) {
        c->candidate = ahead;
        if (c->settles == 0)
            c->doubted = box_clock_now(c, at);
        c->settles = at.running + SETTLE;
        return CLOCK_SET_AHEAD;
    }
    if (at.running < c->settles)
        return CLOCK_SAME;
    *ret = step_to(c, ahead);
    believe(c);
    return CLOCK_BELIEVED;
}

enum clock_event box_clock_look(struct box_clock *c, struct clock_reading at, struct clock_step *ret)
{
    int64_t ahead = at.wall - at.running, step = ahead - atomic_load(&c->ahead);
    bool behind = c->behind;

    *ret = (struct clock_step){ 0, 0 };
    if (!c->begun)
        return CLOCK_SAME;
    if (atomic_load(&c->floor) != 0)
        return look_after_start(c, at, ret);
    c->behind = step < -SLACK;
    if (step > SLACK)
        return look_ahead(c, at, ret);
    believe(c);
    if (c->behind)
        return behind ? CLOCK_SAME : CLOCK_BEHIND;
    atomic_store(&c->ahead, ahead);
    return CLOCK_SAME;
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
