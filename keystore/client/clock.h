/* Times of a request, by a clock that nobody sets. */
#ifndef LB_CLIENT_CLOCK_H
#define LB_CLIENT_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t now_ms(void);
/* Until the deadline; 0 once it is over. */
uint64_t ms_left(uint64_t deadline);
struct timespec time_of(uint64_t ms);

#endif
