/* model/pkcs11_uri.c: what PKCS#11 URIs say, what they fit, and each refusal with its text. */
#include "model/pkcs11_uri.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void uris_that_are(void)
{
    static const struct {
        const char *uri, *written;
    } good[] = {
        { "pkcs11:", "pkcs11:" },
        { "PKCS11:token=a", "pkcs11:token=a" },
        { "pkcs11:?pin-source=file:/etc/token_pin", "pkcs11:" },
        { "pkcs11:pin-source=file:/etc/token_pin", "pkcs11:" },
        { "pkcs11:token=a;pin-source=/etc/token_pin;object=web", "pkcs11:token=a;object=web" },
        { "pkcs11:object=web;module-name=softhsm2", "pkcs11:object=web" },
        { "pkcs11:token=;object=", "pkcs11:token=;object=" },
        { "pkcs11:type=private;object=web;token=my%20token", "pkcs11:token=my%20token;object=web;type=private" },
        { "pkcs11:id=%01%2a%FF%00", "pkcs11:id=%01%2A%FF%00" },
        { "pkcs11:id=ab", "pkcs11:id=%61%62" },
        { "pkcs11:object=%6d%79-%5Fkey", "pkcs11:object=my-_key" },
        { "pkcs11:object=a&b:[c]@!$'()*+,=~", "pkcs11:object=a%26b%3A%5Bc%5D%40%21%24%27%28%29%2A%2B%2C%3D~" },
        { "pkcs11:object=%3b%25%3f%23%2f", "pkcs11:object=%3B%25%3F%23%2F" },
        { "pkcs11:object=Schl%C3%BCssel", "pkcs11:object=Schl%C3%BCssel" },
        { "pkcs11:slot-id=007;library-version=03", "pkcs11:library-version=3.0;slot-id=7" },
        { "pkcs11:library-version=0.010", "pkcs11:library-version=0.10" },
        { "pkcs11:token=t;manufacturer=m;model=d;serial=s;library-manufacturer=lm;library-description=ld;"
          "library-version=1.2;slot-id=0;slot-manufacturer=sm;slot-description=sd;object=o;id=%01;type=cert"
          "?pin-source=|/usr/bin/pin&module-name=softhsm2",
          "pkcs11:token=t;manufacturer=m;model=d;serial=s;library-manufacturer=lm;library-description=ld;"
          "library-version=1.2;slot-id=0;slot-manufacturer=sm;slot-description=sd;object=o;id=%01;type=cert" },
    };

    for (size_t i = 0; i < COUNT(good); i++) {
        struct p11uri u, again;
        struct problem p = { 0 };
        char text[LB_P11URI_MAX + 1];

        OK(p11uri_parse(good[i].uri, &u, &p));
        CU_ASSERT_TRUE(p11uri_format(&u, P11_ALL, text, sizeof(text)));
        TEXT_IS(text, good[i].written);
        OK(p11uri_parse(text, &again, &p));
        CU_ASSERT_TRUE(p11uri_matches(&u, &again, P11_ALL) && p11uri_matches(&again, &u, P11_ALL));
    }
}

static void parts_are_known(void)
{
    struct p11uri u;
    struct problem p;
    char text[64];

    OK(p11uri_parse("pkcs11:token=a%00b;id=%01;type=public", &u, &p));
    CU_ASSERT_EQUAL(u.a[P11_TOKEN].len, 3);
    CU_ASSERT(memcmp(u.a[P11_TOKEN].bytes, "a\0b", 3) == 0);
    CU_ASSERT_TRUE(p11uri_has(&u, P11_OF_TOKEN));
    CU_ASSERT_TRUE(p11uri_has(&u, P11_BIT(P11_OBJECT) | P11_BIT(P11_ID)));
    CU_ASSERT_FALSE(p11uri_has(&u, P11_BIT(P11_OBJECT)));
    CU_ASSERT_TRUE(p11uri_format(&u, P11_OF_TOKEN, text, sizeof(text)));
    TEXT_IS(text, "pkcs11:token=a%00b");
    CU_ASSERT_TRUE(p11uri_format(&u, P11_OF_OBJECT, text, sizeof(text)));
    TEXT_IS(text, "pkcs11:id=%01;type=public");
    /* Cut off, but never in an escape. */
    CU_ASSERT_FALSE(p11uri_format(&u, P11_OF_TOKEN, text, sizeof("pkcs11:token=a%0")));
    TEXT_IS(text, "pkcs11:token=a");
    TEXT_IS(p11_attr_name(P11_SLOT_DESCRIPTION), "slot-description");
}

