/* The keys of a box in memory: found by name without touching the store. */
#include "vault/keyring.h"

#include <stdlib.h>
#include <string.h>

#include "base/fair_lock.h"
#include "model/former_names.h"
#include "policy/policy.h"

int keyring_init(struct keyring *r, size_t most_open)
{
    int result;

    memset(r, 0, sizeof(*r));
    atomic_init(&r->grants_changed, 1);
    result = opened_init(&r->opened, most_open);
    return result == 0 ? fairlock_init(&r->lock) : result;
}

void keyring_clear(struct keyring *r)
{
    keyring_close_all(r);
    opened_clear(&r->opened);
    keyindex_clear(&r->granted);
    keyindex_clear(&r->former);
    for (size_t i = 0; i < r->count; i++)
        boxkey_free(r->keys[i]);
    free(r->keys);
    pthread_rwlock_destroy(&r->lock);
    memset(r, 0, sizeof(*r));
}

/* The first place whose name is not less than (or, with behind, greater than) name. */
static size_t bound(const struct keyring *r, const char *name, bool behind)
{
    size_t low = 0, high = r->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(r->keys[middle]->rec.name, name);

        if (order < 0 || (behind && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct boxkey *keyring_find(const struct keyring *r, const char *name)
{
    struct boxkey *found = NULL;

    for (size_t i = bound(r, name, false); i < r->count && strcmp(r->keys[i]->rec.name, name) == 0; i++) {
        if (found == NULL || boxkey_is_damaged(found))
            found = r->keys[i];
    }
    return found;
}

struct boxkey *keyring_find_any(const struct keyring *r, const char *name)
{
    struct boxkey *found = keyring_find(r, name);
    const struct keylist *had;
    struct term term;

    if (found != NULL || !keyname_ok(name, strlen(name)))
        return found;
    term_of_name(name, &term);
    had = keyindex_find(&r->former, &term);
    for (size_t i = 0; had != NULL && i < had->count; i++) {
        if (found == NULL || boxkey_is_damaged(found))
            found = had->keys[i];
    }
    return found;
}

size_t keyring_after(const struct keyring *r, const char *name)
{
    return bound(r, name, true);
}

static int make_room(struct keyring *r)
{
    size_t size = r->size == 0 ? 64 : r->size * 2;
    struct boxkey **more;

    if (r->count < r->size)
        return 0;
    more = realloc(r->keys, size * sizeof(*more));
    if (more == NULL)
        return LB_E_NOMEM;
    r->keys = more;
    r->size = size;
    return 0;
}

/* Indexes, with the write lock held */

/* Three ways to ask for it. */
#define OBJECT_TERMS 3

static void terms_of(const struct token_object *o, struct term ret[OBJECT_TERMS])
{
    term_of_object(&o->label, /* id= */ NULL, &ret[0]);
    term_of_object(/* label= */ NULL, &o->id, &ret[1]);
    term_of_object(&o->label, &o->id, &ret[2]);
}

static int index_object(struct keyring *r, struct boxkey *k, const struct livekey *live)
{
    const struct token_object *object = live == NULL ? NULL : livekey_object(live);
    struct term terms[OBJECT_TERMS];
    int result = 0;

    if (object == NULL)
        return 0;
    terms_of(object, terms);
    for (size_t i = 0; result == 0 && i < OBJECT_TERMS; i++)
        result = keyindex_add(&r->objects, &terms[i], k);
    return result;
}

static const char *former_of(const struct boxkey *k)
{
    return k->rec.former == NULL ? "" : k->rec.former;
}

static int index_key(struct keyring *r, struct boxkey *k)
{
    char name[LB_NAME_MAX + 1];
    struct term term;
    int result = 0;

    for (const char *at = former_of(k); result == 0 && former_next(&at, name);) {
        term_of_name(name, &term);
        result = keyindex_add(&r->former, &term, k);
    }
    for (size_t i = 0; result == 0 && i < k->rec.grant_count; i++) {
        term_of_grant(&k->rec.grants[i], &term);
        result = keyindex_add(&r->granted, &term, k);
    }
    for (size_t i = 0; result == 0 && i < k->rec.version_count; i++)
        result = index_object(r, k, k->versions[i].live);
    return result;
}

/* Takes k out of all that it is found by, even if k is there in part only. */
static void unindex_key(struct keyring *r, struct boxkey *k)
{
    struct term terms[OBJECT_TERMS];
    char name[LB_NAME_MAX + 1];

    for (const char *at = former_of(k); former_next(&at, name);) {
        term_of_name(name, &terms[0]);
        keyindex_remove(&r->former, &terms[0], k);
    }
    for (size_t i = 0; i < k->rec.grant_count; i++) {
        term_of_grant(&k->rec.grants[i], &terms[0]);
        keyindex_remove(&r->granted, &terms[0], k);
    }
    for (size_t i = 0; i < k->rec.version_count; i++) {
        const struct livekey *live = k->versions[i].live;

        if (live == NULL || livekey_object(live) == NULL)
            continue;
        terms_of(livekey_object(live), terms);
        for (size_t j = 0; j < OBJECT_TERMS; j++)
            keyindex_remove(&r->objects, &terms[j], k);
    }
}

static bool same_subjects(const struct boxkey *a, const struct boxkey *b)
{
    size_t count = a == NULL ? 0 : a->rec.grant_count;

    if (count != b->rec.grant_count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (grant_compare(&a->rec.grants[i], &b->rec.grants[i]) != 0)
            return false;
    }
    return true;
}

/* The ring takes over the live keys that k was made with. */
static void put_live(struct keyring *r, struct boxkey *k)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        struct livekey *live = k->versions[i].live;

        k->versions[i].live = NULL;
        if (live != NULL)
            livekey_unref(opened_put(&r->opened, &k->versions[i], live));
    }
}

static void put_new(struct keyring *r, struct boxkey *k)
{
    size_t at = bound(r, k->rec.name, true);

    memmove(r->keys + at + 1, r->keys + at, (r->count - at) * sizeof(*r->keys));
    r->keys[at] = k;
    r->count++;
}

/* Keeps the last uses, by the versions' numbers: a version may be used while its key is changed. */
static void keep_used(struct boxkey *old, struct boxkey *k)
{
    for (size_t i = 0, j = 0; i < k->rec.version_count && j < old->rec.version_count; i++) {
        while (j < old->rec.version_count && old->rec.versions[j].version < k->rec.versions[i].version)
            j++;
        if (j == old->rec.version_count || old->rec.versions[j].version != k->rec.versions[i].version)
            continue;
        atomic_store(&k->versions[i].last_used, atomic_load(&old->versions[j].last_used));
        k->versions[i].used_stored = old->versions[j].used_stored;
    }
}

static void replace(struct keyring *r, struct boxkey *old, struct boxkey *k)
{
    size_t at = bound(r, old->rec.name, false);

    while (r->keys[at] != old)
        at++;
    if (strcmp(old->rec.name, k->rec.name) == 0) {
        r->keys[at] = k;
    } else {
        r->count--;
        memmove(r->keys + at, r->keys + at + 1, (r->count - at) * sizeof(*r->keys));
        put_new(r, k);
    }
    keep_used(old, k);
    unindex_key(r, old);
    for (size_t i = 0; i < old->rec.version_count; i++)
        opened_close(&r->opened, &old->versions[i]);
}

int keyring_put(struct keyring *r, struct boxkey *old, struct boxkey *k)
{
    int result;

    pthread_rwlock_wrlock(&r->lock);
    result = index_key(r, k);
    if (result == 0 && old == NULL)
        result = make_room(r);
    if (result != 0) {
        unindex_key(r, k);
        pthread_rwlock_unlock(&r->lock);
        return result;
    }
    if (!same_subjects(old, k))
        atomic_fetch_add(&r->grants_changed, 1);
    if (old != NULL)
        replace(r, old, k);
    else
        put_new(r, k);
    put_live(r, k);
    pthread_rwlock_unlock(&r->lock);
    boxkey_free(old);
    return 0;
}

void keyring_found_form(struct keyring *r, struct boxkey *k, bool old)
{
    pthread_rwlock_wrlock(&r->lock);
    k->rec.old_form = old;
    pthread_rwlock_unlock(&r->lock);
}

void keyring_disown_policy(struct keyring *r, struct boxkey *k)
{
    pthread_rwlock_wrlock(&r->lock);
    k->rec.unknown = 0;
    k->rec.policy_damaged = true;
    k->damaged = false;
    for (size_t i = 0; i < k->rec.version_count; i++)
        k->versions[i].damaged = true;
    pthread_rwlock_unlock(&r->lock);
}

int keyring_seen(struct keyring *r, struct boxkey *k, size_t i, bool damaged, struct livekey *live)
{
    int result;

    /* Looks without the lock, since only this thread makes changes: most keys are what they were. */
    if (live == NULL && k->versions[i].damaged == damaged)
        return 0;
    pthread_rwlock_wrlock(&r->lock);
    k->versions[i].damaged = damaged;
    result = index_object(r, k, live);
    if (result == 0 && live != NULL)
        livekey_unref(opened_put(&r->opened, &k->versions[i], live));
    pthread_rwlock_unlock(&r->lock);
    if (result != 0)
        livekey_unref(live);
    return result;
}

void keyring_close_all(struct keyring *r)
{
    opened_close_all(&r->opened);
    keyindex_clear(&r->objects);
}
