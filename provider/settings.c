/* The settings of the provider's section in openssl.cnf. */
#include "settings.h"

#include <openssl/params.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT_MS 10000
#define MAX_TIMEOUT_MS 3600000

/* A wrong setting is remembered and not refused: a provider that fails to load takes its program with it. */

static int take_directory(struct settings *s, const char *value)
{
    if (value[0] != '/') {
        problem_set(&s->bad, LB_E_CONFIG, "littlebox-directory = %.200s: not an absolute path", value);
        problem_hint(&s->bad, "correct the provider's section of openssl.cnf");
        return LB_E_CONFIG;
    }
    if (strlen(value) >= sizeof(s->directory))
        return problem_set(&s->bad, LB_E_CONFIG, "littlebox-directory is too long");
    memcpy(s->directory, value, strlen(value) + 1);
    return 0;
}

static int take_box(struct settings *s, const char *value)
{
    if (!keyname_ok(value, strlen(value))) {
        problem_set(&s->bad, LB_E_CONFIG, "littlebox-box = %.100s: not a box name", value);
        problem_hint(&s->bad, "a box name is %s", LB_NAME_RULE);
        return LB_E_CONFIG;
    }
    memcpy(s->box, value, strlen(value) + 1);
    return 0;
}

static int take_timeout(struct settings *s, const char *value)
{
    size_t len = strspn(value, "0123456789");
    unsigned long ms = strtoul(value, NULL, 10);

    if (len == 0 || len > 9 || value[len] != '\0' || ms < 1 || ms > MAX_TIMEOUT_MS) {
        problem_set(&s->bad, LB_E_CONFIG, "littlebox-timeout = %.100s: not a number of milliseconds", value);
        problem_hint(&s->bad, "it goes from 1 to %d", MAX_TIMEOUT_MS);
        return LB_E_CONFIG;
    }
    s->timeout_ms = (unsigned)ms;
    return 0;
}

static int take_users(struct settings *s, const char *value)
{
    return owner_list_parse(value, LB_OWNERS_SETTING, &s->users, &s->bad);
}

static int take_assume_fips(struct settings *s, const char *value)
{
    static const struct {
        const char *word;
        bool means;
    } words[] = { { "1", true }, { "yes", true }, { "true", true }, { "0", false }, { "no", false }, { "false", false } };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(value, words[i].word) == 0) {
            s->assume_fips = words[i].means;
            return 0;
        }
    }
    problem_set(&s->bad, LB_E_CONFIG, "littlebox-assume-fips = %.100s: neither yes nor no", value);
    problem_hint(&s->bad, "correct the provider's section of openssl.cnf");
    return LB_E_CONFIG;
}

static const struct {
    const char *name;
    int (*take)(struct settings *s, const char *value);
} settings_table[] = {
    { "littlebox-directory", take_directory },
    { "littlebox-box", take_box },
    { "littlebox-timeout", take_timeout },
    { LB_OWNERS_SETTING, take_users },
    { "littlebox-assume-fips", take_assume_fips },
};

/* The first settings that were given in this process. Never freed: readers hold no lock. This module is never unmapped. */
static _Atomic(struct settings *) of_process;

static void publish(const struct settings *s)
{
    struct settings *copy = atomic_load(&of_process) == NULL ? malloc(sizeof(*copy)) : NULL, *none = NULL;

    if (copy == NULL)
        return;
    *copy = *s;
    if (!atomic_compare_exchange_strong(&of_process, &none, copy))
        free(copy); /* another thread was first */
}

void settings_read(struct settings *s, const OSSL_CORE_HANDLE *core, OSSL_FUNC_core_get_params_fn *get_params)
{
    strcpy(s->box, "default");
    s->timeout_ms = DEFAULT_TIMEOUT_MS;
    for (size_t i = 0; i < sizeof(settings_table) / sizeof(settings_table[0]) && s->bad.code == 0; i++) {
        char *value = NULL;
        OSSL_PARAM params[] = {
            OSSL_PARAM_utf8_ptr((char *)settings_table[i].name, &value, 0),
            OSSL_PARAM_END,
        };

        if (!get_params(core, params) || value == NULL)
            continue;
        s->given = true;
        (void)settings_table[i].take(s, value); /* what is wrong is in s->bad */
    }
    if (s->given)
        publish(s);
}

const struct settings *settings_in_force(const struct settings *own)
{
    const struct settings *others = atomic_load(&of_process);

    return own->given || others == NULL ? own : others;
}
