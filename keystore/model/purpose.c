/* What a key is for. */
#include "model/purpose.h"

#include <stdio.h>
#include <string.h>

/* In the order of their bits. */
static const char *const names[PURPOSE_COUNT] = { "tls-server", "tls-client", "csr", "x509", "crl", "ocsp", "cms", "timestamp", "ssh" };

const char *purpose_name(unsigned purpose)
{
    for (int i = 0; i < PURPOSE_COUNT; i++) {
        if (purpose == 1U << i)
            return names[i];
    }
    return purpose == PURPOSE_ANY ? "any" : "unknown";
}

void purpose_names(unsigned purposes, char ret[PURPOSE_NAMES_SIZE])
{
    size_t at = 0;

    if ((purposes & PURPOSE_ALL) == 0) {
        snprintf(ret, PURPOSE_NAMES_SIZE, "any");
        return;
    }
    ret[0] = '\0';
    for (int i = 0; i < PURPOSE_COUNT; i++) {
        if ((purposes & 1U << i) != 0)
            at += (size_t)snprintf(ret + at, PURPOSE_NAMES_SIZE - at, "%s%s", at == 0 ? "" : ",", names[i]);
    }
}

static int no_purpose(const char *name, size_t len, struct problem *p)
{
    char all[PURPOSE_NAMES_SIZE];

    purpose_names(PURPOSE_ALL, all);
    problem_set(p, LB_E_VALUE, "'%.*s' is no purpose of a key", len > 40 ? 40 : (int)len, name);
    problem_hint(p, "purposes are: %s; or 'any' alone", all);
    return LB_E_VALUE;
}

static unsigned by_name(const char *name, size_t len)
{
    for (int i = 0; i < PURPOSE_COUNT; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return 1U << i;
    }
    return 0;
}

int purpose_parse(const char *list, unsigned *ret, struct problem *p)
{
    *ret = PURPOSE_ANY;
    if (strcmp(list, "any") == 0)
        return 0;
    for (const char *at = list;; at++) {
        size_t len = strcspn(at, ",");
        unsigned purpose = by_name(at, len);

        if (purpose == 0)
            return no_purpose(at, len, p);
        if ((*ret & purpose) != 0)
            return problem_set(p, LB_E_VALUE, "'%.*s' is named twice", (int)len, at);
        *ret |= purpose;
        at += len;
        if (*at == '\0')
            return 0;
    }
}
