/* Configurations of words in lines, with little more to them: lighttpd, mosquitto, redis, unbound; and stunnel's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/servers/servers.h"

/* What a line is about, and what is done with the word behind it. */
enum what { KEY, MAYBE_KEY, CERTIFICATE, USER, GROUP, CHROOT, INCLUDE, INCLUDE_DIR };

struct directive {
    const char *name;
    enum what what;
    const char *role; /* which certificate and key go together (srv_half()); NULL: nothing is known of that */
};

static void act(struct srvconf *c, struct srv_source *s, const struct directive *d, const char *value, srv_reader *read)
{
    if (d->role != NULL)
        srv_half(c, s, d->role, /* is_key= */ d->what == KEY, value);
    switch (d->what) {
    case CERTIFICATE:
        break;
    case KEY:
        srv_key_add_any(c, s, value);
        break;
    case MAYBE_KEY:
        srv_key_add(c, s, SRV_MAYBE, value);
        break;
    case USER:
        srv_name(c->user, value);
        break;
    case GROUP:
        srv_name(c->group, value);
        break;
    case CHROOT:
        snprintf(c->chroot, sizeof(c->chroot), "%s", strlen(value) < sizeof(c->chroot) ? value : "");
        break;
    case INCLUDE:
        srv_include(c, s, value, /* absent= */ false, read);
        break;
    case INCLUDE_DIR:
        if (!srv_include_dir(c, s, value, "*.conf", read))
            srv_problem(c, s, "cannot read the directory %s", value);
        break;
    }
}

/* anywhere: not the first word of a line alone. */
static void read_words(struct srvconf *c, struct srv_source *s, const struct srv_rules *rules,
                       const struct directive *table, bool anywhere, srv_reader *read)
{
    struct srv_words *w = malloc(sizeof(*w));

    while (w != NULL && srv_words(c, s, rules, w)) {
        for (size_t i = 0; i + 1 < w->count && (i == 0 || anywhere); i++) {
            for (const struct directive *d = table; d->name != NULL; d++) {
                if (strcmp(w->word[i], d->name) == 0)
                    act(c, s, d, w->word[i + 1], read);
            }
        }
    }
    free(w);
}

void srv_mosquitto(struct srvconf *c, struct srv_source *s)
{
    static const struct srv_rules rules = { .continued = false };
    static const struct directive table[] = { { "keyfile", KEY, "server" },
                                              { "certfile", CERTIFICATE, "server" },
                                              { "bridge_keyfile", KEY, "bridge" },
                                              { "bridge_certfile", CERTIFICATE, "bridge" },
                                              { "user", USER, NULL },
                                              { "include_dir", INCLUDE_DIR, NULL },
                                              { NULL, KEY, NULL } };

    read_words(c, s, &rules, table, /* anywhere= */ false, srv_mosquitto);
}

void srv_redis(struct srvconf *c, struct srv_source *s)
{
    static const struct srv_rules rules = { .escapes = true, .quotes = true };
    static const struct directive table[] = {
        { "tls-key-file", KEY, "server" },
        { "tls-cert-file", CERTIFICATE, "server" },
        { "tls-client-key-file", KEY, "client" },
        { "tls-client-cert-file", CERTIFICATE, "client" },
        { "include", INCLUDE, NULL },
        { NULL, KEY, NULL },
    };

    read_words(c, s, &rules, table, /* anywhere= */ false, srv_redis);
}

void srv_unbound(struct srvconf *c, struct srv_source *s)
{
    static const struct srv_rules rules = { .comment_inside = true, .quotes = true };
    static const struct directive table[] = { { "tls-service-key:", KEY, "service" },
                                              { "ssl-service-key:", KEY, "service" },
                                              { "tls-service-pem:", CERTIFICATE, "service" },
                                              { "ssl-service-pem:", CERTIFICATE, "service" },
                                              { "server-key-file:", KEY, "control" },
                                              { "server-cert-file:", CERTIFICATE, "control" },
                                              { "username:", USER, NULL },
                                              { "chroot:", CHROOT, NULL },
                                              { "include:", INCLUDE, NULL },
                                              { "include-toplevel:", INCLUDE, NULL },
                                              { NULL, KEY, NULL } };

    read_words(c, s, &rules, table, /* anywhere= */ true, srv_unbound);
}

void srv_any(struct srvconf *c, struct srv_source *s)
{
    char *line = malloc(SRV_LINE_MAX);

    while (line != NULL && srv_line(c, s, "#", /* folded= */ false, line))
        continue;
    free(line);
}

/* lighttpd: NAME = "value", with or without blanks; anything behind a '+' is computed. */

