/* Redis' configuration: a directive a line. */
#include "doctor/servers/directives.h"

/* Of the row in servers.c. */
srv_reader srv_redis;

void srv_redis(struct srvconf *c, struct srv_source *s)
{
    static const struct srv_rules rules = { .escapes = true, .quotes = true };
    static const struct directive table[] = {
        { "tls-key-file", DIRECTIVE_KEY, "server" },
        { "tls-cert-file", DIRECTIVE_CERTIFICATE, "server" },
        { "tls-client-key-file", DIRECTIVE_KEY, "client" },
        { "tls-client-cert-file", DIRECTIVE_CERTIFICATE, "client" },
        { "include", DIRECTIVE_INCLUDE, NULL },
        { NULL, DIRECTIVE_KEY, NULL },
    };

    srv_directives(c, s, &rules, table, /* anywhere= */ false, srv_redis);
}
