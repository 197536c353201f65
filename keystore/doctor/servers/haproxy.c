/* HAProxy's configuration: words in lines, certificates with their keys on bind and server lines and in lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/servers/conf.h"

/* Of the row in servers.c. */
srv_reader srv_haproxy;

static const struct srv_rules rules = { .escapes = true, .comment_inside = true, .quotes = true };
/* A list's lines are not unquoted. */
static const struct srv_rules list_rules = { .comment_inside = true };

static bool ends_with(const char *s, const char *end)
{
    size_t len = strlen(s), n = strlen(end);

    return len > n && strcmp(s + len - n, end) == 0;
}

/* The half is the file itself: the certificate is in it. */
static void add(struct srvconf *c, const struct srv_source *s, const char *path)
{
    srv_key_add(c, s, SRV_BUNDLE, path);
    srv_half(c, s, "crt", /* is_key= */ true, path);
    srv_half(c, s, "crt", /* is_key= */ false, path);
}

/* Every file of a directory is a certificate with its key, except the files that belong to another one. */
static void directory(struct srvconf *c, const struct srv_source *s, const char *dir)
{
    static const char *const beside[] = { ".key", ".issuer", ".ocsp", ".sctl" };
    char pattern[PATH_MAX];
    struct srv_paths found;

    if (!srv_join(dir, "*", pattern))
        return;
    (void)srv_glob(c, pattern, &found);
    for (size_t i = 0; i < found.count; i++) {
        bool skip = srv_is_dir(c, found.path[i]);

        for (size_t k = 0; k < sizeof(beside) / sizeof(beside[0]); k++)
            skip = skip || ends_with(found.path[i], beside[k]);
        if (!skip)
            add(c, s, found.path[i]);
    }
    srv_paths_free(&found);
}

/* name: of a certificate with its key, or of a directory of these, relative to a base. */
static void bundle(struct srvconf *c, const struct srv_source *s, const char *base, const char *name)
{
    char path[PATH_MAX], whole[PATH_MAX];

    /* @STORE/NAME is the name of something in a crt-store section, which was read before. */
    if (name[0] == '@')
        return;
    if (!srv_join(srv_get(c, base, c->base), name, path) || !srv_join(c->base, path, whole))
        srv_problem(c, s, "a path that is too long");
    else if (srv_is_dir(c, whole))
        directory(c, s, whole);
    else
        add(c, s, whole);
}

/*
 * "acme SECTION" behind a certificate: HAProxy, since 3.2, orders it and makes a key for it, in its memory. The word may stand
 * for something else on other lines.
 */
static void acme(struct srvconf *c, const struct srv_source *s, const struct srv_words *w)
{
    char text[300];

    for (size_t i = 1; i + 1 < w->count; i++) {
        if (strcmp(w->word[i], "acme") != 0 && strcmp(w->word[i], "[acme") != 0)
            continue;
        snprintf(text, sizeof(text), "acme %.*s", (int)strcspn(w->word[i + 1], "]"), w->word[i + 1]);
        srv_key_add(c, s, SRV_MAKES, text);
        return;
    }
}

/* FILE [options key FILE options] names: the key may be in a file of its own. */
static void read_list(struct srvconf *c, struct srv_source *s)
{
    struct srv_words *w = malloc(sizeof(*w));
    char key[PATH_MAX];

    while (w != NULL && srv_words(c, s, &list_rules, w)) {
        acme(c, s, w);
        key[0] = '\0';
        for (size_t i = 1; i + 1 < w->count; i++) {
            if (strcmp(w->word[i], "key") == 0 || strcmp(w->word[i], "[key") == 0)
                snprintf(key, sizeof(key), "%.*s", (int)strcspn(w->word[i + 1], "]"), w->word[i + 1]);
        }
        bundle(c, s, key[0] == '\0' ? "crt-base" : "key-base", key[0] == '\0' ? w->word[0] : key);
    }
    free(w);
}