static void lighttpd_assignment(struct srvconf *c, struct srv_source *s, const struct directive *d, const char *value,
                                const char *next)
{
    bool computed = next != NULL && next[0] == '+';

    if (computed && (d->what == KEY || d->what == MAYBE_KEY))
        srv_key_add(c, s, SRV_OPEN, value);
    else if (computed)
        act(c, s, d, "?", srv_lighttpd);
    else
        act(c, s, d, value, srv_lighttpd);
}

static void lighttpd_line(struct srvconf *c, struct srv_source *s, const struct srv_words *w)
{
    static const struct directive table[] = {
        { "ssl.privkey", KEY, "server" },
        { "ssl.pemfile", MAYBE_KEY, "server" },
        { "server.username", USER, NULL },
        { "server.groupname", GROUP, NULL },
        { "server.chroot", CHROOT, NULL },
        { NULL, KEY, NULL },
    };
    static const struct directive included = { "include", INCLUDE, NULL };
    const char *words[SRV_WORDS_MAX + 3] = { NULL };

    memcpy(words, w->word, w->count * sizeof(words[0]));
    if (strcmp(w->word[0], "include") == 0 && w->count > 1)
        act(c, s, &included, w->word[1], srv_lighttpd);
    /* Debian's own make no keys. */
    if (strcmp(w->word[0], "include_shell") == 0 && w->count > 1 &&
        strncmp(w->word[1], "/usr/share/lighttpd/", 20) != 0)
        srv_key_add(c, s, SRV_OPEN, w->word[1]);
    for (size_t i = 0; i < w->count; i++) {
        for (const struct directive *d = table; d->name != NULL; d++) {
            size_t len = strlen(d->name);

            if (strncmp(words[i], d->name, len) != 0)
                continue;
            if (words[i][len] == '=' && words[i][len + 1] != '\0')
                lighttpd_assignment(c, s, d, words[i] + len + 1, words[i + 1]);
            else if (words[i][len] == '=' && words[i + 1] != NULL)
                lighttpd_assignment(c, s, d, words[i + 1], words[i + 2]);
            else if (words[i][len] == '\0' && words[i + 1] != NULL && strcmp(words[i + 1], "=") == 0 &&
                     words[i + 2] != NULL)
                lighttpd_assignment(c, s, d, words[i + 2], words[i + 3]);
        }
    }
}

void srv_lighttpd(struct srvconf *c, struct srv_source *s)
{
    static const struct srv_rules rules = { .comment_inside = true, .quotes = true };
    struct srv_words *w = malloc(sizeof(*w));

    while (w != NULL && srv_words(c, s, &rules, w))
        lighttpd_line(c, s, w);
    free(w);
}

/* stunnel: sections of name = value; without a key the certificate file has it. */

static void stunnel_section(struct srvconf *c, const struct srv_source *s)
{
    const struct srv_setting *key = srv_setting(c, "key"), *cert = srv_setting(c, "cert");
    const struct srv_setting *with = key != NULL && key->value[0] != '\0' ? key : cert;
    struct srv_source place;
    unsigned before;

    if (with == NULL || with->value[0] == '\0')
        return;
    place = srv_place(with);
    srv_key_add_any(c, &place, with->value);
    if (with == key && cert != NULL && cert->value[0] != '\0') {
        before = srv_scope(c);
        srv_half(c, &place, "", /* is_key= */ true, with->value);
        place = srv_place(cert);
        srv_half(c, &place, "", /* is_key= */ false, cert->value);
        c->scope = before;
    }
    srv_set(c, s, "key", "");
    srv_set(c, s, "cert", "");
}

void srv_stunnel(struct srvconf *c, struct srv_source *s)
{
    static const struct directive table[] = {
        { "setuid", USER, NULL }, { "setgid", GROUP, NULL }, { "chroot", CHROOT, NULL }, { "include", INCLUDE_DIR, NULL }, { NULL, KEY, NULL }
    };
    char *line = malloc(SRV_LINE_MAX), *name, *value;

    while (line != NULL && srv_line(c, s, ";#", /* folded= */ false, line)) {
        if (line[0] == '[') {
            stunnel_section(c, s);
            continue;
        }
        if (!srv_split(line, &name, &value))
            continue;
        if (strcmp(name, "key") == 0 || strcmp(name, "cert") == 0) {
            srv_set(c, s, name, value);
            /* What is set for all is that of the sections without their own. */
            srv_words_known(c, s);
        }
        for (const struct directive *d = table; d->name != NULL; d++) {
            if (strcmp(name, d->name) == 0)
                act(c, s, d, value, srv_stunnel);
        }
    }
    free(line);
    if (c->depth <= 1)
        stunnel_section(c, s);
}
