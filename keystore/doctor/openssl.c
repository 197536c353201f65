/* doctor: what in openssl.cnf makes handles fail although the provider is there and loads. */
#include "doctor/openssl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/owner.h"

#define PLUGIN "littlebox"

/*
 * The provider's settings, each with its check. True: the value is good. False: p says what is wrong. The provider loads
 * with a wrong setting too, because a provider that fails to load takes its program with it. But then each handle fails.
 */

static bool directory_ok(const struct doctor_conf *c, struct problem *p)
{
    if (c->directory[0] == '\0' || c->directory[0] == '/')
        return true;
    problem_set(p, LB_E_CONFIG, "littlebox-directory = %.150s: the provider takes no relative path, so no handle works",
                c->directory);
    problem_hint(p, "begin it with '/' in %s", c->path);
    return false;
}

static bool box_ok(const struct doctor_conf *c, struct problem *p)
{
    if (c->box[0] == '\0' || keyname_ok(c->box, strlen(c->box)))
        return true;
    problem_set(p, LB_E_CONFIG, "littlebox-box = %.100s: that is no name of a box, so no handle works", c->box);
    problem_hint(p, "a box name is %s; correct %s", LB_NAME_RULE, c->path);
    return false;
}

static bool timeout_ok(const struct doctor_conf *c, struct problem *p)
{
    size_t digits = strspn(c->timeout, "0123456789");
    unsigned long ms = strtoul(c->timeout, NULL, 10);

    if (c->timeout[0] == '\0' || (c->timeout[digits] == '\0' && digits < 10 && ms >= 1 && ms <= 3600000))
        return true;
    problem_set(p, LB_E_CONFIG, "littlebox-timeout = %.60s: that is no number of milliseconds, so no handle works",
                c->timeout);
    problem_hint(p, "it goes from 1 to 3600000; correct %s", c->path);
    return false;
}

static bool users_ok(const struct doctor_conf *c, struct problem *p)
{
    struct owner_list list;

    return c->users[0] == '\0' || owner_list_parse(c->users, LB_OWNERS_SETTING, &list, p) == 0;
}

static bool is_one_of(const char *word, const char *const *words)
{
    while (*words != NULL && strcmp(word, *words) != 0)
        words++;
    return *words != NULL;
}

/* The words that the provider takes. It knows them in lower case alone. */
static const char *const yes_words[] = { "1", "yes", "true", NULL };
static const char *const no_words[] = { "", "0", "no", "false", NULL };

static bool assume_fips_ok(const struct doctor_conf *c, struct problem *p)
{
    if (is_one_of(c->assume_fips, yes_words) || is_one_of(c->assume_fips, no_words))
        return true;
    problem_set(p, LB_E_CONFIG, "littlebox-assume-fips = %.60s: neither yes nor no, so no handle works", c->assume_fips);
    problem_hint(p, "correct it in %s", c->path);
    return false;
}

bool doctor_settings_ok(struct doctor *d)
{
    static bool (*const checks[])(const struct doctor_conf *c, struct problem *p) = { directory_ok, box_ok, timeout_ok,
                                                                                      users_ok, assume_fips_ok };
    bool ok = true;

    for (size_t i = 0; d->conf.littlebox_active && i < sizeof(checks) / sizeof(checks[0]); i++) {
        struct problem p = { 0 };

        /* A place on the command line is passed over: the lines get it, and so it goes before what is there. */
        if ((checks[i] == directory_ok && d->directory != NULL) || (checks[i] == users_ok && d->users != NULL))
            continue;
        if (checks[i](&d->conf, &p))
            continue;
        doctor_report(d, DOCTOR_FAIL, "settings", p.hint, "%s", p.text);
        ok = false;
    }
    return ok;
}

/* default_properties (property(7)): each fetch of each program that reads this file asks for them. */

enum effect { HARMLESS, NO_HANDLE, FIPS, OURS_FIRST };

static char *strip(char *s)
{
    size_t len;

    s += strspn(s, " \t");
    len = strlen(s);
    while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
        s[--len] = '\0';
    return s;
}

/* The effect of one of them: "name", "-name", "name=value", "name!=value", each with '?' in front if it is only preferred. */
static enum effect effect_of(char *clause)
{
    const char *value;
    char *name = strip(clause), *op;
    bool preferred = name[0] == '?', is_not, no;

