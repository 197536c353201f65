/* Times on the command line. */
#ifndef LB_COMMAND_TIMES_H
#define LB_COMMAND_TIMES_H

#include <stdint.h>

#include "base/errors.h"

/* A length of time of that option, in seconds: "24h" (base/duration.h). LB_E_VALUE. */
LB_MUST_USE int times_duration(const char *option, const char *text, uint32_t *ret, struct problem *p);
/* A time of that option: RFC 3339 in UTC, "2026-12-01T06:00:00Z", or without a time of day: its beginning. LB_E_VALUE. */
LB_MUST_USE int times_point(const char *option, const char *text, uint64_t *ret, struct problem *p);

#endif
