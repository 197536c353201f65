/* Unbound's configuration: names with a colon, several on a line. */
#include "doctor/servers/directives.h"

/* Of the row in servers.c. */
srv_reader srv_unbound;

void srv_unbound(struct srvconf *c, struct srv_source *s)
{
    static const struct srv_rules rules = { .comment_inside = true, .quotes = true };
    static const struct directive table[] = { { "tls-service-key:", DIRECTIVE_KEY, "service" },
                                              { "ssl-service-key:", DIRECTIVE_KEY, "service" },
                                              { "tls-service-pem:", DIRECTIVE_CERTIFICATE, "service" },
                                              { "ssl-service-pem:", DIRECTIVE_CERTIFICATE, "service" },
                                              { "server-key-file:", DIRECTIVE_KEY, "control" },
                                              { "server-cert-file:", DIRECTIVE_CERTIFICATE, "control" },
                                              { "username:", DIRECTIVE_USER, NULL },
                                              { "chroot:", DIRECTIVE_CHROOT, NULL },
                                              { "include:", DIRECTIVE_INCLUDE, NULL },
                                              { "include-toplevel:", DIRECTIVE_INCLUDE, NULL },
                                              { NULL, DIRECTIVE_KEY, NULL } };

    srv_directives(c, s, &rules, table, /* anywhere= */ true, srv_unbound);
}
