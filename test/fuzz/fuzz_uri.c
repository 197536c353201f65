/*
 * Aims at uri_parse() and uri_parse_key(), which read what stands in handles, configurations and on command lines. What
 * parses is within the grammar, its shortest form parses to the same, and every refusal has a text.
 */
#include <stdlib.h>
#include <string.h>

#include "model/uri.h"
#include "fuzz.h"

static void check(int r, const struct key_uri *u, const struct problem *p)
{
    struct key_uri again;
    struct problem p2;
    char text[LB_URI_MAX + 1];

    if (r != 0) {
        if (r != LB_E_URI || p->code != LB_E_URI || p->text[0] == '\0')
            abort();
        return;
    }
    if ((u->box[0] != '\0' && !keyname_ok(u->box, strlen(u->box))) ||
        (u->name[0] != '\0' && !keyname_ok(u->name, strlen(u->name))) || (u->name[0] == '\0' && u->version != 0))
        abort();
    uri_format(u, text);
    if (uri_parse(text, &again, &p2) != 0 || memcmp(u, &again, sizeof(again)) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct key_uri u;
    struct problem p;
    int r;

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    memset(&p, 0, sizeof(p));
    r = uri_parse(text, &u, &p);
    check(r, &u, &p);
    memset(&p, 0, sizeof(p));
    r = uri_parse_key(text, &u, &p);
    check(r, &u, &p);
    if (r == 0 && (u.box[0] != '\0' || u.name[0] == '\0'))
        abort();
    free(text);
    return 0;
}
