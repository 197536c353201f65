/* The keys of a ring that a question is about: by name, each once. */
#include "vault/key_walk.h"

#include <stdlib.h>
#include <string.h>

static int begin(struct keywalk *w, size_t most)
{
    w->count = 0;
    w->lists = calloc(most, sizeof(*w->lists));
    return w->lists != NULL ? 0 : LB_E_NOMEM;
}

/* NULL is a list of nothing: none was found. */
static void add_list(struct keywalk *w, const struct keylist *l, const char *after)
{
    if (l != NULL)
        w->lists[w->count++] = (struct keywalk_list){ l->keys, l->count, keylist_after(l, after) };
}

int keywalk_all(const struct keyring *r, const char *after, struct keywalk *ret)
{
    int result = begin(ret, 1);

    if (result != 0)
        return result;
    ret->lists[0] = (struct keywalk_list){ r->keys, r->count, keyring_after(r, after) };
    ret->count = 1;
    return 0;
}

int keywalk_granted(const struct keyring *r, const char *after, const struct principal *p, struct keywalk *ret)
{
    struct grant mine;
    struct term term;
    int result = begin(ret, p->group_count + 2);

    for (size_t i = 0; result == 0 && principal_subject(p, i, &mine); i++) {
        term_of_grant(&mine, &term);
        add_list(ret, keyindex_find(&r->granted, &term), after);
    }
    return result;
}

int keywalk_objects(const struct keyring *r, const struct p11_value *label, const struct p11_value *id,
                    struct keywalk *ret)
{
    struct term term;
    int result = begin(ret, 1);

    term_of_object(label, id, &term);
    if (result == 0)
        add_list(ret, keyindex_find(&r->objects, &term), "");
    return result;
}

struct boxkey *keywalk_next(struct keywalk *w)
{
    struct boxkey *next = NULL;

    for (size_t i = 0; i < w->count; i++) {
        const struct keywalk_list *l = &w->lists[i];

        if (l->at < l->count && (next == NULL || boxkey_order(l->keys[l->at], next) < 0))
            next = l->keys[l->at];
    }
    for (size_t i = 0; next != NULL && i < w->count; i++) {
        struct keywalk_list *l = &w->lists[i];

        if (l->at < l->count && l->keys[l->at] == next)
            l->at++;
    }
    return next;
}

void keywalk_clear(struct keywalk *w)
{
    free(w->lists);
    w->lists = NULL;
    w->count = 0;
}
