/* The changes to a vault: a new record is prepared, stored in one transaction, and then published. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/time_text.h"
#include "guard/secret.h"
#include "model/chain.h"
#include "model/key_types.h"
#include "seals/seal.h"
#include "store/seals.h"
#include "store/store.h"
#include "vault/vault_priv.h"

static uint64_t now(void)
{
    return (uint64_t)time(NULL);
}

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

int vault_check_open(const struct vault *v, struct problem *p)
{
    if (v->store == NULL)
        return vault_no_store(v, p);
    return v->backend == NULL ? vault_locked(v, p) : 0;
}

int vault_find_to_change(struct vault *v, const char *name, struct boxkey **ret, struct problem *p)
{
    int r = vault_check_open(v, p);

    if (r == 0)
        r = vault_together_name(v, name, p);
    if (r != 0)
        return r;
    /* Without the lock: only this thread changes the ring. */
    *ret = keyring_find(&v->ring, name);
    return *ret != NULL ? 0 : vault_other_name(v, name, p);
}

/* Makes version i of next, whose metadata or grants are new, of what old has: the same key, bound to the new record. */
static int rebind(struct vault *v, const struct boxkey *old, struct boxkey *next, size_t i, struct problem *p)
{
    int r;

    if (old->damaged || (old->versions[i].damaged && next->rec.versions[i].state != STATE_DESTROYED))
        return vault_damaged(v, old->rec.name, old->rec.versions[i].version, p);
    r = v->ops->rebind(v->backend, &old->rec, &old->rec.versions[i], &next->rec, &next->rec.versions[i]);
    if (r == LB_E_DAMAGED)
        return vault_damaged(v, old->rec.name, old->rec.versions[i].version, p);
    if (r != 0)
        return problem_set(p, r, "key '%s' version %u: %s", old->rec.name, old->rec.versions[i].version,
                           lb_strerror(r));
    return 0;
}

/*
 * publish() stores next with put, and puts next in the place of old (NULL: next is new). On success next belongs to the
 * vault, on failure to the caller. *ret_stored (ret_stored may be NULL): next is in the store, whatever came then.
 */
typedef int put_fn(struct store *s, const struct key_record *k, struct problem *p);

static int publish(struct vault *v, put_fn *put, struct boxkey *old, struct boxkey *next, bool *ret_stored,
                   struct problem *p)
{
    int r = put(v->store, &next->rec, p);

    if (r != 0)
        return r;
    if (ret_stored != NULL)
        *ret_stored = true;
    return vault_publish(v, old, next, p);
}

/* Keeps the live halves of versions that go on: same version, same key, neither destroyed nor to be. */
static void keep_live(struct vault *v, struct boxkey *old, struct boxkey *next)
{
    for (size_t i = 0; i < old->rec.version_count; i++) {
        if (next->rec.versions[i].state != STATE_DESTROYED && next->rec.versions[i].state != STATE_DESTROY_SCHEDULED)
            next->versions[i].live = opened_use(&v->ring.opened, &old->versions[i]);
    }
}

int vault_replace(struct vault *v, struct boxkey *old, struct boxkey *next, struct problem *p)
{
    int r = 0;

    next->rec.old_form = false;
    for (size_t i = 0; r == 0 && i < next->rec.version_count; i++)
        r = rebind(v, old, next, i, p);
    if (r != 0)
        return r;
    keep_live(v, old, next);
    return publish(v, store_put_key, old, next, /* ret_stored= */ NULL, p);
}

/* Creating and importing */

static int name_is_taken(const struct vault *v, const struct version_record *rec, struct problem *p)
{
    char at[TIME_TEXT_SIZE];

    time_text(rec->destroy_at, at);
    if (rec->state == STATE_DESTROY_SCHEDULED)
        problem_set(p, LB_E_EXISTS, "key '%s' in box '%s' is to be destroyed at %s, and keeps its name until then", rec->name,
                    v->conf->box, at);
    else
        problem_set(p, LB_E_EXISTS, "key '%s' exists already in box '%s'", rec->name, v->conf->box);
    problem_hint(p, "choose another name; what has it: littlebox --box %s show %s", v->conf->box, rec->name);
    return LB_E_EXISTS;
}

/*
 * Makes the place for a new version: in a new key, or behind the tombstones of a destroyed key, whose numbers are never
 * used again.
 */
