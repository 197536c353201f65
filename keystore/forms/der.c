/* DER: one element after the other, and whether all of it is as DER wants it. */
#include "forms/der.h"

#include <string.h>

#define CONSTRUCTED 0x20
#define HIGH_TAG 0x1f

/* The identifier and length in front of p, or 0: it is not whole, or not the shortest. */
static size_t header(struct bytes p, size_t *ret_inside)
{
    size_t octets, len = 0;

    if (p.len < 2 || (p.p[0] & HIGH_TAG) == HIGH_TAG)
        return 0;
    if (p.p[1] < 0x80) {
        *ret_inside = p.p[1];
        return *ret_inside <= p.len - 2 ? 2 : 0;
    }
    octets = p.p[1] & 0x7f;
    /* More than four gigabytes are no text of ours. 0 octets: indefinite. */
    if (octets == 0 || octets > 4 || octets > p.len - 2 || p.p[2] == 0)
        return 0;
    for (size_t i = 0; i < octets; i++)
        len = len << 8 | p.p[2 + i];
    if (len < 0x80 || len > p.len - 2 - octets)
        return 0;
    *ret_inside = len;
    return 2 + octets;
}

bool der_has(struct bytes rest, uint8_t tag)
{
    return rest.len > 0 && rest.p[0] == tag;
}

bool der_take(struct bytes *rest, uint8_t tag, struct der *ret)
{
    size_t inside = 0, head = der_has(*rest, tag) ? header(*rest, &inside) : 0;

    if (head == 0)
        return false;
    ret->whole = (struct bytes){ rest->p, head + inside };
    ret->inside = (struct bytes){ rest->p + head, inside };
    rest->p += head + inside;
    rest->len -= head + inside;
    return true;
}

bool der_take_optional(struct bytes *rest, uint8_t tag, struct der *ret)
{
    *ret = (struct der){ { NULL, 0 }, { NULL, 0 } };
    return !der_has(*rest, tag) || der_take(rest, tag, ret);
}

bool der_same(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* X.690 8.3.2: the first nine bits are not all the same. */
static bool is_integer(struct bytes b)
{
    if (b.len < 2)
        return b.len == 1;
    return !(b.p[0] == 0 && b.p[1] < 0x80) && !(b.p[0] == 0xff && b.p[1] >= 0x80);
}

/* X.690 8.6.2, 11.2.1: unused bits are zero. */
static bool is_bit_string(struct bytes b)
{
    if (b.len == 0 || b.p[0] > 7)
        return false;
    if (b.len == 1)
        return b.p[0] == 0;
    return (b.p[b.len - 1] & ((1 << b.p[0]) - 1)) == 0;
}

/* X.690 8.19.2: each number ends, and has no zeros in front. */
static bool is_oid(struct bytes b)
{
    bool first = true;

    for (size_t i = 0; i < b.len; i++) {
        if (first && b.p[i] == 0x80)
            return false;
        first = b.p[i] < 0x80;
    }
    return b.len > 0 && first;
}

/* Which of the universal tags are constructed is said by X.690; strings are primitive (10.2). */
static bool is_well_made(uint8_t tag, struct bytes inside)
{
    if ((tag & 0xc0) != 0)
        return true;
    switch (tag) {
    case DER_BOOLEAN:
        return inside.len == 1 && (inside.p[0] == 0 || inside.p[0] == 0xff);
    case DER_INTEGER:
    case DER_ENUMERATED:
        return is_integer(inside);
    case DER_BIT_STRING:
        return is_bit_string(inside);
    case DER_NULL:
        return inside.len == 0;
    case DER_OID:
        return is_oid(inside);
    case DER_SEQUENCE:
    case DER_SET:
        return true;
    default:
        return (tag & CONSTRUCTED) == 0 && tag != 0 && tag != (DER_SEQUENCE & ~CONSTRUCTED) && tag != (DER_SET & ~CONSTRUCTED);
    }
}

bool der_is_strict(struct bytes text)
{
    const uint8_t *at = text.p, *ends[DER_DEPTH];
    size_t depth = 0;

    if (text.len == 0)
        return false;
    ends[depth++] = text.p + text.len;
    for (;;) {
        size_t inside, head = header((struct bytes){ at, (size_t)(ends[depth - 1] - at) }, &inside);

        if (head == 0 || !is_well_made(at[0], (struct bytes){ at + head, inside }))
            return false;
        if ((at[0] & CONSTRUCTED) != 0) {
            if (depth == DER_DEPTH)
                return false;
            at += head;
            ends[depth++] = at + inside;
        } else {
            at += head + inside;
        }
        /* What ends here; the text itself ends with its first element. */
        while (depth > 1 && at == ends[depth - 1])
            depth--;
        if (depth == 1)
            return at == ends[0];
    }
}

/* The same with any number of octets for a length. 0: it is not whole. *ret_indefinite: its end is not known. */
static size_t lenient_header(struct bytes p, size_t *ret_inside, bool *ret_indefinite)
{
    size_t octets, len = 0;

    *ret_indefinite = false;
    if (p.len < 2)
        return 0;
    octets = p.p[1] < 0x80 ? 0 : (size_t)(p.p[1] & 0x7f);
    *ret_indefinite = p.p[1] == 0x80;
    if (octets > p.len - 2)
        return 0;
    for (size_t i = 0; i < octets; i++) {
        if (len > SIZE_MAX >> 8)
            return 0;
        len = len << 8 | p.p[2 + i];
    }
    *ret_inside = octets == 0 && !*ret_indefinite ? p.p[1] : len;
    return *ret_inside <= p.len - 2 - octets ? 2 + octets : 0;
}

/* A version or serial number, an algorithm, a name, an attribute: whatever signed structures begin with. */
static bool is_beginning(uint8_t tag)
{
    return tag == DER_INTEGER || tag == DER_SEQUENCE || tag == DER_SET || (tag >= 0x80 && tag <= 0x83) || (tag >= 0xa0 && tag <= 0xa3);
}

bool der_is_imaginable(struct bytes text)
{
    size_t inside, head;
    bool indefinite;

    if (text.len == 0 || (text.p[0] != DER_SEQUENCE && text.p[0] != DER_SET))
        return false;
    head = lenient_header(text, &inside, &indefinite);
    if (head == 0 || head == text.len || !is_beginning(text.p[head]))
        return false;
    if (indefinite)
        return text.p[text.len - 1] == 0 && text.p[text.len - 2] == 0;
    if (head + inside != text.len)
        return false;
    text = (struct bytes){ text.p + head, inside };
    while (text.len > 0) {
        head = lenient_header(text, &inside, &indefinite);
        if (head == 0)
            return false;
        /* Where it ends takes reading what is inside. */
        if (indefinite)
            return true;
        text.p += head + inside;
        text.len -= head + inside;
    }
    return true;
}
