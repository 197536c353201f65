/* uri.c: what key URIs say, and each refusal with its text. */
#include <stdlib.h>
#include <string.h>

#include "model/uri.h"
#include "unit.h"

static void uris_that_are(void)
{
    static const struct {
        const char *uri, *box, *name;
        uint32_t version;
        const char *shortest;
    } good[] = {
        { "littlebox:web", "", "web", 0, "littlebox:web" },
        { "LittleBox:web", "", "web", 0, "littlebox:web" },
        { "littlebox:web;version=1", "", "web", 1, "littlebox:web;version=1" },
        { "littlebox:web;version=4294967294", "", "web", 4294967294u, "littlebox:web;version=4294967294" },
        { "littlebox:web;version=next", "", "web", KEY_VERSION_NEXT, "littlebox:web;version=next" },
        { "littlebox://hsm1/web", "hsm1", "web", 0, "littlebox://hsm1/web" },
        { "littlebox://hsm1/web;version=3", "hsm1", "web", 3, "littlebox://hsm1/web;version=3" },
        { "littlebox:", "", "", 0, "littlebox:" },
        { "littlebox://hsm1/", "hsm1", "", 0, "littlebox://hsm1/" },
        { "littlebox://hsm1", "hsm1", "", 0, "littlebox://hsm1/" },
        { "littlebox:a.B_c-0", "", "a.B_c-0", 0, "littlebox:a.B_c-0" },
    };

    for (size_t i = 0; i < COUNT(good); i++) {
        struct key_uri u, again;
        struct problem p;
        char text[LB_URI_MAX + 1];

        OK(uri_parse(good[i].uri, &u, &p));
        TEXT_IS(u.box, good[i].box);
        TEXT_IS(u.name, good[i].name);
        CU_ASSERT_EQUAL(u.version, good[i].version);
        uri_format(&u, text);
        TEXT_IS(text, good[i].shortest);
        OK(uri_parse(text, &again, &p));
        CU_ASSERT(memcmp(&u, &again, sizeof(u)) == 0);
    }
}

static void the_longest(void)
{
    struct key_uri u, again;
    struct problem p;
    char text[LB_URI_MAX + 1];

    memset(&u, 0, sizeof(u));
    memset(u.box, 'b', LB_NAME_MAX);
    memset(u.name, 'n', LB_NAME_MAX);
    u.version = UINT32_MAX;
    uri_format(&u, text);
    OK(uri_parse(text, &again, &p));
    CU_ASSERT(memcmp(&u, &again, sizeof(u)) == 0);
}

static void refusals_have_texts(void)
{
    static const struct {
        const char *uri, *text, *hint;
    } bad[] = {
        { "", "'' is not a key URI", "key URIs look like littlebox:web or littlebox://BOX/web" },
        { "web", "'web' is not a key URI", "key URIs look like" },
        { "littlebox", "'littlebox' is not a key URI", "key URIs look like" },
        { "pkcs11:object=web", "is not a key URI", "key URIs look like" },
        { " littlebox:web", "is not a key URI", "key URIs look like" },
        { "littlebox:.web", "'.web' is not a key name",
          "a key name is 1 to 64 of A-Z a-z 0-9 . _ - and no . _ - first" },
        { "littlebox:/web", "'/web' is not a key name", "a key name is" },
        { "littlebox:we b", "'we b' is not a key name", "a key name is" },
        { "littlebox:w%65b", "'w%65b' is not a key name", "a key name is" },
        { "littlebox:web?x=1", "'web?x=1' is not a key name", "a key name is" },
        { "littlebox:web#f", "'web#f' is not a key name", "a key name is" },
        { "littlebox:web/", "'web/' is not a key name", "a key name is" },
        { "littlebox:///web", "'' is not a box name", "a box name is" },
        { "littlebox://", "'' is not a box name", "a box name is" },
        { "littlebox://-x/web", "'-x' is not a box name", "a box name is" },
        { "littlebox://u@h/web", "'u@h' is not a box name", "a box name is" },
        { "littlebox://h:1/web", "'h:1' is not a box name", "a box name is" },
        { "littlebox:web;", "unknown attribute '' in a key URI", "the only attribute is ;version=N" },
        { "littlebox:web;pin-value=1", "unknown attribute 'pin-value=1' in a key URI", "the only attribute is" },
        { "littlebox:web;Version=1", "unknown attribute 'Version=1' in a key URI", "the only attribute is" },
        { "littlebox:;version=1", "unknown attribute 'version=1' in a key URI", "behind a key name" },
        { "littlebox:web;version=", "'' is not a version",
          "versions are numbers from 1, or 'next', as in littlebox:web;version=1" },
        { "littlebox:web;version=0", "'0' is not a version", "versions are" },
        { "littlebox:web;version=01", "'01' is not a version", "versions are" },
        { "littlebox:web;version=-1", "'-1' is not a version", "versions are" },
        { "littlebox:web;version=1x", "'1x' is not a version", "versions are" },
        { "littlebox:web;version= 1", "' 1' is not a version", "versions are" },
        { "littlebox:web;version=4294967295", "'4294967295' is not a version", "versions are" },
        { "littlebox:web;version=nexT", "'nexT' is not a version", "or 'next'" },
        { "littlebox:web;version=next2", "'next2' is not a version", "or 'next'" },
        { "littlebox:web;version=4294967296", "'4294967296' is not a version", "versions are" },
        { "littlebox:web;version=99999999999999999999", "is not a version", "versions are" },
        { "littlebox:web;version=1;version=1", "'1;version=1' is not a version", "versions are" },
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct key_uri u;
        struct problem p;

        memset(&p, 0, sizeof(p));
        FAILS(uri_parse(bad[i].uri, &u, &p), LB_E_URI);
        CU_ASSERT_EQUAL(p.code, LB_E_URI);
        TEXT_HAS(p.text, bad[i].text);
        TEXT_HAS(p.hint, bad[i].hint);
    }
}

static void too_long(void)
{
    char uri[LB_URI_MAX + 2];
    struct key_uri u;
    struct problem p;

    memset(uri, 'a', sizeof(uri));
    memcpy(uri, "littlebox:", 10);
    uri[LB_URI_MAX + 1] = '\0';
    FAILS(uri_parse(uri, &u, &p), LB_E_URI);
    TEXT_IS(p.text, "the key URI is longer than 255 bytes");
    /* One less is short enough for a URI, but not for a name. */
    uri[LB_URI_MAX] = '\0';
    FAILS(uri_parse(uri, &u, &p), LB_E_URI);
    TEXT_HAS(p.text, "is not a key name");
}

static void keys_as_the_command_takes_them(void)
{
    struct key_uri u;
    struct problem p;

    OK(uri_parse_key("web;version=3", &u, &p));
    TEXT_IS(u.name, "web");
    TEXT_IS(u.box, "");
    CU_ASSERT_EQUAL(u.version, 3);
    FAILS(uri_parse_key("", &u, &p), LB_E_URI);
    TEXT_IS(p.text, "'' is not a key name");
    FAILS(uri_parse_key("littlebox:web", &u, &p), LB_E_URI);
    TEXT_IS(p.text, "'littlebox:web' is not a key name");
    FAILS(uri_parse_key("//box/web", &u, &p), LB_E_URI);
}

static const struct unit_test tests[] = {
    { "URIs that are", uris_that_are },
    { "the longest", the_longest },
    { "refusals have texts", refusals_have_texts },
    { "too long", too_long },
    { "keys as the command takes them", keys_as_the_command_takes_them },
    { NULL, NULL },
};
const struct unit_suite suite_uri = { "uri", tests };
