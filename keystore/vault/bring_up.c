/* Stores of before schema 4: their keys are bound in the new form when they are unlocked. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "guard/secret.h"
#include "store/store.h"
#include "vault/vault_priv.h"

/* A damaged key is left alone as a whole: its rows are all that is known of it. */
static bool is_old(const struct boxkey *k)
{
    return k->rec.old_form && !boxkey_is_damaged(k);
}

/* Makes the record in the new form. It owns its versions and the material in them alone; the rest is k's. */
static int make_new(struct vault *v, const struct boxkey *k, struct key_record *ret)
{
    size_t count = k->rec.version_count;
    int r = 0;

    *ret = k->rec;
    ret->old_form = false;
    ret->versions = calloc(count + 1, sizeof(*ret->versions));
    if (ret->versions == NULL)
        return LB_E_NOMEM;
    if (count > 0)
        memcpy(ret->versions, k->rec.versions, count * sizeof(*ret->versions));
    for (size_t i = 0; r == 0 && i < count; i++)
        r = v->ops->rebind(v->backend, &k->rec, &k->rec.versions[i], ret, &ret->versions[i]);
    return r;
}

/* Frees the material of rec that is not k's. */
static void drop_new(const struct boxkey *k, struct key_record *rec)
{
    for (size_t i = 0; rec->versions != NULL && i < k->rec.version_count; i++) {
        if (rec->versions[i].material != k->rec.versions[i].material)
            free(rec->versions[i].material);
    }
    free(rec->versions);
}

/* Brings into memory what was stored: k takes the new material of rec, and rec gets the old one. */
static void take_over(struct boxkey *k, struct key_record *rec)
{
    k->rec.old_form = false;
    for (size_t i = 0; i < k->rec.version_count; i++) {
        struct version_record *is = &k->rec.versions[i], *new = &rec->versions[i], old = *is;

        is->material = new->material;
        is->material_len = new->material_len;
        new->material = old.material;
        new->material_len = old.material_len;
    }
}

static int bring_up(struct vault *v, struct boxkey **keys, struct key_record *recs, size_t count, struct problem *p)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = make_new(v, keys[i], &recs[i]);
    secret_wipe_stack();
    if (r != 0)
        return problem_set(p, r, "%s", lb_strerror(r));
    r = store_put_keys(v->store, recs, count, p);
    if (r != 0)
        return r;
    pthread_rwlock_wrlock(&v->ring.lock);
    for (size_t i = 0; i < count; i++)
        take_over(keys[i], &recs[i]);
    pthread_rwlock_unlock(&v->ring.lock);
    return 0;
}

void vault_bring_up(struct vault *v)
{
    struct boxkey **keys = calloc(v->ring.count + 1, sizeof(*keys));
    struct key_record *recs = calloc(v->ring.count + 1, sizeof(*recs));
    struct problem p = { 0 };
    size_t count = 0;
    int r = keys == NULL || recs == NULL ? problem_set(&p, LB_E_NOMEM, "out of memory") : 0;

    for (size_t i = 0; r == 0 && i < v->ring.count; i++) {
        if (is_old(v->ring.keys[i]))
            keys[count++] = v->ring.keys[i];
    }
    if (r == 0 && count > 0)
        r = bring_up(v, keys, recs, count, &p);
    if (r != 0)
        log_warning("the store of box '%s' stays in the form of an older littlebox: %s", v->conf->box, p.text);
    else if (count > 0)
        log_info("the store of box '%s' was brought up: %zu key%s", v->conf->box, count, count == 1 ? "" : "s");
    for (size_t i = 0; i < count; i++)
        drop_new(keys[i], &recs[i]);
    free(keys);
    free(recs);
}
