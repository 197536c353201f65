/* What can be asked of a vault without changing it: use a key, tell of it, list. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vault/key_walk.h"
#include "policy/purposes.h"
#include "vault/vault_priv.h"

int vault_no_store(const struct vault *v, struct problem *p)
{
    /* A credential without a store means that there was a store. */
    if (access(v->conf->credential, F_OK) == 0) {
        problem_set(p, LB_E_NO_STORE, "box '%s' has a credential, but no store: there is no %.200s", v->conf->box,
                    v->conf->paths.store);
        problem_hint(p, "restore it from a backup (examples/backup/README.md); or for a new, empty one: littlebox --box %s init",
                     v->conf->box);
        return LB_E_NO_STORE;
    }
    problem_set(p, LB_E_NO_STORE, "box '%s' has no store yet", v->conf->box);
    problem_hint(p, "make one: littlebox --box %s init", v->conf->box);
    return LB_E_NO_STORE;
}

/* With the read lock held. */
static int use(struct vault *v, const struct use_wish *wish, struct used_key *ret, struct problem *p)
{
    struct boxkey *k = keyring_find_any(&v->ring, wish->ref->name);
    struct admission a;
    int i = vault_admission(v, k, wish->ref, &a), r;

    a.who = wish->who;
    a.op = wish->op;
    a.now = box_clock_due(&v->clock, clock_read());
    a.text = wish->text;
    a.tls = wish->tls;
    /* The vault was seen unlocked with the ring held: it stays so until the ring is given back, see vault_lock(). */
    r = admit_use(&a, p);
    if (k != NULL)
        memcpy(ret->name, k->rec.name, sizeof(ret->name));
    ret->version = a.version.number;
    if (r != 0)
        return r;
    ret->live = opened_use(&v->ring.opened, &k->versions[i]);
    if (ret->live == NULL && vault_open_version(v, k, (size_t)i, &ret->live, p) != 0)
        return p->code;
    vault_note_use(k, (size_t)i, wish->now);
    users_note(v->users, k->rec.key_id, a.version.number, &wish->who->sender.peer, wish->now);
    return 0;
}

int vault_use(struct vault *v, const struct use_wish *wish, struct used_key *ret, struct problem *p)
{
    int r;

    ret->live = NULL;
    ret->name[0] = '\0';
    ret->version = 0;
    if (atomic_load_explicit(&v->lock, memory_order_acquire) == LOCK_NO_STORE)
        return vault_no_store(v, p);
    pthread_rwlock_rdlock(&v->ring.lock);
    r = use(v, wish, ret, p);
    pthread_rwlock_unlock(&v->ring.lock);
    return r;
}

/* Telling */

void vault_describe(const struct vault *v, const struct boxkey *k, size_t i, uint8_t *spki_buf, struct key_info *ret)
{
    const struct version_record *rec = &k->rec.versions[i];

    snprintf(ret->box, sizeof(ret->box), "%s", v->conf->box);
    snprintf(ret->name, sizeof(ret->name), "%s", rec->name);
    snprintf(ret->type, sizeof(ret->type), "%s", rec->type);
    ret->version = rec->version;
    ret->state = rec->state;
    ret->created = rec->created;
    ret->spki = (struct bytes){ spki_buf, rec->spki_len > LB_SPKI_MAX ? 0 : rec->spki_len };
    if (ret->spki.len > 0)
        memcpy(spki_buf, rec->spki, ret->spki.len);
}

static int get(struct vault *v, const struct key_ref *ref, uint8_t *spki_buf, struct key_info *ret, struct problem *p)
{
    const struct boxkey *k = keyring_find_any(&v->ring, ref->name);
    int i = k == NULL ? vault_no_key(v, ref->name, p) : vault_pick_version(v, k, ref, p);

    if (i < 0)
        return i;
    vault_describe(v, k, (size_t)i, spki_buf, ret);
    return 0;
}

int vault_get(struct vault *v, const struct key_ref *ref, uint8_t *spki_buf, struct key_info *ret, struct problem *p)
{
    int r;

    if (atomic_load(&v->lock) == LOCK_NO_STORE)
        return vault_no_store(v, p);
    pthread_rwlock_rdlock(&v->ring.lock);
    r = get(v, ref, spki_buf, ret, p);
    pthread_rwlock_unlock(&v->ring.lock);
    return r;
}

static void list_entry(const struct vault *v, const struct p11_certs *certs, const struct boxkey *k,
                       struct key_entry *ret)
{
    int i = boxkey_current(k);
    size_t n = k->rec.version_count;

    memset(ret, 0, sizeof(*ret));
    snprintf(ret->name, sizeof(ret->name), "%s", k->rec.name);
    ret->versions = (uint32_t)n;
    ret->damaged = boxkey_is_damaged(k);
    ret->state = STATE_DESTROYED;
    if (i >= 0) {
        ret->version = k->rec.versions[i].version;
        ret->certified = vault_may_be_certified(v, certs, k, (size_t)i);
    } else {
        i = (int)n - 1;
    }
    if (i < 0)
        return;
    snprintf(ret->type, sizeof(ret->type), "%s", k->rec.versions[i].type);
    if (k->rec.versions[i].state >= 1 && k->rec.versions[i].state <= STATE_LAST)
        ret->state = k->rec.versions[i].state;
    ret->created = k->rec.versions[i].created;
}

