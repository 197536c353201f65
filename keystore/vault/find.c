/* Which keys of a box are the objects that a PKCS#11 URI means. */
#include <stdio.h>
#include <string.h>

#include "model/former_names.h"
#include "vault/key_walk.h"
#include "vault/vault_priv.h"

struct search {
    const struct vault *v;
    const struct p11_certs *certs; /* what is known of the token's */
    const struct p11uri *want;
    bool named; /* by label or id */
    bool (*take)(const struct found_object *e, void *arg);
    void *arg;
    struct found_token *found;
};

/* Sets the label of a key that is on no token: its name, or the former name by which it was asked for. */
static void set_label(const struct search *s, const struct boxkey *k, struct p11_value *ret)
{
    const struct p11_value *label = &s->want->a[P11_OBJECT];
    const char *former = k->rec.former;
    char name[LB_NAME_MAX + 1];

    for (const char *at = former == NULL ? "" : former; label->set && former_next(&at, name);) {
        if (strlen(name) == label->len && memcmp(name, label->bytes, label->len) == 0) {
            *ret = *label;
            return;
        }
    }
    ret->set = true;
    ret->len = (uint8_t)strlen(k->rec.name);
    memcpy(ret->bytes, k->rec.name, ret->len);
}

/*
 * Makes an object of version i of k. Where keys are on no token, the object is the key and not one version of it, so that a
 * roll-over goes on under the same URI. False: there is no object to be found.
 */
static bool as_object(const struct search *s, const struct boxkey *k, size_t i, struct found_object *ret)
{
    const struct version_record *rec = &k->rec.versions[i];
    const struct token_object *object;

    if (k->damaged || k->versions[i].damaged || key_state_ending(rec->state))
        return false;
    memset(ret, 0, sizeof(*ret));
    snprintf(ret->name, sizeof(ret->name), "%s", k->rec.name);
    snprintf(ret->type, sizeof(ret->type), "%s", rec->type);
    ret->certified = vault_may_be_certified(s->v, s->certs, k, i);
    if (!s->v->ops->own_objects) {
        set_label(s, k, &ret->object.a[P11_OBJECT]);
        return (int)i == boxkey_current(k);
    }
    object = k->versions[i].live == NULL ? NULL : livekey_object(k->versions[i].live);
    if (object == NULL)
        return false;
    ret->version = rec->version;
    ret->object.a[P11_OBJECT] = object->label;
    ret->object.a[P11_ID] = object->id;
    return true;
}

static void give_found(struct search *s, const struct found_object *e)
{
    if (s->found->more || !s->take(e, s->arg))
        s->found->more = true;
    else
        s->found->count++;
}

/* Gives the active version of a key alone, if it fits: the others are its past. Else gives all versions that fit. */
static void find_in_key(struct search *s, const struct boxkey *k)
{
    int active = boxkey_current(k);
    struct found_object e;

    if (active >= 0 && as_object(s, k, (size_t)active, &e) && p11uri_matches(s->want, &e.object, P11_OF_OBJECT)) {
        give_found(s, &e);
        return;
    }
    for (size_t i = 0; i < k->rec.version_count; i++) {
        if ((int)i != active && as_object(s, k, i, &e) && p11uri_matches(s->want, &e.object, P11_OF_OBJECT))
            give_found(s, &e);
    }
}

/*
 * Is the token the one? Only what is known of the token is compared. A token that is away has not told yet what it is
 * called, and a server that starts then shall find its key all the same.
 */
bool vault_is_the_token(const struct vault *v, const struct p11uri *want, const struct p11uri *token)
{
    unsigned known = P11_OF_TOKEN;

    for (unsigned i = 0; v->ops->elsewhere && i < P11_ATTRS; i++) {
        if (!token->a[i].set)
            known &= ~P11_BIT(i);
    }
    return p11uri_matches(want, token, known);
}

