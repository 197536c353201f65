/* PKCS#11 URIs (RFC 7512): which token and which object of it are meant, and whether these are the ones. */
#ifndef LB_MODEL_PKCS11_URI_H
#define LB_MODEL_PKCS11_URI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"

#define LB_P11_SCHEME "pkcs11"
/* Longest URI that is read, and room for the longest that is written: every value at its longest, each byte as %XX. */
#define LB_P11URI_MAX 12000
/* Longest value of an attribute, decoded. Those of tokens have 16 to 64 bytes; the label and the id of an object are free. */
#define P11_VALUE_MAX 255

/* The attributes of the path (RFC 7512 2.3), in the order in which they are written. */
enum p11_attr {
    P11_TOKEN,
    P11_MANUFACTURER,
    P11_MODEL,
    P11_SERIAL,
    P11_LIBRARY_MANUFACTURER,
    P11_LIBRARY_DESCRIPTION,
    P11_LIBRARY_VERSION, /* "MAJOR.MINOR" without leading zeros */
    P11_SLOT_ID,         /* a decimal number without leading zeros */
    P11_SLOT_MANUFACTURER,
    P11_SLOT_DESCRIPTION,
    P11_OBJECT,          /* CKA_LABEL */
    P11_ID,              /* CKA_ID */
    P11_TYPE,            /* "private", "public", "cert", "secret-key" or "data" */
    P11_ATTRS
};
/* Sets of them. */
#define P11_BIT(attr) (1u << (attr))
#define P11_ALL (P11_BIT(P11_ATTRS) - 1)
#define P11_OF_OBJECT (P11_BIT(P11_OBJECT) | P11_BIT(P11_ID) | P11_BIT(P11_TYPE))
#define P11_OF_TOKEN (P11_ALL & ~P11_OF_OBJECT) /* of the token, its slot and its module */

/* Bytes, not a text: nothing says that they are UTF-8 or can be printed. Only the first len count. */
struct p11_value {
    bool set;
    uint8_t len;
    uint8_t bytes[P11_VALUE_MAX];
};

/* What a URI asks for, and in the same form what a token and an object have. Zeroed: no attribute at all. */
struct p11uri {
    struct p11_value a[P11_ATTRS];
};

/*
 * Reads a URI by the grammar of RFC 7512 2.3 and percent-decodes it. The query attributes pin-source and module-name are read,
 * behind a ';' as well, and mean nothing here, since the PIN and the module are the box's.
 * LB_E_URI, and ret_problem says what is refused and why: unknown and vendor-specific attributes, an attribute given twice,
 * pin-value (a PIN has no place in a program's configuration), module-path (no module is loaded here), characters that must be
 * percent-encoded, a fragment, and a URI longer than LB_P11URI_MAX. The value of pin-value is never in the text.
 */
LB_MUST_USE int p11uri_parse(const char *uri, struct p11uri *ret, struct problem *ret_problem);

/* Is it of this scheme, which is case-insensitive? */
bool p11uri_is(const char *uri);

/*
 * Sets one attribute to a value as Cryptoki gives it. Cryptoki pads values of the token with blanks, so those at the end of an
 * attribute of P11_OF_TOKEN are cut off. LB_E_TOO_LONG.
 */
LB_MUST_USE int p11uri_set(struct p11uri *u, enum p11_attr attr, const void *value, size_t len);
LB_MUST_USE int p11uri_set_text(struct p11uri *u, enum p11_attr attr, const char *value);

/* Is one value what another asks for? */
bool p11_value_fits(const struct p11_value *want, const struct p11_value *has);

/*
 * RFC 7512 2.5: of the set `of`, has has every attribute that want has, with the same bytes. An attribute that want lacks fits
 * anything. One that want has and has lacks does not fit.
 */
bool p11uri_matches(const struct p11uri *want, const struct p11uri *has, unsigned of);

/* Any attribute of that set? */
bool p11uri_has(const struct p11uri *u, unsigned of);

/*
 * Writes the attributes of the set as a URI that parses to the same. Each byte of an id is written as %XX. False: the URI was cut
 * to size bytes, and never in the middle of an escape.
 */
bool p11uri_format(const struct p11uri *u, unsigned of, char *ret, size_t size);

/* "object" ... as they stand in URIs. */
const char *p11_attr_name(enum p11_attr attr);

#endif
