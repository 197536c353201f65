/* libcrypto's opinion of a text. */
#include <limits.h>
#include <string.h>

#include "forms/reads_priv.h"

bool reads_as(struct bytes text, const ASN1_ITEM *type)
{
    const unsigned char *at = text.p;
    ASN1_VALUE *value;
    unsigned char *der = NULL;
    bool same;
    int len;

    if (text.len > INT_MAX)
        return false;
    value = ASN1_item_d2i(NULL, &at, (long)text.len, type);
    len = value == NULL ? -1 : ASN1_item_i2d(value, &der, type);
    same = len >= 0 && (size_t)len == text.len && memcmp(der, text.p, text.len) == 0;
    OPENSSL_free(der);
    ASN1_item_free(value, type);
    return same;
}
