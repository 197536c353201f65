/* What things are called: the grammar of key names, digests by every name, states and operations, texts of codes. */
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "base/errors.h"
#include "model/key_name.h"
#include "model/operation.h"
#include "model/scheme.h"
#include "model/seal_kinds.h"
#include "model/vocabulary.h"
#include "unit.h"

static void names_that_are(void)
{
    static const char *const names[] = { "a", "Z", "0", "web", "A.b_c-d", "0-", "x..", "a__--..9" };
    char longest[LB_NAME_MAX + 2];

    for (size_t i = 0; i < COUNT(names); i++)
        CU_ASSERT_TRUE(keyname_ok(names[i], strlen(names[i])));
    memset(longest, 'k', sizeof(longest));
    CU_ASSERT_TRUE(keyname_ok(longest, LB_NAME_MAX));
    CU_ASSERT_FALSE(keyname_ok(longest, LB_NAME_MAX + 1));
    CU_ASSERT_FALSE(keyname_ok(longest, 0));
}

static void names_that_are_not(void)
{
    static const char *const names[] = { "",    ".",    "-a",  "_a",  ".a",   "a b",
                                         "a/b", "../a", "a;b", "a\n", "a%41", "\xc3\xa4" };

    for (size_t i = 0; i < COUNT(names); i++)
        CU_ASSERT_FALSE(keyname_ok(names[i], strlen(names[i])));
    CU_ASSERT_FALSE(keyname_ok("a\0b", 3));
}

static void each_byte_at_each_place(void)
{
    for (unsigned c = 0; c < 256; c++) {
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool inner = alnum || c == '.' || c == '_' || c == '-';
        char first[2] = { (char)c, 'a' }, second[2] = { 'a', (char)c };

        CU_ASSERT_EQUAL(keyname_ok(first, 2), alnum);
        CU_ASSERT_EQUAL(keyname_ok(second, 2), inner);
    }
}

struct seen {
    unsigned digest;
    unsigned names;
};

static void each_name(const char *name, void *arg)
{
    struct seen *seen = arg;

    /* Dotted numbers are OIDs, which callers do not send. */
    if (strchr(name, '.') != NULL)
        return;
    CU_ASSERT_EQUAL(digest_by_name(name), (int)seen->digest);
    seen->names++;
}

static void digests_are_what_libcrypto_calls_them(void)
{
    for (unsigned d = 1; d <= DIGEST_LAST; d++) {
        EVP_MD *md = EVP_MD_fetch(NULL, digest_name(d), NULL);
        struct seen seen = { d, 0 };

        CU_ASSERT_PTR_NOT_NULL_FATAL(md);
        CU_ASSERT_EQUAL((size_t)EVP_MD_get_size(md), digest_size(d));
        CU_ASSERT_TRUE(EVP_MD_names_do_all(md, each_name, &seen));
        CU_ASSERT(seen.names > 0);
        EVP_MD_free(md);
    }
}

static void digests_that_are_none(void)
{
    CU_ASSERT_EQUAL(digest_by_name("sha256"), DIGEST_SHA256);
    CU_ASSERT_EQUAL(digest_by_name("MD5"), -1);
    CU_ASSERT_EQUAL(digest_by_name(""), -1);
    CU_ASSERT_EQUAL(digest_by_name("SHA25"), -1);
    CU_ASSERT_PTR_NULL(digest_name(DIGEST_NONE));
    CU_ASSERT_PTR_NULL(digest_name(DIGEST_LAST + 1));
    CU_ASSERT_EQUAL(digest_size(DIGEST_NONE), 0);
    CU_ASSERT_EQUAL(digest_size(DIGEST_LAST + 1), 0);
}

static void schemes_have_names(void)
{
    TEXT_IS(scheme_name(SCHEME_RSA_PSS), "rsa-pss");
    TEXT_IS(scheme_name(SCHEME_ED448), "ed448");
    TEXT_IS(scheme_name(0), "unknown");
    TEXT_IS(scheme_name(SCHEME_LAST + 1), "unknown");
}

