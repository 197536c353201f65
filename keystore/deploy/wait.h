/* Waiting for a descriptor, until a time. */
#ifndef LB_DEPLOY_WAIT_H
#define LB_DEPLOY_WAIT_H

#include "base/errors.h"

/* Milliseconds of a clock that only goes forward. */
long long wait_now(void);
/* events: POLLIN or POLLOUT. LB_E_TIMEOUT: it is past end. LB_E_SYSTEM. */
LB_MUST_USE int wait_for(int fd, short events, long long end);

#endif
