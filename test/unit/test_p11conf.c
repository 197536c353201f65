/* token/settings.c: what BOX.conf may say of a token, and what is refused. */
#include "token/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

typedef const char *setter(struct p11conf *c, const char *value);

static bool takes(setter *set, const char *value)
{
    struct p11conf *c = malloc(sizeof(*c));
    const char *wanted;

    p11conf_defaults(c);
    wanted = set(c, value);
    free(c);
    return wanted == NULL;
}

static void values(void)
{
    static const struct {
        setter *set;
        const char *value;
        bool good;
    } rows[] = {
        { p11conf_module, "/usr/lib/x.so", true },
        { p11conf_module, "x.so", false },
        { p11conf_module, "", false },
        { p11conf_dirs, "/usr/lib", true },
        { p11conf_dirs, "/usr/lib:/opt/hsm", true },
        { p11conf_dirs, "/usr/lib:", false },
        { p11conf_dirs, "lib", false },
        { p11conf_dirs, "", false },
        { p11conf_env, "SOFTHSM2_CONF=/etc/softhsm2.conf", true },
        { p11conf_env, "X=", true },
        { p11conf_env, "X", false },
        { p11conf_env, "=x", false },
        { p11conf_env, "LD_PRELOAD=/tmp/x.so", false },
        { p11conf_env, "OPENSSL_CONF=/tmp/x", false },
        { p11conf_env, "PATH=/tmp", false },
        { p11conf_env, "PATHS=/tmp", true },
        { p11conf_sessions, "1", true },
        { p11conf_sessions, "256", true },
        { p11conf_sessions, "0", false },
        { p11conf_sessions, "257", false },
        { p11conf_sessions, "4 ", false },
        { p11conf_timeout, "600", true },
        { p11conf_timeout, "601", false },
        { p11conf_timeout, "-1", false },
        { p11conf_login, "auto", true },
        { p11conf_login, "always", true },
        { p11conf_login, "never", true },
        { p11conf_login, "yes", false },
        { p11conf_session_copies, "auto", true },
        { p11conf_session_copies, "never", true },
        { p11conf_session_copies, "yes", false },
        { p11conf_pin, "prompt", true },
        { p11conf_pin, "file:/etc/pin", true },
        { p11conf_pin, "file:pin", false },
        { p11conf_pin, "1234", false },
        { p11conf_pin, "credential:", false },
        { p11conf_pin, "credential:../x", false },
        { p11conf_token, "label=web", true },
        { p11conf_token, "label=my token", true },
        { p11conf_token, "label=a%3Bb;serial=0123;manufacturer=m;model=d;slot-id=7", true },
        { p11conf_token, "token=web", false },
        { p11conf_token, "web", false },
        { p11conf_token, "", false },
        { p11conf_token, "label=a;", false },
        { p11conf_token, "label=a;label=b", false },
        { p11conf_token, "label=a%4", false },
        { p11conf_token, "slot-id=x", false },
        { p11conf_token, "pin-value=1234", false },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (takes(rows[i].set, rows[i].value) != rows[i].good)
            printf("\n'%s' should be %s\n", rows[i].value, rows[i].good ? "taken" : "refused");
        CU_ASSERT_EQUAL(takes(rows[i].set, rows[i].value), rows[i].good);
    }
}

static void the_token(void)
{
    struct p11conf *c = malloc(sizeof(*c));

    p11conf_defaults(c);
    CU_ASSERT_PTR_NULL(p11conf_token(c, "label=my token;serial=%41b"));
    CU_ASSERT_TRUE(c->has_token);
    CU_ASSERT_EQUAL(c->token.a[P11_TOKEN].len, 8);
    CU_ASSERT_EQUAL(memcmp(c->token.a[P11_TOKEN].bytes, "my token", 8), 0);
    CU_ASSERT_EQUAL(memcmp(c->token.a[P11_SERIAL].bytes, "Ab", 2), 0);
    CU_ASSERT_FALSE(c->token.a[P11_MODEL].set);
    free(c);
}

static void credentials(void)
{
    struct p11conf *c = malloc(sizeof(*c));

    p11conf_defaults(c);
    unsetenv("CREDENTIALS_DIRECTORY");
    CU_ASSERT_PTR_NOT_NULL(p11conf_pin(c, "credential:hsm"));
    setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
    CU_ASSERT_PTR_NULL(p11conf_pin(c, "credential:hsm"));
    CU_ASSERT_EQUAL(c->pin, PIN_FILE);
    CU_ASSERT_STRING_EQUAL(c->pin_path, "/run/credentials/x/hsm");
    unsetenv("CREDENTIALS_DIRECTORY");
    free(c);
}

static void what_is_needed(void)
{
    struct p11conf *c = malloc(sizeof(*c));
    struct problem p = { 0 };

    p11conf_defaults(c);
    FAILS(p11conf_check(c, "x.conf", &p), LB_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(p.text, "module = "));
    CU_ASSERT_PTR_NULL(p11conf_module(c, "/usr/lib/x.so"));
    FAILS(p11conf_check(c, "x.conf", &p), LB_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(p.text, "token = "));
    CU_ASSERT_PTR_NULL(p11conf_token(c, "label=web"));
    OK(p11conf_check(c, "x.conf", &p));
    CU_ASSERT_PTR_NULL(p11conf_login(c, "always"));
    FAILS(p11conf_check(c, "x.conf", &p), LB_E_CONFIG);
    CU_ASSERT_PTR_NULL(p11conf_pin(c, "prompt"));
    OK(p11conf_check(c, "x.conf", &p));
    for (int i = 0; i < P11_ENV_MAX; i++)
        CU_ASSERT_PTR_NULL(p11conf_env(c, "X=y"));
    CU_ASSERT_PTR_NOT_NULL(p11conf_env(c, "X=y"));
    free(c);
}

static const struct unit_test tests[] = {
    { "values", values },
    { "the token", the_token },
    { "credentials", credentials },
    { "what is needed", what_is_needed },
    { NULL, NULL },
};

const struct unit_suite suite_p11conf = { "p11conf", tests };
