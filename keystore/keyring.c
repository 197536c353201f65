/* The keys of a box in memory: found by name without touching the store. */
#include "keyring.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* NULL for length 0 too: *ok tells that from a failure. */
static void *copy(const void *p, size_t len, bool *ok)
{
    void *q = NULL;

    if (len > 0 && p != NULL) {
        q = malloc(len);
        if (q == NULL)
            *ok = false;
        else
            memcpy(q, p, len);
    }
    return q;
}

static bool copy_record(const struct key_record *from, struct key_record *to)
{
    bool ok = true;

    *to = *from;
    to->grants = copy(from->grants, from->grant_count * sizeof(*from->grants), &ok);
    to->versions = copy(from->versions, from->version_count * sizeof(*from->versions), &ok);
    if (to->versions == NULL)
        to->version_count = 0;
    for (size_t i = 0; i < to->version_count; i++) {
        to->versions[i].spki = copy(from->versions[i].spki, from->versions[i].spki_len, &ok);
        to->versions[i].material = copy(from->versions[i].material, from->versions[i].material_len, &ok);
        to->versions[i].chain = copy(from->versions[i].chain, from->versions[i].chain_len, &ok);
    }
    return ok;
}

struct boxkey *boxkey_new(const struct key_record *rec)
{
    struct boxkey *k = calloc(1, sizeof(*k));

    if (k == NULL)
        return NULL;
    if (!copy_record(rec, &k->rec))
        goto fail;
    k->versions = calloc(k->rec.version_count + 1, sizeof(*k->versions));
    if (k->versions == NULL)
        goto fail;
    for (size_t i = 0; i < k->rec.version_count; i++) {
        const struct version_record *v = &k->rec.versions[i];

        if (EVP_Digest(v->spki == NULL ? (const uint8_t *)"" : v->spki, v->spki_len, k->versions[i].hash, NULL,
                       EVP_sha256(), NULL) <= 0)
            goto fail;
    }
    return k;
fail:
    boxkey_free(k);
    return NULL;
}

void boxkey_free(struct boxkey *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; k->versions != NULL && i < k->rec.version_count; i++)
        livekey_unref(k->versions[i].live);
    free(k->versions);
    key_record_clear(&k->rec);
    free(k);
}

int boxkey_active(const struct boxkey *k)
{
    for (size_t i = k->rec.version_count; i > 0; i--) {
        if (k->rec.versions[i - 1].state == STATE_ACTIVE)
            return (int)(i - 1);
    }
    return -1;
}

bool boxkey_is_damaged(const struct boxkey *k)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        if (k->versions[i].damaged)
            return true;
    }
    return k->damaged;
}

int keyring_init(struct keyring *r, size_t most_open)
{
    int result;

    memset(r, 0, sizeof(*r));
    result = opened_init(&r->opened, most_open);
    if (result == 0 && pthread_rwlock_init(&r->lock, NULL) != 0)
        result = LB_E_NOMEM;
    return result;
}

void keyring_clear(struct keyring *r)
{
    opened_clear(&r->opened);
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

/* The live keys that k was made with become the ring's. */
static void put_live(struct keyring *r, struct boxkey *k)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        struct livekey *live = k->versions[i].live;

        k->versions[i].live = NULL;
        if (live != NULL)
            livekey_unref(opened_put(&r->opened, &k->versions[i], live));
    }
}

int keyring_put(struct keyring *r, struct boxkey *old, struct boxkey *k)
{
    size_t at;
    int result = 0;

    pthread_rwlock_wrlock(&r->lock);
    if (old != NULL) {
        at = bound(r, old->rec.name, false);
        while (r->keys[at] != old)
            at++;
        r->keys[at] = k;
    } else {
        result = make_room(r);
        if (result == 0) {
            at = bound(r, k->rec.name, true);
            memmove(r->keys + at + 1, r->keys + at, (r->count - at) * sizeof(*r->keys));
            r->keys[at] = k;
            r->count++;
        }
    }
    for (size_t i = 0; result == 0 && old != NULL && i < old->rec.version_count; i++)
        opened_close(&r->opened, &old->versions[i]);
    if (result == 0)
        put_live(r, k);
    pthread_rwlock_unlock(&r->lock);
    if (result == 0)
        boxkey_free(old);
    return result;
}
