/* The files that a unit is made of (systemd.unit(5)), for a machine or an image where systemd does not run. */
#include "doctor/unit_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/servers/conf.h"

/* Bytes that a list may have, all of its settings together. */
#define UNIT_FILES_TEXT_MAX 16384

static const char *const directories[] = { "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                                           "/usr/lib/systemd/system", "/lib/systemd/system" };
#define DIRECTORIES (sizeof(directories) / sizeof(directories[0]))

/* Does such a setting add to what was there, instead of replacing it? One with nothing behind the '=' begins anew. */
static bool is_list(const char *name)
{
    static const char *const lists[] = { "RestrictAddressFamilies", "BindPaths", "BindReadOnlyPaths", "Environment",
                                         "EnvironmentFile", "SystemCallFilter", "CapabilityBoundingSet", "AmbientCapabilities" };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (strcmp(name, lists[i]) == 0)
            return true;
    }
    return false;
}

static void set(struct srvconf *c, const struct srv_source *s, const char *name, const char *value)
{
    const char *before = srv_get(c, name, "");
    char all[UNIT_FILES_TEXT_MAX];

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

/*
 * Reads the drop-ins of all directories, by name. Of those with one name, the one of the first directory counts
 * (systemd.unit(5)).
 */
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

/* Adds one line; of a list, one line a setting. */
static void add_lines(const char *property, const char *values, char *ret, size_t size)
{
    size_t used = strlen(ret);

    while (*values != '\0') {
        size_t len = strcspn(values, "\n");

        if (used + strlen(property) + len + 3 > size)
            return;
        used += (size_t)snprintf(ret + used, size - used, "%s=%.*s\n", property, (int)len, values);
        values += len + (values[len] == '\n');
    }
}

bool unit_files_read(const char *root, const char *name, const char *const properties[], char *ret, size_t size)
{
    char template[300];
    bool instance = template_of(name, template);
    const char *const names[] = { name, instance ? template : NULL, NULL };
    bool found = false;
    struct srvconf c;

    ret[0] = '\0';
    if (srvconf_init(&c, root) == 0 && (read_fragment(&c, name) || (instance && read_fragment(&c, template)))) {
        read_drop_ins(&c, names);
        for (size_t i = 0; properties[i] != NULL; i++)
            add_lines(properties[i], srv_get(&c, properties[i], ""), ret, size);
        found = true;
    }
    srvconf_clear(&c);
    return found;
}

bool unit_files_linked(const char *root, const char *name)
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
