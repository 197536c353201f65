/* PKCS#11 URIs (RFC 7512): which token and which object of it are meant, and whether these are the ones. */
#include "model/pkcs11_uri.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* How a value looks behind its decoding. */
enum form { FORM_BYTES, FORM_TYPE, FORM_NUMBER, FORM_VERSION };

static const struct {
    const char *name;
    enum form form;
} attrs[P11_ATTRS] = {
    [P11_TOKEN] = { "token", FORM_BYTES },
    [P11_MANUFACTURER] = { "manufacturer", FORM_BYTES },
    [P11_MODEL] = { "model", FORM_BYTES },
    [P11_SERIAL] = { "serial", FORM_BYTES },
    [P11_LIBRARY_MANUFACTURER] = { "library-manufacturer", FORM_BYTES },
    [P11_LIBRARY_DESCRIPTION] = { "library-description", FORM_BYTES },
    [P11_LIBRARY_VERSION] = { "library-version", FORM_VERSION },
    [P11_SLOT_ID] = { "slot-id", FORM_NUMBER },
    [P11_SLOT_MANUFACTURER] = { "slot-manufacturer", FORM_BYTES },
    [P11_SLOT_DESCRIPTION] = { "slot-description", FORM_BYTES },
    [P11_OBJECT] = { "object", FORM_BYTES },
    [P11_ID] = { "id", FORM_BYTES },
    [P11_TYPE] = { "type", FORM_TYPE },
};

/* Of the query: those that are refused have a reason. */
static const struct {
    const char *name;
    const char *reason, *cure;
} queries[] = {
    { "pin-source", NULL, NULL },
    { "module-name", NULL, NULL },
    { "pin-value", "a PIN does not belong into a program that uses a key",
      "take pin-value out of the URI and give the PIN to the box: 'pin' in littlebox.conf(5)" },
    { "module-path", "no PKCS#11 module is loaded into a program that uses a key",
      "take module-path out of the URI and give the module to the box: 'module' in littlebox.conf(5)" },
};
#define QUERIES (sizeof(queries) / sizeof(queries[0]))

static const char *const types[] = { "private", "public", "cert", "secret-key", "data" };
#define TYPES (sizeof(types) / sizeof(types[0]))

/* pk11-path-res-avail and pk11-query-res-avail beside the unreserved characters of RFC 3986. */
#define PATH_ALLOWED "-._~:[]@!$'()*+,=&"
#define QUERY_ALLOWED "-._~:[]@!$'()*+,=/?|"

const char *p11_attr_name(enum p11_attr attr)
{
    return attrs[attr].name;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* -1: none. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decoding */

static int refuse_character(unsigned char c, const char *name, struct problem *p)
{
    problem_set(p, LB_E_URI, "a character that must be percent-encoded stands in '%s' of a PKCS#11 URI", name);
    if (c == '%')
        problem_hint(p, "behind a '%%' come two hexadecimal digits; for a '%%' itself write %%25");
    else
        problem_hint(p, "write %%%02X in its place", c);
    return LB_E_URI;
}

/* Decodes len bytes into ret. ret NULL: checks them only. */
static int decode(const char *s, size_t len, const char *allowed, const char *name, struct p11_value *ret,
                  struct problem *p)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++, n++) {
        unsigned char c = (unsigned char)s[i];

        if (c == '%') {
            if (len - i < 3 || hex_value(s[i + 1]) < 0 || hex_value(s[i + 2]) < 0)
                return refuse_character('%', name, p);
            c = (unsigned char)(hex_value(s[i + 1]) << 4 | hex_value(s[i + 2]));
            i += 2;
        } else if (!is_alnum((char)c) && strchr(allowed, c) == NULL) {
            return refuse_character(c, name, p);
        }
        if (ret == NULL)
            continue;
        if (n == P11_VALUE_MAX)
            return problem_set(p, LB_E_URI, "'%s' in a PKCS#11 URI is longer than %d bytes", name, P11_VALUE_MAX);
        ret->bytes[n] = c;
    }
    if (ret != NULL) {
        ret->len = (uint8_t)n;
        ret->set = true;
    }
    return 0;
}

/* Copies a number to *to without its leading zeros. How many bytes of s it took; 0: there is no number. */
static size_t take_number(const uint8_t *s, size_t len, uint8_t *to, size_t *ret_len)
{
    size_t digits = 0, zeros = 0;

    while (digits < len && s[digits] >= '0' && s[digits] <= '9')
        digits++;
    while (zeros + 1 < digits && s[zeros] == '0')
        zeros++;
    memmove(to, s + zeros, digits - zeros);
    *ret_len = digits - zeros;
    return digits;
}

