/* Postfix's configuration: the parameters in main.cf, and what master.cf says otherwise for a service. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/servers/conf.h"

/* Of the row in servers.c. */
srv_reader srv_postfix;
srv_finisher srv_postfix_finish;

/* How deep parameters may name each other. */
#define EXPAND_DEPTH 10

/* Replaces the $name, ${name} and $(name) of other parameters. False: one is not known, or it is a condition. */
static bool expand(const struct srvconf *c, const char *text, unsigned depth, char ret[PATH_MAX])
{
    size_t used = 0;

    while (*text != '\0') {
        char name[100], value[PATH_MAX] = "";
        size_t open = text[0] == '$' && (text[1] == '{' || text[1] == '('), len;

        if (text[0] != '$' || text[1] == '$') {
            if (used + 1 >= PATH_MAX)
                return false;
            ret[used++] = *text;
            text += text[0] == '$' ? 2 : 1;
            continue;
        }
        text += 1 + open;
        len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        if (len == 0 || len >= sizeof(name) || (open && text[len] != '}' && text[len] != ')') || depth == EXPAND_DEPTH)
            return false;
        snprintf(name, sizeof(name), "%.*s", (int)len, text);
        text += len + open;
        if (srv_get(c, name, NULL) == NULL || !expand(c, srv_get(c, name, ""), depth + 1, value) ||
            used + strlen(value) >= PATH_MAX)
            return false;
        memcpy(ret + used, value, strlen(value));
        used += strlen(value);
    }
    ret[used] = '\0';
    return true;
}

static void add(struct srvconf *c, const struct srv_source *s, enum srv_kind kind, const char *value)
{
    char path[PATH_MAX];

    if (!expand(c, value, 0, path))
        srv_key_add(c, s, SRV_OPEN, value);
    else if (path[0] != '\0' && strcmp(path, "none") != 0)
        srv_key_add(c, s, kind, path);
}

/* Adds a list of files, in which key and certificates stand in the same or in different ones. */
static void add_chain(struct srvconf *c, const struct srv_source *s, const char *value)
{
    char *list = strdup(value), *save = NULL;

    for (char *file = list == NULL ? NULL : strtok_r(list, ", \t", &save); file != NULL;
         file = strtok_r(NULL, ", \t", &save))
        add(c, s, SRV_MAYBE, file);
    free(list);
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), n = strlen(end);

    return len > n && strcmp(name + len - n, end) == 0;
}

/* "smtpd_tls_key_file" goes with "smtpd_tls_cert_file": the role is what is in front of the last two words. */
static void add_half(struct srvconf *c, const struct srv_source *s, const char *name, const char *value, bool is_key)
{
    char role[100], path[PATH_MAX];
    size_t len = strlen(name) - strlen(is_key ? "key_file" : "cert_file");

    if (len < sizeof(role) && expand(c, value, 0, path) && path[0] == '/') {
        snprintf(role, sizeof(role), "%.*s", (int)len, name);
        srv_half(c, s, role, is_key, path);
    }
}

/* Goes by the end of the name, which is alike for the server, the client, lmtp and tlsproxy. */
static void parameter(struct srvconf *c, const struct srv_source *s, const char *name, const char *value)
{
    if (ends_with(name, "_tls_key_file") || ends_with(name, "_tls_eckey_file") || ends_with(name, "_tls_dkey_file"))
        add(c, s, SRV_FILE, value);
    else if (ends_with(name, "_tls_cert_file") || ends_with(name, "_tls_eccert_file") ||
             ends_with(name, "_tls_dcert_file"))
        add(c, s, SRV_MAYBE, value);
    else if (ends_with(name, "_tls_chain_files"))
        add_chain(c, s, value);
    else if (strcmp(name, "tls_server_sni_maps") == 0 && value[0] != '\0')
        srv_key_add(c, s, SRV_OPEN, value);
    if (ends_with(name, "_tls_key_file") || ends_with(name, "_tls_eckey_file") || ends_with(name, "_tls_dkey_file"))
        add_half(c, s, name, value, /* is_key= */ true);
    else if (ends_with(name, "_tls_cert_file") || ends_with(name, "_tls_eccert_file") ||
             ends_with(name, "_tls_dcert_file"))
        add_half(c, s, name, value, /* is_key= */ false);
}

static char *trimmed(char *word)
{
    size_t len = word == NULL ? 0 : strlen(word);

    while (len > 0 && (word[len - 1] == ' ' || word[len - 1] == '\t'))
        word[--len] = '\0';
    return word;
}

/* A service of master.cf: its chroot, and -o name=value or -o { name = value }. */
static void service(struct srvconf *c, const struct srv_source *s, char *line)
{
    static const char blanks[] = " \t";
    char *save = NULL, *word = strtok_r(line, blanks, &save), *name, *value;
    bool is_chroot = false;

    for (unsigned i = 0; word != NULL; i++, word = strtok_r(NULL, blanks, &save)) {
        is_chroot = i == 4 ? strcmp(word, "y") == 0 : is_chroot;
        if (i == 7 && is_chroot && (strcmp(word, "smtpd") == 0 || strcmp(word, "tlsproxy") == 0))
            snprintf(c->chroot, sizeof(c->chroot), "%s", srv_get(c, "queue_directory", "/var/spool/postfix"));
        if (i < 8 || strncmp(word, "-o", 2) != 0)
            continue;
        word = word[2] != '\0' ? word + 2 : strtok_r(NULL, blanks, &save);
        if (word != NULL && strcmp(word, "{") == 0)
            word = trimmed(strtok_r(NULL, "}", &save));
        if (word != NULL && srv_split(word + strspn(word, blanks), &name, &value))
            parameter(c, s, name, value);
    }
}

static void read_master(struct srvconf *c, struct srv_source *s)
{
    char *line = malloc(SRV_LINE_MAX);

    while (line != NULL && srv_line(c, s, "#", /* folded= */ true, line))
        service(c, s, line);
    free(line);
}

void srv_postfix(struct srvconf *c, struct srv_source *s)
{
    char *line = malloc(SRV_LINE_MAX), *name, *value;

    while (line != NULL && srv_line(c, s, "#", /* folded= */ true, line)) {
        if (!srv_split(line, &name, &value))
            continue;
        srv_set(c, s, name, value);
        /* The last one counts. */
        if (ends_with(name, "_file") || ends_with(name, "_files"))
            srv_words_known(c, s);
    }
    free(line);
}

void srv_postfix_finish(struct srvconf *c)
{
    struct srv_source place = { .path = c->main };
    char user[PATH_MAX];

    if (srv_setting(c, "config_directory") == NULL)
        srv_set(c, &place, "config_directory", c->base);
    srv_name(c->user, expand(c, srv_get(c, "mail_owner", "postfix"), 0, user) ? user : "?");
    for (size_t i = 0; i < c->setting_count; i++) {
        place = srv_place(&c->settings[i]);
        parameter(c, &place, c->settings[i].name, c->settings[i].value);
    }
    place = (struct srv_source){ .path = c->main };
    srv_include(c, &place, "master.cf", /* absent= */ true, read_master);
}
