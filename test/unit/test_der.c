/* forms/der.c and cms.c: what DER is, and which sets of attributes a signer may have. */
#include <string.h>

#include "forms/der.h"
#include "forms/forms.h"
#include "model/scheme.h"
#include "unit.h"

static void strict_der(void)
{
    static const struct {
        const char *octets;
        size_t len;
        bool good;
    } rows[] = {
#define ROW(octets, good) { octets, sizeof(octets) - 1, good }
        ROW("\x30\0", true),
        ROW("\x30\3\2\1\0", true),
        ROW("", false),
        ROW("\x30", false),
        ROW("\x30\1", false),
        ROW("\x30\0\0", false),
        ROW("\x30\x81\3\2\1\0", false),         /* a length in two octets */
        ROW("\x30\x82\0\x80", false),
        ROW("\x30\x80\0\0", false),             /* indefinite */
        ROW("\x30\3\2\2\0", false),             /* longer than what is around it */
        ROW("\x30\4\2\2\0\1", false),           /* INTEGER 1 with a zero in front */
        ROW("\x30\4\2\2\0\x80", true),
        ROW("\x30\4\2\2\xff\x80", false),
        ROW("\x30\4\2\2\xff\x7f", true),
        ROW("\x30\2\2\0", false),
        ROW("\x30\3\1\1\xff", true),            /* BOOLEAN */
        ROW("\x30\3\1\1\0", true),
        ROW("\x30\3\1\1\1", false),
        ROW("\x30\2\5\0", true),                /* NULL */
        ROW("\x30\3\5\1\0", false),
        ROW("\x30\4\3\2\4\xf0", true),          /* BIT STRING */
        ROW("\x30\4\3\2\4\xf8", false),
        ROW("\x30\4\3\2\x8\0", false),
        ROW("\x30\3\3\1\0", true),
        ROW("\x30\3\3\1\1", false),
        ROW("\x30\2\3\0", false),
        ROW("\x30\4\6\2\x88\x37", true),        /* OBJECT IDENTIFIER */
        ROW("\x30\4\6\2\x80\x37", false),
        ROW("\x30\3\6\1\x88", false),
        ROW("\x30\2\6\0", false),
        ROW("\x30\4\x24\2\4\0", false),         /* a string in pieces */
        ROW("\x30\2\x10\0", false),             /* a primitive SEQUENCE */
        ROW("\x30\4\x1f\x81\1\0", false),       /* a tag in more octets */
        ROW("\x30\2\0\0", false),
        ROW("\x30\4\xa0\2\x80\0", true),
#undef ROW
    };
    uint8_t deep[2 * 100];

    for (size_t i = 0; i < COUNT(rows); i++)
        CU_ASSERT_EQUAL(der_is_strict((struct bytes){ (const uint8_t *)rows[i].octets, rows[i].len }), rows[i].good);
    for (size_t depth = 1; depth <= 100; depth++) {
        for (size_t i = 0; i < depth; i++) {
            deep[2 * i] = 0x30;
            deep[2 * i + 1] = (uint8_t)(2 * (depth - 1 - i));
            if (depth > 64)
                deep[2 * i + 1] = 0;
        }
        if (depth <= 64)
            CU_ASSERT_EQUAL(der_is_strict((struct bytes){ deep, 2 * depth }), depth < DER_DEPTH);
    }
}

/* What a lenient reader could take for a structure that somebody signs. */
static void imaginable(void)
{
    static const struct {
        const char *octets;
        size_t len;
        bool good;
    } rows[] = {
#define ROW(octets, good) { octets, sizeof(octets) - 1, good }
        ROW("\x30\3\2\1\0", true),
        ROW("\x31\3\2\1\0", true),
        ROW("\x30\x81\3\2\1\0", true),
        ROW("\x30\x84\0\0\0\3\2\1\0", true),
        ROW("\x30\x80\2\1\0\0\0", true),
        ROW("\x30\4\x30\x80\0\0", true),
        ROW("\x30\4\x30\x81\1\0", true),
        ROW("\x30\3\xa0\1\0", true),
        ROW("", false),
        ROW("\x30", false),
        ROW("\x30\0", false),
        ROW("\x32\3\2\1\0", false),
        ROW("\x30\4\2\1\0", false),
        ROW("\x30\2\2\1\0", false),
        ROW("\x30\3\2\2\0", false),
        ROW("\x30\3\4\1\0", false),        /* nothing that is signed begins with an OCTET STRING */
        ROW("\x30\x80\2\1\0\0\1", false),
        ROW("\x30\x89\1\0\0\0\0\0\0\0\3\2\1\0", false),
#undef ROW
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        CU_ASSERT_EQUAL(der_is_imaginable((struct bytes){ (const uint8_t *)rows[i].octets, rows[i].len }), rows[i].good);
}

/* Attributes by hand, each of two or three parts; in that order. */
static unsigned attributes(const char *const *which)
{
    static const struct form_key none;
    struct form f;
    uint8_t text[512] = { 0x31, 0x81, 0 };
    size_t len = 3;

    for (; *which != NULL; which++) {
        static const char type[] = "\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03\x31\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01",
                          digest[] = "\x30\x2f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04\x31\x22\x04\x20"
                                     "0123456789abcdef0123456789abcdef",
                          odd[] = "\x30\x2e\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04\x31\x21\x04\x1f"
                                  "0123456789abcdef0123456789abcde",
                          two[] = "\x30\x23\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03\x31\x16\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
                                  "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02",
                          other[] = "\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x7f\x31\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
        const char *part = *which[0] == 't' ? type : *which[0] == 'd' ? digest : *which[0] == 'o' ? odd : *which[0] == '2' ? two : other;
        size_t part_len = 2 + (uint8_t)part[1];

        memcpy(text + len, part, part_len);
        len += part_len;
    }
    text[2] = (uint8_t)(len - 3);
    if (len - 3 < 0x80) {
        memmove(text + 2, text + 3, len - 3);
        text[1] = (uint8_t)(len - 3);
        len--;
    }
    form_of((struct bytes){ text, len }, DIGEST_SHA256, &none, &f);
    return f.purpose;
}

static void messages(void)
{
    CU_ASSERT_EQUAL(attributes((const char *[]){ "type", "digest", NULL }), PURPOSE_CMS);
    CU_ASSERT_EQUAL(attributes((const char *[]){ "type", "x", "digest", NULL }), PURPOSE_CMS);
    CU_ASSERT_EQUAL(attributes((const char *[]){ "x", "type", "digest", NULL }), 0); /* not in order */
    CU_ASSERT_EQUAL(attributes((const char *[]){ "digest", "type", NULL }), 0);
    CU_ASSERT_EQUAL(attributes((const char *[]){ "type", NULL }), 0);
    CU_ASSERT_EQUAL(attributes((const char *[]){ "digest", NULL }), 0);
    CU_ASSERT_EQUAL(attributes((const char *[]){ "type", "type", "digest", NULL }), 0);
    CU_ASSERT_EQUAL(attributes((const char *[]){ "type", "digest", "digest", NULL }), 0);
    CU_ASSERT_EQUAL(attributes((const char *[]){ "type", "odd", NULL }), 0);
    CU_ASSERT_EQUAL(attributes((const char *[]){ "2", "digest", NULL }), 0);
    CU_ASSERT_EQUAL(attributes((const char *[]){ NULL }), 0);
}

static const struct unit_test tests[] = {
    { "strict", strict_der },
    { "imaginable", imaginable },
    { "attributes", messages },
    { NULL, NULL },
};
const struct unit_suite suite_der = { "der", tests };
