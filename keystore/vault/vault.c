/* The vault: opening the store, unlocking and locking. */
#include "vault/vault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "guard/secret.h"
#include "model/chain.h"
#include "seals/seal.h"
#include "store/seals.h"
#include "store/store.h"
#include "vault/vault_priv.h"

/* Opening */

struct load {
    struct vault *v;
    unsigned nameless;
};

/* A chain that is not the key's any more is left out of answers. The key itself goes on. */
static void check_chains(struct boxkey *k)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        struct version_record *v = &k->rec.versions[i];

        if (v->chain != NULL && !chain_is_of((struct bytes){ v->chain, v->chain_len },
                                             (struct bytes){ v->spki, v->spki_len })) {
            version_record_drop_chain(v);
            v->chain_damaged = true;
        }
        if (v->chain_damaged)
            log_error("the certificate chain of key '%s' version %u is damaged: set it again", k->rec.name, v->version);
    }
}

/* What the versions are bound to is not known: none can authenticate. They can be destroyed, as any that are damaged. */
static void lose_policy(struct boxkey *k)
{
    log_error("the policy of key '%s' is damaged", k->rec.name);
    for (size_t i = 0; i < k->rec.version_count; i++)
        k->versions[i].damaged = true;
}

static int load_key(const struct key_record *rec, bool damaged, void *arg)
{
    struct load *load = arg;
    struct boxkey *k = boxkey_new(rec);
    int r;

    if (k == NULL)
        return LB_E_NOMEM;
    k->damaged = damaged;
    /* A record whose name is gone gets one that can be typed. */
    if (!keyname_ok(k->rec.name, strlen(k->rec.name))) {
        k->damaged = true;
        snprintf(k->rec.name, sizeof(k->rec.name), "damaged-%u", ++load->nameless);
    }
    if (k->damaged) {
        log_error("the record of key '%s' is damaged", k->rec.name);
        k->rec.unknown = 0;
    } else if (rec->policy_damaged) {
        lose_policy(k);
    } else if (rec->unknown != 0) {
        log_error("key '%s' has a policy of kind %u, which this littlebox does not know: it is kept and not used", k->rec.name,
                  rec->unknown);
    }
    k->damaged = k->damaged || rec->unknown != 0;
    check_chains(k);
    r = keyring_put(&load->v->ring, /* old= */ NULL, k);
    if (r != 0)
        boxkey_free(k);
    return r;
}

static void count_keys(struct vault *v)
{
    unsigned damaged = 0;

    for (size_t i = 0; i < v->ring.count; i++)
        damaged += boxkey_is_damaged(v->ring.keys[i]);
    atomic_store(&v->keys, (unsigned)v->ring.count);
    atomic_store(&v->damaged, damaged);
}

/* Reads what can be read of the store, if there is one. */
static int open_store(struct vault *v, struct problem *p)
{
    struct load load = { .v = v };
    int r = store_open(v->conf->paths.store, &v->store, p);

    if (r == LB_E_NO_STORE)
        return 0;
    if (r == LB_E_STORE_READONLY && v->store != NULL) {
        log_warning("%s: nothing can be changed until this is mended", p->text);
        r = 0;
    }
    if (r != 0)
        return r;
    p->code = 0;
    r = store_each_key(v->store, load_key, &load, p);
    if (r != 0)
        return r;
    /* The keys that could be read are served; the others are in the list as damaged. */
    if (p->code != 0)
        log_error("%s: going on with the %zu keys that could be read", p->text, v->ring.count);
    vault_note_schedules(v);
    vault_read_used(v);
    vault_note_seals(v);
    atomic_store(&v->lock, LOCK_LOCKED);
    count_keys(v);
    return 0;
}

