/* The names that a key had before: a text, sorted, with one blank between two of them. */
#include "model/former_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/limits.h"

bool former_next(const char **at, char ret[LB_NAME_MAX + 1])
{
    size_t len = strcspn(*at, " ");

    if (!keyname_ok(*at, len))
        return false;
    memcpy(ret, *at, len);
    ret[len] = '\0';
    *at += len + ((*at)[len] == ' ');
    return true;
}

bool former_ok(const char *names)
{
    char name[LB_NAME_MAX + 1], last[LB_NAME_MAX + 1] = "";
    const char *at = names;
    unsigned count = 0;

    while (former_next(&at, name)) {
        if (strcmp(last, name) >= 0)
            return false;
        memcpy(last, name, sizeof(last));
        count++;
    }
    return *at == '\0' && at != names && at[-1] != ' ' && count <= LB_FORMER_NAMES_MAX;
}

bool former_has(const char *names, const char *name)
{
    char one[LB_NAME_MAX + 1];

    for (const char *at = names == NULL ? "" : names; former_next(&at, one);) {
        if (strcmp(one, name) == 0)
            return true;
    }
    return false;
}

/* Makes a text of names without leave and with put. Each may be NULL: none. */
static int make(const char *names, const char *leave, const char *put, char **ret)
{
    char one[LB_NAME_MAX + 1], *text = calloc(1, LB_FORMER_MAX + LB_NAME_MAX + 3);
    const char *at = names == NULL ? "" : names;
    unsigned count = 0;
    bool more = former_next(&at, one);

    if (text == NULL)
        return LB_E_NOMEM;
    while (more || put != NULL) {
        bool its_turn = put != NULL && (!more || strcmp(put, one) <= 0);
        const char *next = its_turn ? put : one;

        if (leave == NULL || strcmp(next, leave) != 0) {
            if (count == LB_FORMER_NAMES_MAX) {
                free(text);
                return LB_E_TOO_LONG;
            }
            sprintf(text + strlen(text), "%s%s", count == 0 ? "" : " ", next);
            count++;
        }
        if (!its_turn || (more && strcmp(put, one) == 0))
            more = former_next(&at, one);
        if (its_turn)
            put = NULL;
    }
    if (count == 0) {
        free(text);
        text = NULL;
    }
    *ret = text;
    return 0;
}

int former_add(const char *names, const char *name, char **ret)
{
    return make(names, /* leave= */ NULL, name, ret);
}

int former_remove(const char *names, const char *name, char **ret)
{
    return make(names, name, /* put= */ NULL, ret);
}
