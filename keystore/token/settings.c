/* What BOX.conf says about the token of a box (littlebox.conf(5)). */
#include "token/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Directories that distributions and vendors use, and that users cannot write to. */
#define DEFAULT_DIRS "/usr/lib:/usr/lib32:/usr/lib64:/usr/libexec:/usr/local/lib:/usr/local/lib64:/lib:/lib64:/opt"
/* Where tokens, their locks and sockets are, and devices. */
#define DEFAULT_WRITES "/dev:/run:/tmp:/var"

void p11conf_defaults(struct p11conf *c)
{
    memset(c, 0, sizeof(*c));
    strcpy(c->dirs, DEFAULT_DIRS);
    strcpy(c->writes, DEFAULT_WRITES);
    c->sessions = 8;
    c->timeout = 20;
    c->session_copies = true;
}

static bool number(const char *s, unsigned min, unsigned max, unsigned *ret)
{
    unsigned long n;
    char *end;

    if (s[0] < '0' || s[0] > '9')
        return false;
    errno = 0;
    n = strtoul(s, &end, 10);
    *ret = (unsigned)n;
    return errno == 0 && *end == '\0' && n >= min && n <= max;
}

const char *p11conf_module(struct p11conf *c, const char *value)
{
    if (value[0] != '/' || strlen(value) >= sizeof(c->module))
        return "the absolute path of a PKCS#11 module";
    strcpy(c->module, value);
    return NULL;
}

static const char *set_dirs(char ret[P11_ENV_SIZE], const char *value)
{
    static const char wanted[] = "absolute paths of directories with ':' between them";

    if (strlen(value) >= P11_ENV_SIZE)
        return "at most 1023 characters";
    strcpy(ret, value);
    for (const char *dir = value;; dir++) {
        if (*dir != '/')
            return wanted;
        dir = strchr(dir, ':');
        if (dir == NULL)
            return NULL;
    }
}

const char *p11conf_dirs(struct p11conf *c, const char *value)
{
    return set_dirs(c->dirs, value);
}

const char *p11conf_writes(struct p11conf *c, const char *value)
{
    return set_dirs(c->writes, value);
}

/* May the module's environment have this? Not if it would change this program, and not only its module. */
static bool is_harmless(const char *name, size_t len)
{
    static const char *const others[] = { "LD_", "GLIBC_", "MALLOC_", "OPENSSL_", "LITTLEBOX_", "CREDENTIALS_DIRECTORY", "PATH", "HOME" };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        size_t n = strlen(others[i]);
        bool prefix = others[i][n - 1] == '_';

        if (len >= n && strncmp(name, others[i], n) == 0 && (prefix || len == n))
            return false;
    }
    return len > 0;
}

const char *p11conf_env(struct p11conf *c, const char *value)
{
    const char *end = strchr(value, '=');

    if (end == NULL || strlen(value) >= P11_ENV_SIZE)
        return "NAME=VALUE";
    if (!is_harmless(value, (size_t)(end - value)))
        return "a variable of the module, not one of the loader, libcrypto or littlebox";
    if (c->env_count == P11_ENV_MAX)
        return "at most 8 variables";
    strcpy(c->env[c->env_count++], value);
    return NULL;
}

const char *p11conf_arguments(struct p11conf *c, const char *value)
{
    if (strlen(value) >= sizeof(c->arguments))
        return "at most 1023 characters";
    strcpy(c->arguments, value);
    return NULL;
}

