/* A deployment: in which files a server has a key's handle and its chain, and how the server is told (littlebox-deploy(5)). */
#include "deploy/deployment.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf_line.h"
#include "base/printable.h"
#include "base/suggest.h"
#include "deploy/address.h"

#define DEFAULT_MODE 0644

void deployment_init(struct deployment *d)
{
    memset(d, 0, sizeof(*d));
    d->uid = geteuid();
    d->gid = getegid();
    d->mode = DEFAULT_MODE;
    d->reload_seconds = DEPLOY_RELOAD_SECONDS;
}

void deployment_clear(struct deployment *d)
{
    free(d->conf);
    for (int i = 0; i < DEPLOY_FILES; i++)
        free(d->files[i]);
    free(d->owner);
    for (unsigned i = 0; i < d->reload_count; i++)
        free(d->reload[i]);
    free(d->check);
    free(d->sni);
    deployment_init(d);
}

/* Settings: a setter returns NULL, or says what the value has to be. Out of memory leaves the string NULL, which set() sees. */

static const char *set_key(struct deployment *d, const char *value)
{
    if (!keyname_ok(value, strlen(value)))
        return "a key's name";
    memcpy(d->key, value, strlen(value) + 1);
    return NULL;
}

/* One path has one spelling, since a file that two deployments write is found by it. */
static bool is_plain_path(const char *path)
{
    size_t len = strlen(path);

    return path[0] == '/' && len > 1 && len < PATH_MAX && path[len - 1] != '/' && strstr(path, "//") == NULL &&
           strstr(path, "/./") == NULL && strstr(path, "/../") == NULL && (len < 2 || strcmp(path + len - 2, "/.") != 0) &&
           (len < 3 || strcmp(path + len - 3, "/..") != 0);
}

static const char *set_file(struct deployment *d, enum deploy_file file, const char *value)
{
    if (!is_plain_path(value))
        return "the absolute path of a file, without '.', '..' or '//' in it";
    d->files[file] = strdup(value);
    return NULL;
}

static const char *set_handle(struct deployment *d, const char *value)
{
    return set_file(d, DEPLOY_HANDLE, value);
}

static const char *set_chain(struct deployment *d, const char *value)
{
    return set_file(d, DEPLOY_CHAIN, value);
}

static const char *set_combined(struct deployment *d, const char *value)
{
    return set_file(d, DEPLOY_COMBINED, value);
}

static bool number(const char *s, int base, unsigned long max, unsigned long *ret)
{
    char *end;

    if (s[0] < '0' || s[0] > '9')
        return false;
    errno = 0;
    *ret = strtoul(s, &end, base);
    return errno == 0 && *end == '\0' && *ret <= max;
}

static const char *set_owner(struct deployment *d, const char *value)
{
    static const char wanted[] = "USER or USER:GROUP of this system";
    const char *colon = strchr(value, ':');
    size_t len = colon == NULL ? strlen(value) : (size_t)(colon - value);
    const struct passwd *pw;
    const struct group *gr;
    char user[256];
    unsigned long n;

    if (len == 0 || len >= sizeof(user))
        return wanted;
    memcpy(user, value, len);
    user[len] = '\0';
    pw = getpwnam(user);
    if (pw == NULL && number(user, 10, UINT_MAX - 1, &n))
        pw = getpwuid((uid_t)n);
    if (pw != NULL) {
        d->uid = pw->pw_uid;
        d->gid = pw->pw_gid;
    } else if (colon != NULL && number(user, 10, UINT_MAX - 1, &n)) {
        d->uid = (uid_t)n;
    } else {
        return wanted;
    }
    gr = colon == NULL ? NULL : getgrnam(colon + 1);
    if (gr != NULL)
        d->gid = gr->gr_gid;
    else if (colon != NULL && number(colon + 1, 10, UINT_MAX - 1, &n))
        d->gid = (gid_t)n;
    else if (colon != NULL)
        return wanted;
    d->owner = strdup(value);
    return NULL;
}

/* Nobody but the owner writes: a file that others may change is another key tomorrow. */
static const char *set_mode(struct deployment *d, const char *value)
{
    unsigned long n;

    if (!number(value, 8, 0777, &n) || (n & 0400) == 0 || (n & ~0644ul) != 0)
        return "an octal mode in which the owner alone may write, and nobody executes, such as 0644 or 0600";
    d->mode = (mode_t)n;
    return NULL;
}