static void each_code_has_its_text(void)
{
    static const int codes[] = {
#define CODE(name, number, text) LB_E_##name,
        LB_ERRORS(CODE)
#undef CODE
    };

    TEXT_IS(lb_strerror(0), "success");
    TEXT_IS(lb_strerror(LB_E_LOCKED), "the box is locked");
    TEXT_IS(lb_strerror(1), "unknown error");
    TEXT_IS(lb_strerror(-9999), "unknown error");
    for (size_t i = 0; i < COUNT(codes); i++) {
        /* They travel as u16, and none is used twice. */
        CU_ASSERT(codes[i] < 0 && codes[i] >= -65535);
        CU_ASSERT(strcmp(lb_strerror(codes[i]), "unknown error") != 0);
        for (size_t j = 0; j < i; j++)
            CU_ASSERT(codes[i] != codes[j] && strcmp(lb_strerror(codes[i]), lb_strerror(codes[j])) != 0);
    }
}

/* A text is cut; a cure is whole, or not there: half of a command is another one. */
static void problems_fit(void)
{
    char longer[1000];
    struct problem p;

    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    FAILS(problem_set(&p, LB_E_NAME, "%s", longer), LB_E_NAME);
    problem_hint(&p, "%s", longer);
    CU_ASSERT_EQUAL(p.code, LB_E_NAME);
    CU_ASSERT_EQUAL(strlen(p.text), sizeof(p.text) - 1);
    TEXT_IS(p.hint, "");
    longer[sizeof(p.hint) - 1] = '\0';
    problem_hint(&p, "%s", longer);
    TEXT_IS(p.hint, longer);
    /* A new problem has no old cure. */
    FAILS(problem_set(&p, LB_E_URI, "short"), LB_E_URI);
    TEXT_IS(p.text, "short");
    TEXT_IS(p.hint, "");
}

static void names_of_numbers(void)
{
    TEXT_IS(key_state_name(STATE_DESTROYED), "destroyed");
    TEXT_IS(key_state_name(0), "unknown");
    TEXT_IS(key_state_name(STATE_LAST + 1), "unknown");
    TEXT_IS(lock_state_name(LOCK_NO_STORE), "no store");
    TEXT_IS(lock_state_name(99), "unknown");
    TEXT_IS(seal_kind_name(SEAL_CREDENTIAL), "credential");
    TEXT_IS(seal_kind_name(0), "unknown");
}

static void names_of_operations(void)
{
    char names[OP_NAMES_SIZE];

    for (unsigned op = 1; op <= OP_ALL; op <<= 1) {
        const char *text = key_op_name(op);

        CU_ASSERT_EQUAL(key_op_by_name(text, strlen(text)), op);
        CU_ASSERT_EQUAL(key_op_by_name(text, strlen(text) - 1), 0);
    }
    TEXT_IS(key_op_name(OP_SIGN | OP_DERIVE), "unknown");
    TEXT_IS(key_op_name(OP_ALL + 1), "unknown");
    CU_ASSERT_EQUAL(key_op_by_name("sign,decrypt", 4), OP_SIGN);
    CU_ASSERT_EQUAL(key_op_by_name("", 0), 0);
    key_op_names(OP_ALL, names);
    TEXT_IS(names, "sign,decrypt,derive");
    key_op_names(OP_DECRYPT, names);
    TEXT_IS(names, "decrypt");
}

static const struct unit_test tests[] = {
    { "names that are", names_that_are },
    { "names that are not", names_that_are_not },
    { "each byte at each place", each_byte_at_each_place },
    { "digests are what libcrypto calls them", digests_are_what_libcrypto_calls_them },
    { "digests that are none", digests_that_are_none },
    { "schemes have names", schemes_have_names },
    { "each code has its text", each_code_has_its_text },
    { "texts are cut to fit, and cures are not", problems_fit },
    { "names of numbers", names_of_numbers },
    { "names of operations", names_of_operations },
    { NULL, NULL },
};
const struct unit_suite suite_names = { "names", tests };
