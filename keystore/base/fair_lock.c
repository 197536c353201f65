/* A lock for readers and writers in which no flood of readers keeps a writer out. */
#include "base/fair_lock.h"

int fairlock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;
    int r = pthread_rwlockattr_init(&attr);

    if (r != 0)
        return LB_E_NOMEM;
    r = pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    if (r == 0)
        r = pthread_rwlock_init(lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    return r == 0 ? 0 : LB_E_NOMEM;
}
