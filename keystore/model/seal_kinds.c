/* The kinds of seals, as rows to look at. */
#include "model/seal_kinds.h"

#define KIND(number, NAME, name, source, unattended, guessable, least_new, least_tried, option, help) \
    { number, #name, SEAL_FROM_##source, unattended, guessable, least_new, least_tried, option, SEAL_VALUE_##source, help },

const struct seal_kind seal_kinds[] = { SEAL_KINDS(KIND, ) { .number = 0 } };

const struct seal_kind *seal_kind_find(unsigned number)
{
    for (const struct seal_kind *k = seal_kinds; k->number != 0; k++) {
        if (k->number == number)
            return k;
    }
    return NULL;
}

const struct seal_kind *seal_kind_from(enum seal_source source)
{
    for (const struct seal_kind *k = seal_kinds; k->number != 0; k++) {
        if (k->source == source)
            return k;
    }
    return NULL;
}

bool seal_kind_unattended(unsigned number)
{
    const struct seal_kind *kind = seal_kind_find(number);

    return kind != NULL && kind->unattended;
}

const char *seal_kind_name(unsigned number)
{
    const struct seal_kind *kind = seal_kind_find(number);

    return kind == NULL ? "unknown" : kind->name;
}
