/* What the rules look at (policy/admission.h), gathered from the vault and its keys. */
#include <string.h>

#include "model/chain.h"
#include "vault/vault_priv.h"

static struct admit_box for_rules(const struct vault *v)
{
    return (struct admit_box){
        .name = v->conf->box,
        .admins = v->conf->admins,
        .unlocked = atomic_load(&v->lock) == LOCK_UNLOCKED,
        .damaged = atomic_load(&v->damaged) > 0,
        .credential_refused = atomic_load(&v->credential_refused),
    };
}

/* Refusals that several requests share */

int vault_locked(const struct vault *v, struct problem *p)
{
    const struct admit_box box = for_rules(v);

    return admit_locked(&box, p);
}

int vault_no_key(const struct vault *v, const char *name, struct problem *p)
{
    const struct admit_box box = for_rules(v);

    return admit_no_key(&box, name, p);
}

int vault_damaged(const struct vault *v, const char *name, uint32_t version, struct problem *p)
{
    const struct admit_box box = for_rules(v);
    const struct boxkey *k = keyring_find_any(&v->ring, name);

    if (k != NULL && k->rec.unknown != 0)
        return admit_unknown(&box, name, k->rec.unknown, p);
    return admit_damaged(&box, name, version, p);
}

int vault_scheduled(const struct vault *v, const struct version_record *rec, bool whole, struct problem *p)
{
    const struct admit_box box = for_rules(v);

    return admit_scheduled(&box, rec->name, whole ? 0 : rec->version, rec->destroy_at, p);
}

int vault_find_version(const struct boxkey *k, const struct key_ref *ref)
{
    /* Whoever loaded the next version pinned its public key: that is it, also when it is the next one no more. */
    uint32_t version = ref->version == KEY_VERSION_NEXT ? 0 : ref->version;

    if (!ref->has_hash && ref->version == 0)
        return boxkey_current(k);
    if (!ref->has_hash && ref->version == KEY_VERSION_NEXT)
        return boxkey_next(k);
    for (size_t i = k->rec.version_count; i > 0; i--) {
        if (version != 0 && k->rec.versions[i - 1].version != version)
            continue;
        if (!ref->has_hash || memcmp(k->versions[i - 1].hash, ref->hash, LB_HASH_SIZE) == 0)
            return (int)(i - 1);
    }
    return -1;
}

/* Notes what is left of a key of which no version is meant. */
static void note_what_is_left(const struct boxkey *k, struct admission *a)
{
    a->key.left = LEFT_NONE;
    for (size_t i = k->rec.version_count; i > 0; i--) {
        const struct version_record *rec = &k->rec.versions[i - 1];

        if (rec->state == STATE_DESTROY_SCHEDULED) {
            a->key.left = LEFT_SCHEDULED;
            a->key.destroy_at = rec->destroy_at;
            return;
        }
        if (!key_state_destroyed(rec->state))
            a->key.left = LEFT_SOME;
    }
}

/* Of the chain that was set; one that is on a token alone is not looked for. */
static struct bytes own_certificate(const struct version_record *rec)
{
    struct wire_reader r;
    unsigned count = 0;

    if (rec->chain == NULL || chain_read((struct bytes){ rec->chain, rec->chain_len }, &count, &r) != 0 || count == 0)
        return (struct bytes){ NULL, 0 };
    return wire_get_bytes(&r, LB_CHAIN_MAX);
}

int vault_admission(const struct vault *v, const struct boxkey *k, const struct key_ref *ref, struct admission *ret)
{
    int i;

    *ret = (struct admission){ .ref = ref, .box = for_rules(v) };
    if (k == NULL)
        return -1;
    ret->key.name = k->rec.name;
    ret->key.grants = k->rec.grants;
    ret->key.grant_count = k->rec.grant_count;
    ret->key.damaged = k->damaged;
    ret->key.entries = (struct bytes){ k->rec.others, k->rec.others_len };
    ret->key.unknown = k->rec.unknown;
    i = vault_find_version(k, ref);
    if (i < 0) {
        note_what_is_left(k, ret);
        return -1;
    }
    ret->version.meant = true;
    ret->version.number = k->rec.versions[i].version;
    ret->version.damaged = k->versions[i].damaged;
    ret->version.state = k->rec.versions[i].state;
    ret->version.destroy_at = k->rec.versions[i].destroy_at;
    ret->version.life = &k->rec.versions[i].life;
    ret->version.spki = (struct bytes){ k->rec.versions[i].spki, k->rec.versions[i].spki_len };
    /* Only a rule of a key with a further policy looks at it. */
    if (k->rec.others_len > 0)
        ret->version.certificate = own_certificate(&k->rec.versions[i]);
    return i;
}

int vault_pick_version(const struct vault *v, const struct boxkey *k, const struct key_ref *ref, struct problem *p)
{
    struct admission a;
    int i = vault_admission(v, k, ref, &a), r = admit_tell(&a, p);

    return r != 0 ? r : i;
}
