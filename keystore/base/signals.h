/* Signals as a descriptor, for a process that waits with poll. */
#ifndef LB_BASE_SIGNALS_H
#define LB_BASE_SIGNALS_H

#include <stddef.h>

#include "base/errors.h"

/* Blocks these signals in the caller and in the threads it starts, and gives a signalfd(2) for them, or -1 with errno. */
LB_MUST_USE int signals_open(const int *signals, size_t count);

#endif
