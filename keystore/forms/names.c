/* What is in certificates that signed texts have to agree with. */
#include <openssl/x509.h>
#include <string.h>

#include "forms/der.h"
#include "forms/names_priv.h"

/* RFC 5280 4.1.2.5 */
static bool take_validity(struct bytes *rest)
{
    struct der validity, time;

    if (!der_take(rest, DER_SEQUENCE, &validity))
        return false;
    for (int i = 0; i < 2; i++) {
        if (!der_take(&validity.inside, DER_UTC_TIME, &time) && !der_take(&validity.inside, DER_GENERALIZED_TIME, &time))
            return false;
    }
    return validity.inside.len == 0;
}

/* RFC 5280 4.1.2.1. v1 is the default, which DER leaves out (X.690 11.5). 0: it is none. */
static unsigned take_version(struct bytes *rest)
{
    struct der version, number;

    if (!der_has(*rest, DER_EXPLICIT | 0))
        return 1;
    if (!der_take(rest, DER_EXPLICIT | 0, &version) || !der_take(&version.inside, DER_INTEGER, &number) ||
        version.inside.len != 0 || number.inside.len != 1 || (number.inside.p[0] != 1 && number.inside.p[0] != 2))
        return 0;
    return number.inside.p[0] + 1u;
}

/* [3] EXPLICIT SEQUENCE OF Extension, of which there is one at least (RFC 5280 4.1). */
static bool take_extensions(struct bytes *rest, struct bytes *ret)
{
    struct der outer, inner;

    *ret = (struct bytes){ NULL, 0 };
    if (!der_has(*rest, DER_EXPLICIT | 3))
        return true;
    if (!der_take(rest, DER_EXPLICIT | 3, &outer) || !der_take(&outer.inside, DER_SEQUENCE, &inner) || outer.inside.len != 0)
        return false;
    *ret = inner.inside;
    return inner.inside.len > 0;
}

/*
 *    TBSCertificate ::= SEQUENCE {
 *         version         [0] EXPLICIT Version DEFAULT v1,
 *         serialNumber    INTEGER,
 *         signature       SEQUENCE,
 *         issuer          SEQUENCE,
 *         validity        SEQUENCE,
 *         subject         SEQUENCE,
 *         subjectPublicKeyInfo SEQUENCE,
 *         issuerUniqueID  [1] IMPLICIT BIT STRING OPTIONAL,   -- not in v1
 *         subjectUniqueID [2] IMPLICIT BIT STRING OPTIONAL,   -- not in v1
 *         extensions      [3] EXPLICIT SEQUENCE OPTIONAL }    -- v3 alone
 */
bool tbs_fields(struct bytes der, struct tbs *ret)
{
    struct der in, part, issuer, subject, spki, ids[2];
    unsigned version;

    if (!der_take(&der, DER_SEQUENCE, &in) || der.len != 0)
        return false;
    version = take_version(&in.inside);
    if (version == 0 || !der_take(&in.inside, DER_INTEGER, &part) || !der_take(&in.inside, DER_SEQUENCE, &part) ||
        !der_take(&in.inside, DER_SEQUENCE, &issuer) || !take_validity(&in.inside) ||
        !der_take(&in.inside, DER_SEQUENCE, &subject) || !der_take(&in.inside, DER_SEQUENCE, &spki) ||
        !der_take_optional(&in.inside, DER_IMPLICIT | 1, &ids[0]) || !der_take_optional(&in.inside, DER_IMPLICIT | 2, &ids[1]) ||
        !take_extensions(&in.inside, &ret->extensions) || in.inside.len != 0)
        return false;
    if ((version < 2 && ids[0].whole.len + ids[1].whole.len > 0) || (version < 3 && ret->extensions.len > 0))
        return false;
    ret->issuer = issuer.whole;
    ret->subject = subject.whole;
    ret->spki = spki.whole;
    return true;
}

/* The TBSCertificate of a Certificate (RFC 5280 4.1). */
static bool certificate_fields(struct bytes der, struct tbs *ret)
{
    struct der certificate, tbs;

    return der_take(&der, DER_SEQUENCE, &certificate) && der.len == 0 &&
           der_take(&certificate.inside, DER_SEQUENCE, &tbs) && tbs_fields(tbs.whole, ret);
}

/* RFC 5280 7.1: spellings of one name are the same. Who copies the octets, as everybody does, needs no comparison. */
static bool is_same_name(struct bytes a, struct bytes b)
{
    const unsigned char *p = a.p, *q = b.p;
    X509_NAME *x, *y;
    bool same;

    if (der_same(a, b))
        return true;
    x = d2i_X509_NAME(NULL, &p, (long)a.len);
    y = d2i_X509_NAME(NULL, &q, (long)b.len);
    same = x != NULL && y != NULL && X509_NAME_cmp(x, y) == 0;
    X509_NAME_free(x);
    X509_NAME_free(y);
    return same;
}

bool is_subject(const struct form_key *key, struct bytes name)
{
    struct tbs own;

    if (key->certificate.len == 0)
        return true;
    return certificate_fields(key->certificate, &own) && is_same_name(own.subject, name);
}

/* RFC 5280 4.2: what is inside of the extnValue of the first Extension of that type; len 0: there is none. */
static struct bytes extension(struct bytes extensions, uint8_t last_octet)
{
    const uint8_t oid[] = { 0x55, 0x1d, last_octet };
    struct der one, id, critical, value;

    while (der_take(&extensions, DER_SEQUENCE, &one)) {
        if (der_take(&one.inside, DER_OID, &id) && der_same(id.inside, (struct bytes){ oid, sizeof(oid) }) &&
            der_take_optional(&one.inside, DER_BOOLEAN, &critical) && der_take(&one.inside, DER_OCTET_STRING, &value))
            return value.inside;
    }
    return (struct bytes){ NULL, 0 };
}

/* id-ce-subjectKeyIdentifier and id-ce-authorityKeyIdentifier, RFC 5280 4.2.1.2 and 4.2.1.1 */
#define SUBJECT_KEY_ID 14
#define AUTHORITY_KEY_ID 35

/* The keyIdentifier; len 0: it names none. */
static struct bytes authority_key_id(struct bytes extensions)
{
    struct bytes value = extension(extensions, AUTHORITY_KEY_ID);
    struct der id = { { NULL, 0 }, { NULL, 0 } }, number;

    if (der_take(&value, DER_SEQUENCE, &id))
        return der_take(&id.inside, DER_IMPLICIT | 0, &number) ? number.inside : (struct bytes){ NULL, 0 };
    return (struct bytes){ NULL, 0 };
}

static struct bytes subject_key_id(struct bytes extensions)
{
    struct bytes value = extension(extensions, SUBJECT_KEY_ID);
    struct der number;

    return der_take(&value, DER_OCTET_STRING, &number) ? number.inside : (struct bytes){ NULL, 0 };
}

bool is_issuer(const struct form_key *key, struct bytes name, struct bytes extensions)
{
    struct bytes named, own;
    struct tbs certificate;

    if (key->certificate.len == 0)
        return true;
    if (!certificate_fields(key->certificate, &certificate) || !is_same_name(certificate.subject, name))
        return false;
    named = authority_key_id(extensions);
    own = subject_key_id(certificate.extensions);
    return named.len == 0 || own.len == 0 || der_same(named, own);
}
