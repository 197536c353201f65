/* A length of time as people write it. */
#ifndef LB_BASE_DURATION_H
#define LB_BASE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* The longest that is taken: 366 days. */
#define DURATION_MAX (366u * 86400)

/* "90", "90s", "30m", "24h" or "7d": seconds, or of the unit that a letter behind names. False: it is none, or too long. */
bool duration_parse(const char *text, uint32_t *ret_seconds);

#endif
