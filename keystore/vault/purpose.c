/* What keys are for. */
#include <stdio.h>

#include "model/purpose.h"
#include "policy/purposes.h"
#include "store/policy_blob.h"
#include "vault/key_walk.h"
#include "vault/vault_priv.h"

int vault_set_purposes(struct boxkey *next, uint16_t purposes, struct problem *p)
{
    uint8_t value[PURPOSES_SIZE];
    int r;

    purposes_value(purposes, value);
    r = policy_set(&next->rec, PURPOSES_TAG, (struct bytes){ value, purposes == PURPOSE_ANY ? 0 : sizeof(value) });
    return r == 0 ? 0 : problem_set(p, r, "the purposes of key '%s' cannot be set: %s", next->rec.name, lb_strerror(r));
}

static uint16_t purposes_of_key(const struct boxkey *k)
{
    return (uint16_t)purposes_of((struct bytes){ k->rec.others, k->rec.others_len });
}

/* The policy of a key ends with its last version. */
static bool is_destroyed(const struct boxkey *k)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        if (!key_state_destroyed(k->rec.versions[i].state))
            return false;
    }
    return true;
}

int vault_purpose(struct vault *v, const struct purpose_request *m, bool *ret_changed, struct problem *p)
{
    struct boxkey *old, *next;
    int r = vault_find_to_change(v, m->name, &old, p);

    if (r != 0)
        return r;
    *ret_changed = purposes_of_key(old) != m->purposes;
    if (boxkey_is_damaged(old))
        return vault_damaged(v, m->name, 0, p);
    if (is_destroyed(old))
        return problem_set(p, LB_E_DESTROYED, "key '%s' in box '%s' is destroyed: it is for nothing any more", m->name, v->conf->box);
    if (!*ret_changed)
        return 0;
    next = boxkey_new(&old->rec);
    if (next == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    r = vault_set_purposes(next, m->purposes, p);
    if (r == 0)
        r = vault_replace(v, old, next, p);
    if (r != 0)
        boxkey_free(next);
    return r;
}

/* With the read lock held. */
static int list(const struct vault *v, const char *after, const struct caller *who,
                bool (*take)(const struct purposes_entry *e, void *arg), void *arg, bool *ret_more)
{
    bool admin = policy_is_admin(v->conf->admins, who);
    struct keywalk walk;
    const struct boxkey *k;
    int r = admin ? keywalk_all(&v->ring, after, &walk) : keywalk_granted(&v->ring, after, &who->sender, &walk);

    while (r == 0 && !*ret_more && (k = keywalk_next(&walk)) != NULL) {
        struct purposes_entry e = { .purposes = boxkey_is_damaged(k) ? PURPOSE_ANY : purposes_of_key(k) };

        if (e.purposes == PURPOSE_ANY ||
            (!admin && !policy_granted_any(v->conf->admins, k->rec.grants, k->rec.grant_count, who)))
            continue;
        snprintf(e.name, sizeof(e.name), "%s", k->rec.name);
        *ret_more = !take(&e, arg);
    }
    keywalk_clear(&walk);
    return r;
}

int vault_purposes(struct vault *v, const char *after, const struct caller *who,
                   bool (*take)(const struct purposes_entry *e, void *arg), void *arg, bool *ret_more, struct problem *p)
{
    int r;

    *ret_more = false;
    if (atomic_load(&v->lock) == LOCK_NO_STORE)
        return vault_no_store(v, p);
    pthread_rwlock_rdlock(&v->ring.lock);
    r = list(v, after, who, take, arg, ret_more);
    pthread_rwlock_unlock(&v->ring.lock);
    return r == 0 ? 0 : problem_set(p, r, "the list cannot be made: %s", lb_strerror(r));
}
