/* BOX.conf: how one box is set up (littlebox.conf(5)). */
#include "daemon/box_conf.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf_line.h"
#include "base/duration.h"
#include "base/id_range.h"
#include "base/suggest.h"

#define BLANKS " \t\r\n"
/* As long as no line says. */
#define WATCHDOG_UNSET UINT_MAX
/* In seconds; longer than any request takes. The slow ones: a text of 4 GiB is hashed twice, and keys of SLH-DSA. */
#define WATCHDOG_DEFAULT 120
/* A hanging token holds a thread for the time of one call, or of a few. */
#define WATCHDOG_CALLS 4

static bool number(const char *s, int base, unsigned long min, unsigned long max, unsigned long *ret)
{
    char *end;

    if (s[0] < '0' || s[0] > '9')
        return false;
    errno = 0;
    *ret = strtoul(s, &end, base);
    return errno == 0 && *end == '\0' && *ret >= min && *ret <= max;
}

static const char *set_threads(struct boxconf *c, const char *value)
{
    unsigned long n;

    if (!number(value, 10, 2, 256, &n))
        return "a number from 2 to 256";
    c->threads = (unsigned)n;
    c->threads_given = true;
    return NULL;
}

static const char *set_max_connections(struct boxconf *c, const char *value)
{
    unsigned long n;

    if (!number(value, 10, 16, 100000, &n))
        return "a number from 16 to 100000";
    c->max_connections = (unsigned)n;
    return NULL;
}

static const char *set_open_keys(struct boxconf *c, const char *value)
{
    unsigned long n;

    if (!number(value, 10, 1, 100000, &n))
        return "a number from 1 to 100000";
    c->open_keys = (unsigned)n;
    return NULL;
}

static const char *set_watchdog(struct boxconf *c, const char *value)
{
    unsigned long n;

    if (!number(value, 10, 0, 3600, &n) || (n > 0 && n < 2))
        return "a number of seconds from 2 to 3600, or 0";
    c->watchdog = (unsigned)n;
    return NULL;
}

static const char *set_rest_after(struct boxconf *c, const char *value)
{
    unsigned long n;

    if (!number(value, 10, 0, 86400, &n))
        return "a number of seconds from 0 (never) to 86400";
    c->rest_after = (unsigned)n;
    return NULL;
}

static const char *set_destroy_after(struct boxconf *c, const char *value)
{
    uint32_t seconds;

    if (!duration_parse(value, &seconds) || seconds == 0)
        return "a time from 1s to 366d";
    c->destroy_after = seconds;
    return NULL;
}

/* user:NAME, user:UID, group:NAME or group:GID. */
static bool parse_admin(const char *word, struct grant *ret)
{
    unsigned long n;

    if (strncmp(word, "user:", 5) == 0) {
        const struct passwd *pw = getpwnam(word + 5);

        ret->kind = SUBJECT_USER;
        if (pw != NULL)
            ret->id = pw->pw_uid;
        else if (number(word + 5, 10, 0, UINT32_MAX - 1, &n))
            ret->id = (uint32_t)n;
        else
            return false;
        return true;
    }
    if (strncmp(word, "group:", 6) == 0) {
        const struct group *gr = getgrnam(word + 6);

        ret->kind = SUBJECT_GROUP;
        if (gr != NULL)
            ret->id = gr->gr_gid;
        else if (number(word + 6, 10, 0, UINT32_MAX - 1, &n))
            ret->id = (uint32_t)n;
        else
            return false;
        return true;
    }
    return false;
}

static const char *set_admin(struct boxconf *c, const char *value)
{
    char words[1024], *save = NULL;

    if (strlen(value) >= sizeof(words))
        return "at most 1023 characters";
    memcpy(words, value, strlen(value) + 1);
    for (char *w = strtok_r(words, BLANKS, &save); w != NULL; w = strtok_r(NULL, BLANKS, &save)) {
        if (c->admins.count == ADMINS_MAX)
            return "at most 32 administrators";
        if (!parse_admin(w, &c->admins.of[c->admins.count]))
            return "user:NAME and group:NAME of this system, separated by blanks";
        c->admins.count++;
    }
    return NULL;
}

static const char *set_credential(struct boxconf *c, const char *value)
{
    if (value[0] != '/' || strlen(value) >= sizeof(c->credential))
        return "an absolute path";
    memcpy(c->credential, value, strlen(value) + 1);
    c->credential_handed = false;
    return NULL;
}