static void the_longest(void)
{
    struct p11uri u, again;
    struct problem p;
    char *text = malloc(LB_P11URI_MAX + 1);
    uint8_t value[P11_VALUE_MAX + 1];

    memset(&u, 0, sizeof(u));
    memset(value, 0xff, sizeof(value));
    for (size_t i = 0; i < P11_ATTRS; i++) {
        OK(p11uri_set(&u, (enum p11_attr)i, value, P11_VALUE_MAX));
        FAILS(p11uri_set(&u, (enum p11_attr)i, value, P11_VALUE_MAX + 1), LB_E_TOO_LONG);
    }
    CU_ASSERT_TRUE(p11uri_format(&u, P11_ALL, text, LB_P11URI_MAX + 1));
    for (enum p11_attr a = 0; a < P11_ATTRS; a++)
        u.a[a].set = a == P11_TOKEN || a == P11_OBJECT || a == P11_ID;
    CU_ASSERT_TRUE(p11uri_format(&u, P11_ALL, text, LB_P11URI_MAX + 1));
    OK(p11uri_parse(text, &again, &p));
    CU_ASSERT_TRUE(p11uri_matches(&u, &again, P11_ALL) && p11uri_matches(&again, &u, P11_ALL));
    memset(text, 'a', LB_P11URI_MAX);
    memcpy(text, "pkcs11:", 7);
    text[LB_P11URI_MAX] = '\0';
    text = realloc(text, LB_P11URI_MAX + 2);
    memcpy(text + LB_P11URI_MAX, "a", 2);
    FAILS(p11uri_parse(text, &u, &p), LB_E_URI);
    TEXT_HAS(p.text, "longer than 12000 bytes");
    free(text);
}

static void refusals_have_texts(void)
{
    static const struct {
        const char *uri, *text, *hint;
    } bad[] = {
        { "littlebox:web", "not a PKCS#11 URI", "pkcs11:token=TOKEN;object=LABEL" },
        { "pkcs11", "not a PKCS#11 URI", "" },
        { "", "not a PKCS#11 URI", "" },
        { "pkcs11:colour=red", "unknown attribute 'colour'", "object, id, type" },
        { "pkcs11:x-vendor=1", "unknown attribute 'x-vendor'", "" },
        { "pkcs11:Token=a", "unknown attribute 'Token'", "" },
        { "pkcs11:token=a;", "an attribute without a name", "" },
        { "pkcs11:;token=a", "an attribute without a name", "" },
        { "pkcs11:=a", "an attribute without a name", "" },
        { "pkcs11:token", "valueless attribute 'token'", "NAME=VALUE" },
        { "pkcs11:web\x1b[0m", "valueless attribute 'web' in", "" },
        { "pkcs11:token=a;object=b;token=a", "twice the attribute 'token'", "" },
        { "pkcs11:token=a b", "percent-encoded stands in 'token'", "write %20" },
        { "pkcs11:object=a/b", "percent-encoded stands in 'object'", "write %2F" },
        { "pkcs11:object=\xc3\xbc", "percent-encoded stands in 'object'", "write %C3" },
        { "pkcs11:id=%0", "percent-encoded stands in 'id'", "%25" },
        { "pkcs11:id=%0g", "percent-encoded stands in 'id'", "two hexadecimal digits" },
        { "pkcs11:id=%", "percent-encoded stands in 'id'", "%25" },
        { "pkcs11:type=Private", "the value of 'type'", "private, public, cert" },
        { "pkcs11:type=", "the value of 'type'", "" },
        { "pkcs11:slot-id=0x1", "the value of 'slot-id'", "decimal" },
        { "pkcs11:slot-id=", "the value of 'slot-id'", "" },
        { "pkcs11:library-version=1.", "the value of 'library-version'", "MAJOR" },
        { "pkcs11:library-version=.1", "the value of 'library-version'", "" },
        { "pkcs11:library-version=1.2.3", "the value of 'library-version'", "" },
        { "pkcs11:token=a#b", "no fragment", "" },
        { "pkcs11:token=a?pin-value=1234", "has a pin-value: a PIN does not belong", "'pin' in littlebox.conf" },
        { "pkcs11:token=a;pin-value=1234", "has a pin-value: a PIN does not belong", "'pin' in littlebox.conf" },
        { "pkcs11:token=a?module-path=/lib/a.so", "has a module-path: no PKCS#11 module", "'module' in" },
        { "pkcs11:token=a;module-path=/lib/a.so", "has a module-path", "" },
        { "pkcs11:token=a;pin-source", "valueless attribute 'pin-source'", "" },
        { "pkcs11:token=a;pin-source=a b", "percent-encoded stands in 'pin-source'", "write %20" },
        { "pkcs11:pin-source=a;pin-source=b", "twice the attribute 'pin-source'", "" },
        { "pkcs11:pin-source=a?pin-source=b", "twice the attribute 'pin-source'", "" },
        { "pkcs11:?", "an attribute without a name", "" },
        { "pkcs11:?pin-source", "valueless attribute 'pin-source'", "" },
        { "pkcs11:?pin-source=a&pin-source=b", "twice the attribute 'pin-source'", "" },
        { "pkcs11:?pin-source=a&", "an attribute without a name", "" },
        { "pkcs11:?pin-source=a;b", "percent-encoded stands in 'pin-source'", "write %3B" },
        { "pkcs11:?object=web", "unknown query attribute 'object'", "pin-source and module-name" },
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct p11uri u;
        struct problem p = { 0 };

        FAILS(p11uri_parse(bad[i].uri, &u, &p), LB_E_URI);
        TEXT_HAS(p.text, bad[i].text);
        TEXT_HAS(p.hint, bad[i].hint);
        CU_ASSERT_EQUAL(p.code, LB_E_URI);
        CU_ASSERT_FALSE(p11uri_has(&u, P11_ALL));
        /* No PIN and no terminal's escape comes through. */
        CU_ASSERT_PTR_NULL(strstr(p.text, "1234"));
        CU_ASSERT_PTR_NULL(strchr(p.text, '\x1b'));
    }
}