static const char *set_reload(struct deployment *d, const char *value)
{
    if (d->reload_count == DEPLOY_RELOADS_MAX)
        return "one of at most 8 command lines";
    d->reload[d->reload_count] = strdup(value);
    if (d->reload[d->reload_count] != NULL)
        d->reload_count++;
    return NULL;
}

static const char *set_reload_seconds(struct deployment *d, const char *value)
{
    unsigned long n;

    if (!number(value, 10, 3600, &n) || n == 0)
        return "a number of seconds from 1 to 3600";
    d->reload_seconds = (unsigned)n;
    return NULL;
}

static const char *set_check(struct deployment *d, const char *value)
{
    struct address a;

    if (!address_parse(value, &a))
        return ADDRESS_RULE;
    d->check = strdup(value);
    return NULL;
}

static const char *set_sni(struct deployment *d, const char *value)
{
    if (strlen(value) > 253 || strcspn(value, " ,/:") != strlen(value))
        return "a host's name";
    d->sni = strdup(value);
    return NULL;
}

static const struct setting {
    const char *name;
    const char *(*set)(struct deployment *d, const char *value);
    bool many;
} settings[] = {
    { "key", set_key, false },       { "handle", set_handle, false }, { "chain", set_chain, false },
    { "combined", set_combined, false }, { "owner", set_owner, false }, { "mode", set_mode, false },
    { "reload", set_reload, true },  { "reload-seconds", set_reload_seconds, false },
    { "check", set_check, false },   { "sni", set_sni, false },
};
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static int unknown(const char *name, struct problem *p)
{
    struct suggestion meant;

    problem_set(p, LB_E_CONFIG, "unknown setting '%.60s'", name);
    suggest_start(&meant, name);
    for (size_t i = 0; i < SETTINGS; i++)
        suggest_try(&meant, settings[i].name);
    if (meant.best != NULL)
        problem_hint(p, "did you mean '%s'? see littlebox-deploy(5)", meant.best);
    else
        problem_hint(p, "see littlebox-deploy(5)");
    return LB_E_CONFIG;
}

/*
 * What the file could not hold as one line, or would show as another text, is no value: a line of a shell with an end of line in it
 * would be two settings.
 */
static const char *bad_text(const char *value)
{
    char plain[DEPLOY_VALUE_MAX + 1];
    size_t len = strlen(value);

    if (len == 0)
        return "something";
    if (len > DEPLOY_VALUE_MAX)
        return "at most 4000 bytes";
    memcpy(plain, value, len + 1);
    make_printable(plain);
    if (strcmp(plain, value) != 0)
        return "one line of printable text";
    return value[0] == ' ' || value[len - 1] == ' ' ? "without blanks at its ends" : NULL;
}

static int set(struct deployment *d, const struct setting *s, const char *value, struct problem *p)
{
    const char *wanted = bad_text(value);
    unsigned reloads = d->reload_count;
    int r;

    if (wanted == NULL)
        wanted = s->set(d, value);
    if (wanted == NULL)
        return s->set == set_reload && d->reload_count == reloads ? problem_set(p, LB_E_NOMEM, "out of memory") : 0;
    r = problem_set(p, LB_E_CONFIG, "%s = %.100s: it must be %s", s->name, value, wanted);
    if (s->set == set_owner)
        problem_hint(p, "this machine's users: getent passwd; of a user without a name there, the group's number is needed too");
    return r;
}

int deployment_set(struct deployment *d, const char *name, const char *value, struct problem *p)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        if (strcmp(settings[i].name, name) == 0)
            return set(d, &settings[i], value, p);
    }
    return unknown(name, p);
}

int deployment_check(const struct deployment *d, struct problem *p)
{
    if (d->key[0] == '\0')
        return problem_set(p, LB_E_CONFIG, "there is no 'key'");
    if (deployment_file(d) == NULL)
        return problem_set(p, LB_E_CONFIG, "there is neither 'handle' nor 'combined'");
    if (d->sni != NULL && d->check == NULL)
        return problem_set(p, LB_E_CONFIG, "'sni' is of no use without 'check'");
    for (int i = 0; i < DEPLOY_FILES; i++) {
        for (int k = i + 1; k < DEPLOY_FILES; k++) {
            if (d->files[i] == NULL || d->files[k] == NULL || strcmp(d->files[i], d->files[k]) != 0)
                continue;
            problem_set(p, LB_E_CONFIG, "'%s' cannot be two files at once", d->files[i]);
            problem_hint(p, "for certificates and handle in one file: combined");
            return LB_E_CONFIG;
        }
    }
    return 0;
}

