/*
 * Aims at p11uri_parse(), which reads what stands in configurations and in other providers' files. What parses fits
 * itself, is written as a URI that parses to the same, and no shorter room cuts an escape; every refusal has a text.
 */
#include <stdlib.h>
#include <string.h>

#include "model/pkcs11_uri.h"
#include "fuzz.h"

static void check_cut(const struct p11uri *u, const char *whole)
{
    static const size_t sizes[] = { 1, 8, 9, 16, 23, 64 };
    char text[64];

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        bool fits = p11uri_format(u, P11_ALL, text, sizes[i]);
        size_t len = strlen(text);

        if (len >= sizes[i] || strncmp(text, whole, len) != 0 || fits != (strlen(whole) < sizes[i]))
            abort();
        if (len > 0 && (text[len - 1] == '%' || (len > 1 && text[len - 2] == '%')))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[LB_P11URI_MAX + 1];
    char *uri = malloc(size + 1);
    struct p11uri u, again;
    struct problem p = { 0 };

    if (uri == NULL)
        return 0;
    memcpy(uri, data, size);
    uri[size] = '\0';
    if (p11uri_parse(uri, &u, &p) != 0) {
        if (p.code != LB_E_URI || p.text[0] == '\0')
            abort();
    } else {
        if (!p11uri_matches(&u, &u, P11_ALL) || !p11uri_format(&u, P11_ALL, text, sizeof(text)) ||
            p11uri_parse(text, &again, &p) != 0)
            abort();
        for (size_t i = 0; i < P11_ATTRS; i++) {
            if (u.a[i].set != again.a[i].set)
                abort();
        }
        if (!p11uri_matches(&u, &again, P11_ALL) || !p11uri_matches(&again, &u, P11_ALL))
            abort();
        check_cut(&u, text);
    }
    free(uri);
    return 0;
}