static void too_long_a_value(void)
{
    char uri[20 + P11_VALUE_MAX + 2] = "pkcs11:object=";
    struct p11uri u;
    struct problem p;

    memset(uri + strlen(uri), 'a', P11_VALUE_MAX);
    OK(p11uri_parse(uri, &u, &p));
    CU_ASSERT_EQUAL(u.a[P11_OBJECT].len, P11_VALUE_MAX);
    strcat(uri, "a");
    FAILS(p11uri_parse(uri, &u, &p), LB_E_URI);
    TEXT_HAS(p.text, "'object' in a PKCS#11 URI is longer than 255 bytes");
}

static void what_fits(void)
{
    static const struct {
        const char *uri;
        bool token, object;
    } rows[] = {
        { "pkcs11:", true, true },
        { "pkcs11:token=my%20token", true, true },
        { "pkcs11:token=my%20token%20", false, true },
        { "pkcs11:token=my%20Token", false, true },
        { "pkcs11:token=", false, true },
        { "pkcs11:serial=0123;token=my%20token;manufacturer=ACME", true, true },
        { "pkcs11:serial=0124;token=my%20token;manufacturer=ACME", false, true },
        { "pkcs11:model=none", false, true }, /* it has none that is known */
        { "pkcs11:slot-id=0012;library-version=2", true, true },
        { "pkcs11:slot-id=1", false, true },
        { "pkcs11:library-version=2.1", false, true },
        { "pkcs11:object=web;id=%01%20", true, true },
        { "pkcs11:object=web;id=%01", true, false },
        { "pkcs11:object=mail", true, false },
        { "pkcs11:id=", true, false },
    };
    struct p11uri has, want;
    struct problem p;

    memset(&has, 0, sizeof(has));
    OK(p11uri_set(&has, P11_TOKEN, "my token                        ", 32));
    OK(p11uri_set_text(&has, P11_MANUFACTURER, "ACME"));
    OK(p11uri_set(&has, P11_SERIAL, "0123            ", 16));
    OK(p11uri_set_text(&has, P11_SLOT_ID, "12"));
    OK(p11uri_set_text(&has, P11_LIBRARY_VERSION, "2.0"));
    OK(p11uri_set_text(&has, P11_OBJECT, "web"));
    OK(p11uri_set(&has, P11_ID, "\x01 ", 2)); /* not padding: of an object every byte counts */
    for (size_t i = 0; i < COUNT(rows); i++) {
        OK(p11uri_parse(rows[i].uri, &want, &p));
        CU_ASSERT_EQUAL(p11uri_matches(&want, &has, P11_OF_TOKEN), rows[i].token);
        CU_ASSERT_EQUAL(p11uri_matches(&want, &has, P11_OF_OBJECT), rows[i].object);
        CU_ASSERT_EQUAL(p11uri_matches(&want, &has, P11_ALL), rows[i].token && rows[i].object);
    }
}

static const struct unit_test tests[] = {
    { "URIs that are", uris_that_are },
    { "parts are known", parts_are_known },
    { "the longest", the_longest },
    { "refusals have texts", refusals_have_texts },
    { "too long a value", too_long_a_value },
    { "what fits", what_fits },
    { NULL, NULL },
};

const struct unit_suite suite_p11uri = { "p11uri", tests };