int vault_open(const struct vault_settings *settings, struct vault **ret, struct problem *p)
{
    struct vault *v = calloc(1, sizeof(*v));
    int r;

    *ret = NULL;
    if (v == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    pthread_mutex_init(&v->opened.lock, NULL);
    v->conf = settings;
    v->next_destroy = UINT64_MAX;
    v->next_life = UINT64_MAX;
    v->settles_at = UINT64_MAX;
    v->used_written = (uint64_t)time(NULL);
    v->ops = backend_of(settings->backend.kind);
    atomic_init(&v->lock, LOCK_NO_STORE);
    v->ops->token_of(/* b= */ NULL, settings->box, &v->token);
    r = keyring_init(&v->ring, v->ops->stays_open ? 0 : settings->open_keys);
    if (r == 0)
        r = users_new(&v->users);
    if (r != 0)
        problem_set(p, r, "out of memory");
    else
        r = v->ops->site->open(&settings->backend, &v->site, p);
    if (r == 0)
        r = open_store(v, p);
    if (r != 0) {
        vault_close(v);
        return r;
    }
    *ret = v;
    return 0;
}

void vault_close(struct vault *v)
{
    if (v == NULL)
        return;
    vault_lock(v);
    vault_write_used(v);
    keyring_clear(&v->ring);
    users_free(v->users);
    seal_records_free(v->opened.seals, v->opened.seal_count);
    v->opened.seals = NULL;
    v->opened.seal_count = 0;
    v->opened.store = NULL;
    store_close(v->store);
    v->store = NULL;
    v->ops->site->close(v->site);
    pthread_mutex_destroy(&v->opened.lock);
    free(v);
}

void vault_summary(const struct vault *v, struct vault_summary *ret)
{
    *ret = (struct vault_summary){
        .lock = (enum lock_state)atomic_load(&v->lock),
        .credential = atomic_load(&v->by_credential)        ? CREDENTIAL_OPENS
                      : atomic_load(&v->credential_refused) ? CREDENTIAL_REFUSED
                                                            : CREDENTIAL_UNUSED,
        .keys = atomic_load(&v->keys),
        .damaged = atomic_load(&v->damaged),
        .backend = v->ops->name,
    };
}

unsigned vault_wrong_secrets(const struct vault *v)
{
    return v->wrong_secrets;
}

/* Unlocking and locking */

struct livekey *vault_livekey(struct vault *v, const struct version_record *rec, EVP_PKEY *key)
{
    struct livekey *live = livekey_new(key);
    struct p11uri object;
    int r = 0;

    if (live == NULL || !v->ops->own_objects)
        return live;
    memset(&object, 0, sizeof(object));
    r = v->ops->object_of(v->backend, key, &object);
    if (r == 0)
        r = livekey_set_object(live, &object);
    if (r == 0)
        return live;
    log_error("key '%s' version %u: its object is not known: %s", rec->name, rec->version, lb_strerror(r));
    livekey_unref(live);
    return NULL;
}

static int no_locked_memory(const struct vault *v, struct problem *p)
{
    problem_set(p, LB_E_NOMEM, "no locked memory is left in box '%s' to open a key", v->conf->box);
    problem_hint(p, "raise the limit (LimitMEMLOCK=, ulimit -l)");
    return LB_E_NOMEM;
}

int vault_open_version(struct vault *v, struct boxkey *k, size_t i, struct livekey **ret, struct problem *p)
{
    const struct version_record *rec = &k->rec.versions[i];
    EVP_PKEY *key = NULL;
    struct livekey *live;
    int r;

    /* Each is open while the box is. */
    if (v->ops->stays_open)
        return vault_locked(v, p);
    r = v->ops->open(v->backend, &k->rec, rec, &key);
    if (r == LB_E_NOMEM) {
        opened_close_all(&v->ring.opened);
        r = v->ops->open(v->backend, &k->rec, rec, &key);
    }
    secret_wipe_stack();
    if (r != 0)
        return r == LB_E_NOMEM ? no_locked_memory(v, p) : vault_damaged(v, rec->name, rec->version, p);
    live = vault_livekey(v, rec, key);
    if (live == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    *ret = opened_put(&v->ring.opened, &k->versions[i], live);
    return 0;
}

static bool has_policy(const struct key_record *rec)
{
    bool any = rec->grant_count > 0 || rec->former != NULL || rec->others_len > 0;

    for (size_t i = 0; i < rec->version_count; i++)
        any |= rec->versions[i].destroy_at != 0;
    return any;
}

/*
 * Finds the form of a key that has no row of policy: the key is of the old form, or has no policy and its row was lost. A
 * key authenticates in one of the two forms alone. So a damaged table of policies costs no key that has no policy.
 */
static int find_form(struct vault *v, struct boxkey *k)
{
    struct key_record as_new = k->rec;
    int r;

    if (k->damaged || !k->rec.old_form || has_policy(&k->rec) || k->rec.version_count == 0)
        return 0;
    r = v->ops->check(v->backend, &k->rec, &k->rec.versions[0]);
    if (r != LB_E_DAMAGED)
        return r == LB_E_NOMEM ? r : 0;
    as_new.old_form = false;
    r = v->ops->check(v->backend, &as_new, &as_new.versions[0]);
    if (r != 0)
        return r == LB_E_NOMEM ? r : 0;
    log_warning("key '%s' has no policy, and the row that says so is lost: it goes on without", k->rec.name);
    keyring_found_form(&v->ring, k, /* old= */ false);
    return 0;
}

/*
 * A policy of an unknown kind is a newer littlebox's if a version authenticates with it. If no version does, somebody else wrote
 * the policy, or a disk did: the policy is damaged.
 */
static int try_unknown(struct vault *v, struct boxkey *k)
{
    if (k->rec.unknown == 0 || k->rec.version_count == 0)
        return 0;
    for (size_t i = 0; i < k->rec.version_count; i++) {
        int r = v->ops->check(v->backend, &k->rec, &k->rec.versions[i]);

        if (r != LB_E_DAMAGED)
            return r == LB_E_NOMEM ? r : 0;
    }
    log_error("the policy of key '%s' is damaged: its record does not authenticate", k->rec.name);
    keyring_disown_policy(&v->ring, k);
    return 0;
}

static bool is_destroyed(const struct key_record *rec)
{
    for (size_t i = 0; i < rec->version_count; i++) {
        if (!key_state_destroyed(rec->versions[i].state))
            return false;
    }
    return true;
}

/*
 * A destroyed key has no policy. If all its tombstones authenticate without one, whatever the damaged row said, the key is
 * destroyed indeed: its name can be had again.
 */
static int try_tombstones(struct vault *v, struct boxkey *k)
{
    struct boxkey *without;
    int r = 0;

    if (k->damaged || !k->rec.policy_damaged || !is_destroyed(&k->rec))
        return 0;
    without = boxkey_new(&k->rec);
    if (without == NULL)
        return LB_E_NOMEM;
    key_record_drop_policy(&without->rec);
    for (size_t i = 0; r == 0 && i < without->rec.version_count; i++)
        r = v->ops->check(v->backend, &without->rec, &without->rec.versions[i]);
    if (r == 0)
        log_warning("key '%s' is destroyed, and has no policy: the damaged row of it is passed over", k->rec.name);
    if (r == 0)
        r = keyring_put(&v->ring, k, without);
    if (r == 0)
        return 0;
    boxkey_free(without);
    return r == LB_E_NOMEM ? r : 0;
}

/*
 * Sealed keys are only checked here, and opened when they are first used. So a box of many keys starts at once, and a key
 * that nobody uses is never in the clear. LB_E_NOMEM: nobody knows whether the record is whole.
 */
static int try_version(struct vault *v, struct boxkey *k, size_t i)
{
    const struct version_record *rec = &k->rec.versions[i];
    EVP_PKEY *key = NULL;
    struct livekey *live = NULL;
    bool damaged = k->damaged;
    int r = 0;

    if (!damaged && !v->ops->stays_open)
        r = v->ops->check(v->backend, &k->rec, rec);
    else if (!damaged)
        r = v->ops->open(v->backend, &k->rec, rec, &key);
    if (r == LB_E_NOMEM && !v->ops->stays_open)
        return r;
    if (r == LB_E_UNSUPPORTED)
        log_error("key '%s' version %u is not on a token: it was made with another 'backend =' in %s", k->rec.name,
                  rec->version, v->conf->paths.config);
    else if (r != 0)
        log_error("key '%s' version %u is damaged: its record does not authenticate", k->rec.name, rec->version);
    damaged = damaged || r != 0;
    if (key != NULL)
        live = vault_livekey(v, rec, key);
    return keyring_seen(&v->ring, k, i, damaged, live);
}

static int make_backend(struct vault *v)
{
    int r = v->ops->site->unlock(v->site, v->sealer, &v->backend);

    if (r != 0) {
        backend_sealed_free(v->sealer);
        v->sealer = NULL;
        return r;
    }
    if (atomic_load(&v->serving))
        (void)v->ops->site->connect(v->site);
    return 0;
}

int vault_opened(struct vault *v, const uint8_t *store_key, struct problem *p)
{
    const uint8_t *taken = NULL;
    int r = backend_sealed_new(store_id(v->store), store_key, &v->sealer);

    if (r == 0)
        r = make_backend(v);
    if (r != 0)
        return problem_set(p, r, "cannot open the store of box '%s': %s", v->conf->box, lb_strerror(r));
    /* Takes the store key once, so that it is not shielded and unshielded for each key. */
    r = backend_sealed_take(v->sealer, &taken);
    for (size_t i = 0; r == 0 && i < v->ring.count; i++) {
        r = find_form(v, v->ring.keys[i]);
        if (r == 0)
            r = try_unknown(v, v->ring.keys[i]);
        if (r == 0)
            r = try_tombstones(v, v->ring.keys[i]);
        for (size_t j = 0; r == 0 && j < v->ring.keys[i]->rec.version_count; j++)
            r = try_version(v, v->ring.keys[i], j);
    }
    if (taken != NULL)
        backend_sealed_rest(v->sealer);
    secret_wipe_stack();
    if (r != 0) {
        vault_lock(v);
        return r == LB_E_NOMEM ? no_locked_memory(v, p)
                               : problem_set(p, r, "cannot open the store of box '%s': %s", v->conf->box, lb_strerror(r));
    }
    /* Before anybody can use it. */
    vault_bring_up(v);
    vault_note_clock(v);
    vault_expire(v);
    vault_age(v);
    count_keys(v);
    atomic_store(&v->lock, LOCK_UNLOCKED);
    return 0;
}

int vault_unlock(struct vault *v, unsigned kind, struct bytes secret, struct problem *p)
{
    struct seal_record *seals = NULL;
    uint8_t *store_key = NULL;
    size_t count = 0;
    uint32_t seal = 0;
    bool more = false;
    int r;

    if (v->store == NULL)
        return vault_no_store(v, p);
    store_key = secret_alloc(STORE_KEY_SIZE);
    if (store_key == NULL)
        return secret_no_memory(p);
    p->code = 0;
    r = store_seals(v->store, &seals, &count, p);
    if (r != 0)
        goto out;
    if (p->code != 0)
        log_error("%s", p->text);
    r = LB_E_SECRET;
    for (size_t i = 0; r != SEAL_OPENED && i < count; i++) {
        if (seals[i].kind == kind)
            r = seal_unwrap(store_id(v->store), &seals[i], secret, store_key);
        more |= r == SEAL_MORE;
        if (r == SEAL_OPENED)
            seal = seals[i].id;
    }
    if (r != SEAL_OPENED && more) {
        r = problem_set(p, LB_E_LOCKED, "box '%s' wants more than this %s", v->conf->box, seal_kind_name(kind));
        goto out;
    }
    if (r != SEAL_OPENED) {
        v->wrong_secrets++;
        problem_set(p, LB_E_SECRET, "no seal of box '%s' opens with this %s", v->conf->box, seal_kind_name(kind));
        problem_hint(p, "the seals of a box: littlebox --box %s seal list", v->conf->box);
        r = LB_E_SECRET;
        goto out;
    }
    v->wrong_secrets = 0;
    if (v->backend == NULL) {
        r = vault_opened(v, store_key, p);
        if (r == 0)
            vault_note_opened(v, OPENED_BY_REQUEST, kind, seal);
    }
    if (r == 0)
        vault_note_credential(v, kind, secret);
out:
    secret_free(store_key, STORE_KEY_SIZE);
    secret_wipe_stack();
    seal_records_free(seals, count);
    return r;
}

void vault_serve(struct vault *v, unsigned failures, unsigned pause, void (*settled)(void))
{
    v->ops->site->hold(v->site, failures, pause, settled);
    atomic_store(&v->serving, true);
    if (atomic_load(&v->lock) != LOCK_UNLOCKED || !v->ops->site->connect(v->site))
        settled();
}

void vault_note_opened(struct vault *v, enum opened_how how, unsigned kind, uint32_t seal)
{
    pthread_mutex_lock(&v->opened.lock);
    v->opened.how = (uint8_t)how;
    v->opened.kind = (uint8_t)kind;
    v->opened.seal = seal;
    pthread_mutex_unlock(&v->opened.lock);
}

void vault_note_seals(struct vault *v)
{
    struct seal_record *seals = NULL, *old;
    size_t count = 0, old_count;
    struct problem p;

    if (store_seals(v->store, &seals, &count, &p) != 0) {
        log_error("%s", p.text);
        return;
    }
    pthread_mutex_lock(&v->opened.lock);
    old = v->opened.seals;
    old_count = v->opened.seal_count;
    v->opened.store = v->store;
    v->opened.seals = seals;
    v->opened.seal_count = count;
    pthread_mutex_unlock(&v->opened.lock);
    seal_records_free(old, old_count);
}

void vault_rest(struct vault *v, uint64_t now, uint64_t after)
{
    opened_rest(&v->ring.opened, now, after);
}

size_t vault_memory(unsigned threads)
{
    /* A passphrase or credential, and what it is compared with. The key that it becomes, and the store key. The PIN. */
    size_t unlocking = 2 * secret_locks(LB_SECRET_MAX) + 3 * secret_locks(STORE_KEY_SIZE);
    /* One thread at a time looks what would open the store: the credential file, the key that it becomes, the store key. */
    size_t looking = secret_locks(LB_SECRET_MAX) + 2 * secret_locks(STORE_KEY_SIZE);

    return backend_sealed_memory(threads) + unlocking + looking;
}

void vault_token_uri(const struct vault *v, struct p11uri *ret)
{
    memset(ret, 0, sizeof(*ret));
    v->ops->token_of(v->backend, v->conf->box, ret);
}

void vault_lock(struct vault *v)
{
    if (v->backend == NULL)
        return;
    atomic_store(&v->lock, LOCK_LOCKED);
    vault_write_used(v);
    vault_note_opened(v, OPENED_NOT, 0, 0);
    pthread_rwlock_wrlock(&v->ring.lock);
    keyring_close_all(&v->ring);
    vault_token_uri(v, &v->token);
    pthread_rwlock_unlock(&v->ring.lock);
    v->ops->site->lock(v->site, v->backend);
    backend_sealed_free(v->sealer);
    v->sealer = NULL;
    v->backend = NULL;
    secret_wipe_stack();
}
