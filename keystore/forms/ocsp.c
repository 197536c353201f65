/* Answers to OCSP requests: what their responder signs. */
#include <openssl/evp.h>
#include <openssl/ocsp.h>

#include "forms/der.h"
#include "forms/forms_priv.h"
#include "forms/names_priv.h"
#include "forms/reads_priv.h"

#define SHA1_SIZE 20

/* RFC 6960 4.2.1, KeyHash: SHA-1 of the public key's bits, without tag, length and number of unused bits. */
static bool is_hash_of(struct bytes hash, struct bytes spki)
{
    struct der in, algorithm, bits;
    unsigned char own[SHA1_SIZE];

    return hash.len == sizeof(own) && der_take(&spki, DER_SEQUENCE, &in) && der_take(&in.inside, DER_SEQUENCE, &algorithm) &&
           der_take(&in.inside, DER_BIT_STRING, &bits) && bits.inside.len > 0 &&
           EVP_Digest(bits.inside.p + 1, bits.inside.len - 1, own, NULL, EVP_sha1(), NULL) > 0 &&
           der_same(hash, (struct bytes){ own, sizeof(own) });
}

/* Takes the ResponderID: [1] EXPLICIT Name or [2] EXPLICIT KeyHash. *ret_own: it is the key. */
static bool take_responder(struct bytes *rest, const struct form_key *key, bool *ret_own)
{
    struct der choice, id;

    if (der_take(rest, DER_EXPLICIT | 1, &choice)) {
        if (!der_take(&choice.inside, DER_SEQUENCE, &id))
            return false;
        *ret_own = is_subject(key, id.whole);
    } else {
        if (!der_take(rest, DER_EXPLICIT | 2, &choice) || !der_take(&choice.inside, DER_OCTET_STRING, &id))
            return false;
        *ret_own = is_hash_of(id.inside, key->spki);
    }
    return choice.inside.len == 0;
}

/*
 * RFC 6960 4.2.1:
 *
 *    ResponseData ::= SEQUENCE {
 *         version            [0] EXPLICIT Version DEFAULT v1,   -- there is no other, and DER leaves it out
 *         responderID        ResponderID,
 *         producedAt         GeneralizedTime,
 *         responses          SEQUENCE OF SingleResponse,
 *         responseExtensions [1] EXPLICIT Extensions OPTIONAL }
 */
bool ocsp_read(struct bytes text, const struct form_key *key, struct reading *ret)
{
    struct bytes rest = text;
    struct der in, part;
    bool own;

    if (!der_take(&rest, DER_SEQUENCE, &in) || rest.len != 0 || !take_responder(&in.inside, key, &own) ||
        !der_take(&in.inside, DER_GENERALIZED_TIME, &part) || !der_take(&in.inside, DER_SEQUENCE, &part) ||
        !der_take_optional(&in.inside, DER_EXPLICIT | 1, &part) || in.inside.len != 0 || !READS(OCSP_RESPDATA, text))
        return false;
    if (own)
        *ret = (struct reading){ PURPOSE_OCSP, "an OCSP response" };
    else
        *ret = (struct reading){ 0, "an OCSP response of another responder" };
    return true;
}
