/* What a certificate request asks for: subject, names and the demand for a stapled status, out of words or of a certificate. */
#include "command/csr_names.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 5280, upper bounds of appendix A; RFC 1035 3.1 less its dots. */
#define CN_MAX 64
#define DNS_MAX 253

void csr_names_clear(struct csr_names *n)
{
    X509_NAME_free(n->subject);
    GENERAL_NAMES_free(n->names);
    memset(n, 0, sizeof(*n));
}

static int out_of_memory(struct problem *p)
{
    ERR_clear_error();
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

/* Subject */

/* Copies from *at up to one of the characters in ends, without the '\' of others; *at is at that character then. */
static void take_part(const char **at, const char *ends, char *ret)
{
    const char *s = *at;

    while (*s != '\0' && strchr(ends, *s) == NULL) {
        if (*s == '\\' && s[1] != '\0')
            s++;
        *ret++ = *s++;
    }
    *ret = '\0';
    *at = s;
}

/* One type and its value. set: 0 begins an RDN, -1 adds to the last one. */
static int add_entry(X509_NAME *name, const char *type, const char *value, int set, struct problem *p)
{
    if (OBJ_txt2nid(type) == NID_undef) {
        ERR_clear_error();
        problem_set(p, LB_E_VALUE, "--subject: '%.60s' is no type of a name", type);
        problem_hint(p, "CN, O, OU, C, ST, L, emailAddress, ... or a number of dots: --subject '/CN=www.example.org/O=Example'");
        return LB_E_VALUE;
    }
    if (value[0] == '\0')
        return problem_set(p, LB_E_VALUE, "--subject: '%s' has no value", type);
    if (X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *)value, -1, /* loc= */ -1, set) <= 0) {
        ERR_clear_error();
        return problem_set(p, LB_E_VALUE, "--subject: '%.100s' can be no value of %s: too long, too short or not UTF-8", value,
                           type);
    }
    return 0;
}

int csr_names_subject(struct csr_names *n, const char *text, struct problem *p)
{
    char *type = malloc(strlen(text) + 1), *value = malloc(strlen(text) + 1);
    X509_NAME *name = X509_NAME_new();
    const char *at = text + 1;
    int r = type == NULL || value == NULL || name == NULL ? out_of_memory(p) : 0, set = 0;

    if (r == 0 && text[0] != '/') {
        r = problem_set(p, LB_E_VALUE, "--subject: '%.100s' does not begin with '/'", text);
        problem_hint(p, "as for openssl req -subj: --subject '/CN=www.example.org'");
    }
    while (r == 0 && *at != '\0') {
        take_part(&at, "=/", type);
        if (*at != '=') {
            r = problem_set(p, LB_E_VALUE, "--subject: '%.100s' has no '='", type);
            problem_hint(p, "a '/' that belongs to a value is written '\\/'");
            break;
        }
        at++;
        take_part(&at, "/+", value);
        r = add_entry(name, type, value, set, p);
        set = *at == '+' ? -1 : 0;
        if (*at != '\0')
            at++;
    }
    free(type);
    free(value);
    if (r != 0) {
        X509_NAME_free(name);
        return r;
    }
    X509_NAME_free(n->subject);
    n->subject = name;
    return 0;
}

/* Names */

static bool is_address(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* RFC 5280 4.2.1.6: the preferred name syntax; with an underscore, which is used, and a wildcard as RFC 6125 6.4.3 has it. */
static bool is_dns(const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *s = strncmp(text, "*.", 2) == 0 ? text + 2 : text;

    if (strlen(text) > DNS_MAX || *s == '\0')
        return false;
    while (*s != '\0') {
        size_t len = strspn(s, letters);

        if (len == 0 || len > 63 || (s[len] != '.' && s[len] != '\0') || (s[len] == '.' && s[len + 1] == '\0'))
            return false;
        s += len + (s[len] == '.');
    }
    return true;
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
            return false;
    }
    return true;
}

static bool is_email(const char *text)
{
    const char *at = strchr(text, '@');

    return is_ascii(text) && at != NULL && at != text && is_dns(at + 1);
}

static bool is_uri(const char *text)
{
    const char *colon = strchr(text, ':');

    return is_ascii(text) && colon != NULL && colon != text && colon[1] != '\0';
}