static int prepare_version(struct vault *v, const char *name, struct boxkey **ret_old, struct boxkey **ret_next,
                           struct problem *p)
{
    struct boxkey *old, *next;
    struct key_record rec = { 0 };
    struct version_record *versions;
    struct keyversion *halves;
    size_t n;
    int r = vault_together_name(v, name, p);

    if (r != 0)
        return r;
    old = keyring_find(&v->ring, name);
    if (old == NULL && vault_other_name(v, name, p) == LB_E_EXISTS)
        return LB_E_EXISTS;
    if (old != NULL && boxkey_is_damaged(old))
        return vault_damaged(v, name, 0, p);
    for (size_t i = 0; old != NULL && i < old->rec.version_count; i++) {
        if (old->rec.versions[i].state != STATE_DESTROYED)
            return name_is_taken(v, &old->rec.versions[i], p);
    }
    snprintf(rec.name, sizeof(rec.name), "%s", name);
    if (old == NULL && RAND_bytes(rec.key_id, sizeof(rec.key_id)) <= 0)
        return problem_set(p, LB_E_CRYPTO, "no random numbers");
    next = boxkey_new(old != NULL ? &old->rec : &rec);
    if (next == NULL)
        return out_of_memory(p);
    /* A new key under an old name begins without grants. */
    key_record_drop_policy(&next->rec);
    next->rec.old_form = false;
    n = next->rec.version_count;
    versions = realloc(next->rec.versions, (n + 1) * sizeof(*versions));
    if (versions != NULL)
        next->rec.versions = versions;
    halves = realloc(next->versions, (n + 1) * sizeof(*halves));
    if (halves != NULL)
        next->versions = halves;
    if (versions == NULL || halves == NULL) {
        boxkey_free(next);
        return out_of_memory(p);
    }
    memset(&versions[n], 0, sizeof(*versions));
    memset(&halves[n], 0, sizeof(*halves));
    memcpy(versions[n].key_id, next->rec.key_id, KEY_ID_SIZE);
    snprintf(versions[n].name, sizeof(versions[n].name), "%s", name);
    versions[n].version = n == 0 ? 1 : versions[n - 1].version + 1;
    versions[n].state = STATE_ACTIVE;
    versions[n].created = versions[n].changed = now();
    next->rec.version_count = n + 1;
    *ret_old = old;
    *ret_next = next;
    return 0;
}

/* The last version of next has its material. Binds the others to the record as it is now, and publishes. */
static int finish_version(struct vault *v, struct boxkey *old, struct boxkey *next, EVP_PKEY *key, uint8_t *spki_buf,
                          struct key_info *ret, bool *ret_stored, struct problem *p)
{
    size_t n = next->rec.version_count - 1;
    struct version_record *rec = &next->rec.versions[n];
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++)
        r = rebind(v, old, next, i, p);
    next->versions[n].live = vault_livekey(v, rec, key);
    if (r != 0)
        return r;
    if (next->versions[n].live == NULL)
        return out_of_memory(p);
    if (EVP_Digest(rec->spki, rec->spki_len, next->versions[n].hash, NULL, EVP_sha256(), NULL) <= 0)
        return problem_set(p, LB_E_CRYPTO, "SHA-256 failed");
    r = publish(v, store_put_key, old, next, ret_stored, p);
    if (r == 0)
        vault_describe(v, next, n, spki_buf, ret);
    return r;
}

/* A new version came to nothing: what it left on the token is taken away too. */
static void undo(struct vault *v, const struct boxkey *next)
{
    const struct version_record *rec = &next->rec.versions[next->rec.version_count - 1];
    struct problem p;

    if (rec->material != NULL && v->ops->destroy(v->backend, &next->rec, rec, &p) != 0)
        log_error("what was made for key '%s' is still on the token: %s", rec->name, p.text);
}

/* Does the same for a version whose material is the backend's own: what comes to nothing is taken away again. */
static int finish_own_version(struct vault *v, struct boxkey *old, struct boxkey *next, EVP_PKEY *key, uint8_t *spki_buf,
                              struct key_info *ret, struct problem *p)
{
    bool stored = false;
    int r = finish_version(v, old, next, key, spki_buf, ret, &stored, p);

    if (r != 0 && !stored)
        undo(v, next);
    return r;
}