/* Numbers get one form, to be compared (RFC 7512 2.5). A version without a minor part gets 0. False: v is no such value. */
static bool canonical(enum form form, struct p11_value *v)
{
    uint8_t copy[P11_VALUE_MAX];
    size_t taken, len = 0, minor = 0;

    if (form == FORM_BYTES)
        return true;
    if (form == FORM_TYPE) {
        for (size_t i = 0; i < TYPES; i++) {
            if (strlen(types[i]) == v->len && memcmp(types[i], v->bytes, v->len) == 0)
                return true;
        }
        return false;
    }
    memcpy(copy, v->bytes, v->len);
    taken = take_number(copy, v->len, v->bytes, &len);
    if (taken == 0 || (form == FORM_NUMBER && taken != v->len))
        return false;
    if (form == FORM_VERSION) {
        static const uint8_t zero[] = ".0";
        const uint8_t *rest = copy + taken;
        size_t left = v->len - taken;

        if (left == 0) {
            rest = zero;
            left = 2;
        }
        if (rest[0] != '.' || len + left > P11_VALUE_MAX ||
            take_number(rest + 1, left - 1, v->bytes + len + 1, &minor) != left - 1 || minor == 0)
            return false;
        v->bytes[len] = '.';
        len += 1 + minor;
    }
    v->len = (uint8_t)len;
    return true;
}

static int refuse_value(enum form form, const char *name, struct problem *p)
{
    static const char *const looks[] = {
        [FORM_BYTES] = "",
        [FORM_TYPE] = "private, public, cert, secret-key or data",
        [FORM_NUMBER] = "a decimal number",
        [FORM_VERSION] = "MAJOR or MAJOR.MINOR, decimal numbers",
    };

    problem_set(p, LB_E_URI, "the value of '%s' in a PKCS#11 URI is none", name);
    problem_hint(p, "it is %s", looks[form]);
    return LB_E_URI;
}

/* Parsing */

static bool is_name(const char *s, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(s, name, len) == 0;
}

/* Refuses an attribute by its name. The text repeats only what has the form of a name. */
static int refuse_attribute(const char *s, size_t len, const char *what, struct problem *p)
{
    size_t n = 0;

    while (n < len && n < 40 && (is_alnum(s[n]) || s[n] == '-' || s[n] == '_'))
        n++;
    if (n == 0)
        problem_set(p, LB_E_URI, "a PKCS#11 URI has an attribute without a name");
    else
        problem_set(p, LB_E_URI, "%s attribute '%.*s' in a PKCS#11 URI", what, (int)n, s);
    return LB_E_URI;
}

static int refuse_query(size_t i, struct problem *p)
{
    problem_set(p, LB_E_URI, "the PKCS#11 URI has a %s: %s", queries[i].name, queries[i].reason);
    problem_hint(p, "%s", queries[i].cure);
    return LB_E_URI;
}

/* One attribute of the query, by its number. *seen: those that were there, one bit each. */
static int parse_query(size_t i, const char *s, size_t len, unsigned *seen, const char *allowed, struct problem *p)
{
    size_t name_len = strlen(queries[i].name);

    if (queries[i].reason != NULL)
        return refuse_query(i, p);
    if (name_len == len)
        return refuse_attribute(s, name_len, "valueless", p);
    if ((*seen & 1u << i) != 0)
        return refuse_attribute(s, name_len, "twice the", p);
    *seen |= 1u << i;
    return decode(s + name_len + 1, len - name_len - 1, allowed, queries[i].name, NULL, p);
}

/*
 * Attributes of the query (RFC 7512 2.4) are taken here too: engines and older tools write "pin-source" behind a ';'. Their
 * values mean nothing in either place.
 */
static int parse_path_attribute(const char *s, size_t len, struct p11uri *ret, unsigned *seen, struct problem *p)
{
    const char *equals = memchr(s, '=', len);
    size_t name_len = equals == NULL ? len : (size_t)(equals - s);

    for (size_t i = 0; equals != NULL && i < P11_ATTRS; i++) {
        const char *name = attrs[i].name;
        int r;

        if (!is_name(s, name_len, name))
            continue;
        if (ret->a[i].set)
            return refuse_attribute(s, name_len, "twice the", p);
        r = decode(equals + 1, len - name_len - 1, PATH_ALLOWED, name, &ret->a[i], p);
        return r != 0 || canonical(attrs[i].form, &ret->a[i]) ? r : refuse_value(attrs[i].form, name, p);
    }
    for (size_t i = 0; i < QUERIES; i++) {
        if (is_name(s, name_len, queries[i].name))
            return parse_query(i, s, len, seen, PATH_ALLOWED QUERY_ALLOWED, p);
    }
    if (equals == NULL && name_len > 0) {
        refuse_attribute(s, name_len, "valueless", p);
        problem_hint(p, "attributes are NAME=VALUE, with ';' between them");
        return LB_E_URI;
    }
    refuse_attribute(s, name_len, "unknown", p);
    problem_hint(p, "token, manufacturer, model, serial, object, id, type and others of RFC 7512 are known");
    return LB_E_URI;
}

static int parse_query_attribute(const char *s, size_t len, unsigned *seen, struct problem *p)
{
    const char *equals = memchr(s, '=', len);
    size_t name_len = equals == NULL ? len : (size_t)(equals - s);

    for (size_t i = 0; i < QUERIES; i++) {
        if (is_name(s, name_len, queries[i].name))
            return parse_query(i, s, len, seen, QUERY_ALLOWED, p);
    }
    refuse_attribute(s, name_len, "unknown query", p);
    problem_hint(p, "pin-source and module-name are known, and mean nothing here");
    return LB_E_URI;
}

