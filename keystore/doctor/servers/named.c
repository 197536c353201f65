/* BIND's configuration: statements with braces, and C's comments. */
#include <stdlib.h>
#include <string.h>

#include "doctor/servers/conf.h"

/* Of the row in servers.c. */
srv_reader srv_named;

void srv_named(struct srvconf *c, struct srv_source *s)
{
    char *word = malloc(SRV_LINE_MAX), first[32] = "";
    unsigned count = 0;
    enum srv_token token = SRV_TOKEN;

    while (word != NULL && (token = srv_token(c, s, /* slashes= */ true, word)) != SRV_END) {
        count = token == SRV_TOKEN ? count + 1 : 0;
        if (count == 1)
            strncpy(first, word, sizeof(first) - 1);
        if (count == 2 && strcmp(first, "include") == 0)
            srv_include(c, s, word, /* absent= */ false, srv_named);
        else if (count == 2 && strcmp(first, "key-file") == 0)
            srv_key_add(c, s, SRV_FILE, word);
        if (count == 2 && (strcmp(first, "key-file") == 0 || strcmp(first, "cert-file") == 0))
            srv_half(c, s, "", /* is_key= */ strcmp(first, "key-file") == 0, word);
    }
    free(word);
}