int vault_create(struct vault *v, const struct create_request *m, uint8_t *spki_buf, struct key_info *ret,
                 struct problem *p)
{
    struct boxkey *old, *next = NULL;
    struct version_record *rec;
    EVP_PKEY *key = NULL;
    enum digest restricted;
    int r = vault_check_open(v, p);

    if (r == 0)
        r = keytype_check(m->type, p);
    /* The search for primes may take seconds, for which nobody else is to wait. */
    if (r == 0 && keytype_find(m->type, &restricted)->bits != 0)
        r = vault_together_alone(v, p);
    if (r == 0)
        r = prepare_version(v, m->name, &old, &next, p);
    if (r != 0)
        return r;
    rec = &next->rec.versions[next->rec.version_count - 1];
    snprintf(rec->type, sizeof(rec->type), "%s", m->type);
    r = v->ops->create(v->backend, &next->rec, rec, &key, p);
    if (r == 0)
        r = finish_own_version(v, old, next, key, spki_buf, ret, p);
    if (r != 0)
        boxkey_free(next);
    return r;
}

int vault_attach(struct vault *v, const struct attach_request *m, uint8_t *spki_buf, struct key_info *ret,
                 struct problem *p)
{
    struct boxkey *old, *next = NULL;
    EVP_PKEY *key = NULL;
    int r = vault_check_open(v, p);

    if (r == 0 && !v->ops->own_objects) {
        r = problem_set(p, LB_E_UNSUPPORTED, "box '%s' has no token to attach a key of", v->conf->box);
        problem_hint(p, "BOX.conf: backend = pkcs11; see littlebox.conf(5)");
    }
    if (r == 0)
        r = prepare_version(v, m->name, &old, &next, p);
    if (r != 0)
        return r;
    r = v->ops->attach(v->backend, m->id, m->label, &next->rec, &next->rec.versions[next->rec.version_count - 1], &key, p);
    if (r == 0)
        r = finish_version(v, old, next, key, spki_buf, ret, /* ret_stored= */ NULL, p);
    /* The key's certificate may have been put beside it just now. */
    if (r == 0)
        v->ops->site->certs_forget(v->site);
    if (r != 0)
        boxkey_free(next);
    return r;
}

int vault_import(struct vault *v, const struct import_request *m, uint8_t *spki_buf, struct key_info *ret,
                 struct problem *p)
{
    struct boxkey *old, *next = NULL;
    EVP_PKEY *key = NULL;
    int r = vault_check_open(v, p);

    if (r == 0)
        r = prepare_version(v, m->name, &old, &next, p);
    if (r != 0)
        return r;
    r = v->ops->import(v->backend, m->pkcs8, &next->rec, &next->rec.versions[next->rec.version_count - 1], &key, p);
    if (r == 0)
        r = finish_own_version(v, old, next, key, spki_buf, ret, p);
    if (r != 0)
        boxkey_free(next);
    return r;
}

/* Policy */

/* The entry of g's subject in k, or NULL. */
static struct grant *find_grant(struct boxkey *k, const struct grant *g)
{
    for (size_t i = 0; i < k->rec.grant_count; i++) {
        if (k->rec.grants[i].kind == g->kind && k->rec.grants[i].id == g->id)
            return &k->rec.grants[i];
    }
    return NULL;
}

static int add_grant(struct boxkey *k, const struct grant *g, struct problem *p)
{
    struct grant *has = find_grant(k, g), *more;

    if (has != NULL) {
        has->ops |= g->ops;
        return 0;
    }
    if (k->rec.grant_count == LB_GRANTS_MAX) {
        problem_set(p, LB_E_TOO_LONG, "key '%s' has %d policy entries, which is the most", k->rec.name,
                    LB_GRANTS_MAX);
        problem_hint(p, "allow a group instead of many users");
        return LB_E_TOO_LONG;
    }
    more = realloc(k->rec.grants, (k->rec.grant_count + 1) * sizeof(*more));
    if (more == NULL)
        return out_of_memory(p);
    more[k->rec.grant_count++] = *g;
    k->rec.grants = more;
    qsort(more, k->rec.grant_count, sizeof(*more), grant_compare);
    return 0;
}

