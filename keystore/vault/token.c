/* What is on the token of a box, and how the token is. */
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "model/key_types.h"
#include "model/spki.h"
#include "vault/vault_priv.h"

int vault_token(struct vault *v, struct token_status *ret, struct problem *p)
{
    return v->ops->site->status(v->site, ret, p);
}

int vault_login(struct vault *v, struct bytes pin, struct problem *p)
{
    return v->ops->site->login(v->site, pin, p);
}

struct listing {
    struct vault *v;
    const struct token_key_taker *taker;
};

static bool is_value(const struct p11_value *v, struct bytes of)
{
    return v->set ? v->len == of.len && memcmp(v->bytes, of.p, of.len) == 0 : of.len == 0;
}

/*
 * Does version i of k work with this object? Name and public half must both fit: each alone may be another object's. With
 * the ring's lock held.
 */
static bool is_object_of(const struct boxkey *k, size_t i, const struct site_object *site)
{
    const struct version_record *rec = &k->rec.versions[i];
    const struct livekey *live = k->versions[i].live;
    const struct token_object *o = live == NULL ? NULL : livekey_object(live);

    return o != NULL && !key_state_destroyed(rec->state) && is_value(&o->id, site->id) && is_value(&o->label, site->label) &&
           spki_same(rec->spki, rec->spki_len, site->spki.p, site->spki.len);
}

/* The name of the key that works with this object, or "". */
static void name_of(struct vault *v, const struct site_object *o, char *ret)
{
    pthread_rwlock_rdlock(&v->ring.lock);
    for (size_t i = 0; i < v->ring.count; i++) {
        const struct boxkey *k = v->ring.keys[i];

        for (size_t j = 0; j < k->rec.version_count; j++) {
            if (is_object_of(k, j, o))
                snprintf(ret, LB_NAME_MAX + 1, "%s", k->rec.name);
        }
    }
    pthread_rwlock_unlock(&v->ring.lock);
}

static void put_type(struct bytes spki, struct token_key *e)
{
    EVP_PKEY *pub = spki_key(NULL, spki.p, spki.len);
    struct problem ignored;

    if (pub == NULL || keytype_of(pub, e->type, &ignored) != 0)
        e->type[0] = '\0';
    EVP_PKEY_free(pub);
    ERR_clear_error();
}

static void start(void *arg)
{
    struct listing *l = arg;

    l->taker->start(l->taker->arg);
}

static bool take(const struct site_object *o, void *arg)
{
    struct listing *l = arg;
    struct token_key e = { .key = "", .id = o->id, .label = o->label };

    if (o->spki.len > 0) {
        put_type(o->spki, &e);
        name_of(l->v, o, e.key);
    }
    return l->taker->take(&e, l->taker->arg);
}

int vault_token_list(struct vault *v, uint32_t from, const struct token_key_taker *taker, bool *ret_more,
                     struct problem *p)
{
    struct listing l = { v, taker };
    const struct site_object_taker taking = { start, take, &l };

    return v->ops->site->objects(v->site, from, &taking, ret_more, p);
}