/* With the read lock held. */
static int list(const struct vault *v, const struct p11_certs *certs, const char *after, const struct caller *who,
                bool (*take)(const struct key_entry *e, void *arg), void *arg, bool *ret_more)
{
    bool admin = policy_is_admin(v->conf->admins, who);
    struct keywalk walk;
    const struct boxkey *k;
    int r = admin ? keywalk_all(&v->ring, after, &walk) : keywalk_granted(&v->ring, after, &who->sender, &walk);

    while (r == 0 && !*ret_more && (k = keywalk_next(&walk)) != NULL) {
        struct key_entry e;

        if (!admin && !policy_granted_any(v->conf->admins, k->rec.grants, k->rec.grant_count, who))
            continue;
        list_entry(v, certs, k, &e);
        *ret_more = !take(&e, arg);
    }
    keywalk_clear(&walk);
    return r;
}

int vault_list(struct vault *v, const char *after, const struct caller *who,
               bool (*take)(const struct key_entry *e, void *arg), void *arg, bool *ret_more, struct problem *p)
{
    struct p11_certs *certs;
    int r;

    *ret_more = false;
    if (atomic_load(&v->lock) == LOCK_NO_STORE)
        return vault_no_store(v, p);
    certs = vault_certs(v, /* ask= */ false);
    pthread_rwlock_rdlock(&v->ring.lock);
    r = list(v, certs, after, who, take, arg, ret_more);
    pthread_rwlock_unlock(&v->ring.lock);
    vault_certs_unref(v, certs);
    return r == 0 ? 0 : problem_set(p, r, "the list cannot be made: %s", lb_strerror(r));
}

unsigned vault_grants_changed(const struct vault *v)
{
    return atomic_load_explicit(&v->ring.grants_changed, memory_order_acquire);
}

bool vault_knows(struct vault *v, const struct principal *who)
{
    bool knows = false;
    struct grant mine;
    struct term term;

    pthread_rwlock_rdlock(&v->ring.lock);
    for (size_t i = 0; !knows && principal_subject(who, i, &mine); i++) {
        term_of_grant(&mine, &term);
        knows = keyindex_find(&v->ring.granted, &term) != NULL;
    }
    pthread_rwlock_unlock(&v->ring.lock);
    return knows;
}

static int show(const struct vault *v, const struct p11_certs *certs, const struct boxkey *k, struct key_details *ret)
{
    size_t first = k->rec.version_count > LB_VERSIONS_MAX ? k->rec.version_count - LB_VERSIONS_MAX : 0;

    memset(ret, 0, sizeof(*ret));
    snprintf(ret->name, sizeof(ret->name), "%s", k->rec.name);
    for (size_t i = first; i < k->rec.version_count; i++) {
        const struct version_record *rec = &k->rec.versions[i];
        struct version_entry *e = &ret->versions[ret->version_count++];

        e->version = rec->version;
        e->state = rec->state >= 1 && rec->state <= STATE_LAST ? rec->state : STATE_DESTROYED;
        e->damaged = k->damaged || k->versions[i].damaged;
        snprintf(e->type, sizeof(e->type), "%s", rec->type);
        e->created = rec->created;
        e->changed = rec->changed;
        memcpy(e->hash, k->versions[i].hash, LB_HASH_SIZE);
        e->certificates = (uint8_t)vault_count_certificates(v, certs, k, i);
        e->chain_damaged = rec->chain_damaged;
        e->destroy_at = rec->destroy_at;
        e->life = rec->life;
        e->current = (int)i == boxkey_current(k);
        e->used = atomic_load_explicit(&k->versions[i].last_used, memory_order_relaxed);
    }
    if (k->rec.former != NULL)
        snprintf(ret->former, sizeof(ret->former), "%s", k->rec.former);
    for (size_t i = 0; i < k->rec.grant_count && i < LB_GRANTS_MAX; i++)
        ret->grants[ret->grant_count++] = k->rec.grants[i];
    ret->purposes = (uint16_t)purposes_of((struct bytes){ k->rec.others, k->rec.others_len });
    return 0;
}

int vault_show(struct vault *v, const char *name, struct key_details *ret, struct problem *p)
{
    struct p11_certs *certs;
    const struct boxkey *k;
    int r;

    if (atomic_load(&v->lock) == LOCK_NO_STORE)
        return vault_no_store(v, p);
    certs = vault_certs(v, /* ask= */ true);
    pthread_rwlock_rdlock(&v->ring.lock);
    k = keyring_find_any(&v->ring, name);
    r = k == NULL ? vault_no_key(v, name, p) : show(v, certs, k, ret);
    pthread_rwlock_unlock(&v->ring.lock);
    vault_certs_unref(v, certs);
    return r;
}

int vault_users(struct vault *v, const char *name, struct user_entry *ret, size_t room, size_t *ret_count, struct problem *p)
{
    const struct boxkey *k;
    int r = 0;

    *ret_count = 0;
    if (atomic_load(&v->lock) == LOCK_NO_STORE)
        return vault_no_store(v, p);
    pthread_rwlock_rdlock(&v->ring.lock);
    k = keyring_find_any(&v->ring, name);
    if (k == NULL)
        r = vault_no_key(v, name, p);
    else
        *ret_count = users_of(v->users, k->rec.key_id, ret, room);
    pthread_rwlock_unlock(&v->ring.lock);
    return r;
}
