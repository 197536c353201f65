/* Certificates and certificate revocation lists: what their issuer signs. */
#include <openssl/x509.h>

#include "forms/der.h"
#include "forms/forms_priv.h"
#include "forms/names_priv.h"
#include "forms/reads_priv.h"

/* RFC 5280 4.1 */
bool certificate_read(struct bytes text, const struct form_key *key, struct reading *ret)
{
    struct tbs t;

    if (!tbs_fields(text, &t) || !READS(X509_CINF, text))
        return false;
    /* Self-issued (RFC 5280 3.2): whatever its name is, it is this key that vouches for itself. */
    if (is_issuer(key, t.issuer, t.extensions) || (der_same(t.issuer, t.subject) && der_same(t.spki, key->spki)))
        *ret = (struct reading){ PURPOSE_X509, "a certificate" };
    else
        *ret = (struct reading){ 0, "a certificate of another issuer" };
    return true;
}

/* RFC 5280 5.1.2.6: serial number, date, extensions. */
static bool is_list_of_revoked(struct bytes entries)
{
    struct der entry, part;

    while (entries.len > 0) {
        if (!der_take(&entries, DER_SEQUENCE, &entry) || !der_take(&entry.inside, DER_INTEGER, &part) ||
            (!der_take(&entry.inside, DER_UTC_TIME, &part) && !der_take(&entry.inside, DER_GENERALIZED_TIME, &part)) ||
            !der_take_optional(&entry.inside, DER_SEQUENCE, &part) || entry.inside.len != 0)
            return false;
    }
    return true;
}

struct crl {
    struct bytes issuer;
    struct bytes extensions; /* inside of the SEQUENCE; len 0: none */
};

/*
 * RFC 5280 5.1:
 *
 *    TBSCertList ::= SEQUENCE {
 *         version             INTEGER { v2(1) } OPTIONAL,
 *         signature           SEQUENCE,
 *         issuer              SEQUENCE,
 *         thisUpdate          Time,
 *         nextUpdate          Time OPTIONAL,
 *         revokedCertificates SEQUENCE OF SEQUENCE OPTIONAL,
 *         crlExtensions       [0] EXPLICIT SEQUENCE OPTIONAL }   -- v2 alone
 */
static bool crl_fields(struct bytes text, struct crl *ret)
{
    struct der in, part, version, issuer, revoked, extensions, inner;

    if (!der_take(&text, DER_SEQUENCE, &in) || text.len != 0 || !der_take_optional(&in.inside, DER_INTEGER, &version) ||
        !der_take(&in.inside, DER_SEQUENCE, &part) || !der_take(&in.inside, DER_SEQUENCE, &issuer) ||
        (!der_take(&in.inside, DER_UTC_TIME, &part) && !der_take(&in.inside, DER_GENERALIZED_TIME, &part)) ||
        !der_take_optional(&in.inside, DER_UTC_TIME, &part))
        return false;
    if (part.whole.len == 0 && !der_take_optional(&in.inside, DER_GENERALIZED_TIME, &part))
        return false;
    if (!der_take_optional(&in.inside, DER_SEQUENCE, &revoked) || !is_list_of_revoked(revoked.inside) ||
        !der_take_optional(&in.inside, DER_EXPLICIT | 0, &extensions) || in.inside.len != 0)
        return false;
    *ret = (struct crl){ .issuer = issuer.whole };
    if (version.whole.len == 0)
        return extensions.whole.len == 0;
    if (version.inside.len != 1 || version.inside.p[0] != 1)
        return false;
    if (extensions.whole.len == 0)
        return true;
    if (!der_take(&extensions.inside, DER_SEQUENCE, &inner) || extensions.inside.len != 0)
        return false;
    ret->extensions = inner.inside;
    return true;
}

bool crl_read(struct bytes text, const struct form_key *key, struct reading *ret)
{
    struct crl c;

    if (!crl_fields(text, &c) || !READS(X509_CRL_INFO, text))
        return false;
    if (is_issuer(key, c.issuer, c.extensions))
        *ret = (struct reading){ PURPOSE_CRL, "a certificate revocation list" };
    else
        *ret = (struct reading){ 0, "a certificate revocation list of another issuer" };
    return true;
}
