/* New versions: created, imported, attached, and the next one of a key. */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time_text.h"
#include "model/key_types.h"
#include "store/store.h"
#include "vault/vault_priv.h"

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

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

/* Adds a version to next, behind those that it has. Its type, public half and material are the caller's to set. */
static int add_version(struct vault *v, struct boxkey *next, enum key_state state, struct problem *p)
{
    size_t n = next->rec.version_count;
    struct version_record *versions = realloc(next->rec.versions, (n + 1) * sizeof(*versions));
    struct keyversion *halves;

    if (versions != NULL)
        next->rec.versions = versions;
    halves = realloc(next->versions, (n + 1) * sizeof(*halves));
    if (halves != NULL)
        next->versions = halves;
    if (versions == NULL || halves == NULL)
        return out_of_memory(p);
    memset(&versions[n], 0, sizeof(*versions));
    memset(&halves[n], 0, sizeof(*halves));
    memcpy(versions[n].key_id, next->rec.key_id, KEY_ID_SIZE);
    snprintf(versions[n].name, sizeof(versions[n].name), "%s", next->rec.name);
    versions[n].version = n == 0 ? 1 : versions[n - 1].version + 1;
    versions[n].state = (uint8_t)state;
    versions[n].created = versions[n].changed = vault_now(v);
    next->rec.version_count = n + 1;
    next->rec.old_form = false;
    return 0;
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
    int r = vault_together_name(v, name, p);

    if (r != 0)
        return r;
    old = keyring_find(&v->ring, name);
    if (old == NULL && vault_other_name(v, name, p) == LB_E_EXISTS)
        return LB_E_EXISTS;
    if (old != NULL && boxkey_is_damaged(old))
        return vault_damaged(v, name, 0, p);
    for (size_t i = 0; old != NULL && i < old->rec.version_count; i++) {
        if (!key_state_destroyed(old->rec.versions[i].state))
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
    r = add_version(v, next, STATE_ACTIVE, p);
    if (r != 0) {
        boxkey_free(next);
        return r;
    }
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
        r = vault_rebind(v, old, next, i, p);
    next->versions[n].live = vault_livekey(v, rec, key);
    if (r != 0)
        return r;
    if (next->versions[n].live == NULL)
        return out_of_memory(p);
    if (EVP_Digest(rec->spki, rec->spki_len, next->versions[n].hash, NULL, EVP_sha256(), NULL) <= 0)
        return problem_set(p, LB_E_CRYPTO, "SHA-256 failed");
    r = vault_put(v, store_put_key, old, next, ret_stored, p);
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
    r = vault_set_purposes(next, m->purposes, p);
    if (r == 0)
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
    r = vault_set_purposes(next, m->purposes, p);
    if (r == 0)
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
    r = vault_set_purposes(next, m->purposes, p);
    if (r == 0)
        r = v->ops->import(v->backend, m->pkcs8, &next->rec, &next->rec.versions[next->rec.version_count - 1], &key, p);
    if (r == 0)
        r = finish_own_version(v, old, next, key, spki_buf, ret, p);
    if (r != 0)
        boxkey_free(next);
    return r;
}


/* Rolling over */

/* The type of the next version, if none was asked for: that of the current one, else of the last one. */
static const char *type_before(const struct boxkey *k)
{
    int i = boxkey_current(k);

    return k->rec.versions[i >= 0 ? (size_t)i : k->rec.version_count - 1].type;
}

/* There is a next version already: the same request gets the same answer. */
static int has_next(const struct vault *v, const struct boxkey *k, size_t i, const struct roll_request *m, uint8_t *spki_buf,
                    struct key_info *ret, struct problem *p)
{
    const struct version_record *rec = &k->rec.versions[i];

    if (m->type[0] == '\0' || strcmp(m->type, rec->type) == 0) {
        vault_describe(v, k, i, spki_buf, ret);
        return 0;
    }
    problem_set(p, LB_E_EXISTS, "key '%s' in box '%s' has a next version already, and it is of type %s", rec->name, v->conf->box,
                rec->type);
    problem_hint(p, "see: littlebox --box %s show %s", v->conf->box, rec->name);
    return LB_E_EXISTS;
}

/* Deactivated and compromised versions will do: whoever lost a key needs a new one under its name, with its grants. */
static bool lives(const struct boxkey *k)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        if (!key_state_ending(k->rec.versions[i].state))
            return true;
    }
    return false;
}

static int check_roll(struct vault *v, const struct boxkey *k, struct problem *p)
{
    if (boxkey_is_damaged(k) || k->rec.version_count == 0)
        return vault_damaged(v, k->rec.name, 0, p);
    if (!lives(k)) {
        problem_set(p, LB_E_NOT_ACTIVE, "key '%s' in box '%s' is destroyed: there is no version to roll over from", k->rec.name,
                    v->conf->box);
        problem_hint(p, "make a new key, under this name if it is gone: littlebox --box %s create %s", v->conf->box, k->rec.name);
        return LB_E_NOT_ACTIVE;
    }
    if (k->rec.version_count < LB_VERSIONS_MAX)
        return 0;
    problem_set(p, LB_E_TOO_LONG, "key '%s' in box '%s' has %d versions, which is the most", k->rec.name, v->conf->box,
                LB_VERSIONS_MAX);
    problem_hint(p, "make a key of another name: littlebox --box %s create NAME", v->conf->box);
    return LB_E_TOO_LONG;
}

int vault_roll(struct vault *v, const struct roll_request *m, uint8_t *spki_buf, struct key_info *ret, bool *ret_new,
               struct problem *p)
{
    struct boxkey *old, *next;
    struct version_record *rec;
    EVP_PKEY *key = NULL;
    int i, r = vault_find_to_change(v, m->name, &old, p);

    *ret_new = false;
    if (r == 0)
        r = check_roll(v, old, p);
    if (r == 0 && m->type[0] != '\0')
        r = keytype_check(m->type, p);
    if (r != 0)
        return r;
    i = boxkey_next(old);
    if (i >= 0)
        return has_next(v, old, (size_t)i, m, spki_buf, ret, p);
    next = boxkey_new(&old->rec);
    if (next == NULL)
        return out_of_memory(p);
    r = add_version(v, next, STATE_PRE_ACTIVATION, p);
    if (r != 0)
        goto out;
    rec = &next->rec.versions[next->rec.version_count - 1];
    snprintf(rec->type, sizeof(rec->type), "%s", m->type[0] != '\0' ? m->type : type_before(old));
    vault_keep_live(v, old, next);
    r = v->ops->create(v->backend, &next->rec, rec, &key, p);
    if (r == 0)
        r = finish_own_version(v, old, next, key, spki_buf, ret, p);
    if (r != 0)
        goto out;
    next = NULL; /* now owned by the vault */
    *ret_new = true;
out:
    boxkey_free(next);
    return r;
}
