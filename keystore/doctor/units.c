/* What systemd knows of a unit: by systemctl(1) where systemd runs, else by the files that the unit is made of. */
#include "doctor/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/servers/conf.h"
#include "doctor/systemctl.h"
#include "doctor/unit_files.h"

static bool ask_systemd(const char *name, const char *const properties[], struct unit *ret)
{
    if (!systemctl_show(name, properties, ret->text, sizeof(ret->text)) || unit_is(ret, "LoadState", "not-found"))
        return false;
    ret->source = UNIT_SYSTEMD;
    return true;
}

static void read_files(const char *root, const char *name, const char *const properties[], struct unit *ret)
{
    if (unit_files_read(root, name, properties, ret->text, sizeof(ret->text)))
        ret->source = UNIT_FILES;
}

void unit_read(const char *root, const char *name, const char *const properties[], struct unit *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (root != NULL || !ask_systemd(name, properties, ret))
        read_files(root, name, properties, ret);
}

/* Values */

/* The next line of that name at or behind *at: *ret_len bytes, or NULL. */
static const char *next_value(const struct unit *u, const char *property, const char **at, size_t *ret_len)
{
    size_t len = strlen(property);

    for (const char *line = *at == NULL ? u->text : *at; *line != '\0';) {
        size_t n = strcspn(line, "\n");
        const char *next = line + n + (line[n] == '\n');

        if (strncmp(line, property, len) == 0 && line[len] == '=') {
            *at = next;
            *ret_len = n - len - 1;
            return line + len + 1;
        }
        line = next;
    }
    return NULL;
}

bool unit_value(const struct unit *u, const char *property, char *ret, size_t size)
{
    const char *at = NULL, *value;
    size_t len;

    ret[0] = '\0';
    while ((value = next_value(u, property, &at, &len)) != NULL)
        snprintf(ret, size, "%.*s", (int)len, value);
    return ret[0] != '\0';
}

bool unit_is(const struct unit *u, const char *property, const char *value)
{
    char text[300];

    return unit_value(u, property, text, sizeof(text)) && strcmp(text, value) == 0;
}

static bool has_word(const char *list, size_t len, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = list; at < list + len;) {
        size_t skip = strspn(at, " "), w = strcspn(at + skip, " \n");

        if (w == n && strncmp(at + skip, word, n) == 0)
            return true;
        at += skip + w + (at[skip + w] == ' ');
    }
    return false;
}

bool unit_allows_unix(const struct unit *u)
{
    const char *at = NULL, *value;
    bool allowed = true, first = true;
    size_t len;

    while ((value = next_value(u, "RestrictAddressFamilies", &at, &len)) != NULL) {
        bool without = len > 0 && value[0] == '~', named;

        /* systemctl says "~" if nothing is restricted. It says nothing of a list without any: that means 'none'. */
        if (len == 0 && u->source == UNIT_SYSTEMD)
            return false;
        named = has_word(value + without, len - without, "AF_UNIX") || has_word(value + without, len - without, "AF_LOCAL");
        /* The first line says what the list is of. From then on lines add to the list, or take away. */
        if (first)
            allowed = without;
        first = false;
        if (named)
            allowed = !without;
    }
    return allowed;
}

bool unit_word(const struct unit *u, const char *property, const char *begins, bool path, char *ret, size_t size)
{
    const char *at = NULL, *value;
    size_t len, n = strlen(begins);
    bool found = false;

    while ((value = next_value(u, property, &at, &len)) != NULL) {
        const char *end = value + len;

        while (value < end) {
            size_t w = strcspn(value, " \n");
            const char *word = value, *colon = path ? memchr(word, ':', w) : NULL, *from = word;

            if (path && (*from == '-' || *from == '+'))
                from++;
            if (colon != NULL)
                from = colon + 1;
            from += *from == '"';
            if (strncmp(from, begins, n) == 0 && (!path || strchr(": \n\"", from[n]) != NULL)) {
                size_t left = (size_t)(value + w - from), quote = strcspn(from, "\"");

                snprintf(ret, size, "%.*s", (int)(quote < left ? quote : left), from);
                found = true;
            }
            value += w;
            value += value < end && *value == ' ';
        }
    }
    return found;
}

