/* Mosquitto's configuration: a directive a line. */
#include "doctor/servers/directives.h"

/* Of the row in servers.c. */
srv_reader srv_mosquitto;

void srv_mosquitto(struct srvconf *c, struct srv_source *s)
{
    static const struct srv_rules rules = { .continued = false };
    static const struct directive table[] = { { "keyfile", DIRECTIVE_KEY, "server" },
                                              { "certfile", DIRECTIVE_CERTIFICATE, "server" },
                                              { "bridge_keyfile", DIRECTIVE_KEY, "bridge" },
                                              { "bridge_certfile", DIRECTIVE_CERTIFICATE, "bridge" },
                                              { "user", DIRECTIVE_USER, NULL },
                                              { "include_dir", DIRECTIVE_INCLUDE_DIR, NULL },
                                              { NULL, DIRECTIVE_KEY, NULL } };

    srv_directives(c, s, &rules, table, /* anywhere= */ false, srv_mosquitto);
}
