/* The keeper's descriptors in the service manager's descriptor store, where they outlive the keeper. */
#include "daemon/fd_store.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/socket.h"
#include "daemon/notify.h"
#include "daemon/store_name.h"

/*
 * The manager hands all names over as one variable of the environment, and the kernel starts no program with one of more than
 * 128 KiB. Some room is for names that are not ours.
 */
#define NAME_BYTES_MAX ((size_t)120 << 10)
/* Of that no channel gets what the listening socket and the two marks need. */
#define SPARE 3
#define SPARE_BYTES 40

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void fd_store_init(struct fd_store *s)
{
    *s = (struct fd_store){ .barrier = -1, .budget = FD_STORE_BURST, .clock = now_ms };
}

void fd_store_hurry(struct fd_store *s, bool hurries)
{
    s->hurries = hurries;
}

bool fd_store_turn(struct fd_store *s)
{
    uint64_t now = s->clock(), more = (now - s->counted) * FD_STORE_RATE / 1000;

    if (more > 0) {
        s->budget = more >= FD_STORE_BURST - s->budget ? FD_STORE_BURST : s->budget + (unsigned)more;
        s->counted = now;
    }
    if (s->budget == 0 && !s->hurries) {
        s->behind = true;
        return false;
    }
    s->budget -= s->budget > 0;
    return true;
}

/* What a variable of the environment says; SIZE_MAX: nothing. */
static size_t room(const char *variable)
{
    const char *text = getenv(variable);

    return text == NULL ? SIZE_MAX : strtoul(text, NULL, 10);
}

void fd_store_open(struct fd_store *s, size_t most)
{
    size_t manager = room("FDSTORE"), unit = room("LITTLEBOX_FDSTORE");

    s->max = manager == SIZE_MAX ? unit : manager;
    s->there = notify_there() && s->max > 0 && s->max != SIZE_MAX;
    if (s->there && s->max < most)
        log_warning("the service manager keeps %zu descriptors, and this box may have %zu: a restart of the service would end "
                    "the other connections (FileDescriptorStoreMax= in the unit)", s->max, most);
    /* Of systemd alone it is known that there could be one. */
    if (!s->there && notify_there() && getenv("INVOCATION_ID") != NULL)
        log_warning("the service manager keeps no descriptors for this box: a restart of the service ends all connections "
                    "(FileDescriptorStoreMax= in the unit)");
}

void fd_store_has(struct fd_store *s, const char *name)
{
    s->count++;
    s->name_bytes += strlen(name) + 1;
}

static int say(struct fd_store *s, const char *word, const char *name, int fd)
{
    char text[STORE_NAME_SIZE + 60];
    int r;

    snprintf(text, sizeof(text), "%s\nFDNAME=%s", word, name);
    r = notify_descriptor(text, fd);
    if (r == 0 || r == LB_E_TIMEOUT) {
        s->behind = s->behind || r != 0;
        return r;
    }
    log_warning("the service manager does not hear this box: a restart of the service ends all connections");
    s->there = s->behind = false;
    return LB_E_NO_BOX;
}

static int add(struct fd_store *s, const char *name, int fd, size_t spare, size_t spare_bytes)
{
    bool full = s->count + spare >= s->max || s->name_bytes + strlen(name) + 1 + spare_bytes > NAME_BYTES_MAX;
    int r;

    if (!s->there)
        return LB_E_NO_BOX;
    /* Room for a mark is not yet room for a channel. */
    s->full = full || (s->full && spare == 0);
    if (full) {
        if (!s->full_told)
            log_warning("the service manager's descriptor store is full with %zu descriptors: a restart of the service ends "
                        "the connections beyond; 'systemctl reload' ends none", s->count);
        s->full_told = true;
        return LB_E_BUSY;
    }
    r = say(s, "FDSTORE=1\nFDPOLL=0", name, fd);
    if (r == 0)
        fd_store_has(s, name);
    return r;
}

int fd_store_add(struct fd_store *s, const char *name, int fd)
{
    return add(s, name, fd, 0, 0);
}

int fd_store_add_channel(struct fd_store *s, const char *name, int fd)
{
    return add(s, name, fd, SPARE, SPARE_BYTES);
}

/* In a text of lines. No manager gives out other names. */
static bool can_be_said(const char *name)
{
    size_t len = 0;

    while (name[len] >= ' ' && name[len] < 0x7f)
        len++;
    return name[len] == '\0' && len < STORE_NAME_SIZE;
}

int fd_store_remove(struct fd_store *s, const char *name)
{
    size_t bytes = strlen(name) + 1;
    int r;

    if (!s->there || !can_be_said(name))
        return 0;
    r = say(s, "FDSTOREREMOVE=1", name, /* fd= */ -1);
    if (r != 0)
        return r == LB_E_TIMEOUT ? r : 0;
    s->count -= s->count > 0;
    s->name_bytes -= s->name_bytes < bytes ? s->name_bytes : bytes;
    /* There is room for one more now. */
    s->behind = s->behind || s->full;
    s->full = false;
    return 0;
}

void fd_store_outlive(struct fd_store *s, int fd)
{
    burials_add(&s->after, fd);
}

/* The manager closes its end of a pipe when it has heard what was said before (sd_notify_barrier(3)). */
static void ask(struct fd_store *s)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    if (notify_descriptor("BARRIER=1", ends[1]) != 0) {
        socket_close(ends[0]);
    } else {
        s->barrier = ends[0];
        s->before = s->after;
        s->after = (struct burials){ NULL, 0, 0 };
    }
    socket_close(ends[1]);
}

static void move(struct burials *from, struct burials *to)
{
    while (from->count > 0)
        burials_add(to, from->fds[--from->count]);
    burials_clear(from);
}

bool fd_store_pass(struct fd_store *s, struct burials *to)
{
    struct pollfd end = { .fd = s->barrier, .events = POLLIN };

    if (s->barrier >= 0 && poll(&end, 1, 0) > 0) {
        socket_close(s->barrier);
        s->barrier = -1;
        move(&s->before, to);
    }
    if (!s->there)
        move(&s->after, to);
    /* What is not said yet would be heard after the barrier. */
    if (s->barrier < 0 && s->after.count > 0 && !s->behind)
        ask(s);
    return s->barrier >= 0 || s->after.count > 0;
}

void fd_store_clear(struct fd_store *s)
{
    socket_close(s->barrier);
    burials_clear(&s->before);
    burials_clear(&s->after);
    fd_store_init(s);
}
