/* Which keys a box has, by their public halves and their names, for commands that bring many: read once, and kept up. */
#include "command/box_keys.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "client/keys.h"
#include "model/former_names.h"
#include "protocol/keys.h"

/* An entry of a public half has a hash; one of a name alone has none. */
struct entry {
    struct entry *next;
    bool is_name;
    uint8_t hash[LB_HASH_SIZE];
    struct boxkeys_twin twin;
    bool scheduled;
};

struct box_keys {
    pthread_mutex_t lock;
    struct entry **buckets;
    size_t size, count; /* size is a power of two */
};

static uint64_t mix(const void *data, size_t len)
{
    uint64_t h = 14695981039346656037ull; /* FNV-1a */

    for (size_t i = 0; i < len; i++)
        h = (h ^ ((const uint8_t *)data)[i]) * 1099511628211ull;
    return h ^ h >> 29;
}

static struct entry **bucket(const struct box_keys *k, const struct entry *e)
{
    uint64_t h = e->is_name ? mix(e->twin.name, strlen(e->twin.name)) : mix(e->hash, LB_HASH_SIZE);

    return &k->buckets[h & (k->size - 1)];
}

static bool same(const struct entry *a, const struct entry *b)
{
    if (a->is_name != b->is_name)
        return false;
    return a->is_name ? strcmp(a->twin.name, b->twin.name) == 0 : memcmp(a->hash, b->hash, LB_HASH_SIZE) == 0;
}

static struct entry **find(const struct box_keys *k, const struct entry *like)
{
    struct entry **at = bucket(k, like);

    while (*at != NULL && !same(*at, like))
        at = &(*at)->next;
    return at;
}

static int grow(struct box_keys *k)
{
    struct box_keys more = { .size = k->size * 2, .buckets = calloc(k->size * 2, sizeof(*k->buckets)) };

    if (more.buckets == NULL)
        return LB_E_NOMEM;
    for (size_t i = 0; i < k->size; i++) {
        for (struct entry *e = k->buckets[i], *next; e != NULL; e = next) {
            struct entry **to = bucket(&more, e);

            next = e->next;
            e->next = *to;
            *to = e;
        }
    }
    free(k->buckets);
    k->buckets = more.buckets;
    k->size = more.size;
    return 0;
}

static int add(struct box_keys *k, const struct entry *e)
{
    struct entry *copy, **to;

    if (*find(k, e) != NULL)
        return 0;
    if (k->count >= k->size && grow(k) != 0)
        return LB_E_NOMEM;
    copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return LB_E_NOMEM;
    *copy = *e;
    to = bucket(k, e);
    copy->next = *to;
    *to = copy;
    k->count++;
    return 0;
}

static void take_away(struct box_keys *k, const struct entry *like)
{
    struct entry **at = find(k, like), *gone = *at;

    if (gone == NULL)
        return;
    *at = gone->next;
    free(gone);
    k->count--;
}

static struct entry of_name(const char *name)
{
    struct entry e = { .is_name = true };

    snprintf(e.twin.name, sizeof(e.twin.name), "%s", name);
    return e;
}

static struct entry of_hash(const uint8_t hash[LB_HASH_SIZE], const char *name, uint32_t version)
{
    struct entry e = { .twin.version = version };

    memcpy(e.hash, hash, LB_HASH_SIZE);
    snprintf(e.twin.name, sizeof(e.twin.name), "%s", name);
    return e;
}

/* A destroyed version is passed over: it has nothing left of the key, and its name may be had again. */
static int add_key(struct box_keys *k, const struct key_details *show)
{
    const char *former = show->former;
    char name[LB_NAME_MAX + 1];
    struct entry e;
    int r = 0;

    for (unsigned i = 0; r == 0 && i < show->version_count; i++) {
        const struct version_entry *v = &show->versions[i];

        if (key_state_destroyed(v->state))
            continue;
        e = of_hash(v->hash, show->name, v->version);
        e.scheduled = v->state == STATE_DESTROY_SCHEDULED;
        r = add(k, &e);
        e = of_name(show->name);
        if (r == 0)
            r = add(k, &e);
    }
    while (r == 0 && former_next(&former, name)) {
        e = of_name(name);
        r = add(k, &e);
    }
    return r;
}

int boxkeys_names(struct client *c, const char *after, char (**ret)[LB_NAME_MAX + 1], uint16_t *ret_count, bool *ret_more,
                      struct problem *p)
{
    struct key_entry e = { .name = "" };
    struct wire_reader reader;
    int r = ask_list(c->ask, after, ret_more, ret_count, &reader, p);

