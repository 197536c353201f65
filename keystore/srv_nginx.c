/* nginx's configuration: statements with braces. */
#include <stdlib.h>
#include <string.h>

#include "servers.h"

/* A statement's first words; no directive of interest has more. */
#define WORDS 3

struct statement {
    unsigned count;
    char word[WORDS][SRV_LINE_MAX];
};

static void key_directive(struct srvconf *c, const struct srv_source *s, const char *value)
{
    if (strchr(value, '$') != NULL)
        srv_key_add(c, s, SRV_OPEN, value);
    else if (strncmp(value, "data:", 5) == 0)
        srv_key_add(c, s, SRV_INLINE, "data:");
    else if (strncmp(value, "engine:", 7) == 0)
        srv_key_add(c, s, SRV_OPEN, value);
    else if (strncmp(value, "store:", 6) == 0)
        srv_key_add_any(c, s, value + 6);
    else
        srv_key_add(c, s, SRV_FILE, value);
}

static void directive(struct srvconf *c, struct srv_source *s, const struct statement *st)
{
    /* Of servers; and what it shows as a client of others. */
    static const char *const keys[] = { "ssl_certificate_key", "proxy_ssl_certificate_key", "grpc_ssl_certificate_key",
                                        "uwsgi_ssl_certificate_key", "zone_sync_ssl_certificate_key" };
    const char *name = st->word[0], *value = st->word[1];

    if (st->count < 2)
        return;
    if (strcmp(name, "include") == 0) {
        srv_include(c, s, value, /* absent= */ false, srv_nginx);
    } else if (strcmp(name, "user") == 0) {
        srv_name(c->user, value);
        srv_name(c->group, st->count > 2 ? st->word[2] : "");
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(name, keys[i]) == 0)
            key_directive(c, s, value);
    }
}

static bool is_lua(const char *name)
{
    size_t len = strlen(name);

    return len > 13 && strcmp(name + len - 13, "_by_lua_block") == 0;
}

void srv_nginx(struct srvconf *c, struct srv_source *s)
{
    struct statement *st = calloc(1, sizeof(*st));
    char *word = malloc(SRV_LINE_MAX);
    int depth = 0;

    if (st == NULL || word == NULL) {
        srv_problem(c, s, "out of memory");
        goto out;
    }
    for (;;) {
        enum srv_token token = srv_token(c, s, /* slashes= */ false, word);

        if (token == SRV_WORD) {
            if (st->count < WORDS)
                memcpy(st->word[st->count], word, strlen(word) + 1);
            st->count += st->count < WORDS;
            continue;
        }
        if (token == SRV_SEMICOLON)
            directive(c, s, st);
        if (token == SRV_OPEN_BRACE && st->count > 0 && is_lua(st->word[0]))
            srv_skip_block(s);
        else if (token == SRV_OPEN_BRACE)
            depth++;
        if (token == SRV_CLOSE_BRACE)
            depth--;
        if (token == SRV_END && st->count > 0)
            srv_problem(c, s, "the file ends within a statement");
        if (token == SRV_END)
            break;
        st->count = 0;
    }
    if (depth != 0)
        srv_problem(c, s, depth > 0 ? "a '{' without its '}'" : "a '}' without its '{'");
out:
    free(word);
    free(st);
}
