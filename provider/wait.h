/* Time, and waiting for it. */
#ifndef LB_WAIT_H
#define LB_WAIT_H

#include <stdint.h>

/* Of a clock that nobody sets, in milliseconds. */
uint64_t now_ms(void);
/* 0 once the deadline is over. */
uint64_t ms_left(uint64_t deadline);
void sleep_ms(uint64_t ms);

#endif
