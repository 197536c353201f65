/* Apache's configuration: a directive a line, sections that count or not, ${variables}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "doctor/servers/conf.h"

/* Of the row in servers.c. */
srv_reader srv_apache;

static const struct srv_rules rules = { .continued = true, .quotes = true };

/* In front of the names that are set, to keep the kinds apart. Nothing else sets names with a blank. */
/* Sections within each other; deeper ones count as the one around them. */
#define SCOPES 32
#define DEFINED "define "
#define MODULE "module "
#define MANAGED "managed "

static void set_prefixed(struct srvconf *c, const struct srv_source *s, const char *prefix, const char *name,
                         const char *value)
{
    char full[300];

    if (snprintf(full, sizeof(full), "%s%s", prefix, name) < (int)sizeof(full))
        srv_set(c, s, full, value);
}

static const char *get_prefixed(const struct srvconf *c, const char *prefix, const char *name, size_t len)
{
    char full[300];

    return snprintf(full, sizeof(full), "%s%.*s", prefix, (int)len, name) < (int)sizeof(full) ? srv_get(c, full, NULL)
                                                                                             : NULL;
}

/* Replaces each ${name}. False: one is not known, or there is a $name or @name of a macro. */
static bool expand(const struct srvconf *c, const char *text, char ret[PATH_MAX])
{
    size_t used = 0;

    while (*text != '\0') {
        const char *end = strncmp(text, "${", 2) == 0 ? strchr(text, '}') : NULL;
        const char *value = end == NULL ? NULL : get_prefixed(c, DEFINED, text + 2, (size_t)(end - text - 2));
        size_t len = end == NULL ? 1 : value == NULL ? 0 : strlen(value);

        if ((end != NULL && value == NULL) || (end == NULL && strchr("$@", *text) != NULL) || used + len >= PATH_MAX)
            return false;
        memcpy(ret + used, end == NULL ? text : value, len);
        used += len;
        text = end == NULL ? text + 1 : end + 1;
    }
    ret[used] = '\0';
    return true;
}

/* "mod_ssl.c" or ssl_module: loaded, or linked into Debian's server? */
static bool has_module(const struct srvconf *c, const char *name)
{
    static const char *const linked[] = { "core", "so", "http", "watchdog", "log_config", "logio", "version", "unixd" };
    size_t len = strlen(name);

    if (len > 2 && strcmp(name + len - 2, ".c") == 0)
        len -= 2;
    if (len > 7 && strncmp(name + len - 7, "_module", 7) == 0)
        len -= 7;
    if (len > 4 && (strncmp(name, "mod_", 4) == 0)) {
        name += 4;
        len -= 4;
    }
    for (size_t i = 0; i < sizeof(linked) / sizeof(linked[0]); i++) {
        if (strlen(linked[i]) == len && strncmp(name, linked[i], len) == 0)
            return true;
    }
    return get_prefixed(c, MODULE, name, len) != NULL;
}

/* Does the section count? If only the running server knows, it does. */
static bool condition(const struct srvconf *c, const struct srv_words *w)
{
    char arg[300];
    bool wanted = true, is;
    size_t len;

    snprintf(arg, sizeof(arg), "%s", w->count > 1 ? w->word[1] : "");
    len = strlen(arg);
    if (len > 0 && arg[len - 1] == '>')
        arg[len - 1] = '\0';
    if (arg[0] == '!') {
        wanted = false;
        memmove(arg, arg + 1, strlen(arg));
    }
    if (strcasecmp(w->word[0], "<IfModule") == 0)
        is = has_module(c, arg);
    else if (strcasecmp(w->word[0], "<IfDefine") == 0)
        is = get_prefixed(c, DEFINED, arg, strlen(arg)) != NULL;
    else
        is = wanted;
    return is == wanted;
}

static void load_module(struct srvconf *c, const struct srv_source *s, const char *name, size_t len)
{
    char text[200];

    snprintf(text, sizeof(text), "%.*s", (int)len, name);
    set_prefixed(c, s, MODULE, text, "");
}

static void include(struct srvconf *c, const struct srv_source *s, const char *value, bool absent)
{
    char path[PATH_MAX];

    if (!expand(c, value, path))
        srv_problem(c, s, "what '%.200s' names is only known to the server", value);
    else if (!srv_include_dir(c, s, path, NULL, srv_apache))
        srv_include(c, s, path, absent, srv_apache);
}

static void user(struct srvconf *c, const char *value, char ret[64])
{
    char expanded[PATH_MAX];

    srv_name(ret, expand(c, value, expanded) ? expanded : "?");
}

static void key(struct srvconf *c, const struct srv_source *s, const char *value, enum srv_kind kind)
{
    char path[PATH_MAX];

    if (!expand(c, value, path))
        srv_key_add(c, s, SRV_OPEN, value);
    else if (kind == SRV_FILE)
        srv_key_add_any(c, s, path);
    else if (strncasecmp(path, "pkcs11:", 7) != 0)
        srv_key_add(c, s, kind, path);
}

/*
 * mod_md orders certificates for a managed domain and makes their keys, in files below MDStoreDir; but not where
 * MDCertificateKeyFile in the domain's set names one.
 */
