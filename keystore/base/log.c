/* The log of a daemon: lines on standard error, for journald or a file. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log_quota.h"
#include "base/printable.h"

/* A process has one standard error, so this is one of the few things that may be static. */
static struct {
    char box[80];
    enum log_level level;
    bool journal;
    pthread_mutex_t lock; /* guards what is below */
    struct logquota quota;
} state = { .level = LOG_LEVEL_INFO, .lock = PTHREAD_MUTEX_INITIALIZER };

/* $JOURNAL_STREAM is DEVICE:INODE of the journal's socket (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
    const char *env = getenv("JOURNAL_STREAM");
    unsigned long dev, ino;
    struct stat st;

    return env != NULL && sscanf(env, "%lu:%lu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
           st.st_dev == dev && st.st_ino == ino;
}

void log_open(const char *box, enum log_level level)
{
    snprintf(state.box, sizeof(state.box), "%s", box);
    state.level = level;
    state.journal = stderr_is_journal();
}

static void write_line(enum log_level level, const char *text)
{
    static const char *const priorities[] = { "<3>", "<4>", "<6>" };
    char line[1200], when[40] = "";
    int len, saved = errno;

    if (!state.journal) {
        time_t now = time(NULL);
        struct tm tm;

        gmtime_r(&now, &tm);
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ ", &tm);
    }
    len = snprintf(line, sizeof(line) - 1, "%s%slittleboxd[%s]: %s", state.journal ? priorities[level] : "", when,
                   state.box, text);
    if (len < 0)
        return;
    if ((size_t)len >= sizeof(line) - 1)
        len = sizeof(line) - 2;
    make_printable(line);
    line[len++] = '\n';
    /* A failure to write the log can be told to nobody. */
    (void)!write(STDERR_FILENO, line, (size_t)len);
    errno = saved;
}

/* Tells what was left out in the last second. The first line of any later second does it. */
static void tell_left_out(time_t now)
{
    struct logquota_share left_out[LOGQUOTA_USERS + 1];
    char text[120];
    unsigned n;

    pthread_mutex_lock(&state.lock);
    n = logquota_next(&state.quota, now, left_out);
    pthread_mutex_unlock(&state.lock);
    for (unsigned i = 0; i < n && state.level >= LOG_LEVEL_WARNING; i++) {
        if (left_out[i].uid == LOGQUOTA_OTHERS)
            snprintf(text, sizeof(text), "%u more lines of other users were left out of this log", left_out[i].left_out);
        else
            snprintf(text, sizeof(text), "%u more lines of uid %u were left out of this log", left_out[i].left_out,
                     left_out[i].uid);
        write_line(LOG_LEVEL_WARNING, text);
    }
}

static void LB_PRINTF(2, 0) log_at(enum log_level level, const char *fmt, va_list ap)
{
    char text[1000];
    int saved = errno;

    tell_left_out(time(NULL));
    if (level <= state.level) {
        vsnprintf(text, sizeof(text), fmt, ap);
        write_line(level, text);
    }
    errno = saved;
}

#define LOG_BODY(level)        \
    va_list ap;                \
    va_start(ap, fmt);         \
    log_at((level), fmt, ap);  \
    va_end(ap)

void log_error(const char *fmt, ...)
{
    LOG_BODY(LOG_LEVEL_ERROR);
}

void log_warning(const char *fmt, ...)
{
    LOG_BODY(LOG_LEVEL_WARNING);
}

void log_info(const char *fmt, ...)
{
    LOG_BODY(LOG_LEVEL_INFO);
}

void log_caused(uid_t uid, const char *fmt, ...)
{
    time_t now = time(NULL);
    bool may;

    tell_left_out(now);
    pthread_mutex_lock(&state.lock);
    may = logquota_take(&state.quota, uid, now);
    pthread_mutex_unlock(&state.lock);
    if (may) {
        LOG_BODY(LOG_LEVEL_WARNING);
    }
}

bool log_level_by_name(const char *name, enum log_level *ret)
{
    static const char *const names[] = { "error", "warning", "info" };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}