static const struct name_kind {
    const char *prefix;
    int type;
    bool (*fits)(const char *text);
    const char *what;
    const char *cure;
} kinds[] = {
    { "DNS", GEN_DNS, is_dns, "DNS name", "a name of letters, digits, '-' and dots; others in their form with xn--" },
    { "IP", GEN_IPADD, is_address, "IP address", "an address, no network: 192.0.2.1 or 2001:db8::1" },
    { "email", GEN_EMAIL, is_email, "mail address", "one address, in ASCII: somebody@example.org" },
    { "URI", GEN_URI, is_uri, "URI", "with its scheme: https://example.org/id" },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* The kind of a name, and the name without its prefix. NULL: it has a prefix that is none. */
static const struct name_kind *kind_of(const char *name, const char **ret_value)
{
    const char *colon = strchr(name, ':');

    for (size_t i = 0; colon != NULL && i < KINDS; i++) {
        if (strlen(kinds[i].prefix) == (size_t)(colon - name) && strncasecmp(name, kinds[i].prefix, (size_t)(colon - name)) == 0) {
            *ret_value = colon + 1;
            return &kinds[i];
        }
    }
    *ret_value = name;
    if (is_address(name))
        return &kinds[1];
    return colon == NULL ? &kinds[0] : NULL;
}

static int add_name(GENERAL_NAMES *names, const char *name, struct problem *p)
{
    const char *value;
    const struct name_kind *kind = kind_of(name, &value);
    GENERAL_NAME *made;

    if (kind == NULL) {
        problem_set(p, LB_E_VALUE, "--san: '%.100s' is of no kind that a request can have", name);
        problem_hint(p, "DNS:, IP:, email: or URI: before it, or nothing before a DNS name or an address");
        return LB_E_VALUE;
    }
    if (!kind->fits(value)) {
        problem_set(p, LB_E_VALUE, "--san: '%.100s' is no %s", value, kind->what);
        problem_hint(p, "%s", kind->cure);
        return LB_E_VALUE;
    }
    made = a2i_GENERAL_NAME(NULL, NULL, NULL, kind->type, value, /* is_nc= */ 0);
    for (int i = 0; made != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        if (GENERAL_NAME_cmp(made, sk_GENERAL_NAME_value(names, i)) == 0) {
            GENERAL_NAME_free(made);
            return problem_set(p, LB_E_VALUE, "--san: '%.100s' is there twice", name);
        }
    }
    if (made != NULL && sk_GENERAL_NAME_push(names, made) > 0)
        return 0;
    GENERAL_NAME_free(made);
    return out_of_memory(p);
}

int csr_names_list(struct csr_names *n, const char *list, struct problem *p)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    char *copy = strdup(list), *at = copy, *name;
    int r = copy == NULL || names == NULL ? out_of_memory(p) : 0;

    while (r == 0 && (name = strsep(&at, ",")) != NULL) {
        size_t len;

        name += strspn(name, " ");
        for (len = strlen(name); len > 0 && name[len - 1] == ' '; len--)
            name[len - 1] = '\0';
        if (name[0] == '\0')
            r = problem_set(p, LB_E_VALUE, "--san: there is an empty name in '%.100s'", list);
        else
            r = add_name(names, name, p);
    }
    free(copy);
    if (r != 0) {
        GENERAL_NAMES_free(names);
        return r;
    }
    GENERAL_NAMES_free(n->names);
    n->names = names;
    return 0;
}

/* A certificate */

/* Does it have status_request (5) among its features? */
static bool staples(X509 *x)
{
    TLS_FEATURE *features = X509_get_ext_d2i(x, NID_tlsfeature, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
        found = found || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == 5;
    sk_ASN1_INTEGER_pop_free(features, ASN1_INTEGER_free);
    return found;
}

int csr_names_of(struct csr_names *n, X509 *x, struct problem *p)
{
    int critical = 0;

    /* One without a subject says nothing of it: a request has one where it can, for clients that find names in it alone. */
    if (n->subject == NULL && X509_NAME_entry_count(X509_get_subject_name(x)) > 0 && (n->subject = X509_NAME_dup(X509_get_subject_name(x))) == NULL)
        return out_of_memory(p);
    if (n->names == NULL) {
        n->names = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);
        /* -1: there is none */
        if (n->names == NULL && critical != -1)
            return problem_set(p, LB_E_VALUE, "the names of the certificate cannot be read");
    }
    n->must_staple = n->must_staple || staples(x);
    return 0;
}

/* The request */

int csr_names_complete(struct csr_names *n, struct problem *p)
{
    if (n->subject != NULL)
        return 0;
    n->subject = X509_NAME_new();
    if (n->subject == NULL)
        return out_of_memory(p);
    for (int i = 0; i < sk_GENERAL_NAME_num(n->names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(n->names, i);

        if (name->type != GEN_DNS)
            continue;
        if (ASN1_STRING_length(name->d.dNSName) > CN_MAX)
            return 0;
        if (X509_NAME_add_entry_by_NID(n->subject, NID_commonName, MBSTRING_ASC,
                                       ASN1_STRING_get0_data(name->d.dNSName), ASN1_STRING_length(name->d.dNSName),
                                       /* loc= */ -1, /* set= */ 0) <= 0)
            return out_of_memory(p);
        return 0;
    }
    return 0;
}

int csr_names_put(const struct csr_names *n, X509_REQ *request, struct problem *p)
{
    X509_EXTENSIONS *all = NULL;
    X509_EXTENSION *staple = NULL;
    /* RFC 5280 4.2.1.6. Not else: dehydrated (0.7.0 to 0.7.2) finds no names in an extension that is critical. */
    bool critical = X509_NAME_entry_count(n->subject) == 0;
    bool ok = X509_REQ_set_subject_name(request, n->subject) > 0;

    if (ok && sk_GENERAL_NAME_num(n->names) > 0)
        ok = X509V3_add1_i2d(&all, NID_subject_alt_name, n->names, critical, X509V3_ADD_DEFAULT) > 0;
    if (ok && n->must_staple) {
        staple = X509V3_EXT_conf_nid(NULL, NULL, NID_tlsfeature, "status_request");
        ok = staple != NULL && X509v3_add_ext(&all, staple, /* loc= */ -1) != NULL;
    }
    if (ok && all != NULL)
        ok = X509_REQ_add_extensions(request, all) > 0;
    X509_EXTENSION_free(staple);
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
    return ok ? 0 : out_of_memory(p);
}