    *ret = NULL;
    if (r != 0)
        return r;
    *ret = calloc((size_t)*ret_count + 1, sizeof(**ret));
    if (*ret == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    for (unsigned i = 0; i < *ret_count && reader.error == 0; i++) {
        msg_list_entry_get(&reader, &e);
        memcpy((*ret)[i], e.name, sizeof((*ret)[i]));
    }
    return wire_end(&reader) == 0 && (*ret_count > 0 || !*ret_more) ? 0 : problem_set(p, LB_E_VALUE, "the box's list is damaged");
}

static int add_all(struct box_keys *k, struct client *c, struct key_details *show, struct problem *p)
{
    char (*names)[LB_NAME_MAX + 1] = NULL, after[LB_NAME_MAX + 1] = "";
    struct problem ignored;
    uint16_t count;
    bool more = true;
    int r = 0;

    while (r == 0 && more) {
        r = boxkeys_names(c, after, &names, &count, &more, p);
        for (unsigned i = 0; r == 0 && i < count; i++) {
            int shown = ask_show(c->ask, names[i], show, &ignored);

            memcpy(after, names[i], sizeof(after));
            /* One that went meanwhile is none. */
            if (shown == 0 && add_key(k, show) != 0)
                r = problem_set(p, LB_E_NOMEM, "out of memory");
            else if (shown != 0 && shown != LB_E_NO_KEY && shown != LB_E_DAMAGED) {
                *p = ignored;
                r = shown;
            }
        }
        free(names);
    }
    return r;
}

int boxkeys_load(struct client *c, struct box_keys **ret, struct problem *p)
{
    struct box_keys *k = calloc(1, sizeof(*k));
    struct key_details *show = malloc(sizeof(*show));
    int r = 0;

    *ret = NULL;
    if (k != NULL) {
        k->size = 1024;
        k->buckets = calloc(k->size, sizeof(*k->buckets));
        pthread_mutex_init(&k->lock, NULL);
    }
    if (k == NULL || k->buckets == NULL || show == NULL)
        r = problem_set(p, LB_E_NOMEM, "out of memory");
    if (r == 0)
        r = add_all(k, c, show, p);
    free(show);
    if (r == 0)
        *ret = k;
    else
        boxkeys_free(k);
    return r;
}

void boxkeys_free(struct box_keys *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; k->buckets != NULL && i < k->size; i++) {
        for (struct entry *e = k->buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            free(e);
        }
    }
    free(k->buckets);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* With the lock held. */
static int claim(struct box_keys *k, const struct key_hashes *hashes, const char *name, struct boxkeys_twin *ret)
{
    struct entry e = of_name(name);
    const struct entry *has = NULL;
    int r;

    for (size_t i = 0; has == NULL && i < hashes->count; i++) {
        const struct entry like = of_hash(hashes->h[i], "", 0);

        has = *find(k, &like);
    }
    if (has != NULL) {
        *ret = has->twin;
        return has->scheduled ? CLAIM_SCHEDULED : CLAIM_HAS;
    }
    if (*find(k, &e) != NULL)
        return CLAIM_NAME;
    r = add(k, &e);
    e = of_hash(hashes->h[0], name, 0);
    return r == 0 && add(k, &e) == 0 ? CLAIM_NEW : LB_E_NOMEM;
}

int boxkeys_claim(struct box_keys *k, const struct key_hashes *hashes, const char *name, struct boxkeys_twin *ret,
                  struct problem *p)
{
    int r;

    pthread_mutex_lock(&k->lock);
    r = claim(k, hashes, name, ret);
    pthread_mutex_unlock(&k->lock);
    return r == LB_E_NOMEM ? problem_set(p, r, "out of memory") : r;
}

void boxkeys_unclaim(struct box_keys *k, const struct key_hashes *hashes, const char *name)
{
    struct entry e = of_name(name);

    pthread_mutex_lock(&k->lock);
    take_away(k, &e);
    e = of_hash(hashes->h[0], name, 0);
    take_away(k, &e);
    pthread_mutex_unlock(&k->lock);
}

int boxkeys_refuse(const struct client *c, enum boxkeys_claim claimed, const char *name, const struct boxkeys_twin *twin,
                   struct problem *p)
{
    const char *box = c->cli->box;

    if (claimed == CLAIM_SCHEDULED) {
        problem_set(p, LB_E_EXISTS, "the box has this key already, as '%s', which is to be destroyed", twin->name);
        problem_hint(p, "to keep it: littlebox --box %s destroy --cancel %s", box, twin->name);
    } else if (claimed == CLAIM_HAS) {
        problem_set(p, LB_E_EXISTS, "the box has this key already, as '%s'", twin->name);
        problem_hint(p, "its handle, in a new file: littlebox --box %s handle %s --out FILE", box, twin->name);
    } else {
        problem_set(p, LB_E_EXISTS, "another key of box '%s' has the name '%s', or had it", box, name);
        problem_hint(p, "take this file by itself, under another name; what has this one: littlebox --box %s show %s", box, name);
    }
    return LB_E_EXISTS;
}
