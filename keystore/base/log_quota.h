/* How many lines each user may still cause in the log in this second. */
#ifndef LB_BASE_LOG_QUOTA_H
#define LB_BASE_LOG_QUOTA_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* Lines a second that one user may cause. */
#define LOGQUOTA_LINES 20
/* Users that are counted each by itself in one second; those beyond share one quota. */
#define LOGQUOTA_USERS 64
/* An id that nobody has: it stands for the users beyond, and for lines that no user is named for. */
#define LOGQUOTA_OTHERS ((uid_t)-1)

struct logquota_share {
    uid_t uid; /* LOGQUOTA_OTHERS: the users beyond LOGQUOTA_USERS, and lines that no user is named for */
    unsigned lines, left_out;
};

/* All zero is a good start. The caller has the lock. */
struct logquota {
    time_t second;
    unsigned count;
    struct logquota_share shares[LOGQUOTA_USERS], others;
};

/* May a line that this user caused be written now? One user's lines never take the place of another's. */
bool logquota_take(struct logquota *q, uid_t uid, time_t now);

/*
 * Starts a new second, if one has begun, and tells whose lines were left out in the last one. ret has room for
 * LOGQUOTA_USERS + 1. Returns how many there are in ret.
 */
unsigned logquota_next(struct logquota *q, time_t now, struct logquota_share *ret);

#endif
