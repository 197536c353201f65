/* Changes that are committed together: stored one after the other, and published once all of them are on disk. */
#include <string.h>

#include "guard/secret.h"
#include "store/group.h"
#include "vault/vault_priv.h"

bool vault_together_begin(struct vault *v)
{
    /* What a change does on a token is done at once, and could not be taken back with the others. */
    if (v->store == NULL || v->ops->elsewhere || !store_group_begin(v->store))
        return false;
    v->together = (struct together){ .on = true };
    return true;
}

void vault_together_next(struct vault *v, void *change)
{
    v->together.begun++;
    v->together.change = change;
    v->together.clash = false;
}

bool vault_together_clash(const struct vault *v)
{
    return v->together.clash;
}

static int clash(struct vault *v, struct problem *p)
{
    v->together.clash = true;
    return problem_set(p, LB_E_BUSY, "the changes before this one are not published yet");
}

int vault_together_alone(struct vault *v, struct problem *p)
{
    return v->together.on && v->together.begun > 1 ? clash(v, p) : 0;
}

int vault_together_name(struct vault *v, const char *name, struct problem *p)
{
    for (size_t i = 0; i < v->together.count; i++) {
        const struct pending *has = &v->together.pending[i];

        if (strcmp(has->next->rec.name, name) == 0 || (has->old != NULL && strcmp(has->old->rec.name, name) == 0))
            return clash(v, p);
    }
    return 0;
}

/* Puts next, which is in the store, in the place of old. On failure next is the caller's. */
static int put(struct vault *v, struct boxkey *old, struct boxkey *next, struct problem *p)
{
    int damaged = (int)boxkey_is_damaged(next) - (old != NULL && boxkey_is_damaged(old));
    int r = keyring_put(&v->ring, old, next);

    if (r != 0) {
        /* The key is stored, and will be there after a restart: only this process has no room for it. */
        return problem_set(p, r, "key '%s' is stored, but memory is too short to use it now", next->rec.name);
    }
    atomic_store(&v->keys, (unsigned)v->ring.count);
    atomic_fetch_add(&v->damaged, (unsigned)damaged);
    return 0;
}

int vault_publish(struct vault *v, struct boxkey *old, struct boxkey *next, struct problem *p)
{
    int r = 0;

    if (v->together.on)
        v->together.pending[v->together.count++] = (struct pending){ old, next, v->together.change };
    else
        r = put(v, old, next, p);
    if (r == 0)
        secret_wipe_stack();
    return r;
}

int vault_together_end(struct vault *v, void (*fail)(void *change, const struct problem *p), struct problem *p)
{
    int r = store_group_end(v->store, p);

    v->together.on = false;
    for (size_t i = 0; i < v->together.count; i++) {
        struct pending *at = &v->together.pending[i];
        struct problem own;

        if (r == 0 && put(v, at->old, at->next, &own) == 0)
            continue;
        if (r == 0)
            fail(at->change, &own);
        boxkey_free(at->next);
    }
    v->together.count = 0;
    return r;
}
