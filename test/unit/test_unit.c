/* Unit tests of what the box and its callers are made of; "test_unit SUITE..." runs some suites only. */
#include <CUnit/Basic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "guard/secret.h"
#include "unit.h"

#define SUITE(name) &suite_##name,
static const struct unit_suite *const suites[] = { UNIT_SUITES(SUITE) };

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return true;
    }
    return argc < 2;
}

static bool is_suite(const char *name)
{
    for (size_t i = 0; i < COUNT(suites); i++) {
        if (strcmp(suites[i]->name, name) == 0)
            return true;
    }
    fprintf(stderr, "test_unit: there is no suite '%s'\n", name);
    return false;
}

int main(int argc, char **argv)
{
    unsigned failures = 1, added = 0;

    /* A name with a slip in it would test nothing. */
    for (int i = 1; i < argc; i++) {
        if (!is_suite(argv[i]))
            return 99;
    }

    /* As the box does it, and before libcrypto is used: so all suites run on memory that is wiped. */
    if (secret_setup_libcrypto() != 0 || CU_initialize_registry() != CUE_SUCCESS)
        return 99;
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < COUNT(suites); i++) {
        CU_pSuite suite;

        if (!wanted(suites[i]->name, argc, argv))
            continue;
        suite = CU_add_suite(suites[i]->name, NULL, NULL);
        for (const struct unit_test *t = suites[i]->tests; suite != NULL && t->name != NULL; t++)
            added += CU_add_test(suite, t->name, t->run) != NULL;
    }
    if (added == 0)
        return 99;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    if (CU_basic_run_tests() == CUE_SUCCESS)
        failures = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
    CU_cleanup_registry();
    return failures == 0 ? 0 : 1;
}
