/* The log of a daemon: lines on standard error, for journald or a file. */
#ifndef LB_BASE_LOG_H
#define LB_BASE_LOG_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/errors.h"

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARNING = 1, LOG_LEVEL_INFO = 2 };

/*
 * One log a process, set once before threads start: what is more detailed than level is left out. Each line is one
 * write(2): "littleboxd[BOX]: text", with a time in front, or, where standard error is the journal, its priority prefix
 * (sd-daemon(3)). Control characters, and what else could make one line look like others, become '?'. Thread-safe; keeps
 * errno.
 */
void log_open(const char *box, enum log_level level);
void log_error(const char *fmt, ...) LB_PRINTF(1, 2);
void log_warning(const char *fmt, ...) LB_PRINTF(1, 2);
void log_info(const char *fmt, ...) LB_PRINTF(1, 2);

/*
 * For lines that any caller can cause, with the uid of who did; LOGQUOTA_OTHERS (base/log_quota.h) where nobody is known. At
 * most 20 in a second of each user; the next second's first line has the number of those left out before it, user by
 * user. So no user hides what others do, and nobody hides errors and what administrators did: those are not counted.
 */
void log_caused(uid_t uid, const char *fmt, ...) LB_PRINTF(2, 3);

/* "error", "warning", "info"; false: none of them. */
bool log_level_by_name(const char *name, enum log_level *ret);

#endif