static int parse_line(const char *path, unsigned n, char *line, struct deployment *d, bool seen[SETTINGS], struct problem *p)
{
    char *name, *value;
    struct problem why = { 0 };
    int r = 0;

    confline_split(line, &name, &value);
    if (name == NULL)
        return 0;
    if (value == NULL)
        return problem_set(p, LB_E_CONFIG, "%s:%u: '%.60s' has no '='", path, n, name);
    for (size_t i = 0; i < SETTINGS; i++) {
        if (strcmp(settings[i].name, name) != 0)
            continue;
        if (seen[i] && !settings[i].many)
            return problem_set(p, LB_E_CONFIG, "%s:%u: '%s' is there twice", path, n, name);
        seen[i] = true;
    }
    r = deployment_set(d, name, value, &why);
    if (r != 0) {
        problem_set(p, r, "%s:%u: %s", path, n, why.text);
        problem_hint(p, "%s", why.hint);
    }
    return r;
}

int deployment_parse(const char *path, char *text, size_t len, struct deployment *ret, struct problem *p)
{
    bool seen[SETTINGS] = { false };
    struct problem why = { 0 };
    unsigned n = 0;
    int r = 0;

    deployment_init(ret);
    if (memchr(text, '\0', len) != NULL)
        return problem_set(p, LB_E_CONFIG, "%s: there are NUL bytes in it", path);
    for (char *line = text, *next; r == 0 && line != NULL; line = next) {
        next = memchr(line, '\n', len - (size_t)(line - text));
        if (next != NULL)
            *next++ = '\0';
        n++;
        r = strlen(line) > DEPLOY_LINE_MAX ? problem_set(p, LB_E_CONFIG, "%s:%u: the line is too long", path, n)
                                           : parse_line(path, n, line, ret, seen, p);
    }
    if (r == 0 && (r = deployment_check(ret, &why)) != 0) {
        problem_set(p, r, "%s: %s", path, why.text);
        problem_hint(p, "%s", why.hint[0] == '\0' ? "see littlebox-deploy(5)" : why.hint);
    }
    return r;
}

void deployment_key(const char *text, char ret[LB_NAME_MAX + 1])
{
    char line[DEPLOY_LINE_MAX + 1], *name, *value;

    ret[0] = '\0';
    for (const char *at = text; at != NULL && ret[0] == '\0'; at = strchr(at, '\n')) {
        at += *at == '\n';
        snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
        confline_split(line, &name, &value);
        if (name != NULL && value != NULL && strcmp(name, "key") == 0 && keyname_ok(value, strlen(value)))
            snprintf(ret, LB_NAME_MAX + 1, "%s", value);
    }
}

static void line_of(FILE *out, const char *name, const char *value)
{
    if (value != NULL)
        fprintf(out, "%s = %s\n", name, value);
}

void deployment_write(const struct deployment *d, FILE *out)
{
    fputs("# Written by 'littlebox deploy'; see littlebox-deploy(5).\n", out);
    line_of(out, "key", d->key);
    line_of(out, "handle", d->files[DEPLOY_HANDLE]);
    line_of(out, "chain", d->files[DEPLOY_CHAIN]);
    line_of(out, "combined", d->files[DEPLOY_COMBINED]);
    line_of(out, "owner", d->owner);
    if (d->mode != DEFAULT_MODE)
        fprintf(out, "mode = %04o\n", (unsigned)d->mode);
    for (unsigned i = 0; i < d->reload_count; i++)
        line_of(out, "reload", d->reload[i]);
    if (d->reload_seconds != DEPLOY_RELOAD_SECONDS)
        fprintf(out, "reload-seconds = %u\n", d->reload_seconds);
    line_of(out, "check", d->check);
    line_of(out, "sni", d->sni);
}

const char *deployment_file(const struct deployment *d)
{
    return d->files[DEPLOY_HANDLE] != NULL ? d->files[DEPLOY_HANDLE] : d->files[DEPLOY_COMBINED];
}

const char *deployment_has(const struct deployment *d, const char *path)
{
    static const char *const names[DEPLOY_FILES] = { "handle", "chain", "combined" };

    for (int i = 0; i < DEPLOY_FILES; i++) {
        if (d->files[i] != NULL && strcmp(d->files[i], path) == 0)
            return names[i];
    }
    return NULL;
}
