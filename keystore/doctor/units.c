/* What systemd knows of a unit: by systemctl(1) where systemd runs, else by the files that the unit is made of. */
#include "doctor/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/capture.h"
#include "doctor/servers/conf.h"

#define PROPERTIES_MAX 20

/* systemctl */

static const char *tool(const char *const places[])
{
    while (*places != NULL && access(*places, X_OK) < 0)
        places++;
    return *places;
}

static bool ask_systemd(const char *name, const char *const properties[], struct unit *ret)
{
    static const char *const places[] = { "/usr/bin/systemctl", "/bin/systemctl", NULL };
    const char *argv[PROPERTIES_MAX * 2 + 8] = { tool(places), "show", "--no-pager" };
    size_t n = 3;

    /* As sd_booted(3) finds out. */
    if (argv[0] == NULL || access("/run/systemd/system", F_OK) < 0)
        return false;
    argv[n++] = "--property=LoadState";
    for (size_t i = 0; properties[i] != NULL && i < PROPERTIES_MAX; i++) {
        argv[n++] = "--property";
        argv[n++] = properties[i];
    }
    argv[n++] = "--";
    argv[n] = name;
    if (capture(argv, ret->text, sizeof(ret->text)) != 0 || unit_is(ret, "LoadState", "not-found"))
        return false;
    ret->source = UNIT_SYSTEMD;
    return true;
}

static bool has_one_of(const char *line, const char *const texts[])
{
    while (*texts != NULL && strstr(line, *texts) == NULL)
        texts++;
    return *texts != NULL;
}

bool unit_last_words(const char *name, const char *const less[], char *ret, size_t size)
{
    static const char *const places[] = { "/usr/bin/journalctl", "/bin/journalctl", NULL };
    const char *argv[] = { tool(places), "--no-pager", "--quiet", "--output=cat", "--lines=20", "_SYSTEMD_UNIT", NULL };
    char match[300], text[8192], *save = NULL;
    bool found = false, telling = false;

    snprintf(match, sizeof(match), "_SYSTEMD_UNIT=%s", name);
    argv[5] = match;
    if (argv[0] == NULL || capture(argv, text, sizeof(text)) != 0)
        return false;
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        /* A hint that follows what happened is not what happened. */
        if (strncmp(line, "hint:", 5) == 0 || (telling && has_one_of(line, less)))
            continue;
        snprintf(ret, size, "%s", line);
        telling = !has_one_of(line, less);
        found = true;
    }
    return found;
}

/* Files (systemd.unit(5)) */

static const char *const directories[] = { "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                                           "/usr/lib/systemd/system", "/lib/systemd/system" };
#define DIRECTORIES (sizeof(directories) / sizeof(directories[0]))

/* What adds up instead of replacing what was there; nothing behind the '=' begins anew. */
static bool is_list(const char *name)
{
    static const char *const lists[] = { "RestrictAddressFamilies", "BindPaths", "BindReadOnlyPaths", "Environment",
                                         "EnvironmentFile" };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (strcmp(name, lists[i]) == 0)
            return true;
    }
    return false;
}

static void set(struct srvconf *c, const struct srv_source *s, const char *name, const char *value)
{
    const char *before = srv_get(c, name, "");
    char all[UNIT_TEXT_MAX];

    if (!is_list(name) || value[0] == '\0' || before[0] == '\0')
        srv_set(c, s, name, value);
    else if (snprintf(all, sizeof(all), "%s\n%s", before, value) < (int)sizeof(all))
        srv_set(c, s, name, all);
}

static void read_unit(struct srvconf *c, struct srv_source *s)
{
    char *line = malloc(SRV_LINE_MAX), *whole = calloc(1, SRV_LINE_MAX), *name, *value;
    size_t used = 0;

    while (line != NULL && whole != NULL && srv_line(c, s, "#;", /* folded= */ false, line)) {
        size_t len = strlen(line);
        bool goes_on = line[len - 1] == '\\';

        len -= goes_on;
        if (used + len + 2 > SRV_LINE_MAX)
            break;
        memcpy(whole + used, line, len);
        used += len;
        whole[used] = '\0';
        if (goes_on) {
            whole[used++] = ' ';
            whole[used] = '\0';
            continue;
        }
        used = 0;
        if (srv_split(whole, &name, &value))
            set(c, s, name, value);
    }
    free(line);
    free(whole);
}

/* The names that files of a unit have: its own, and its template's. False: it is no instance. */
static bool template_of(const char *name, char ret[300])
{
    const char *at = strchr(name, '@'), *dot = strrchr(name, '.');

    if (at == NULL || dot == NULL || dot < at + 1)
        return false;
    return snprintf(ret, 300, "%.*s%s", (int)(at + 1 - name), name, dot) < 300;
}

static bool read_fragment(struct srvconf *c, const char *name)
{
    char path[PATH_MAX];
    unsigned before = c->files;

    for (size_t i = 0; i < DIRECTORIES && c->files == before; i++) {
        if (snprintf(path, sizeof(path), "%s/%s", directories[i], name) < (int)sizeof(path))
            srv_include(c, NULL, path, /* absent= */ true, read_unit);
    }
    return c->files > before;
}

struct drop_in {
    const char *file; /* the name that they are ordered by, in path */
    char *path;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct drop_in *)a)->file, ((const struct drop_in *)b)->file);
}

#define DROP_INS_MAX 200

