/* Configurations of words in lines, where the word behind a directive's name is all that counts. */
#ifndef LB_DOCTOR_SERVERS_DIRECTIVES_H
#define LB_DOCTOR_SERVERS_DIRECTIVES_H

#include <stdbool.h>

#include "doctor/servers/conf.h"

/* What a directive is about: that says what is done with the word behind it. */
enum directive_kind {
    DIRECTIVE_KEY,
    DIRECTIVE_MAYBE_KEY, /* a certificate file that may have its key in it */
    DIRECTIVE_CERTIFICATE,
    DIRECTIVE_USER,
    DIRECTIVE_GROUP,
    DIRECTIVE_CHROOT,
    DIRECTIVE_INCLUDE,
    DIRECTIVE_INCLUDE_DIR, /* each file of a directory whose name ends with .conf */
};

struct directive {
    const char *name;
    enum directive_kind kind;
    const char *role; /* which certificate and key go together (srv_half()); NULL: not known */
};

/* Does what d says with value. read: of the files that value includes. */
void srv_directive(struct srvconf *c, struct srv_source *s, const struct directive *d, const char *value,
                   srv_reader *read);

/*
 * Reads all lines, by the directives of a table that ends with a NULL name. anywhere: a directive may stand behind others on
 * its line; else it is the first word alone. read: of the files that are included, which is the caller itself.
 */
void srv_directives(struct srvconf *c, struct srv_source *s, const struct srv_rules *rules,
                    const struct directive *table, bool anywhere, srv_reader *read);

#endif
