/* Runs a test program made of CUnit tests. */
#ifndef LB_TEST_SUITE_H
#define LB_TEST_SUITE_H

#include <CUnit/Basic.h>

/* tests ends with CU_TEST_INFO_NULL. The program's exit status: 0 if all passed. */
int run_suite(const char *name, CU_TestInfo *tests);

#endif
