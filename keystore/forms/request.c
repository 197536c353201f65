/* Certificate requests: what who asks for a certificate signs. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "forms/der.h"
#include "forms/forms_priv.h"
#include "forms/own_request.h"
#include "forms/reads_priv.h"

/*
 * RFC 2986 4.1; *ret is the subjectPKInfo.
 *
 *    CertificationRequestInfo ::= SEQUENCE {
 *         version       INTEGER { v1(0) },
 *         subject       Name,
 *         subjectPKInfo SubjectPublicKeyInfo,
 *         attributes    [0] IMPLICIT SET OF Attribute }
 */
static bool request_fields(struct bytes text, struct bytes *ret)
{
    struct der in, version, subject, spki, attributes;

    if (!der_take(&text, DER_SEQUENCE, &in) || text.len != 0)
        return false;
    if (!der_take(&in.inside, DER_INTEGER, &version) || version.inside.len != 1 || version.inside.p[0] != 0)
        return false;
    if (!der_take(&in.inside, DER_SEQUENCE, &subject) || !der_take(&in.inside, DER_SEQUENCE, &spki))
        return false;
    if (!der_take(&in.inside, DER_EXPLICIT | 0, &attributes) || in.inside.len != 0)
        return false;
    *ret = spki.whole;
    return true;
}

bool request_read(struct bytes text, const struct form_key *key, struct reading *ret)
{
    struct bytes spki;

    if (!request_fields(text, &spki) || !READS(X509_REQ_INFO, text))
        return false;
    if (der_same(spki, key->spki))
        *ret = (struct reading){ PURPOSE_CSR, "a certificate request" };
    else
        *ret = (struct reading){ 0, "a certificate request for another key" };
    return true;
}

bool own_request(struct bytes text, struct bytes spki)
{
    struct form_key key = { .spki = spki };
    struct reading r;
    bool own;

    if (!der_is_strict(text))
        return false;
    ERR_set_mark();
    own = request_read(text, &key, &r) && r.purpose == PURPOSE_CSR;
    ERR_pop_to_mark();
    return own;
}
