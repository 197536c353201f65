/* Traefik's static configuration, in YAML or TOML: where its resolvers keep the keys that they make. */
#include <stdlib.h>
#include <string.h>

#include "doctor/servers/conf.h"

/* Of the row in servers.c. */
srv_reader srv_traefik;

/* "storage: /data/acme.json", "storage = '/data/acme.json'" of certificatesResolvers.NAME.acme. */
void srv_traefik(struct srvconf *c, struct srv_source *s)
{
    char *line = malloc(SRV_LINE_MAX);

    while (line != NULL && srv_line(c, s, "#", /* folded= */ false, line)) {
        char *value = line + strlen("storage");

        if (strncmp(line, "storage", strlen("storage")) != 0 || strchr(" \t:=", *value) == NULL)
            continue;
        value += strspn(value, " \t:=");
        if (*value != '\0')
            srv_key_add(c, s, SRV_MAKES, srv_unquote(value));
    }
    free(line);
}