static const char *set_socket_mode(struct boxconf *c, const char *value)
{
    unsigned long n;

    if (!number(value, 8, 0600, 0777, &n) || (n & 0600) != 0600)
        return "an octal mode such as 0666 or 0660";
    c->socket_mode = (mode_t)n;
    return NULL;
}

static const char *set_log_level(struct boxconf *c, const char *value)
{
    return log_level_by_name(value, &c->log_level) ? NULL : "error, warning or info";
}

static const char *set_sandbox(struct boxconf *c, const char *value)
{
    c->sandbox = strcmp(value, "yes") == 0;
    return c->sandbox || strcmp(value, "no") == 0 ? NULL : "yes or no";
}

static const char *set_locked_memory(struct boxconf *c, const char *value)
{
    c->locked_memory = strcmp(value, "yes") == 0;
    return c->locked_memory || strcmp(value, "no") == 0 ? NULL : "yes or no";
}

static const char *set_backend(struct boxconf *c, const char *value)
{
    c->backend = strcmp(value, "pkcs11") == 0 ? BACKEND_PKCS11 : BACKEND_SEALED;
    return c->backend == BACKEND_PKCS11 || strcmp(value, "sealed") == 0 ? NULL : "sealed or pkcs11";
}

/* The settings of a token count only if there is a token. */
#define P11_SETTER(name)                                                 \
    static const char *set_p11_##name(struct boxconf *c, const char *value) \
    {                                                                    \
        c->token_settings = true;                                        \
        return p11conf_##name(&c->p11, value);                           \
    }
P11_SETTER(module)
P11_SETTER(dirs)
P11_SETTER(env)
P11_SETTER(writes)
P11_SETTER(arguments)
P11_SETTER(token)
P11_SETTER(pin)
P11_SETTER(sessions)
P11_SETTER(login)
P11_SETTER(timeout)
P11_SETTER(session_copies)

/* A setter returns NULL, or says what the value has to be. */
static const struct {
    const char *key;
    const char *(*set)(struct boxconf *c, const char *value);
} settings[] = {
    { "threads", set_threads },         { "max-connections", set_max_connections },
    { "open-keys", set_open_keys },     { "rest-after", set_rest_after },
    { "destroy-after", set_destroy_after },
    { "watchdog", set_watchdog },       { "locked-memory", set_locked_memory },
    { "admin", set_admin },             { "credential", set_credential },
    { "socket-mode", set_socket_mode }, { "log-level", set_log_level },
    { "sandbox", set_sandbox },         { "backend", set_backend },
    { "module", set_p11_module },       { "module-dirs", set_p11_dirs },
    { "module-env", set_p11_env },      { "token", set_p11_token },
    { "pin", set_p11_pin },             { "sessions", set_p11_sessions },
    { "module-arguments", set_p11_arguments },
    { "module-writes", set_p11_writes },
    { "login", set_p11_login },         { "token-timeout", set_p11_timeout },
    { "session-copies", set_p11_session_copies },
};

void boxconf_warn(const struct boxconf *c)
{
    for (unsigned i = 0; i < c->admins.count; i++) {
        char text[200];
        const char *cure;

        if (idrange_lent(c->admins.of[i].kind == SUBJECT_GROUP, c->admins.of[i].id, text, sizeof(text), &cure))
            log_warning("%s: admin: %s; %s", c->paths.config, text, cure);
    }
}

static int parse_line(struct boxconf *c, char *line, unsigned n, struct problem *p)
{
    const char *wanted = NULL;
    struct suggestion meant;
    char *key, *value;

    confline_split(line, &key, &value);
    if (key == NULL)
        return 0;
    if (value == NULL)
        return problem_set(p, LB_E_CONFIG, "%s:%u: '%.60s' has no '='", c->paths.config, n, key);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (strcmp(key, settings[i].key) != 0)
            continue;
        wanted = settings[i].set(c, value);
        if (wanted == NULL)
            return 0;
        /* A PIN that was written here by mistake must not be in a log. */
        if (strcmp(key, "pin") == 0)
            return problem_set(p, LB_E_CONFIG, "%s:%u: pin must be %s", c->paths.config, n, wanted);
        return problem_set(p, LB_E_CONFIG, "%s:%u: %s = %.60s: it must be %s", c->paths.config, n, key, value, wanted);
    }
    problem_set(p, LB_E_CONFIG, "%s:%u: unknown setting '%.60s'", c->paths.config, n, key);
    suggest_start(&meant, key);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        suggest_try(&meant, settings[i].key);
    if (meant.best != NULL)
        problem_hint(p, "did you mean '%s'? see littlebox.conf(5)", meant.best);
    else
        problem_hint(p, "see littlebox.conf(5)");
    return LB_E_CONFIG;
}

