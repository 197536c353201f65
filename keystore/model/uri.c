/* Key URIs: littlebox:KEY, littlebox:KEY;version=N, littlebox:KEY;version=next, littlebox://BOX/KEY. */
#include "model/uri.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static int refuse_name(struct problem *p, const char *what, const char *s, size_t len)
{
    problem_set(p, LB_E_URI, "'%.*s' is not a %s name", (int)(len > 100 ? 100 : len), s, what);
    problem_hint(p, "a %s name is %s", what, LB_NAME_RULE);
    return LB_E_URI;
}

/* KEY [;version=N] up to the end of s; an empty KEY is the caller's to judge. */
static int parse_key(const char *s, struct key_uri *ret, struct problem *p)
{
    static const char version[] = ";version=";
    size_t len = strcspn(s, ";");
    uint64_t n = 0;

    if (len > 0 && !keyname_ok(s, len))
        return refuse_name(p, "key", s, len);
    memcpy(ret->name, s, len);
    ret->name[len] = '\0';
    s += len;
    if (*s == '\0')
        return 0;
    if (len == 0 || strncmp(s, version, strlen(version)) != 0) {
        problem_set(p, LB_E_URI, "unknown attribute '%.100s' in a key URI", s + 1);
        problem_hint(p, "the only attribute is ;version=N or ;version=next, behind a key name");
        return LB_E_URI;
    }
    s += strlen(version);
    if (strcmp(s, LB_URI_NEXT) == 0) {
        ret->version = KEY_VERSION_NEXT;
        return 0;
    }
    len = strspn(s, "0123456789");
    for (size_t i = 0; i < len && n <= UINT32_MAX; i++)
        n = n * 10 + (uint64_t)(s[i] - '0');
    if (len == 0 || s[len] != '\0' || s[0] == '0' || n >= KEY_VERSION_NEXT) {
        problem_set(p, LB_E_URI, "'%.100s' is not a version", s);
        problem_hint(p, "versions are numbers from 1, or '%s', as in %s:%s;version=1", LB_URI_NEXT, LB_URI_SCHEME, ret->name);
        return LB_E_URI;
    }
    ret->version = (uint32_t)n;
    return 0;
}

int uri_parse(const char *uri, struct key_uri *ret, struct problem *ret_problem)
{
    static const char scheme[] = LB_URI_SCHEME ":";
    const char *s = uri;
    size_t len;

    memset(ret, 0, sizeof(*ret));
    if (strlen(uri) > LB_URI_MAX)
        return problem_set(ret_problem, LB_E_URI, "the key URI is longer than %d bytes", LB_URI_MAX);
    if (strncasecmp(s, scheme, strlen(scheme)) != 0) {
        problem_set(ret_problem, LB_E_URI, "'%s' is not a key URI", uri);
        problem_hint(ret_problem, "key URIs look like %s:web or %s://BOX/web", LB_URI_SCHEME, LB_URI_SCHEME);
        return LB_E_URI;
    }
    s += strlen(scheme);
    if (strncmp(s, "//", 2) == 0) {
        s += 2;
        len = strcspn(s, "/");
        if (!keyname_ok(s, len))
            return refuse_name(ret_problem, "box", s, len);
        memcpy(ret->box, s, len);
        ret->box[len] = '\0';
        s += len;
        if (*s == '/')
            s++;
    }
    return parse_key(s, ret, ret_problem);
}

int uri_parse_key(const char *text, struct key_uri *ret, struct problem *ret_problem)
{
    int r;

    memset(ret, 0, sizeof(*ret));
    r = parse_key(text, ret, ret_problem);
    if (r == 0 && ret->name[0] == '\0')
        return refuse_name(ret_problem, "key", text, strlen(text));
    return r;
}

void uri_format(const struct key_uri *u, char ret[LB_URI_MAX + 1])
{
    char version[24] = "";

    if (u->version == KEY_VERSION_NEXT)
        snprintf(version, sizeof(version), ";version=%s", LB_URI_NEXT);
    else if (u->version != 0)
        snprintf(version, sizeof(version), ";version=%u", u->version);
    if (u->box[0] == '\0')
        snprintf(ret, LB_URI_MAX + 1, "%s:%s%s", LB_URI_SCHEME, u->name, version);
    else
        snprintf(ret, LB_URI_MAX + 1, "%s://%s/%s%s", LB_URI_SCHEME, u->box, u->name, version);
}
