/* What can be asked of a vault without changing it: use a key, tell of it, list. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/id_map.h"
#include "protocol/header.h"
#include "token/certificates.h"
#include "vault/key_walk.h"
#include "vault/vault_priv.h"

/* Refusals that several requests share */

int vault_no_store(const struct vault *v, struct problem *p)
{
    /* What opens a store is kept beside none: there was one. */
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

int vault_locked(const struct vault *v, struct problem *p)
{
    problem_set(p, LB_E_LOCKED, "box '%s' is locked", v->conf->box);
    problem_hint(p, "run: littlebox --box %s unlock%s", v->conf->box,
                 atomic_load(&v->credential_refused) ? "; the box's log says why its credential did not open it" : "");
    return LB_E_LOCKED;
}

int vault_no_key(const struct vault *v, const char *name, struct problem *p)
{
    problem_set(p, LB_E_NO_KEY, "there is no key '%s' in box '%s'", name, v->conf->box);
    if (atomic_load(&v->damaged) > 0)
        problem_hint(p, "some records are damaged, see: littlebox --box %s list", v->conf->box);
    else
        problem_hint(p, "the keys of a box: littlebox --box %s list", v->conf->box);
    return LB_E_NO_KEY;
}

int vault_damaged(const struct vault *v, const char *name, uint32_t version, struct problem *p)
{
    const struct boxkey *k = keyring_find_any(&v->ring, name);

    if (k != NULL && k->rec.unknown != 0) {
        problem_set(p, LB_E_UNSUPPORTED, "key '%s' in box '%s' has a policy of kind %u, which this littlebox does not know",
                    name, v->conf->box, k->rec.unknown);
        problem_hint(p, "it was made by a newer littlebox: install that one");
        return LB_E_UNSUPPORTED;
    }
    problem_set(p, LB_E_DAMAGED, "key '%s' version %u in box '%s' is damaged: its record does not authenticate", name,
                version, v->conf->box);
    problem_hint(p, "restore the store from a backup");
    return LB_E_DAMAGED;
}

/* Finding */

static int no_version(const struct vault *v, const struct key_ref *ref, struct problem *p)
{
    if (ref->has_hash) {
        problem_set(p, LB_E_PUBLIC_KEY, "key '%s' in box '%s' has no version with the public key of this handle",
                    ref->name, v->conf->box);
        problem_hint(p, "make a new handle: littlebox --box %s handle %s", v->conf->box, ref->name);
        return LB_E_PUBLIC_KEY;
    }
    problem_set(p, LB_E_NO_VERSION, "key '%s' in box '%s' has no version %u", ref->name, v->conf->box, ref->version);
    problem_hint(p, "see: littlebox --box %s show %s", v->conf->box, ref->name);
    return LB_E_NO_VERSION;
}

int vault_scheduled(const struct vault *v, const struct version_record *rec, bool whole, struct problem *p)
{
    char at[VAULT_TIME_SIZE], version[24] = "";

    vault_time_text(rec->destroy_at, at);
    if (!whole)
        snprintf(version, sizeof(version), "version %u of ", rec->version);
    problem_set(p, LB_E_NOT_ACTIVE, "%skey '%s' in box '%s' is to be destroyed at %s, and does nothing until then", version,
                rec->name, v->conf->box, at);
    problem_hint(p, "an administrator can keep it: littlebox --box %s destroy --cancel %s", v->conf->box, rec->name);
    return LB_E_NOT_ACTIVE;
}

static int no_active_version(const struct vault *v, const struct boxkey *k, struct problem *p)
{
    bool destroyed = true;

    for (size_t i = k->rec.version_count; i > 0; i--) {
        if (k->rec.versions[i - 1].state == STATE_DESTROY_SCHEDULED)
            return vault_scheduled(v, &k->rec.versions[i - 1], /* whole= */ true, p);
        destroyed = destroyed && k->rec.versions[i - 1].state == STATE_DESTROYED;
    }
    if (destroyed)
        return problem_set(p, LB_E_DESTROYED, "key '%s' in box '%s' is destroyed", k->rec.name, v->conf->box);
    return problem_set(p, LB_E_NOT_ACTIVE, "key '%s' in box '%s' has no active version", k->rec.name, v->conf->box);
}

/* The version that ref means, 0-based, or a refusal. */
static int pick_version(const struct vault *v, const struct boxkey *k, const struct key_ref *ref, struct problem *p)
{
    int active = boxkey_active(k);

    if (ref->version == 0 && !ref->has_hash)
        return active >= 0 ? active : no_active_version(v, k, p);
    for (size_t i = k->rec.version_count; i > 0; i--) {
        if (ref->version != 0 && k->rec.versions[i - 1].version != ref->version)
            continue;
        if (!ref->has_hash || memcmp(k->versions[i - 1].hash, ref->hash, LB_HASH_SIZE) == 0)
            return (int)(i - 1);
    }
    return no_version(v, ref, p);
}

static int check_state(const struct vault *v, const struct version_record *rec, struct problem *p)
{
    if (rec->state == STATE_ACTIVE)
        return 0;
    if (rec->state == STATE_DESTROY_SCHEDULED)
        return vault_scheduled(v, rec, /* whole= */ false, p);
    problem_set(p, rec->state == STATE_DESTROYED ? LB_E_DESTROYED : LB_E_NOT_ACTIVE,
                "version %u of key '%s' in box '%s' is %s", rec->version, rec->name, v->conf->box,
                key_state_name(rec->state));
    if (rec->state == STATE_DESTROYED)
        problem_hint(p, "see: littlebox --box %s show %s", v->conf->box, rec->name);
    return p->code;
}

static int denied(const struct vault *v, const struct boxkey *k, const struct caller *who, enum key_op op, struct problem *p)
{
    const char *name = k->rec.name;
    uid_t uid;

    if (who->peer.pid == 0)
        return problem_set(p, LB_E_DENIED, "the kernel did not tell who asks for key '%s'", name);
    uid = policy_not_granted(v->conf, k->rec.grants, k->rec.grant_count, who, op)->uid;
    problem_set(p, LB_E_DENIED, "uid %u may not %s with key '%s' of box '%s'", uid, key_op_name(op), name, v->conf->box);
    if (idmap_hint(idmap_own(), uid, p))
        return LB_E_DENIED;
    /* What --op is if it is not given. */
    problem_hint(p, "an administrator may run: littlebox --box %s allow %s --user %u%s%s", v->conf->box, name, uid,
                 op == OP_SIGN ? "" : " --op ", op == OP_SIGN ? "" : key_op_name(op));
    return LB_E_DENIED;
}

/* With the read lock held. */
static int use(struct vault *v, const struct key_ref *ref, const struct caller *who, enum key_op op,
               struct livekey **ret, struct problem *p)
{
    struct boxkey *k = keyring_find_any(&v->ring, ref->name);
    int i;

    if (k == NULL)
        return vault_no_key(v, ref->name, p);
    if (!policy_granted(v->conf, k->rec.grants, k->rec.grant_count, who, op))
        return denied(v, k, who, op, p);
    if (k->damaged)
        return vault_damaged(v, ref->name, ref->version, p);
    i = pick_version(v, k, ref, p);
    if (i < 0)
        return i;
    if (k->versions[i].damaged)
        return vault_damaged(v, ref->name, k->rec.versions[i].version, p);
    if (check_state(v, &k->rec.versions[i], p) != 0)
        return p->code;
    /* Unlocked now, with the ring held: it stays so until the ring is given back, see vault_lock(). */
    if (atomic_load(&v->lock) != LOCK_UNLOCKED)
        return vault_locked(v, p);
    *ret = opened_use(&v->ring.opened, &k->versions[i]);
    if (*ret == NULL && vault_open_version(v, k, (size_t)i, ret, p) != 0)
        return p->code;
    vault_note_use(k, (size_t)i);
    return 0;
}

int vault_use(struct vault *v, const struct key_ref *ref, const struct caller *who, enum key_op op,
              struct livekey **ret, struct problem *p)
{
    int r;

    if (atomic_load_explicit(&v->lock, memory_order_acquire) == LOCK_NO_STORE)
        return vault_no_store(v, p);
    pthread_rwlock_rdlock(&v->ring.lock);
    r = use(v, ref, who, op, ret, p);
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

int vault_pick_version(const struct vault *v, const struct boxkey *k, const struct key_ref *ref, struct problem *p)
{
    int i;

    if (k->damaged)
        return vault_damaged(v, ref->name, ref->version, p);
    i = pick_version(v, k, ref, p);
    if (i < 0)
        return i;
    if (k->versions[i].damaged)
        return vault_damaged(v, ref->name, k->rec.versions[i].version, p);
    if (k->rec.versions[i].state == STATE_DESTROYED || k->rec.versions[i].state == STATE_DESTROY_SCHEDULED)
        return check_state(v, &k->rec.versions[i], p);
    return i;
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
    int i = boxkey_active(k);
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

/* Room that one entry may take: the longest name and type and the fixed fields. */
#define ENTRY_ROOM (2 + LB_NAME_MAX + 2 + LB_TYPE_MAX + 4 + 4 + 1 + 1 + 8 + 1)

struct page {
    uint16_t count;
    bool more;
};

/* With the read lock held: entries into w, as many as fit. */
static int list(const struct vault *v, const struct p11_certs *certs, const char *after, const struct caller *who,
                const struct subjects *ids, struct wire_writer *w, struct page *ret)
{
    bool admin = policy_is_admin(v->conf, who);
    struct keywalk walk;
    const struct boxkey *k;
    int r = admin ? keywalk_all(&v->ring, after, &walk) : keywalk_granted(&v->ring, after, ids, &walk);

    while (r == 0 && (k = keywalk_next(&walk)) != NULL) {
        struct key_entry e;

        if (!admin && !policy_granted_any(v->conf, k->rec.grants, k->rec.grant_count, who))
            continue;
        ret->more = w->left < ENTRY_ROOM || ret->count == UINT16_MAX;
        if (ret->more)
            break;
        list_entry(v, certs, k, &e);
        msg_list_entry_put(w, &e);
        ret->count++;
    }
    keywalk_clear(&walk);
    return r;
}

int vault_list(struct vault *v, const struct msg_list *from, const struct caller *who, uint32_t id, void *buf,
               size_t size, size_t *ret_len, struct problem *p)
{
    struct page page = { .count = 0 };
    struct wire_writer w, head;
    struct p11_certs *certs;
    const struct subjects ids = subjects_of_caller(who);
    int r;

    if (atomic_load(&v->lock) == LOCK_NO_STORE)
        return vault_no_store(v, p);
    certs = vault_certs(v, /* ask= */ false);
    wire_write(&w, buf, size);
    msg_header_put(&w, MSG_LIST | MSG_ANSWER, id);
    wire_put_u8(&w, 0);
    wire_put_u16(&w, 0);
    pthread_rwlock_rdlock(&v->ring.lock);
    r = list(v, certs, from->after, who, &ids, &w, &page);
    pthread_rwlock_unlock(&v->ring.lock);
    p11_certs_unref(certs);
    if (r == 0)
        r = wire_written(&w, ret_len);
    if (r != 0)
        return problem_set(p, r, "the list cannot be made: %s", lb_strerror(r));
    wire_write(&head, (uint8_t *)buf + LB_HEADER_SIZE, 3);
    wire_put_u8(&head, page.more);
    wire_put_u16(&head, page.count);
    return 0;
}

unsigned vault_grants_changed(const struct vault *v)
{
    return atomic_load_explicit(&v->ring.grants_changed, memory_order_acquire);
}

bool vault_knows(struct vault *v, const struct subjects *ids)
{
    bool knows = false;
    struct grant mine;
    struct term term;

    pthread_rwlock_rdlock(&v->ring.lock);
    for (size_t i = 0; !knows && subjects_get(ids, i, &mine); i++) {
        term_of_grant(&mine, &term);
        knows = keyindex_find(&v->ring.granted, &term) != NULL;
    }
    pthread_rwlock_unlock(&v->ring.lock);
    return knows;
}

static int show(const struct p11_certs *certs, const struct boxkey *k, struct key_details *ret)
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
        e->certificates = (uint8_t)vault_count_certificates(certs, k, i);
        e->chain_damaged = rec->chain_damaged;
        e->destroy_at = rec->destroy_at;
        e->used = atomic_load_explicit(&k->versions[i].last_used, memory_order_relaxed);
    }
    if (k->rec.former != NULL)
        snprintf(ret->former, sizeof(ret->former), "%s", k->rec.former);
    for (size_t i = 0; i < k->rec.grant_count && i < LB_GRANTS_MAX; i++)
        ret->grants[ret->grant_count++] = k->rec.grants[i];
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
    r = k == NULL ? vault_no_key(v, name, p) : show(certs, k, ret);
    pthread_rwlock_unlock(&v->ring.lock);
    p11_certs_unref(certs);
    return r;
}