static int take_grant(struct vault *v, struct boxkey *k, const struct grant *g, struct problem *p)
{
    struct grant *has = find_grant(k, g);

    if (has == NULL || (has->ops & g->ops) == 0) {
        problem_set(p, LB_E_VALUE, "%s %u was not allowed this with key '%s'", g->kind == SUBJECT_USER ? "uid" : "gid",
                    g->id, k->rec.name);
        problem_hint(p, "who is allowed what: littlebox --box %s show %s", v->conf->box, k->rec.name);
        return LB_E_VALUE;
    }
    has->ops &= (uint16_t)~g->ops;
    if (has->ops == 0) {
        size_t at = (size_t)(has - k->rec.grants);

        memmove(has, has + 1, (k->rec.grant_count - at - 1) * sizeof(*has));
        k->rec.grant_count--;
    }
    return 0;
}

int vault_grant(struct vault *v, const struct grant_request *m, bool allow, struct problem *p)
{
    struct boxkey *old, *next;
    int r = vault_find_to_change(v, m->name, &old, p);

    if (r != 0)
        return r;
    if (boxkey_active(old) < 0 && allow) {
        problem_set(p, LB_E_DESTROYED, "key '%s' in box '%s' has no active version to allow", m->name, v->conf->box);
        return LB_E_DESTROYED;
    }
    next = boxkey_new(&old->rec);
    if (next == NULL)
        return out_of_memory(p);
    r = allow ? add_grant(next, &m->grant, p) : take_grant(v, next, &m->grant, p);
    if (r == 0)
        r = vault_replace(v, old, next, p);
    if (r != 0)
        boxkey_free(next);
    return r;
}

/* Certificates */

/* Puts the chain in place of what version i of next has. An empty chain takes that away. */
static int put_chain(struct vault *v, struct boxkey *next, size_t i, const struct chain_request *m, struct problem *p)
{
    struct version_record *rec = &next->rec.versions[i];
    struct wire_reader r;
    unsigned count;
    char key[LB_NAME_MAX + 40];
    int result = chain_read(m->chain, &count, &r);

    if (result != 0)
        return result;
    if (count == 0 && rec->chain == NULL && !rec->chain_damaged) {
        problem_set(p, LB_E_VALUE, "version %u of key '%s' in box '%s' has no certificate%s", rec->version, rec->name,
                    v->conf->box, !v->ops->site->own_certificates ? "" : " that was set");
        problem_hint(p, "set one: littlebox --box %s cert set %s FILE%s", v->conf->box, rec->name,
                     !v->ops->site->own_certificates ? "" : "; one on the token is removed there, with the token's tools");
        return LB_E_VALUE;
    }
    snprintf(key, sizeof(key), "version %u of key '%s'", rec->version, rec->name);
    result = count == 0 ? 0 : chain_check(m->chain, (struct bytes){ rec->spki, rec->spki_len }, key, p);
    if (result != 0)
        return result;
    version_record_drop_chain(rec);
    if (count == 0)
        return 0;
    rec->chain = malloc(m->chain.len);
    if (rec->chain == NULL)
        return out_of_memory(p);
    memcpy(rec->chain, m->chain.p, m->chain.len);
    rec->chain_len = m->chain.len;
    return 0;
}

int vault_cert_set(struct vault *v, const struct chain_request *m, uint32_t *ret_version, struct problem *p)
{
    struct key_ref ref = { .version = m->version };
    struct boxkey *old, *next;
    int i, r = vault_find_to_change(v, m->name, &old, p);

    if (r != 0)
        return r;
    snprintf(ref.name, sizeof(ref.name), "%s", m->name);
    i = vault_pick_version(v, old, &ref, p);
    if (i < 0)
        return i;
    next = boxkey_new(&old->rec);
    if (next == NULL)
        return out_of_memory(p);
    for (size_t k = 0; k < next->rec.version_count; k++)
        next->versions[k].damaged = old->versions[k].damaged;
    keep_live(v, old, next);
    r = put_chain(v, next, (size_t)i, m, p);
    *ret_version = next->rec.versions[i].version;
    if (r == 0)
        r = publish(v, store_put_chains, old, next, /* ret_stored= */ NULL, p);
    if (r != 0)
        boxkey_free(next);
    return r;
}

/* Seals */

static int wrap(struct vault *v, const uint8_t *id, const struct seal_request *m, const uint8_t *store_key,
                struct seal_record *ret, struct problem *p)
{
    const struct seal_kind *kind = seal_kind_find(m->kind);
    int r = seal_wrap(id, m->kind, m->label, m->secret, store_key, ret);