static void set_defaults(struct boxconf *c, const char *box, const struct box_paths *paths)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    memset(c, 0, sizeof(*c));
    snprintf(c->box, sizeof(c->box), "%s", box);
    c->paths = *paths;
    /* One thread for each processor does the work. There are two at least, so that a slow answer never stops the only one. */
    c->threads = cpus < 2 ? 2 : cpus > 256 ? 256 : (unsigned)cpus;
    c->max_connections = 4096;
    c->open_keys = 1000;
    c->watchdog = WATCHDOG_UNSET;
    c->rest_after = 60;
    c->destroy_after = 7 * 86400;
    c->locked_memory = true;
    snprintf(c->credential, sizeof(c->credential), "%s", paths->credential);
    /*
     * The file that systemd hands over (systemd.exec(5), LoadCredential=) goes before the one in the configuration
     * directory.
     */
    if (dir != NULL && dir[0] == '/' && strlen(dir) + strlen("/littlebox") < sizeof(c->credential)) {
        snprintf(c->credential, sizeof(c->credential), "%s/littlebox", dir);
        c->credential_handed = access(c->credential, F_OK) == 0;
        if (!c->credential_handed)
            snprintf(c->credential, sizeof(c->credential), "%s", paths->credential);
    }
    /* Everybody may connect to a system's box: who may sign is decided key by key. A user's own box is that user's alone. */
    c->socket_mode = geteuid() == 0 ? 0666 : 0600;
    c->log_level = LOG_LEVEL_INFO;
    c->sandbox = true;
    p11conf_defaults(&c->p11);
}

static void set_late_defaults(struct boxconf *c)
{
    unsigned calls = c->backend == BACKEND_PKCS11 ? c->p11.timeout * WATCHDOG_CALLS : 0;

    if (c->watchdog == WATCHDOG_UNSET)
        c->watchdog = calls > WATCHDOG_DEFAULT ? calls : WATCHDOG_DEFAULT;
}

static int check_backend(const struct boxconf *c, struct problem *p)
{
    if (c->backend == BACKEND_PKCS11)
        return p11conf_check(&c->p11, c->paths.config, p);
    if (!c->token_settings)
        return 0;
    problem_set(p, LB_E_CONFIG, "%s: there are settings of a token, but not 'backend = pkcs11'", c->paths.config);
    problem_hint(p, "see littlebox.conf(5)");
    return LB_E_CONFIG;
}

int boxconf_load(const char *box, const struct box_paths *paths, struct boxconf *ret, struct problem *p)
{
    char line[2048];
    unsigned n = 0;
    FILE *f;
    int r = 0;

    set_defaults(ret, box, paths);
    f = fopen(paths->config, "re");
    if (f == NULL) {
        if (errno == ENOENT || errno == ENOTDIR) {
            set_late_defaults(ret);
            return 0;
        }
        return problem_set(p, LB_E_CONFIG, "%s: %s", paths->config, strerror(errno));
    }
    while (r == 0 && fgets(line, sizeof(line), f) != NULL) {
        n++;
        if (strchr(line, '\n') == NULL && !feof(f))
            r = problem_set(p, LB_E_CONFIG, "%s:%u: the line is too long", paths->config, n);
        else
            r = parse_line(ret, line, n, p);
    }
    if (r == 0 && ferror(f))
        r = problem_set(p, LB_E_CONFIG, "%s: %s", paths->config, strerror(errno));
    fclose(f);
    set_late_defaults(ret);
    return r != 0 ? r : check_backend(ret, p);
}

void boxconf_settings(const struct boxconf *conf, struct vault_settings *ret_vault, struct box_settings *ret_box)
{
    *ret_vault = (struct vault_settings){
        .box = conf->box,
        .admins = &conf->admins,
        .paths = { .config = conf->paths.config, .state = conf->paths.state, .store = conf->paths.store },
        .credential = conf->credential,
        .credential_handed = conf->credential_handed,
        .threads = conf->threads,
        .open_keys = conf->open_keys,
        .destroy_after = conf->destroy_after,
        .backend = { .kind = conf->backend, .box = conf->box, .state = conf->paths.state, .token = &conf->p11 },
    };
    *ret_box = (struct box_settings){
        .box = conf->box,
        .admins = &conf->admins,
        .threads = conf->threads,
        .max_connections = conf->max_connections,
    };
}
