/* The log of a daemon: lines on standard error, for journald or a file. */
#ifndef LB_BASE_LOG_H
#define LB_BASE_LOG_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/errors.h"

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARNING = 1, LOG_LEVEL_INFO = 2 };

/*
 * A process has one log, which is set once, before threads start. Lines that are more detailed than level are left out. Each line
 * is one write(2): "littleboxd[BOX]: text", with a time in front, or with its priority (sd-daemon(3)) where standard error is the
 * journal. Texts are made printable (base/printable.h), so that no line looks like several. Thread-safe; keeps errno.
 */
void log_open(const char *box, enum log_level level);
void log_error(const char *fmt, ...) LB_PRINTF(1, 2);
void log_warning(const char *fmt, ...) LB_PRINTF(1, 2);
void log_info(const char *fmt, ...) LB_PRINTF(1, 2);

/*
 * For lines that any caller can cause. uid: of the user who did; LOGQUOTA_OTHERS (base/log_quota.h) if that is not known. Of one
 * user at most 20 lines are written in a second; the first line of the next second tells how many were left out, user by user.
 * So no user hides what others do. Errors and what administrators did are not counted, so nobody hides those.
 */
void log_caused(uid_t uid, const char *fmt, ...) LB_PRINTF(2, 3);

/* "error", "warning", "info"; false: none of them. */
bool log_level_by_name(const char *name, enum log_level *ret);

#endif