    if (r == 0)
        return 0;
    if (r == LB_E_WEAK_SECRET && kind->guessable) {
        problem_set(p, r, "a new %s needs at least %zu bytes", kind->name, kind->least_new);
        problem_hint(p, PASSPHRASE_ADVICE);
        return r;
    }
    if (r == LB_E_WEAK_SECRET && kind->source == SEAL_FROM_FILE) {
        problem_set(p, r, "a %s needs at least %zu random bytes", kind->name, kind->least_new);
        problem_hint(p, "let the command make one: littlebox --box %s seal add %s FILE", v->conf->box, kind->option);
        return r;
    }
    return problem_set(p, r, "cannot make a seal: %s", lb_strerror(r));
}

static void seal_clear(struct seal_record *s)
{
    free(s->params);
    free(s->wrapped);
}

int vault_init(struct vault *v, const struct seal_request *m, struct problem *p)
{
    uint8_t id[STORE_ID_SIZE], *store_key;
    struct seal_record seal = { 0 };
    int r;

    if (v->store != NULL) {
        problem_set(p, LB_E_EXISTS, "box '%s' has a store already", v->conf->box);
        problem_hint(p, "its keys: littlebox --box %s list", v->conf->box);
        return LB_E_EXISTS;
    }
    store_key = secret_alloc(STORE_KEY_SIZE);
    if (store_key == NULL)
        return secret_no_memory(p);
    r = RAND_bytes(id, sizeof(id)) > 0 && RAND_priv_bytes(store_key, STORE_KEY_SIZE) > 0
            ? 0
            : problem_set(p, LB_E_CRYPTO, "no random numbers");
    if (r == 0)
        r = wrap(v, id, m, store_key, &seal, p);
    if (r == 0)
        r = store_create(v->conf->paths.store, id, &seal, &v->store, p);
    if (r == 0)
        r = vault_opened(v, store_key, p);
    if (r == 0)
        vault_note_seals(v);
    /* The first row of its table. */
    if (r == 0)
        vault_note_opened(v, OPENED_AS_NEW, m->kind, 1);
    if (r == 0)
        vault_note_credential(v, m->kind, m->secret);
    seal_clear(&seal);
    secret_free(store_key, STORE_KEY_SIZE);
    secret_wipe_stack();
    return r;
}

int vault_seals(struct vault *v, struct seal_info ret[LB_SEALS_MAX], size_t *ret_count, struct problem *p)
{
    struct seal_record *seals = NULL;
    size_t count = 0;
    int r = v->store == NULL ? vault_no_store(v, p) : store_seals(v->store, &seals, &count, p);

    if (r != 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        ret[i] = (struct seal_info){ .id = seals[i].id, .kind = seals[i].kind, .created = seals[i].created };
        memcpy(ret[i].label, seals[i].label, sizeof(ret[i].label));
    }
    seal_records_free(seals, count);
    *ret_count = count;
    return 0;
}

int vault_seal_add(struct vault *v, const struct seal_request *m, struct problem *p)
{
    struct seal_record seal = { 0 };
    const uint8_t *store_key = NULL;
    uint32_t id;
    int r = vault_check_open(v, p);

    if (r == 0 && (r = backend_sealed_take(v->sealer, &store_key)) != 0)
        problem_set(p, r, "the store key of box '%s' cannot be unshielded: %s", v->conf->box, lb_strerror(r));
    if (r == 0)
        r = wrap(v, store_id(v->store), m, store_key, &seal, p);
    if (store_key != NULL)
        backend_sealed_rest(v->sealer);
    secret_wipe_stack();
    if (r == 0)
        r = store_add_seal(v->store, &seal, &id, p);
    if (r == 0)
        vault_note_seals(v);
    seal_clear(&seal);
    return r;
}

/* The store must be open: so whoever removes a seal has shown that another way in works. */
int vault_seal_remove(struct vault *v, uint32_t id, struct problem *p)
{
    int r = vault_check_open(v, p);

    if (r == 0)
        r = store_remove_seal(v->store, id, p);
    if (r == 0)
        vault_note_seals(v);
    if (r == LB_E_NO_SEAL)
        problem_hint(p, "the seals of a box: littlebox --box %s seal list", v->conf->box);
    else if (r == LB_E_LAST_SEAL)
        problem_hint(p, "add another first: littlebox --box %s seal add", v->conf->box);
    return r;
}
