/* stunnel's configuration: sections of name = value; without a key the certificate file has it. */
#include <stdlib.h>
#include <string.h>

#include "doctor/servers/directives.h"

/* Of the row in servers.c. */
srv_reader srv_stunnel;

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
        { "setuid", DIRECTIVE_USER, NULL },
        { "setgid", DIRECTIVE_GROUP, NULL },
        { "chroot", DIRECTIVE_CHROOT, NULL },
        { "include", DIRECTIVE_INCLUDE_DIR, NULL },
        { NULL, DIRECTIVE_KEY, NULL },
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
            /* A setting for all counts in the sections that have none of their own. */
            srv_words_known(c, s);
        }
        for (const struct directive *d = table; d->name != NULL; d++) {
            if (strcmp(name, d->name) == 0)
                srv_directive(c, s, d, value, srv_stunnel);
        }
    }
    free(line);
    if (c->depth <= 1)
        stunnel_section(c, s);
}
