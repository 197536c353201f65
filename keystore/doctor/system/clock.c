/* doctor --system: is the clock right? Records, schedules and certificates count on it. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>

#include "base/time_text.h"
#include "doctor/system/tree.h"

/* How far ahead of the clock a file may have been written, in seconds: another machine's clock, a file system that rounds. */
#define AHEAD_MAX 60

struct newest {
    time_t at;
    char path[PATH_MAX];
};

static void look_at(const struct audit *a, const char *path, struct newest *n)
{
    struct stat st;

    if (!tree_stat(a, path, &st) || st.st_mtime <= n->at)
        return;
    n->at = st.st_mtime;
    snprintf(n->path, sizeof(n->path), "%s", path);
}

/* The file that was written last, of those that this machine itself writes. */
static void find_newest(const struct audit *a, struct newest *ret)
{
    ret->at = 0;
    look_at(a, "/var/lib/systemd/timesync/clock", ret);
    for (size_t i = 0; i < a->box_count; i++) {
        struct box_paths paths;

        if (box_paths(&a->dirs, a->boxes[i].name, &paths) != 0)
            continue;
        look_at(a, paths.store, ret);
        look_at(a, paths.state, ret);
    }
}

enum synchronised { SYNC_NO, SYNC_YES, SYNC_UNKNOWN };

/* systemd-timesyncd leaves a file; whoever else sets the clock tells the kernel. */
static enum synchronised ask(const struct audit *a)
{
    struct timex t = { .modes = 0 };
    struct stat st;

    if (tree_stat(a, "/run/systemd/timesync/synchronized", &st))
        return SYNC_YES;
    if (!a->here || adjtimex(&t) < 0)
        return SYNC_UNKNOWN;
    return (t.status & STA_UNSYNC) != 0 ? SYNC_NO : SYNC_YES;
}

void audit_clock(struct audit *a)
{
    time_t now = time(NULL);
    struct newest n;
    char is[TIME_TEXT_SIZE], was[TIME_TEXT_SIZE];

    find_newest(a, &n);
    if (n.at > now + AHEAD_MAX) {
        time_text((uint64_t)now, is);
        time_text((uint64_t)n.at, was);
        doctor_report(a->d, DOCTOR_FAIL, "clock", "set it: timedatectl set-ntp true",
                      "the clock was set back: it is %s, and %s was written at %s; until then no key is destroyed that is to be",
                      is, n.path, was);
        return;
    }
    switch (ask(a)) {
    case SYNC_YES:
        doctor_report(a->d, DOCTOR_OK, "clock", NULL, "the clock is kept right by a time server");
        break;
    case SYNC_NO:
        doctor_report(a->d, DOCTOR_WARN, "clock", "timedatectl set-ntp true, or install chrony",
                      "the clock is not kept right by anybody: what is recorded and scheduled goes by it");
        break;
    case SYNC_UNKNOWN:
        doctor_report(a->d, DOCTOR_SKIPPED, "clock", NULL, "whether the clock is kept right is not known here");
        break;
    }
}
