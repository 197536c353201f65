/* What a vault remembers for people: when a key was used last, and where its handles were written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "store/notes.h"
#include "vault/vault_priv.h"

/*
 * Notes a use in memory, one word a version, and writes that only if the second is another one: so a busy key costs its
 * threads one look. The store is told now and then, and when the box is locked or ends.
 */
void vault_note_use(struct boxkey *k, size_t i, uint64_t now)
{
    if (atomic_load_explicit(&k->versions[i].last_used, memory_order_relaxed) != now)
        atomic_store_explicit(&k->versions[i].last_used, now, memory_order_relaxed);
}

/* Reading */

struct by_id {
    struct boxkey **keys;
    size_t count;
};

static int compare_ids(const void *a, const void *b)
{
    return memcmp((*(struct boxkey *const *)a)->rec.key_id, (*(struct boxkey *const *)b)->rec.key_id, KEY_ID_SIZE);
}

static int compare_to_id(const void *id, const void *k)
{
    return memcmp(id, (*(struct boxkey *const *)k)->rec.key_id, KEY_ID_SIZE);
}

static void take_used(const struct used_note *n, void *arg)
{
    const struct by_id *ids = arg;
    struct boxkey **k = bsearch(n->key_id, ids->keys, ids->count, sizeof(struct boxkey *), compare_to_id);

    for (size_t i = 0; k != NULL && i < (*k)->rec.version_count; i++) {
        if ((*k)->rec.versions[i].version != n->version)
            continue;
        atomic_store(&(*k)->versions[i].last_used, n->used);
        (*k)->versions[i].used_stored = n->used;
    }
}

void vault_read_used(struct vault *v)
{
    struct by_id ids = { malloc((v->ring.count + 1) * sizeof(struct boxkey *)), v->ring.count };

    if (ids.keys == NULL)
        return;
    if (ids.count > 0) {
        memcpy(ids.keys, v->ring.keys, ids.count * sizeof(struct boxkey *));
        qsort(ids.keys, ids.count, sizeof(struct boxkey *), compare_ids);
        store_each_used(v->store, take_used, &ids);
    }
    free(ids.keys);
}

/* Writing */

/* Collects the uses that the store does not have, at most room of them. ret NULL: counts them. */
static size_t collect(const struct vault *v, struct used_note *ret, size_t room)
{
    size_t count = 0;

    for (size_t i = 0; i < v->ring.count; i++) {
        const struct boxkey *k = v->ring.keys[i];

        for (size_t j = 0; j < k->rec.version_count && count < room; j++) {
            uint64_t used = atomic_load_explicit(&k->versions[j].last_used, memory_order_relaxed);

            if (used == k->versions[j].used_stored)
                continue;
            if (ret != NULL) {
                memcpy(ret[count].key_id, k->rec.key_id, KEY_ID_SIZE);
                ret[count].version = k->rec.versions[j].version;
                ret[count].used = used;
            }
            count++;
        }
    }
    return count;
}

static void note_stored(struct vault *v, const struct used_note *notes, size_t count)
{
    size_t at = 0;

    for (size_t i = 0; i < v->ring.count && at < count; i++) {
        struct boxkey *k = v->ring.keys[i];

        for (size_t j = 0; j < k->rec.version_count && at < count; j++) {
            if (memcmp(notes[at].key_id, k->rec.key_id, KEY_ID_SIZE) == 0 &&
                notes[at].version == k->rec.versions[j].version)
                k->versions[j].used_stored = notes[at++].used;
        }
    }
}

void vault_write_used(struct vault *v)
{
    struct problem p = { 0 };
    struct used_note *notes;
    size_t room, count;

    if (v->store == NULL || (room = collect(v, NULL, SIZE_MAX)) == 0)
        return;
    notes = malloc(room * sizeof(*notes));
    if (notes == NULL)
        return;
    /* There may be more uses by now, since signatures go on. */
    count = collect(v, notes, room);
    if (store_put_used(v->store, notes, count, &p) == 0)
        note_stored(v, notes, count);
    else
        log_warning("when keys were used last is not written down: %s", p.text);
    free(notes);
}

/* Handles */

int vault_note_handle(struct vault *v, const struct handle_note *m, struct problem *p)
{
    struct boxkey *k;
    int r = vault_find_to_change(v, m->name, &k, p);

    return r != 0 ? r : store_put_handle(v->store, k->rec.key_id, m->path, (uint64_t)time(NULL), p);
}

int vault_handles(struct vault *v, const char *name, void (*take)(const char *path, void *arg), void *arg,
                  struct problem *p)
{
    const struct boxkey *k;

    if (v->store == NULL)
        return vault_no_store(v, p);
    k = keyring_find_any(&v->ring, name);
    if (k == NULL)
        return vault_no_key(v, name, p);
    store_each_handle(v->store, k->rec.key_id, take, arg);
    return 0;
}