/* The words of the configuration are those of RFC 7512, but for the token's label, which is "token" there. */
const char *p11conf_token(struct p11conf *c, const char *value)
{
    static const char wanted[] = "label=, serial=, manufacturer=, model= and slot-id= of a token, with ';' between them "
                                 "and odd characters as %XX";
    static const char *const names[] = { "label=", "serial=", "manufacturer=", "model=", "slot-id=" };
    char uri[2048];
    struct problem p;
    size_t len = 0;

    if (strlen(value) > sizeof(uri) - 64)
        return wanted;
    len = (size_t)sprintf(uri, "pkcs11:");
    for (const char *word = value;;) {
        size_t n = strcspn(word, ";"), i = 0;

        while (i < sizeof(names) / sizeof(names[0]) && strncmp(word, names[i], strlen(names[i])) != 0)
            i++;
        if (i == sizeof(names) / sizeof(names[0]))
            return wanted;
        if (i == 0) {
            word += strlen("label");
            n -= strlen("label");
        }
        if (len + n + 16 > sizeof(uri))
            return wanted;
        len += (size_t)sprintf(uri + len, "%s", i == 0 ? "token" : "");
        /* A blank in a label is %20 in a URI. People write the blank. */
        for (size_t k = 0; k < n; k++)
            len += (size_t)sprintf(uri + len, word[k] == ' ' ? "%%20" : "%c", word[k]);
        if (word[n] == '\0')
            break;
        uri[len++] = ';';
        uri[len] = '\0';
        word += n + 1;
    }
    if (p11uri_parse(uri, &c->token, &p) != 0)
        return wanted;
    c->has_token = true;
    return NULL;
}

const char *p11conf_pin(struct p11conf *c, const char *value)
{
    static const char wanted[] = "credential:NAME, file:/PATH or prompt; a PIN itself has no place here";
    const char *dir = getenv("CREDENTIALS_DIRECTORY");

    if (strcmp(value, "prompt") == 0) {
        c->pin = PIN_PROMPT;
        return NULL;
    }
    if (strncmp(value, "file:/", 6) == 0 && strlen(value + 5) < sizeof(c->pin_path)) {
        c->pin = PIN_FILE;
        strcpy(c->pin_path, value + 5);
        return NULL;
    }
    if (strncmp(value, "credential:", 11) != 0 || value[11] == '\0' || strchr(value, '/') != NULL)
        return wanted;
    if (dir == NULL || dir[0] != '/')
        return "file:/PATH, because systemd gives this process no credentials (no $CREDENTIALS_DIRECTORY)";
    if (snprintf(c->pin_path, sizeof(c->pin_path), "%s/%s", dir, value + 11) >= (int)sizeof(c->pin_path))
        return wanted;
    c->pin = PIN_FILE;
    return NULL;
}

const char *p11conf_sessions(struct p11conf *c, const char *value)
{
    return number(value, 1, P11_SESSIONS_MAX, &c->sessions) ? NULL : "a number from 1 to 256";
}

const char *p11conf_timeout(struct p11conf *c, const char *value)
{
    return number(value, 1, 600, &c->timeout) ? NULL : "seconds, from 1 to 600";
}

const char *p11conf_login(struct p11conf *c, const char *value)
{
    static const char *const names[] = { [LOGIN_AUTO] = "auto", [LOGIN_ALWAYS] = "always", [LOGIN_NEVER] = "never" };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i]) == 0) {
            c->login = (enum p11_login)i;
            return NULL;
        }
    }
    return "auto, always or never";
}

const char *p11conf_session_copies(struct p11conf *c, const char *value)
{
    c->session_copies = strcmp(value, "auto") == 0;
    return c->session_copies || strcmp(value, "never") == 0 ? NULL : "auto or never";
}

int p11conf_check(const struct p11conf *c, const char *file, struct problem *p)
{
    if (c->module[0] == '\0') {
        problem_set(p, LB_E_CONFIG, "%s: backend = pkcs11 needs 'module = /path/of/module.so'", file);
        problem_hint(p, "the modules of this system: p11-kit list-modules; see littlebox.conf(5)");
        return LB_E_CONFIG;
    }
    if (!c->has_token) {
        problem_set(p, LB_E_CONFIG, "%s: backend = pkcs11 needs 'token = label=NAME'", file);
        problem_hint(p, "the tokens of the module: pkcs11-tool --module %s -L", c->module);
        return LB_E_CONFIG;
    }
    if (c->login == LOGIN_ALWAYS && c->pin == PIN_NONE) {
        problem_set(p, LB_E_CONFIG, "%s: login = always needs 'pin = file:/PATH', 'credential:NAME' or 'prompt'", file);
        problem_hint(p, "see littlebox.conf(5)");
        return LB_E_CONFIG;
    }
    return 0;
}
