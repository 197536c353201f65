/* nginx's configuration: statements with braces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/servers/conf.h"

/* Of the row in servers.c. */
srv_reader srv_nginx;

/* A statement's first words; no directive of interest has more. */
#define WORDS 3
/* Blocks within each other. Deeper blocks, and those that an unpaired brace makes, count as the one around them. */
#define SCOPES 32

struct statement {
    unsigned count;
    char word[WORDS][SRV_LINE_MAX];
};

static void key_directive(struct srvconf *c, const struct srv_source *s, const char *value)
{
    if (strcmp(value, "$acme_certificate_key") == 0)
        return; /* acme_certificate beside it tells more */
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
    /* Certificates of servers, and those that nginx shows as a client of others. */
    static const char *const certificates[] = { "ssl_certificate", "proxy_ssl_certificate", "grpc_ssl_certificate",
                                                "uwsgi_ssl_certificate", "zone_sync_ssl_certificate" };
    const char *name = st->word[0], *value = st->word[1];
    char text[300];
    size_t len;

    if (st->count < 2)
        return;
    if (strcmp(name, "include") == 0) {
        srv_include(c, s, value, /* absent= */ false, srv_nginx);
    } else if (strcmp(name, "user") == 0) {
        srv_name(c->user, value);
        srv_name(c->group, st->count > 2 ? st->word[2] : "");
    }
    /* ngx_http_acme_module makes and keeps the key of $acme_certificate_key. */
    if (strcmp(name, "acme_certificate") == 0) {
        snprintf(text, sizeof(text), "acme_certificate %.200s", value);
        srv_key_add(c, s, SRV_MAKES, text);
    }
    /* Encrypted Client Hello decapsulates, which no handle can do. */
    if (strcmp(name, "ssl_ech_file") == 0)
        srv_key_add(c, s, SRV_STAYS, value);
    for (size_t i = 0; i < sizeof(certificates) / sizeof(certificates[0]); i++) {
        len = strlen(certificates[i]);
        if (strncmp(name, certificates[i], len) != 0)
            continue;
        if (name[len] == '\0') {
            srv_half(c, s, certificates[i], /* is_key= */ false, value);
        } else if (strcmp(name + len, "_key") == 0) {
            srv_half(c, s, certificates[i], /* is_key= */ true, value);
            key_directive(c, s, value);
        }
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
    unsigned outer[SCOPES] = { c->scope };
    int depth = 0;

    if (st == NULL || word == NULL) {
        srv_problem(c, s, "out of memory");
        goto out;
    }
    for (;;) {
        enum srv_token token = srv_token(c, s, /* slashes= */ false, word);

        if (token == SRV_TOKEN) {
            if (st->count < WORDS)
                memcpy(st->word[st->count], word, strlen(word) + 1);
            st->count += st->count < WORDS;
            continue;
        }
        if (token == SRV_SEMICOLON)
            directive(c, s, st);
        if (token == SRV_OPEN_BRACE && st->count > 0 && is_lua(st->word[0]))
            srv_skip_block(s);
        else if (token == SRV_OPEN_BRACE && ++depth > 0 && depth < SCOPES)
            outer[depth] = srv_scope(c);
        if (token == SRV_CLOSE_BRACE) {
            if (depth > 0 && depth < SCOPES)
                c->scope = outer[depth];
            depth--;
        }
        if (token == SRV_END && st->count > 0)
            srv_problem(c, s, "the file ends within a statement");
        if (token == SRV_END)
            break;
        st->count = 0;
    }
    if (depth != 0)
        srv_problem(c, s, depth > 0 ? "a '{' without its '}'" : "a '}' without its '{'");
    c->scope = outer[0];
out:
    free(word);
    free(st);
}
