/* Which keys of a ring a term leads to. A term is the subject of a grant, or what a token calls an object. */
#include "vault/key_index.h"

#include <stdlib.h>
#include <string.h>

#include "vault/box_key.h"

#define SLOTS_FIRST 64

struct keyterm {
    struct keyterm *next; /* in its slot */
    struct keylist list;  /* never empty */
    size_t len;
    uint8_t bytes[];
};

/* Terms */

static void add(struct term *t, const void *p, size_t len)
{
    memcpy(t->bytes + t->len, p, len);
    t->len += len;
}

void term_of_grant(const struct grant *g, struct term *ret)
{
    ret->len = 0;
    add(ret, &g->kind, sizeof(g->kind));
    add(ret, &g->id, sizeof(g->id));
}

void term_of_name(const char *name, struct term *ret)
{
    ret->len = 0;
    add(ret, name, strlen(name));
}

static void add_value(struct term *t, const struct p11_value *v)
{
    if (v != NULL && v->set)
        add(t, v->bytes, v->len);
}

/* No two terms are the same: the first byte says what is in them, the second how long the label is. */
void term_of_object(const struct p11_value *label, const struct p11_value *id, struct term *ret)
{
    bool has_label = label != NULL && label->set, has_id = id != NULL && id->set;

    ret->bytes[0] = (uint8_t)(has_label | has_id << 1);
    ret->bytes[1] = has_label ? label->len : 0;
    ret->len = 2;
    add_value(ret, label);
    add_value(ret, id);
}

/* FNV-1a. Only administrators choose terms, so nobody makes collisions to harm others. */
static uint64_t hash(const uint8_t *bytes, size_t len)
{
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        h = (h ^ bytes[i]) * 0x100000001b3;
    return h ^ h >> 32;
}

/* Lists */

/* Where k is, or belongs. */
static size_t place(const struct keylist *l, const struct boxkey *k)
{
    size_t low = 0, high = l->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (boxkey_order(l->keys[middle], k) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int list_add(struct keylist *l, struct boxkey *k)
{
    size_t at = place(l, k);

    if (at < l->count && l->keys[at] == k)
        return 0;
    if (l->count == l->size) {
        size_t size = l->size == 0 ? 1 : l->size * 2;
        struct boxkey **more = realloc(l->keys, size * sizeof(struct boxkey *));

        if (more == NULL)
            return LB_E_NOMEM;
        l->keys = more;
        l->size = size;
    }
    memmove(l->keys + at + 1, l->keys + at, (l->count - at) * sizeof(struct boxkey *));
    l->keys[at] = k;
    l->count++;
    return 0;
}

static void list_remove(struct keylist *l, const struct boxkey *k)
{
    size_t at = place(l, k);

    if (at == l->count || l->keys[at] != k)
        return;
    l->count--;
    memmove(l->keys + at, l->keys + at + 1, (l->count - at) * sizeof(struct boxkey *));
}

size_t keylist_after(const struct keylist *l, const char *name)
{
    size_t low = 0, high = l->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(l->keys[middle]->rec.name, name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The table */

static struct keyterm **find(const struct keyindex *x, const struct term *term)
{
    struct keyterm **at = &x->slots[hash(term->bytes, term->len) & (x->slot_count - 1)];

    while (*at != NULL && ((*at)->len != term->len || memcmp((*at)->bytes, term->bytes, term->len) != 0))
        at = &(*at)->next;
    return at;
}

/* On average a slot has at most one term. */
static int make_room(struct keyindex *x)
{
    size_t count = x->slot_count == 0 ? SLOTS_FIRST : x->slot_count * 2;
    struct keyterm **slots;

    if (x->terms < x->slot_count)
        return 0;
    slots = calloc(count, sizeof(*slots));
    if (slots == NULL)
        return LB_E_NOMEM;
    for (size_t i = 0; i < x->slot_count; i++) {
        struct keyterm *t = x->slots[i], *next;

        for (; t != NULL; t = next) {
            struct keyterm **at = &slots[hash(t->bytes, t->len) & (count - 1)];

            next = t->next;
            t->next = *at;
            *at = t;
        }
    }
    free(x->slots);
    x->slots = slots;
    x->slot_count = count;
    return 0;
}

static void term_free(struct keyterm *t)
{
    free(t->list.keys);
    free(t);
}

static int add_term(struct keyindex *x, const struct term *term, struct boxkey *k)
{
    struct keyterm *t = calloc(1, sizeof(*t) + term->len), **at;
    int r = t == NULL ? LB_E_NOMEM : list_add(&t->list, k);

    if (r == 0)
        r = make_room(x);
    if (r != 0) {
        if (t != NULL)
            term_free(t);
        return r;
    }
    memcpy(t->bytes, term->bytes, term->len);
    t->len = term->len;
    at = find(x, term);
    *at = t;
    x->terms++;
    return 0;
}

int keyindex_add(struct keyindex *x, const struct term *term, struct boxkey *k)
{
    struct keyterm *t = x->terms == 0 ? NULL : *find(x, term);

    return t != NULL ? list_add(&t->list, k) : add_term(x, term, k);
}

void keyindex_remove(struct keyindex *x, const struct term *term, struct boxkey *k)
{
    struct keyterm **at = x->terms == 0 ? NULL : find(x, term), *t;

    if (at == NULL || *at == NULL)
        return;
    t = *at;
    list_remove(&t->list, k);
    if (t->list.count > 0)
        return;
    *at = t->next;
    x->terms--;
    term_free(t);
}

const struct keylist *keyindex_find(const struct keyindex *x, const struct term *term)
{
    const struct keyterm *t = x->terms == 0 ? NULL : *find(x, term);

    return t == NULL ? NULL : &t->list;
}

void keyindex_clear(struct keyindex *x)
{
    for (size_t i = 0; i < x->slot_count; i++) {
        while (x->slots[i] != NULL) {
            struct keyterm *t = x->slots[i];

            x->slots[i] = t->next;
            term_free(t);
        }
    }
    free(x->slots);
    *x = (struct keyindex){ .slots = NULL };
}
