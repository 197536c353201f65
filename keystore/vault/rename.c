/* Another name for a key. The former name stays the key's own, so that no handle ever means another key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/former_names.h"
#include "vault/vault_priv.h"

int vault_other_name(struct vault *v, const char *name, struct problem *p)
{
    const struct boxkey *k = keyring_find_any(&v->ring, name);

    if (k == NULL)
        return vault_no_key(v, name, p);
    problem_set(p, LB_E_EXISTS, "'%s' is a former name of key '%s' in box '%s', whose handles may still have it", name,
                k->rec.name, v->conf->box);
    problem_hint(p, "see: littlebox --box %s show %s", v->conf->box, k->rec.name);
    return LB_E_EXISTS;
}

/* May k get this name? A destroyed key keeps its name: what is said of the name is said of that key. */
static int check_free(struct vault *v, const struct boxkey *k, const char *name, struct problem *p)
{
    const struct boxkey *has;
    int r = vault_together_name(v, name, p);

    if (r != 0)
        return r;
    has = keyring_find_any(&v->ring, name);
    if (has == NULL || (has == k && strcmp(k->rec.name, name) != 0))
        return 0;
    if (has != k && strcmp(has->rec.name, name) != 0)
        return vault_other_name(v, name, p);
    problem_set(p, LB_E_EXISTS, "key '%s' exists already in box '%s'", name, v->conf->box);
    problem_hint(p, "choose another name; what has it: littlebox --box %s show %s", v->conf->box, name);
    return LB_E_EXISTS;
}

static bool is_destroyed(const struct boxkey *k)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        if (!key_state_destroyed(k->rec.versions[i].state))
            return false;
    }
    return true;
}

static int set_names(struct boxkey *next, const char *name, struct problem *p)
{
    char *more = NULL, *former = NULL;
    int r = former_add(next->rec.former, next->rec.name, &more);

    if (r == 0)
        r = former_remove(more, name, &former);
    free(more);
    if (r == LB_E_TOO_LONG)
        return problem_set(p, r, "key '%s' has had %d names already", next->rec.name, LB_FORMER_NAMES_MAX);
    if (r != 0)
        return problem_set(p, r, "out of memory");
    free(next->rec.former);
    next->rec.former = former;
    snprintf(next->rec.name, sizeof(next->rec.name), "%s", name);
    for (size_t i = 0; i < next->rec.version_count; i++)
        snprintf(next->rec.versions[i].name, sizeof(next->rec.versions[i].name), "%s", name);
    return 0;
}

int vault_rename(struct vault *v, const struct rename_request *m, struct problem *p)
{
    struct boxkey *old, *next;
    int r = vault_find_to_change(v, m->name, &old, p);

    if (r != 0)
        return r;
    if (boxkey_is_damaged(old) || old->rec.version_count == 0)
        return vault_damaged(v, m->name, 0, p);
    /* No handle could mean a destroyed key, and it would take two names. */
    if (is_destroyed(old))
        return problem_set(p, LB_E_DESTROYED, "key '%s' in box '%s' is destroyed", m->name, v->conf->box);
    r = check_free(v, old, m->to, p);
    if (r != 0)
        return r;
    next = boxkey_new(&old->rec);
    if (next == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    r = set_names(next, m->to, p);
    if (r == 0)
        r = vault_replace(v, old, next, p);
    if (r != 0)
        boxkey_free(next);
    return r;
}
