/* Runs a test program made of CUnit tests. */
#include "suite.h"

#include "boxproc.h"

int run_suite(const char *name, CU_TestInfo *tests)
{
    CU_SuiteInfo suites[] = { { name, NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
    unsigned failed;

    NEED(CU_initialize_registry() == CUE_SUCCESS && CU_register_suites(suites) == CUE_SUCCESS);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failed = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed == 0 ? 0 : 1;
}
