/* PostgreSQL's configuration: name = value, the last one counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "doctor/servers/conf.h"

/* Of the row in servers.c. */
srv_reader srv_postgresql;
srv_finisher srv_postgresql_finish;

/* The value in place: '...' with '' and \' for a quote in it, or a word up to a blank or '#'. */
static char *value_of(char *at)
{
    char *from = at, *to = at;

    if (*at != '\'') {
        at[strcspn(at, " \t#")] = '\0';
        return at;
    }
    for (at++; *at != '\0'; at++) {
        if (*at == '\'' && at[1] != '\'')
            break;
        if ((*at == '\'' || *at == '\\') && at[1] != '\0')
            at++;
        *to++ = *at;
    }
    *to = '\0';
    return from;
}

static void include(struct srvconf *c, const struct srv_source *s, const char *name, const char *value)
{
    char path[PATH_MAX];

    if (!srv_beside(s, value, path))
        srv_problem(c, s, "a path that is too long");
    else if (strcmp(name, "include") == 0)
        srv_include(c, s, path, /* absent= */ false, srv_postgresql);
    else if (strcmp(name, "include_if_exists") == 0)
        srv_include(c, s, path, /* absent= */ true, srv_postgresql);
    else if (strcmp(name, "include_dir") == 0 && !srv_include_dir(c, s, path, "*.conf", srv_postgresql))
        srv_problem(c, s, "cannot read the directory %s", path);
}

void srv_postgresql(struct srvconf *c, struct srv_source *s)
{
    char *line = malloc(SRV_LINE_MAX);

    while (line != NULL && srv_line(c, s, "#", /* folded= */ false, line)) {
        size_t len = strcspn(line, " \t=");
        char *value = line + len;

        value += strspn(value, " \t");
        value += *value == '=';
        value += strspn(value, " \t");
        line[len] = '\0';
        for (char *p = line; *p != '\0'; p++)
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
        value = value_of(value);
        if (strncmp(line, "include", 7) == 0)
            include(c, s, line, value);
        else
            srv_set(c, s, line, value);
        /* The last setting counts, and none counts without "ssl = on". */
        if (strcmp(line, "ssl_key_file") == 0 || strcmp(line, "ssl_cert_file") == 0)
            srv_words_known(c, s);
    }
    free(line);
}

static bool is_on(const char *value)
{
    /* PostgreSQL reads a boolean so: any beginning of these words that does not begin another one. */
    return strcmp(value, "1") == 0 || strcasecmp(value, "on") == 0 ||
           (value[0] != '\0' && (strncasecmp("true", value, strlen(value)) == 0 ||
                                 strncasecmp("yes", value, strlen(value)) == 0));
}

void srv_postgresql_finish(struct srvconf *c)
{
    const struct srv_setting *key;
    struct srv_source place = { .path = c->main };
    char path[PATH_MAX], data[PATH_MAX];
    uid_t owner;

    /* ALTER SYSTEM writes to this file, which counts most. */
    if (!srv_join(c->base, srv_get(c, "data_directory", c->base), data))
        return;
    if (srv_join(data, "postgresql.auto.conf", path))
        srv_include(c, &place, path, /* absent= */ true, srv_postgresql);
    /* It runs as whoever has the data. */
    if (srv_owner(c, data, &owner))
        snprintf(c->user, sizeof(c->user), "%lu", (unsigned long)owner);
    if (!is_on(srv_get(c, "ssl", "off")))
        return;
    /* Relative paths are relative to the data directory. */
    srv_rebase(c, data);
    key = srv_setting(c, "ssl_key_file");
    if (key != NULL)
        place = srv_place(key);
    srv_key_add(c, &place, SRV_FILE, key == NULL ? "server.key" : key->value);
    srv_half(c, &place, "", /* is_key= */ true, key == NULL ? "server.key" : key->value);
    key = srv_setting(c, "ssl_cert_file");
    place = key == NULL ? (struct srv_source){ .path = c->main } : srv_place(key);
    srv_half(c, &place, "", /* is_key= */ false, key == NULL ? "server.crt" : key->value);
}
