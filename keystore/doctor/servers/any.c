/* A configuration of which nothing is understood: its words are looked at. */
#include <stdlib.h>

#include "doctor/servers/conf.h"

/* Of the row in servers.c. */
srv_reader srv_any;

void srv_any(struct srvconf *c, struct srv_source *s)
{
    char *line = malloc(SRV_LINE_MAX);

    while (line != NULL && srv_line(c, s, "#", /* folded= */ false, line))
        continue;
    free(line);
}
