/*
 * Aims at p11ref_from_der(), which reads the inside of another provider's files, and at the URI that it finds. What is
 * read is a string within its bounds that stands in the input; every failure is one of those that are documented.
 */
#include <stdlib.h>
#include <string.h>

#include "model/pkcs11_reference.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char uri[LB_P11URI_MAX + 1];
    struct p11uri u;
    struct problem p = { 0 };
    int r;

    memset(uri, 'x', sizeof(uri));
    r = p11ref_from_der(data, size, uri);
    if (r != 0) {
        if (r != LB_E_VALUE && r != LB_E_UNSUPPORTED && r != LB_E_NOMEM)
            abort();
        return 0;
    }
    if (memchr(uri, '\0', sizeof(uri)) == NULL || strlen(uri) + strlen(P11REF_DESCRIPTION) >= size)
        abort();
    if (p11uri_parse(uri, &u, &p) != 0 && (p.code != LB_E_URI || p.text[0] == '\0'))
        abort();
    return 0;
}