static const struct boxkey *named_key(const struct vault *v, const struct p11_value *label)
{
    char name[LB_NAME_MAX + 1];

    if (label->len > LB_NAME_MAX || memchr(label->bytes, '\0', label->len) != NULL)
        return NULL;
    memcpy(name, label->bytes, label->len);
    name[label->len] = '\0';
    return keyring_find_any(&v->ring, name);
}

/*
 * The keys that may be meant. If there is a label or id, all keys that have it: whoever names one may look. Else the keys
 * that LIST would show.
 */
static int candidates(const struct search *s, const struct caller *who, struct keywalk *ret)
{
    const struct p11_value *label = &s->want->a[P11_OBJECT], *id = &s->want->a[P11_ID];

    if (s->named)
        return keywalk_objects(&s->v->ring, label, id, ret);
    if (policy_is_admin(s->v->conf->admins, who))
        return keywalk_all(&s->v->ring, /* after= */ "", ret);
    return keywalk_granted(&s->v->ring, /* after= */ "", &who->sender, ret);
}

static bool may_see(const struct search *s, const struct boxkey *k, const struct caller *who)
{
    if (s->named || policy_is_admin(s->v->conf->admins, who))
        return true;
    return policy_granted_any(s->v->conf->admins, k->rec.grants, k->rec.grant_count, who);
}

/* Stops when the answer is full: of further objects the answer tells only that there are some. */
static int find_among(struct search *s, const struct caller *who, struct problem *p)
{
    struct keywalk walk;
    const struct boxkey *k;
    int r = candidates(s, who, &walk);

    while (r == 0 && !s->found->more && (k = keywalk_next(&walk)) != NULL) {
        if (may_see(s, k, who))
            find_in_key(s, k);
    }
    keywalk_clear(&walk);
    return r == 0 ? 0 : problem_set(p, r, "out of memory");
}

/* With the read lock held. */
static int find(struct search *s, const struct caller *who, struct problem *p)
{
    const struct vault *v = s->v;
    const struct p11uri *want = s->want;
    /*
     * A vault that is seen open with the ring held stays open, backend and all, until the ring is given back: see
     * vault_lock().
     */
    bool open = atomic_load(&v->lock) == LOCK_UNLOCKED;
    struct p11uri token = v->token;
    const struct boxkey *k;

    if (open)
        vault_token_uri(v, &token);
    (void)p11uri_format(&token, P11_OF_TOKEN, s->found->token, sizeof(s->found->token)); /* a text: may be cut off */
    s->found->is_the_token = vault_is_the_token(v, want, &token);
    if (!s->found->is_the_token)
        return 0;
    if (v->ops->own_objects && !open)
        return vault_locked(v, p);
    if (v->ops->own_objects || !s->named)
        return find_among(s, who, p);
    /* There is no token: the object's label is the key's name. */
    k = want->a[P11_ID].set ? NULL : named_key(v, &want->a[P11_OBJECT]);
    if (k != NULL)
        find_in_key(s, k);
    return 0;
}

int vault_find(struct vault *v, const struct p11uri *want, const struct caller *who,
               bool (*take)(const struct found_object *e, void *arg), void *arg, struct found_token *ret, struct problem *p)
{
    struct search s = { .v = v, .want = want, .take = take, .arg = arg, .found = ret };
    struct p11_certs *certs;
    int r;

    memset(ret, 0, sizeof(*ret));
    if (atomic_load(&v->lock) == LOCK_NO_STORE)
        return vault_no_store(v, p);
    s.named = p11uri_has(want, P11_BIT(P11_OBJECT) | P11_BIT(P11_ID));
    certs = vault_certs(v, /* ask= */ false);
    s.certs = certs;
    pthread_rwlock_rdlock(&v->ring.lock);
    r = find(&s, who, p);
    pthread_rwlock_unlock(&v->ring.lock);
    vault_certs_unref(v, certs);
    return r;
}
