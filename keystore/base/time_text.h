/* A time as people read it. */
#ifndef LB_BASE_TIME_TEXT_H
#define LB_BASE_TIME_TEXT_H

#include <stdint.h>

#define TIME_TEXT_SIZE 40

/* at: seconds since 1970. "2026-12-06 12:00:00 UTC". */
void time_text(uint64_t at, char ret[TIME_TEXT_SIZE]);

#endif