/* Words behind which a key stands, wherever they are in a line of whatever section. */
static void line_with_keys(struct srvconf *c, struct srv_source *s, const struct srv_words *w)
{
    /* A CA's key makes certificates for names on the fly (generate-certificates), an account's key orders them (acme). */
    enum what { BUNDLE, LIST, FILE_ALONE };
    static const struct {
        const char *word;
        enum what what;
    } words[] = { { "crt", BUNDLE }, { "crt-list", LIST }, { "ca-sign-file", FILE_ALONE }, { "account-key", FILE_ALONE } };

    if (strcmp(w->word[0], "bind") == 0 || strcmp(w->word[0], "ssl-f-use") == 0)
        acme(c, s, w);
    for (size_t i = 0; i + 1 < w->count; i++) {
        const char *value = w->word[i + 1];

        for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
            if (strcmp(w->word[i], words[k].word) != 0)
                continue;
            if (w->variable[i + 1])
                srv_key_add(c, s, SRV_OPEN, value);
            else if (words[k].what == LIST)
                srv_include(c, s, value, /* absent= */ false, read_list);
            else if (words[k].what == BUNDLE)
                bundle(c, s, "crt-base", value);
            else
                srv_key_add(c, s, SRV_FILE, value);
            i++;
            break;
        }
    }
}

/* "load crt FILE key FILE" of a crt-store: the key is in one of the two files. */
static void load_line(struct srvconf *c, const struct srv_source *s, const struct srv_words *w)
{
    size_t crt = 0, key = 0;

    for (size_t i = 1; i + 1 < w->count; i += 2) {
        crt = strcmp(w->word[i], "crt") == 0 ? i + 1 : crt;
        key = strcmp(w->word[i], "key") == 0 ? i + 1 : key;
    }
    if (crt == 0 && key == 0)
        return;
    acme(c, s, w);
    if (w->variable[key != 0 ? key : crt])
        srv_key_add(c, s, SRV_OPEN, w->word[key != 0 ? key : crt]);
    else
        bundle(c, s, key != 0 ? "key-base" : "crt-base", w->word[key != 0 ? key : crt]);
}

/* A word of a line of the section global. */
static void global(struct srvconf *c, const struct srv_source *s, const struct srv_words *w)
{
    static const char *const settings[] = { "crt-base", "key-base" };
    const struct {
        const char *name;
        char *ret;
    } names[] = { { "user", c->user }, { "uid", c->user }, { "group", c->group }, { "gid", c->group } };
    const char *value = w->variable[1] ? "?" : w->word[1];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(w->word[0], names[i].name) == 0)
            srv_name(names[i].ret, value);
    }
    if (strcmp(w->word[0], "chroot") == 0)
        snprintf(c->chroot, sizeof(c->chroot), "%s", strlen(value) < sizeof(c->chroot) ? value : "");
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (strcmp(w->word[0], settings[i]) == 0)
            srv_set(c, s, settings[i], w->word[1]);
    }
}

void srv_haproxy(struct srvconf *c, struct srv_source *s)
{
    static const char *const sections[] = { "global",      "defaults", "frontend", "listen", "backend", "crt-store",
                                            "peers",       "program",  "userlist", "ring",   "mailers", "resolvers",
                                            "http-errors", "cache",    "log-forward", "acme" };
    struct srv_words *w = malloc(sizeof(*w));
    const char *section = "";

    while (w != NULL && srv_words(c, s, &rules, w)) {
        const char *was = section;

        for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
            if (strcmp(w->word[0], sections[i]) == 0)
                section = sections[i];
        }
        if (section != was || w->count < 2)
            continue;
        if (strcmp(section, "global") == 0 || strcmp(section, "crt-store") == 0)
            global(c, s, w);
        if (strcmp(w->word[0], "load") == 0 && strcmp(section, "crt-store") == 0)
            load_line(c, s, w);
        else
            line_with_keys(c, s, w);
    }
    free(w);
}
