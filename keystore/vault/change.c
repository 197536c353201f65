/* The changes to a vault: a new record is prepared, stored in one transaction, and then published. */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard/secret.h"
#include "model/chain.h"
#include "seals/seal.h"
#include "store/seals.h"
#include "store/store.h"
#include "vault/vault_priv.h"

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

int vault_rebind(struct vault *v, const struct boxkey *old, struct boxkey *next, size_t i, struct problem *p)
{
    int r;

    if (old->damaged || (old->versions[i].damaged && !key_state_destroyed(next->rec.versions[i].state)))
        return vault_damaged(v, old->rec.name, old->rec.versions[i].version, p);
    r = v->ops->rebind(v->backend, &old->rec, &old->rec.versions[i], &next->rec, &next->rec.versions[i]);
    if (r == LB_E_DAMAGED)
        return vault_damaged(v, old->rec.name, old->rec.versions[i].version, p);
    if (r != 0)
        return problem_set(p, r, "key '%s' version %u: %s", old->rec.name, old->rec.versions[i].version,
                           lb_strerror(r));
    return 0;
}

int vault_put(struct vault *v, store_put_fn *put, struct boxkey *old, struct boxkey *next, bool *ret_stored, struct problem *p)
{
    int r = put(v->store, &next->rec, p);

    if (r != 0)
        return r;
    if (ret_stored != NULL)
        *ret_stored = true;
    return vault_publish(v, old, next, p);
}

void vault_keep_live(struct vault *v, struct boxkey *old, struct boxkey *next)
{
    for (size_t i = 0; i < old->rec.version_count; i++) {
        if (!key_state_ending(next->rec.versions[i].state))
            next->versions[i].live = opened_use(&v->ring.opened, &old->versions[i]);
    }
}

int vault_replace(struct vault *v, struct boxkey *old, struct boxkey *next, struct problem *p)
{
    int r = 0;

    next->rec.old_form = false;
    for (size_t i = 0; r == 0 && i < next->rec.version_count; i++)
        r = vault_rebind(v, old, next, i, p);
    if (r != 0)
        return r;
    vault_keep_live(v, old, next);
    return vault_put(v, store_put_key, old, next, /* ret_stored= */ NULL, p);
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
    if (boxkey_current(old) < 0 && allow) {
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

int vault_put_chain(struct vault *v, struct boxkey *next, size_t i, struct bytes chain, struct problem *p)
{
    struct version_record *rec = &next->rec.versions[i];
    struct wire_reader r;
    unsigned count;
    char key[LB_NAME_MAX + 40];
    int result = chain_read(chain, &count, &r);

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
    result = count == 0 ? 0 : chain_check(chain, (struct bytes){ rec->spki, rec->spki_len }, key, p);
    if (result != 0)
        return result;
    version_record_drop_chain(rec);
    if (count == 0)
        return 0;
    rec->chain = malloc(chain.len);
    if (rec->chain == NULL)
        return out_of_memory(p);
    memcpy(rec->chain, chain.p, chain.len);
    rec->chain_len = chain.len;
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
    vault_keep_live(v, old, next);
    r = vault_put_chain(v, next, (size_t)i, m->chain, p);
    *ret_version = next->rec.versions[i].version;
    if (r == 0)
        r = vault_put(v, store_put_chains, old, next, /* ret_stored= */ NULL, p);
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