static void managed(struct srvconf *c, const struct srv_source *s, const char *directive, const char *name)
{
    char text[300];

    snprintf(text, sizeof(text), "%.100s %.*s", directive, (int)strcspn(name, ">"), name);
    srv_key_add(c, s, SRV_MAKES, text);
}

static void set_begins(struct srvconf *c, const struct srv_source *s, const struct srv_words *w)
{
    set_prefixed(c, s, MANAGED, "set", w->count > 1 ? w->word[1] : "");
}

static void set_ends(struct srvconf *c)
{
    const struct srv_setting *set = srv_setting(c, MANAGED "set");
    struct srv_source place;

    if (set == NULL)
        return;
    place = srv_place(set);
    if (set->value[0] != '\0')
        managed(c, &place, "MDomainSet", set->value);
}

static void directive(struct srvconf *c, struct srv_source *s, const struct srv_words *w)
{
    const char *name = w->word[0], *value = w->count > 1 ? w->word[1] : "", *more = w->count > 2 ? w->word[2] : "";
    char path[PATH_MAX];
    size_t len = strlen(value);

    if (w->count < 2)
        return;
    if (strcasecmp(name, "Include") == 0)
        include(c, s, value, /* absent= */ false);
    else if (strcasecmp(name, "IncludeOptional") == 0)
        include(c, s, value, /* absent= */ true);
    else if (strcasecmp(name, "Define") == 0)
        set_prefixed(c, s, DEFINED, value, expand(c, more, path) ? path : more);
    else if (strcasecmp(name, "LoadModule") == 0 && len > 7 && strcmp(value + len - 7, "_module") == 0)
        load_module(c, s, value, len - 7);
    else if (strcasecmp(name, "ServerRoot") == 0 && expand(c, value, path))
        srv_rebase(c, path);
    else if (strcasecmp(name, "User") == 0)
        user(c, value, c->user);
    else if (strcasecmp(name, "Group") == 0)
        user(c, value, c->group);
    if (strcasecmp(name, "SSLCertificateKeyFile") == 0 || strcasecmp(name, "SSLCertificateFile") == 0)
        srv_half(c, s, "", /* is_key= */ strcasecmp(name, "SSLCertificateKeyFile") == 0,
                 expand(c, value, path) ? path : "$");
    if (strcasecmp(name, "MDomain") == 0)
        managed(c, s, name, value);
    else if (strcasecmp(name, "MDCertificateKeyFile") == 0)
        set_prefixed(c, s, MANAGED, "set", "");
    if (strcasecmp(name, "SSLCertificateKeyFile") == 0 || strcasecmp(name, "MDCertificateKeyFile") == 0)
        key(c, s, value, SRV_FILE);
    else if (strcasecmp(name, "SSLCertificateFile") == 0 || strcasecmp(name, "SSLProxyMachineCertificateFile") == 0)
        key(c, s, value, SRV_MAYBE);
    else if (strcasecmp(name, "SSLProxyMachineCertificatePath") == 0)
        srv_key_add(c, s, SRV_OPEN, value);
}

/* "export NAME=value" of the shell file that Debian's server gets its variables from: words without expansions. */
static void read_envvars(struct srvconf *c, struct srv_source *s)
{
    char *line = malloc(SRV_LINE_MAX), *name, *value;

    while (line != NULL && srv_line(c, s, "#", /* folded= */ false, line)) {
        if (!srv_split(line, &name, &value) || strncmp(name, "export ", 7) != 0)
            continue;
        value = srv_unquote(value);
        if (strpbrk(value, "$`\\;&|\"' ") == NULL)
            set_prefixed(c, s, DEFINED, name + 7, value);
    }
    free(line);
}

void srv_apache(struct srvconf *c, struct srv_source *s)
{
    struct srv_words *w = malloc(sizeof(*w));
    unsigned outer[SCOPES] = { c->scope };
    unsigned depth = 0, off = 0; /* sections; the depth of the outermost that does not count, 0: all do */

    if (c->depth <= 1)
        srv_include(c, s, "envvars", /* absent= */ true, read_envvars);
    while (w != NULL && srv_words(c, s, &rules, w)) {
        if (strncmp(w->word[0], "</", 2) == 0) {
            if (off == 0 && strcasecmp(w->word[0], "</MDomainSet>") == 0)
                set_ends(c);
            off = off == depth ? 0 : off;
            if (depth > 0 && depth < SCOPES)
                c->scope = outer[depth];
            depth -= depth > 0;
        } else if (w->word[0][0] == '<') {
            depth++;
            off = off == 0 && !condition(c, w) ? depth : off;
            if (off == 0 && strcasecmp(w->word[0], "<MDomainSet") == 0)
                set_begins(c, s, w);
            /* A condition is no place of its own. */
            if (depth < SCOPES)
                outer[depth] = strncasecmp(w->word[0], "<If", 3) == 0 ? c->scope : srv_scope(c);
        } else if (off == 0) {
            directive(c, s, w);
        }
    }
    c->scope = outer[0];
    if (depth > 0)
        srv_problem(c, s, "a section without its end");
    free(w);
}
