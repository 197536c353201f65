/* The certificates of keys: those that the box has; where it has none, those on its token for the same public key. */
#include <string.h>

#include "model/chain.h"
#include "model/spki.h"
#include "vault/vault_priv.h"

/* Is the chain to come from the token? A chain that was set goes first, even if it is damaged: nothing replaces it unseen. */
static bool is_tokens(const struct vault *v, const struct version_record *rec)
{
    return v->ops->site->own_certificates && rec->chain == NULL && !rec->chain_damaged;
}

/* Without asking the token */

struct p11_certs *vault_certs(struct vault *v, bool ask)
{
    return v->ops->site->certs(v->site, ask);
}

void vault_certs_unref(const struct vault *v, struct p11_certs *certs)
{
    v->ops->site->certs_unref(certs);
}

/* The hash of the version's public key, however that is written. False: there is no key, or none that can be read. */
static bool common_hash(const struct version_record *rec, uint8_t ret[LB_HASH_SIZE])
{
    return rec->spki != NULL && spki_hash(rec->spki, rec->spki_len, ret);
}

/* Is there a certificate on the token for this version? */
static bool is_certified(const struct vault *v, const struct p11_certs *certs, const struct version_record *rec)
{
    uint8_t hash[LB_HASH_SIZE];

    return common_hash(rec, hash) && v->ops->site->certs_has(certs, hash);
}

bool vault_may_be_certified(const struct vault *v, const struct p11_certs *certs, const struct boxkey *k, size_t i)
{
    if (!is_tokens(v, &k->rec.versions[i]))
        return k->rec.versions[i].chain != NULL;
    return certs == NULL || !v->ops->site->certs_are_current(v->site) || is_certified(v, certs, &k->rec.versions[i]);
}

unsigned vault_count_certificates(const struct vault *v, const struct p11_certs *certs, const struct boxkey *k, size_t i)
{
    const struct version_record *rec = &k->rec.versions[i];
    uint8_t hash[LB_HASH_SIZE];
    struct wire_reader r;
    unsigned count = 0;

    if (rec->chain == NULL && certs != NULL && !rec->chain_damaged && !key_state_destroyed(rec->state))
        return common_hash(rec, hash) ? v->ops->site->certs_chain(certs, hash, NULL) : 0;
    if (rec->chain == NULL || chain_read((struct bytes){ rec->chain, rec->chain_len }, &count, &r) != 0)
        return 0;
    return count;
}

/* Giving */

/* What the token is to be asked for, once the ring is given back. */
struct wanted {
    bool tokens;
    uint8_t hash[LB_HASH_SIZE]; /* spki_hash() */
};

static void put_none(struct wire_writer *w)
{
    wire_put_u16(w, 0);
}

/* With the read lock held. */
static int cert_get(struct vault *v, const struct key_ref *ref, struct wire_writer *w, struct wanted *ret,
                    struct problem *p)
{
    const struct boxkey *k = keyring_find_any(&v->ring, ref->name);
    int i = k == NULL ? vault_no_key(v, ref->name, p) : vault_pick_version(v, k, ref, p);

    memset(ret, 0, sizeof(*ret));
    if (i < 0)
        return i;
    if (is_tokens(v, &k->rec.versions[i]) && common_hash(&k->rec.versions[i], ret->hash)) {
        ret->tokens = true;
        return 0;
    }
    if (k->rec.versions[i].chain != NULL)
        wire_put_raw(w, k->rec.versions[i].chain, k->rec.versions[i].chain_len);
    else
        put_none(w);
    return 0;
}

/*
 * No more than half of the threads wait for the token because of certificates. Whoever can connect may ask for
 * certificates, and a token may take its time.
 */
static int read_certs(struct vault *v, struct p11_certs **ret, struct problem *p)
{
    unsigned most = v->conf->threads / 2 > 0 ? v->conf->threads / 2 : 1;
    int r;

    if (v->ops->site->certs_are_current(v->site)) {
        *ret = v->ops->site->certs(v->site, /* ask= */ false);
        return 0;
    }
    if (atomic_fetch_add(&v->certs_wanted, 1) >= most) {
        *ret = v->ops->site->certs(v->site, /* ask= */ false);
        r = *ret != NULL ? 0 : problem_set(p, LB_E_BUSY, "the certificates on the token of box '%s' are being read",
                                           v->conf->box);
    } else {
        r = v->ops->site->certs_read(v->site, ret, p);
    }
    atomic_fetch_sub(&v->certs_wanted, 1);
    return r == LB_E_LOCKED ? vault_locked(v, p) : r;
}

static int check_room(const struct wire_writer *w, struct problem *p)
{
    return w->error == 0 ? 0 : problem_set(p, w->error, "the certificates do not fit");
}

int vault_cert_get(struct vault *v, const struct key_ref *ref, struct wire_writer *w, struct problem *p)
{
    struct p11_certs *certs = NULL;
    struct wanted wanted;
    int r;

    if (atomic_load(&v->lock) == LOCK_NO_STORE)
        return vault_no_store(v, p);
    pthread_rwlock_rdlock(&v->ring.lock);
    r = cert_get(v, ref, w, &wanted, p);
    pthread_rwlock_unlock(&v->ring.lock);
    if (r == 0 && wanted.tokens) {
        r = read_certs(v, &certs, p);
        if (r == 0)
            v->ops->site->certs_chain(certs, wanted.hash, w);
        vault_certs_unref(v, certs);
    }
    return r != 0 ? r : check_room(w, p);
}

/* Certificates by their own names, whether or not there is a key for them */

static bool is_about_token(struct vault *v, const struct p11uri *want)
{
    struct p11uri token;
    bool is;

    pthread_rwlock_rdlock(&v->ring.lock);
    token = v->token;
    if (atomic_load(&v->lock) == LOCK_UNLOCKED)
        vault_token_uri(v, &token);
    is = vault_is_the_token(v, want, &token);
    pthread_rwlock_unlock(&v->ring.lock);
    return is;
}

int vault_cert_find(struct vault *v, const struct p11uri *want, struct wire_writer *w, struct problem *p)
{
    const size_t room = w->left;
    struct p11_certs *certs = NULL;
    unsigned count;
    int r;

    if (atomic_load(&v->lock) == LOCK_NO_STORE)
        return vault_no_store(v, p);
    /* The certificates are no secret, but nobody is to get all of them for one question. */
    if (!p11uri_has(want, P11_BIT(P11_OBJECT) | P11_BIT(P11_ID)))
        return problem_set(p, LB_E_VALUE, "certificates are found by their label or id");
    if (!v->ops->site->own_certificates || !is_about_token(v, want)) {
        put_none(w);
        return check_room(w, p);
    }
    r = read_certs(v, &certs, p);
    if (r != 0)
        return r;
    count = v->ops->site->certs_named(certs, want, w);
    vault_certs_unref(v, certs);
    /* It writes all of them or nothing. */
    if (w->error == 0 && w->left < room)
        return 0;
    problem_set(p, LB_E_AMBIGUOUS, "%u certificates on the token fit, more than an answer holds", count);
    problem_hint(p, "name one by its label and its id");
    return LB_E_AMBIGUOUS;
}
