/* Another user, for a program that root starts. */
#ifndef LB_TEST_BECOME_H
#define LB_TEST_BECOME_H

#include <stdbool.h>

/* From now on the user with this number, in the group of the same number and no other. False: errno says why not. */
bool become(const char *number);

#endif
