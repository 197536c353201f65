/* Certificate requests: does a text ask for a certificate for this very key? */
#include "keys/own_request.h"

#include <limits.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#define SEQUENCE 0x30

/* One element with its header, of that tag (as its first byte), from the front of *rest. Definite lengths alone: DER. */
static bool element(struct bytes *rest, unsigned char tag, struct bytes *ret, struct bytes *ret_inside)
{
    const unsigned char *at = rest->p;
    int number, class;
    long len;

    if (rest->len == 0 || rest->len > LONG_MAX || rest->p[0] != tag)
        return false;
    /* 0x80: an error; bit 0: a length that is not definite. */
    if ((ASN1_get_object(&at, &len, &number, &class, (long)rest->len) & 0x81) != 0 || len < 0)
        return false;
    *ret_inside = (struct bytes){ at, (size_t)len };
    *ret = (struct bytes){ rest->p, (size_t)(at - rest->p) + (size_t)len };
    rest->p += ret->len;
    rest->len -= ret->len;
    return true;
}

/*
 *    CertificationRequestInfo ::= SEQUENCE {
 *         version       INTEGER { v1(0) },
 *         subject       Name,
 *         subjectPKInfo SubjectPublicKeyInfo,
 *         attributes    [0] IMPLICIT SET OF Attribute }
 */
static bool has_form(struct bytes text, struct bytes spki)
{
    static const uint8_t version[] = { 0x02, 0x01, 0x00 };
    struct bytes info, in, part, inside;

    if (!element(&text, SEQUENCE, &info, &in) || text.len != 0)
        return false;
    if (!element(&in, V_ASN1_INTEGER, &part, &inside) || part.len != sizeof(version) ||
        memcmp(part.p, version, sizeof(version)) != 0)
        return false;
    if (!element(&in, SEQUENCE, &part, &inside))
        return false;
    if (!element(&in, SEQUENCE, &part, &inside) || part.len != spki.len || memcmp(part.p, spki.p, spki.len) != 0)
        return false;
    return element(&in, 0xa0, &part, &inside) && in.len == 0;
}

/* libcrypto reads it too, and would write it so. */
static bool is_request_info(struct bytes text)
{
    const unsigned char *at = text.p;
    X509_REQ_INFO *info = d2i_X509_REQ_INFO(NULL, &at, (long)text.len);
    unsigned char *der = NULL;
    int len = info == NULL ? -1 : i2d_X509_REQ_INFO(info, &der);
    bool same = len >= 0 && (size_t)len == text.len && memcmp(der, text.p, text.len) == 0;

    OPENSSL_free(der);
    X509_REQ_INFO_free(info);
    return same;
}

bool own_request(struct bytes text, struct bytes spki)
{
    bool own;

    /* The form first: what is none costs libcrypto nothing. */
    if (text.len == 0 || text.len > INT_MAX || spki.len == 0 || !has_form(text, spki))
        return false;
    ERR_set_mark();
    own = is_request_info(text);
    ERR_pop_to_mark();
    return own;
}