    name = strip(name + preferred);
    /* "-name" takes a default back. Here there is none to take back. */
    if (name[0] == '-')
        return HARMLESS;
    op = strpbrk(name, "!=");
    is_not = op != NULL && *op == '!';
    value = op == NULL ? "yes" : strip(op + 1 + (is_not && op[1] == '='));
    if (op != NULL)
        *op = '\0';
    name = strip(name);
    if (name[0] == '\0')
        return HARMLESS;
    /* A property that is not defined counts as 'no' (property(7)). */
    no = strcasecmp(value, "no") == 0;
    if (strcasecmp(name, "provider") == 0 && strcasecmp(value, PLUGIN) == 0 && !is_not)
        return OURS_FIRST;
    if (preferred)
        return HARMLESS;
    if (strcasecmp(name, "provider") == 0)
        return !is_not || strcasecmp(value, PLUGIN) == 0 ? NO_HANDLE : HARMLESS;
    if (is_not != no)
        return HARMLESS;
    return strcasecmp(name, "fips") == 0 ? FIPS : NO_HANDLE;
}

static enum effect worst(const char *properties)
{
    char text[DOCTOR_SECTION_MAX], *save = NULL;
    enum effect ret = HARMLESS;

    snprintf(text, sizeof(text), "%s", properties);
    for (char *clause = strtok_r(text, ",", &save); clause != NULL; clause = strtok_r(NULL, ",", &save)) {
        enum effect e = effect_of(clause);

        ret = e > ret ? e : ret;
    }
    return ret;
}

bool doctor_conf_fips(const struct doctor_conf *conf)
{
    return conf->fips_active || worst(conf->properties) == FIPS;
}

bool doctor_properties_ok(struct doctor *d)
{
    static const struct {
        const char *text, *cure;
    } effects[] = {
        [NO_HANDLE] = { "no handle works: what the provider offers has no such property", "take it out" },
        [FIPS] = { "no handle works, while plain keys do: the provider does not claim to be a FIPS module",
                   "if these programs run a FIPS provider: littlebox-assume-fips = yes (provider-littlebox(7)); if not: an "
                   "openssl.cnf without it in their OPENSSL_CONF" },
        [OURS_FIRST] = { "TLS servers lose the groups on elliptic curves, and refuse most clients",
                         "take it out: a handle is found without it" },
    };
    enum effect e = worst(d->conf.properties);
    char hint[PATH_MAX + 300];

    /* With littlebox-assume-fips all that the provider offers has this one property. */
    if (e == FIPS && is_one_of(d->conf.assume_fips, yes_words))
        e = HARMLESS;
    if (e == HARMLESS)
        return true;
    snprintf(hint, sizeof(hint), "%s (alg_section in %s)", effects[e].cure, d->conf.path);
    doctor_report(d, DOCTOR_FAIL, "properties", hint, "openssl.cnf has default_properties = %s: %s", d->conf.properties,
                  effects[e].text);
    return false;
}

void doctor_activated(struct doctor *d)
{
    const struct doctor_conf *c = &d->conf;

    if (c->littlebox_active)
        doctor_report(d, DOCTOR_OK, "littlebox activated", NULL, "openssl.cnf activates the provider 'littlebox'");
    else
        doctor_report(d, DOCTOR_FAIL, "littlebox activated",
                      /* That one goes by the caller's OPENSSL_CONF. */
                      d->conf_unit != NULL ? "add the lines below" : "add the lines below, or run: littlebox openssl enable",
                      "openssl.cnf does not activate the provider 'littlebox'");
    if (c->default_active)
        doctor_report(d, DOCTOR_OK, "default activated", NULL, "openssl.cnf activates the provider 'default'");
    else if (!doctor_conf_fips(c))
        doctor_report(d, DOCTOR_FAIL, "default activated", "add the lines below",
                      "openssl.cnf does not activate the provider 'default', which others push out");
    else if (c->fips_active && c->base_active)
        doctor_report(d, DOCTOR_OK, "default activated", NULL,
                      "openssl.cnf activates the providers 'fips' and 'base' in the place of 'default'");
    else
        doctor_report(d, DOCTOR_FAIL, "default activated",
                      "see fips_module(7): both are needed where 'default' is not there",
                      "openssl.cnf activates the provider '%s' without '%s'", c->fips_active ? "fips" : "base",
                      c->fips_active ? "base" : "fips");
}