/* Environment */

static void read_environment(struct srvconf *c, struct srv_source *s)
{
    char *line = malloc(SRV_LINE_MAX), *name, *value;

    while (line != NULL && srv_line(c, s, "#;", /* folded= */ false, line)) {
        if (srv_split(line, &name, &value))
            srv_set(c, s, name, srv_unquote(value));
    }
    free(line);
}

/* Reads the files that a property names: "-/etc/default/x" in a unit, "/etc/default/x (ignore_errors=yes)" by systemctl. */
static void read_environment_files(struct srvconf *c, const struct unit *u, const char *property)
{
    const char *at = NULL, *value;
    char path[PATH_MAX];
    size_t len;

    while ((value = next_value(u, property, &at, &len)) != NULL) {
        bool optional = len > 0 && value[0] == '-';

        snprintf(path, sizeof(path), "%.*s", (int)(len - optional), value + optional);
        path[strcspn(path, " ")] = '\0';
        if (path[0] == '/')
            srv_include(c, NULL, path, /* absent= */ true, read_environment);
    }
}

/* Of systemd's own environment. */
static bool manager_variable(const char *name, char *ret, size_t size)
{
    struct unit *all = calloc(1, sizeof(*all));
    bool found = all != NULL && systemctl_environment(all->text, sizeof(all->text)) && unit_value(all, name, ret, size);

    free(all);
    return found;
}

bool unit_variable(const char *root, const struct unit *u, const char *name, char *ret, size_t size)
{
    struct srvconf c;
    char begins[100], word[PATH_MAX];

    ret[0] = '\0';
    snprintf(begins, sizeof(begins), "%s=", name);
    if (unit_word(u, "Environment", begins, /* path= */ false, word, sizeof(word)))
        snprintf(ret, size, "%s", word + strlen(begins));
    if (srvconf_init(&c, root) == 0) {
        read_environment_files(&c, u, "EnvironmentFile");
        read_environment_files(&c, u, "EnvironmentFiles");
        snprintf(word, sizeof(word), "%s", srv_get(&c, name, ""));
        if (word[0] != '\0')
            snprintf(ret, size, "%s", word);
    }
    srvconf_clear(&c);
    return ret[0] != '\0' || (u->source == UNIT_SYSTEMD && manager_variable(name, ret, size));
}

/* Start */

static bool is_own(const char *word, size_t len, const char *const own[])
{
    while (*own != NULL && (strlen(*own) != len || strncmp(*own, word, len) != 0))
        own++;
    return *own != NULL;
}

/* Is there a unit that starts this one, beside its own units? */
static bool is_wanted(const char *name, const char *const own[])
{
    static const char *const kinds[] = { "WantedBy", "RequiredBy", NULL };
    struct unit *u = calloc(1, sizeof(*u));
    char list[1000];
    bool found = false;

    if (u != NULL && ask_systemd(name, kinds, u)) {
        for (size_t i = 0; kinds[i] != NULL && !found; i++) {
            (void)unit_value(u, kinds[i], list, sizeof(list));
            for (const char *at = list; *at != '\0' && !found; at += strspn(at, " ")) {
                size_t len = strcspn(at, " ");

                found = !is_own(at, len, own);
                at += len;
            }
        }
    }
    free(u);
    return found;
}

bool unit_enablement(const char *root, const char *name, const char *const own[], char *ret, size_t size)
{
    static const char *const none[] = { NULL };
    struct unit *u = NULL;
    bool found = false;

    ret[0] = '\0';
    if (root == NULL) {
        if (!systemctl_enabled(name, ret, size))
            return false;
        if (strcmp(ret, "enabled") != 0 && strcmp(ret, "masked") != 0 && ret[0] != '\0' && is_wanted(name, own))
            snprintf(ret, size, UNIT_WANTED);
        return ret[0] != '\0';
    }
    u = calloc(1, sizeof(*u));
    if (u != NULL)
        read_files(root, name, none, u);
    found = u != NULL && u->source == UNIT_FILES;
    if (found)
        snprintf(ret, size, "%s", unit_files_linked(root, name) ? "enabled" : "disabled");
    free(u);
    return found;
}