/* Of all directories, by name; of those with one name, the one of the first directory (systemd.unit(5)). */
static void read_drop_ins(struct srvconf *c, const char *const names[])
{
    struct drop_in *found = calloc(DROP_INS_MAX, sizeof(*found));
    size_t count = 0;
    char pattern[PATH_MAX];

    for (size_t n = 0; found != NULL && names[n] != NULL; n++) {
        for (size_t i = 0; i < DIRECTORIES; i++) {
            struct srv_paths paths = { NULL, 0 };

            if (snprintf(pattern, sizeof(pattern), "%s/%s.d/*.conf", directories[i], names[n]) >= (int)sizeof(pattern) ||
                !srv_glob(c, pattern, &paths))
                continue;
            for (size_t k = 0; k < paths.count && count < DROP_INS_MAX; k++) {
                struct drop_in d = { .path = strdup(paths.path[k]) };
                bool masked = d.path == NULL;

                d.file = masked ? "" : strrchr(d.path, '/') + 1;
                for (size_t m = 0; m < count; m++)
                    masked = masked || strcmp(found[m].file, d.file) == 0;
                if (masked)
                    free(d.path);
                else
                    found[count++] = d;
            }
            srv_paths_free(&paths);
        }
    }
    if (count > 0)
        qsort(found, count, sizeof(*found), by_name);
    for (size_t i = 0; i < count; i++) {
        srv_include(c, NULL, found[i].path, /* absent= */ true, read_unit);
        free(found[i].path);
    }
    free(found);
}

/* One line each, lists one line a setting. */
static void add_lines(struct unit *u, const char *property, const char *values)
{
    size_t used = strlen(u->text);

    while (*values != '\0') {
        size_t len = strcspn(values, "\n");

        if (used + strlen(property) + len + 3 > sizeof(u->text))
            return;
        used += (size_t)snprintf(u->text + used, sizeof(u->text) - used, "%s=%.*s\n", property, (int)len, values);
        values += len + (values[len] == '\n');
    }
}

static void read_files(const char *root, const char *name, const char *const properties[], struct unit *ret)
{
    char template[300];
    bool instance = template_of(name, template);
    const char *const names[] = { name, instance ? template : NULL, NULL };
    struct srvconf c;

    ret->text[0] = '\0';
    if (srvconf_init(&c, root) == 0 && (read_fragment(&c, name) || (instance && read_fragment(&c, template)))) {
        read_drop_ins(&c, names);
        for (size_t i = 0; properties[i] != NULL && i < PROPERTIES_MAX; i++)
            add_lines(ret, properties[i], srv_get(&c, properties[i], ""));
        ret->source = UNIT_FILES;
    }
    srvconf_clear(&c);
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

        /* systemctl says "~" of what is not restricted, and nothing of a list without any: 'none'. */
        if (len == 0 && u->source == UNIT_SYSTEMD)
            return false;
        named = has_word(value + without, len - without, "AF_UNIX") || has_word(value + without, len - without, "AF_LOCAL");
        /* The first one says what the list is of; from then on lines add to it, or take away. */
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

/* Of the files that a property names: "-/etc/default/x" in a unit, "/etc/default/x (ignore_errors=yes)" by systemctl. */
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

/* systemd's own, which all that it starts has. */
static bool manager_variable(const char *name, char *ret, size_t size)
{
    static const char *const places[] = { "/usr/bin/systemctl", "/bin/systemctl", NULL };
    const char *argv[] = { tool(places), "show-environment", "--no-pager", NULL };
    struct unit *all = calloc(1, sizeof(*all));
    bool found = all != NULL && argv[0] != NULL && capture(argv, all->text, sizeof(all->text)) == 0 &&
                 unit_value(all, name, ret, size);

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

/* Of the units that start this one, is there one beside its own? */
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

/* By the links that 'systemctl enable' makes. */
static bool has_link(const char *root, const char *name)
{
    static const char *const kinds[] = { "wants", "requires" };
    struct srvconf c;
    char pattern[PATH_MAX];
    bool found = false;

    if (srvconf_init(&c, root) == 0) {
        for (size_t i = 0; i < 2 * DIRECTORIES && !found; i++) {
            struct srv_paths paths = { NULL, 0 };

            if (snprintf(pattern, sizeof(pattern), "%s/*.%s/%s", directories[i / 2], kinds[i % 2], name) < (int)sizeof(pattern))
                (void)srv_glob(&c, pattern, &paths);
            found = paths.count > 0;
            srv_paths_free(&paths);
        }
    }
    srvconf_clear(&c);
    return found;
}

bool unit_enablement(const char *root, const char *name, const char *const own[], char *ret, size_t size)
{
    static const char *const places[] = { "/usr/bin/systemctl", "/bin/systemctl", NULL };
    static const char *const none[] = { NULL };
    const char *argv[] = { tool(places), "is-enabled", "--", name, NULL };
    struct unit *u = NULL;
    bool found = false;
    int r;

    ret[0] = '\0';
    if (root == NULL) {
        if (argv[0] == NULL || access("/run/systemd/system", F_OK) < 0)
            return false;
        /* It fails for whatever is not enabled, and says what that is. */
        r = capture(argv, ret, size);
        if (r != 0 && r != LB_E_VALUE)
            ret[0] = '\0';
        ret[strcspn(ret, "\n")] = '\0';
        if (strcmp(ret, "not-found") == 0)
            ret[0] = '\0';
        if (strcmp(ret, "enabled") != 0 && strcmp(ret, "masked") != 0 && ret[0] != '\0' && is_wanted(name, own))
            snprintf(ret, size, UNIT_WANTED);
        return ret[0] != '\0';
    }
    u = calloc(1, sizeof(*u));
    if (u != NULL)
        read_files(root, name, none, u);
    found = u != NULL && u->source == UNIT_FILES;
    if (found)
        snprintf(ret, size, "%s", has_link(root, name) ? "enabled" : "disabled");
    free(u);
    return found;
}
