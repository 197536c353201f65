/* DER (X.690, 10 and 11): one element after the other, and whether all of it is as DER wants it. */
#ifndef LB_FORMS_DER_H
#define LB_FORMS_DER_H

#include <stdbool.h>

#include "base/wire.h"

/* Identifier octets. All tags that the forms have fit into one. */
enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_IMPLICIT = 0x80, /* | number */
    DER_EXPLICIT = 0xa0  /* | number */
};

struct der {
    struct bytes whole;  /* with its header */
    struct bytes inside; /* its contents */
};

/*
 * Takes the element with this identifier octet from the front of *rest: definite, and its length in the fewest octets. False: there is
 * none; then *rest and *ret stay as they were.
 */
bool der_take(struct bytes *rest, uint8_t tag, struct der *ret);
/* Does such an element come next? */
bool der_has(struct bytes rest, uint8_t tag);
/* Takes it if it comes next. False: it does, and is not whole. Where it does not come, *ret is empty. */
bool der_take_optional(struct bytes *rest, uint8_t tag, struct der *ret);

/* Two views of the same octets, or of none. */
bool der_same(struct bytes a, struct bytes b);

/*
 * The text is one element and nothing behind it, and so is whatever is inside, at any depth up to DER_DEPTH: definite lengths in
 * the fewest octets; tags of one octet; booleans, numbers, identifiers, nulls and bit strings as X.690 11 has them, and
 * primitive strings. What is inside of octet and bit strings is not looked at. No recursion, no allocation.
 */
#define DER_DEPTH 24
bool der_is_strict(struct bytes text);

/*
 * Could any reader, however lenient, take the text for a SEQUENCE or SET that somebody would sign? Its first element is of a tag
 * that signed structures begin with, and all lengths lead to its end, whether they are written as DER has it or not.
 */
bool der_is_imaginable(struct bytes text);

#endif
