/* A lock for readers and writers in which no flood of readers keeps a writer out. */
#ifndef LB_BASE_FAIR_LOCK_H
#define LB_BASE_FAIR_LOCK_H

#include <pthread.h>

#include "base/errors.h"

/*
 * A reader that comes waits behind a writer that waits. An ordinary lock lets readers in as long as others read, and its writer
 * may wait for ever. So no thread may lock this one twice, not even for reading. LB_E_NOMEM.
 */
LB_MUST_USE int fairlock_init(pthread_rwlock_t *lock);

#endif
