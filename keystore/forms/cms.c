/* Signed messages and time stamps: what their signer signs. */
#include <openssl/x509.h>
#include <string.h>

#include "forms/der.h"
#include "forms/forms_priv.h"
#include "forms/reads_priv.h"
#include "model/scheme.h"

/* RFC 5652 11.1 and 11.2, RFC 3161 2.4.2 */
static const uint8_t content_type_id[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03 };
static const uint8_t message_digest_id[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04 };
static const uint8_t tst_info_id[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04 };

#define IS(oid, id) der_same((oid), (struct bytes){ (id), sizeof(id) })

/* Of any digest that a message may be hashed with. */
static bool is_digest_size(size_t len)
{
    for (unsigned d = DIGEST_NONE + 1; d <= DIGEST_LAST; d++) {
        if (d != DIGEST_MD5_SHA1 && digest_size(d) == len)
            return true;
    }
    return false;
}

/* X.690 11.6: in ascending order, the shorter one as if it had zeros behind it. */
static bool is_before(struct bytes a, struct bytes b)
{
    int order = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

    return order < 0 || (order == 0 && a.len <= b.len);
}

struct attributes {
    unsigned content_types, message_digests;
    bool is_time_stamp;
};

/* RFC 5652 11: of both there is one value. */
static bool look_at(struct bytes oid, struct bytes values, struct attributes *a)
{
    struct der value;

    if (IS(oid, content_type_id)) {
        a->content_types++;
        if (!der_take(&values, DER_OID, &value) || values.len != 0)
            return false;
        a->is_time_stamp = IS(value.inside, tst_info_id);
    } else if (IS(oid, message_digest_id)) {
        a->message_digests++;
        return der_take(&values, DER_OCTET_STRING, &value) && values.len == 0 && is_digest_size(value.inside.len);
    }
    return true;
}

/*
 * RFC 5652 5.3, 5.4: the attributes are signed with the tag of a SET, in DER.
 *
 *    SET OF SEQUENCE { attrType OBJECT IDENTIFIER, attrValues SET OF ANY }
 */
static bool read_attributes(struct bytes text, struct attributes *ret)
{
    struct der set, one, oid, values;
    struct bytes before = { NULL, 0 };

    if (!der_take(&text, DER_SET, &set) || text.len != 0)
        return false;
    while (set.inside.len > 0) {
        if (!der_take(&set.inside, DER_SEQUENCE, &one) || (before.len > 0 && !is_before(before, one.whole)))
            return false;
        before = one.whole;
        if (!der_take(&one.inside, DER_OID, &oid) || !der_take(&one.inside, DER_SET, &values) || one.inside.len != 0 ||
            !look_at(oid.inside, values.inside, ret) || !READS(X509_ATTRIBUTE, before))
            return false;
    }
    return ret->content_types == 1 && ret->message_digests == 1;
}

bool cms_read(struct bytes text, const struct form_key *key, struct reading *ret)
{
    struct attributes a = { 0 };

    (void)key;
    if (!read_attributes(text, &a))
        return false;
    if (a.is_time_stamp)
        *ret = (struct reading){ PURPOSE_TIMESTAMP, "a time stamp" };
    else
        *ret = (struct reading){ PURPOSE_CMS, "the signed attributes of a message" };
    return true;
}