bool p11uri_is(const char *uri)
{
    return strncasecmp(uri, LB_P11_SCHEME ":", strlen(LB_P11_SCHEME) + 1) == 0;
}

static int parse(const char *s, struct p11uri *ret, struct problem *p)
{
    size_t path = strcspn(s, "?#"), len;
    unsigned seen = 0;
    int r = 0;

    for (size_t at = 0; r == 0 && path > 0 && at <= path; at += len + 1) {
        len = strcspn(s + at, ";?#");
        r = parse_path_attribute(s + at, len, ret, &seen, p);
    }
    if (r != 0 || s[path] == '\0')
        return r;
    if (s[path] == '#')
        return problem_set(p, LB_E_URI, "a PKCS#11 URI has no fragment: for a '#' in a value write %%23");
    for (s += path; r == 0 && *s != '\0'; s += len) {
        s++; /* the '?', then each '&' */
        len = strcspn(s, "&");
        r = parse_query_attribute(s, len, &seen, p);
    }
    return r;
}

int p11uri_parse(const char *uri, struct p11uri *ret, struct problem *ret_problem)
{
    int r;

    memset(ret, 0, sizeof(*ret));
    if (!p11uri_is(uri)) {
        problem_set(ret_problem, LB_E_URI, "this is not a PKCS#11 URI");
        problem_hint(ret_problem, "they look like %s:token=TOKEN;object=LABEL (RFC 7512)", LB_P11_SCHEME);
        return LB_E_URI;
    }
    if (strnlen(uri, LB_P11URI_MAX + 1) > LB_P11URI_MAX)
        return problem_set(ret_problem, LB_E_URI, "the PKCS#11 URI is longer than %d bytes", LB_P11URI_MAX);
    r = parse(uri + strlen(LB_P11_SCHEME) + 1, ret, ret_problem);
    if (r != 0)
        memset(ret, 0, sizeof(*ret));
    return r;
}

/* Values */

int p11uri_set(struct p11uri *u, enum p11_attr attr, const void *value, size_t len)
{
    const uint8_t *bytes = value;
    struct p11_value *v = &u->a[attr];

    while ((P11_BIT(attr) & P11_OF_TOKEN) != 0 && len > 0 && bytes[len - 1] == ' ')
        len--;
    if (len > P11_VALUE_MAX)
        return LB_E_TOO_LONG;
    memset(v, 0, sizeof(*v));
    if (len > 0)
        memcpy(v->bytes, bytes, len);
    v->len = (uint8_t)len;
    v->set = true;
    return 0;
}

int p11uri_set_text(struct p11uri *u, enum p11_attr attr, const char *value)
{
    return p11uri_set(u, attr, value, strlen(value));
}

bool p11_value_fits(const struct p11_value *want, const struct p11_value *has)
{
    return !want->set || (has->set && has->len == want->len && memcmp(has->bytes, want->bytes, want->len) == 0);
}

bool p11uri_matches(const struct p11uri *want, const struct p11uri *has, unsigned of)
{
    for (size_t i = 0; i < P11_ATTRS; i++) {
        if ((of & P11_BIT(i)) != 0 && !p11_value_fits(&want->a[i], &has->a[i]))
            return false;
    }
    return true;
}

bool p11uri_has(const struct p11uri *u, unsigned of)
{
    for (size_t i = 0; i < P11_ATTRS; i++) {
        if ((of & P11_BIT(i)) != 0 && u->a[i].set)
            return true;
    }
    return false;
}

/* Writing */

/* Appends if there is room for all of s. */
static bool put(char *ret, size_t size, size_t *at, const char *s)
{
    size_t len = strlen(s);

    if (size - *at <= len)
        return false;
    memcpy(ret + *at, s, len + 1);
    *at += len;
    return true;
}

static bool put_value(enum p11_attr attr, const struct p11_value *v, char *ret, size_t size, size_t *at)
{
    bool ok = true;

    for (size_t i = 0; ok && i < v->len; i++) {
        char c = (char)v->bytes[i], text[4] = { c, '\0' };

        if (attr == P11_ID || (!is_alnum(c) && (c == '\0' || strchr("-._~", c) == NULL)))
            snprintf(text, sizeof(text), "%%%02X", v->bytes[i]);
        ok = put(ret, size, at, text);
    }
    return ok;
}

bool p11uri_format(const struct p11uri *u, unsigned of, char *ret, size_t size)
{
    size_t at = 0;
    bool ok, first = true;

    ret[0] = '\0';
    ok = put(ret, size, &at, LB_P11_SCHEME ":");
    for (size_t i = 0; ok && i < P11_ATTRS; i++) {
        if ((of & P11_BIT(i)) == 0 || !u->a[i].set)
            continue;
        ok = (first || put(ret, size, &at, ";")) && put(ret, size, &at, attrs[i].name) && put(ret, size, &at, "=") &&
             put_value((enum p11_attr)i, &u->a[i], ret, size, &at);
        first = false;
    }
    return ok;
}
