/* Dovecot's configuration: name = value in blocks; "<FILE" is the content of a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/servers/conf.h"

/* Of the row in servers.c. */
srv_reader srv_dovecot;
srv_finisher srv_dovecot_finish;

/* Blocks within each other; deeper ones count as the one around them. */
#define SCOPES 32

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), n = strlen(end);

    return len >= n && strcmp(name + len - n, end) == 0;
}

static void setting(struct srvconf *c, const struct srv_source *s, bool login, const char *name, const char *value)
{
    /* In 2.3 the setting has the content of a file, in 2.4 the name of one. */
    static const char *const contents[] = { "ssl_key", "ssl_alt_key", "ssl_client_key" };
    static const char *const files[] = { "ssl_server_key_file", "ssl_server_alt_key_file", "ssl_client_key_file" };

    static const char *const certificates[] = { "ssl_cert", "ssl_alt_cert", "ssl_client_cert" };
    static const char *const certificate_files[] = { "ssl_server_cert_file", "ssl_server_alt_cert_file",
                                                     "ssl_client_cert_file" };
    const char *path = value + (value[0] == '<') + (value[0] == '<' ? strspn(value + 1, " \t") : 0);

    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]) && value[0] != '\0'; i++) {
        if (strcmp(name, contents[i]) == 0 || strcmp(name, files[i]) == 0)
            srv_half(c, s, contents[i], /* is_key= */ true, path);
        if (strcmp(name, certificates[i]) == 0 || strcmp(name, certificate_files[i]) == 0)
            srv_half(c, s, contents[i], /* is_key= */ false, path);
    }
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        if (strcmp(name, files[i]) == 0 && value[0] != '\0')
            srv_key_add(c, s, strchr(value, '$') == NULL ? SRV_FILE : SRV_OPEN, value);
        if (strcmp(name, contents[i]) != 0 || value[0] == '\0')
            continue;
        if (strchr(value, '$') != NULL)
            srv_key_add(c, s, SRV_OPEN, value);
        else if (value[0] == '<')
            srv_key_add(c, s, SRV_FILE, value + 1 + strspn(value + 1, " \t"));
        else
            srv_key_add(c, s, SRV_INLINE, name);
    }
    if (strcmp(name, "default_login_user") == 0)
        srv_name(c->user, value);
    if (login && strcmp(name, "chroot") == 0)
        srv_set(c, s, "login chroot", value);
}

void srv_dovecot(struct srvconf *c, struct srv_source *s)
{
    char *line = malloc(SRV_LINE_MAX), *name, *value, path[PATH_MAX];
    unsigned outer[SCOPES] = { c->scope };
    unsigned depth = 0, login = 0; /* the depth of a block "service NAME-login" */

    while (line != NULL && srv_line(c, s, "#", /* folded= */ false, line)) {
        size_t len = strlen(line);

        bool try = strncmp(line, "!include_try ", 13) == 0;

        if (try || strncmp(line, "!include ", 9) == 0) {
            name = line + (try ? 13 : 9);
            if (srv_beside(s, name + strspn(name, " \t"), path))
                srv_include(c, s, path, /* absent= */ try, srv_dovecot);
        } else if (line[len - 1] == '{') {
            line[len - 1] = '\0';
            while (len > 1 && (line[len - 2] == ' ' || line[len - 2] == '\t'))
                line[--len - 1] = '\0';
            depth++;
            if (depth < SCOPES)
                outer[depth] = srv_scope(c);
            if (strncmp(line, "service ", 8) == 0 && ends_with(line, "-login"))
                login = depth;
        } else if (line[0] == '}') {
            login = login == depth ? 0 : login;
            if (depth > 0 && depth < SCOPES)
                c->scope = outer[depth];
            depth -= depth > 0;
        } else if (srv_split(line, &name, &value)) {
            setting(c, s, login != 0, name, srv_unquote(value));
        }
    }
    c->scope = outer[0];
    if (depth != 0)
        srv_problem(c, s, "a '{' without its '}'");
    free(line);
}

void srv_dovecot_finish(struct srvconf *c)
{
    if (srv_get(c, "login chroot", "login")[0] == '\0')
        return;
    c->obstacle = "dovecot's login processes load it in a chroot, where neither openssl.cnf nor the provider is";
    c->cure = "in dovecot's configuration: service imap-login { chroot = }, and so for each other NAME-login";
}
