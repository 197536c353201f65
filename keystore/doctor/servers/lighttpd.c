/* lighttpd's configuration: NAME = "value", with or without blanks; anything behind a '+' is computed. */
#include <stdlib.h>
#include <string.h>

#include "doctor/servers/directives.h"

/* Of the row in servers.c. */
srv_reader srv_lighttpd;

static void lighttpd_assignment(struct srvconf *c, struct srv_source *s, const struct directive *d, const char *value,
                                const char *next)
{
    bool computed = next != NULL && next[0] == '+';

    if (computed && (d->kind == DIRECTIVE_KEY || d->kind == DIRECTIVE_MAYBE_KEY))
        srv_key_add(c, s, SRV_OPEN, value);
    else if (computed)
        srv_directive(c, s, d, "?", srv_lighttpd);
    else
        srv_directive(c, s, d, value, srv_lighttpd);
}

static void lighttpd_line(struct srvconf *c, struct srv_source *s, const struct srv_words *w)
{
    static const struct directive table[] = {
        { "ssl.privkey", DIRECTIVE_KEY, "server" },
        { "ssl.pemfile", DIRECTIVE_MAYBE_KEY, "server" },
        { "server.username", DIRECTIVE_USER, NULL },
        { "server.groupname", DIRECTIVE_GROUP, NULL },
        { "server.chroot", DIRECTIVE_CHROOT, NULL },
        { NULL, DIRECTIVE_KEY, NULL },
    };
    static const struct directive included = { "include", DIRECTIVE_INCLUDE, NULL };
    const char *words[SRV_WORDS_MAX + 3] = { NULL };

    memcpy(words, w->word, w->count * sizeof(words[0]));
    if (strcmp(w->word[0], "include") == 0 && w->count > 1)
        srv_directive(c, s, &included, w->word[1], srv_lighttpd);
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
