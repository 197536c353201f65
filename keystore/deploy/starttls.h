/* How protocols that begin in the clear are asked for TLS. */
#ifndef LB_DEPLOY_STARTTLS_H
#define LB_DEPLOY_STARTTLS_H

#include "base/errors.h"

struct starttls;

/* By the name that s_client(1) gives it; NULL: it is not known here. */
const struct starttls *starttls_find(const char *name);

/* Asks on a connected socket that does not block. LB_E_VALUE: the server says no, or something else. LB_E_TIMEOUT, LB_E_SYSTEM. */
LB_MUST_USE int starttls_ask(const struct starttls *s, int fd, long long end, struct problem *p);

#endif
