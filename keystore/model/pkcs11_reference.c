/* References to keys on tokens, as pkcs11-provider keeps them in files: a PKCS#11 URI in a PEM block of its own label. */
#include "model/pkcs11_reference.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <string.h>

typedef struct {
    ASN1_VISIBLESTRING *description;
    ASN1_UTF8STRING *uri;
} P11_REFERENCE;

ASN1_SEQUENCE(P11_REFERENCE) = {
    ASN1_SIMPLE(P11_REFERENCE, description, ASN1_VISIBLESTRING),
    ASN1_SIMPLE(P11_REFERENCE, uri, ASN1_UTF8STRING),
} static_ASN1_SEQUENCE_END(P11_REFERENCE)

static int take(const P11_REFERENCE *ref, char ret_uri[LB_P11URI_MAX + 1])
{
    const unsigned char *description = ASN1_STRING_get0_data(ref->description), *uri = ASN1_STRING_get0_data(ref->uri);
    size_t len = (size_t)ASN1_STRING_length(ref->uri);

    if ((size_t)ASN1_STRING_length(ref->description) != strlen(P11REF_DESCRIPTION) ||
        memcmp(description, P11REF_DESCRIPTION, strlen(P11REF_DESCRIPTION)) != 0)
        return LB_E_UNSUPPORTED;
    if (len > LB_P11URI_MAX || memchr(uri, '\0', len) != NULL)
        return LB_E_VALUE;
    memcpy(ret_uri, uri, len);
    ret_uri[len] = '\0';
    return 0;
}

int p11ref_from_der(const uint8_t *der, size_t len, char ret_uri[LB_P11URI_MAX + 1])
{
    const unsigned char *p = der;
    P11_REFERENCE *ref;
    int r = LB_E_VALUE;

    ERR_set_mark();
    ref = (P11_REFERENCE *)ASN1_item_d2i(NULL, &p, (long)len, ASN1_ITEM_rptr(P11_REFERENCE));
    ERR_pop_to_mark();
    if (ref != NULL && p == der + len)
        r = take(ref, ret_uri);
    ASN1_item_free((ASN1_VALUE *)ref, ASN1_ITEM_rptr(P11_REFERENCE));
    return r;
}
