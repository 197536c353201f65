/* What ends before a time: certificates, and versions. */
#include <stdio.h>
#include <string.h>

#include "model/certificate_end.h"
#include "model/chain.h"
#include "vault/key_walk.h"
#include "vault/vault_priv.h"

struct expiry {
    const struct expiring_request *m;
    bool (*take)(const struct expiring_entry *e, void *arg);
    void *arg;
};

static uint64_t end_of_chain(const struct version_record *rec)
{
    struct wire_reader r;
    unsigned count = 0;

    if (rec->chain == NULL || chain_read((struct bytes){ rec->chain, rec->chain_len }, &count, &r) != 0 || count == 0)
        return 0;
    return certificate_end(wire_get_bytes(&r, LB_CHAIN_MAX));
}

/* What of the version ends, and when; false: nothing does before that time. */
static bool ends(const struct version_record *rec, unsigned what, uint64_t before, uint64_t *ret)
{
    bool lives = rec->state == STATE_PRE_ACTIVATION || rec->state == STATE_ACTIVE || rec->state == STATE_SUSPENDED;

    switch (what) {
    case EXPIRING_CERTIFICATE:
        *ret = lives ? end_of_chain(rec) : 0;
        break;
    case EXPIRING_DEACTIVATION:
        *ret = lives ? rec->life.deactivate_at : 0;
        break;
    default:
        *ret = rec->state == STATE_DESTROY_SCHEDULED ? rec->destroy_at : 0;
    }
    return *ret != 0 && *ret < before;
}

/* Gives all of one key, or as much as there is room for: then the rest of the key is not told. */
static bool give_key(const struct expiry *x, const struct boxkey *k)
{
    struct expiring_entry e;

    snprintf(e.name, sizeof(e.name), "%s", k->rec.name);
    for (size_t i = 0; i < k->rec.version_count; i++) {
        e.version = k->rec.versions[i].version;
        for (unsigned what = EXPIRING_CERTIFICATE; what <= EXPIRING_DESTRUCTION; what++) {
            e.what = (uint8_t)what;
            if (ends(&k->rec.versions[i], what, x->m->before, &e.at) && !x->take(&e, x->arg))
                return false;
        }
    }
    return true;
}

int vault_expiring(struct vault *v, const struct expiring_request *m, const struct caller *who,
                   bool (*take)(const struct expiring_entry *e, void *arg), void *arg, bool *ret_more, struct problem *p)
{
    const struct expiry x = { m, take, arg };
    bool admin = policy_is_admin(v->conf->admins, who);
    struct keywalk walk;
    const struct boxkey *k;
    int r;

    *ret_more = false;
    if (atomic_load(&v->lock) == LOCK_NO_STORE)
        return vault_no_store(v, p);
    pthread_rwlock_rdlock(&v->ring.lock);
    r = admin ? keywalk_all(&v->ring, m->after, &walk) : keywalk_granted(&v->ring, m->after, &who->sender, &walk);
    while (r == 0 && !*ret_more && (k = keywalk_next(&walk)) != NULL) {
        if (admin || policy_granted_any(v->conf->admins, k->rec.grants, k->rec.grant_count, who))
            *ret_more = !give_key(&x, k);
    }
    keywalk_clear(&walk);
    pthread_rwlock_unlock(&v->ring.lock);
    return r == 0 ? 0 : problem_set(p, r, "the list cannot be made: %s", lb_strerror(r));
}
