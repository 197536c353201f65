/* A lock for readers and writers in which no flood of readers keeps a writer out. */
#ifndef LB_BASE_FAIR_LOCK_H
#define LB_BASE_FAIR_LOCK_H

#include <pthread.h>

#include "base/errors.h"

/*
 * By itself such a lock lets readers in for as long as others are there, and a writer waits for a gap between them. In this
 * one whoever comes to read waits for a writer that waits. So no thread may lock it twice, not even for reading. LB_E_NOMEM.
 */
LB_MUST_USE int fairlock_init(pthread_rwlock_t *lock);

#endif
