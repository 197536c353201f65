/* Policy: the names that a key had before, which still mean it. One text, as model/former_names.h has it. */
#include <stdlib.h>
#include <string.h>

#include "model/former_names.h"
#include "store/policy_members.h"

static bool check(struct bytes value)
{
    char names[LB_FORMER_MAX + 1];

    if (value.len == 0 || value.len > LB_FORMER_MAX || memchr(value.p, '\0', value.len) != NULL)
        return false;
    memcpy(names, value.p, value.len);
    names[value.len] = '\0';
    return former_ok(names);
}

static int load(struct bytes value, struct key_record *k)
{
    k->former = strndup((const char *)value.p, value.len);
    return k->former == NULL ? LB_E_NOMEM : 0;
}

static void save(const struct key_record *k, struct wire_writer *w)
{
    if (k->former != NULL)
        wire_put_raw(w, k->former, strlen(k->former));
}

const struct policy_kind policy_former = { 2, "former names", check, load, save };
