/* Configurations of words in lines, where the word behind a directive's name is all that counts. */
#include "doctor/servers/directives.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void srv_directive(struct srvconf *c, struct srv_source *s, const struct directive *d, const char *value,
                   srv_reader *read)
{
    if (d->role != NULL)
        srv_half(c, s, d->role, /* is_key= */ d->kind == DIRECTIVE_KEY, value);
    switch (d->kind) {
    case DIRECTIVE_CERTIFICATE:
        break;
    case DIRECTIVE_KEY:
        srv_key_add_any(c, s, value);
        break;
    case DIRECTIVE_MAYBE_KEY:
        srv_key_add(c, s, SRV_MAYBE, value);
        break;
    case DIRECTIVE_USER:
        srv_name(c->user, value);
        break;
    case DIRECTIVE_GROUP:
        srv_name(c->group, value);
        break;
    case DIRECTIVE_CHROOT:
        snprintf(c->chroot, sizeof(c->chroot), "%s", strlen(value) < sizeof(c->chroot) ? value : "");
        break;
    case DIRECTIVE_INCLUDE:
        srv_include(c, s, value, /* absent= */ false, read);
        break;
    case DIRECTIVE_INCLUDE_DIR:
        if (!srv_include_dir(c, s, value, "*.conf", read))
            srv_problem(c, s, "cannot read the directory %s", value);
        break;
    }
}

void srv_directives(struct srvconf *c, struct srv_source *s, const struct srv_rules *rules,
                    const struct directive *table, bool anywhere, srv_reader *read)
{
    struct srv_words *w = malloc(sizeof(*w));

    while (w != NULL && srv_words(c, s, rules, w)) {
        for (size_t i = 0; i + 1 < w->count && (i == 0 || anywhere); i++) {
            for (const struct directive *d = table; d->name != NULL; d++) {
                if (strcmp(w->word[i], d->name) == 0)
                    srv_directive(c, s, d, w->word[i + 1], read);
            }
        }
    }
    free(w);
}
