/* How many lines each user may still cause in the log in this second. */
#include "base/log_quota.h"

#include <string.h>

static struct logquota_share *share_of(struct logquota *q, uid_t uid)
{
    if (uid == LOGQUOTA_OTHERS)
        return &q->others;
    for (unsigned i = 0; i < q->count; i++) {
        if (q->shares[i].uid == uid)
            return &q->shares[i];
    }
    if (q->count == LOGQUOTA_USERS)
        return &q->others;
    q->shares[q->count] = (struct logquota_share){ .uid = uid };
    return &q->shares[q->count++];
}

bool logquota_take(struct logquota *q, uid_t uid, time_t now)
{
    struct logquota_share *share;

    if (now != q->second) {
        memset(q, 0, sizeof(*q));
        q->second = now;
    }
    share = share_of(q, uid);
    if (share->lines == LOGQUOTA_LINES) {
        share->left_out++;
        return false;
    }
    share->lines++;
    return true;
}

unsigned logquota_next(struct logquota *q, time_t now, struct logquota_share *ret)
{
    unsigned n = 0;

    if (now == q->second)
        return 0;
    for (unsigned i = 0; i < q->count; i++) {
        if (q->shares[i].left_out > 0)
            ret[n++] = q->shares[i];
    }
    if (q->others.left_out > 0) {
        ret[n] = q->others;
        ret[n++].uid = LOGQUOTA_OTHERS;
    }
    memset(q, 0, sizeof(*q));
    q->second = now;
    return n;
}
