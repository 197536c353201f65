/* The boxes that a program knows. */
#include "client/boxes.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/box_priv.h"
#include "model/paths.h"
#include "model/uri.h"

/* The list of boxes only grows while it lives: walking it takes no lock. */

static struct box *list_find(struct box *b, const char *name)
{
    while (b != NULL && strcmp(b->name, name) != 0)
        b = b->next;
    return b;
}

static int find_place(struct box *b, const struct box_config *s, struct problem *p)
{
    char path[PATH_MAX];
    int n, r = 0;

    if (s->directory[0] == '\0') {
        r = place_find(b->name, &b->place, path, p);
    } else {
        n = snprintf(path, sizeof(path), "%s/%s.sock", s->directory, b->name);
        if (n < 0 || n >= (int)sizeof(path))
            r = problem_set(p, LB_E_CONFIG, "%s is too long", s->words->directory);
    }
    if (r != 0)
        return r;
    b->socket = OPENSSL_strdup(path);
    return b->socket == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : 0;
}

/* Half-built ones too. */
static void box_free(struct box *b)
{
    channels_clear(b);
    OPENSSL_free(b->socket);
    OPENSSL_free(b);
}

/* Looks up users and places now, when a key is loaded, so that no signature has to. */
static int box_new(const struct box_config *s, const char *name, struct box **ret, struct problem *p)
{
    struct box *b = OPENSSL_zalloc(sizeof(*b));
    int r;

    if (b == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    b->timeout_ms = s->timeout_ms;
    b->waiter = s->waiter;
    b->words = s->words;
    snprintf(b->name, sizeof(b->name), "%s", name);
    channels_init(b);
    r = owner_list_resolve(s->users, s->words->owners, &b->owners, p);
    if (r == 0)
        r = find_place(b, s, p);
    if (r != 0) {
        box_free(b);
        return r;
    }
    *ret = b;
    return 0;
}

int boxes_find(struct boxes *list, const struct box_config *s, const char *name, struct box **ret, struct problem *p)
{
    struct box *first = atomic_load(&list->first), *b;
    int r;

    if (name[0] == '\0')
        name = s->box;
    *ret = list_find(first, name);
    if (*ret != NULL)
        return 0;
    r = box_new(s, name, &b, p);
    if (r != 0)
        return r;
    do {
        *ret = list_find(first, name);
        if (*ret != NULL) {
            box_free(b); /* another thread was first */
            return 0;
        }
        b->next = first;
    } while (!atomic_compare_exchange_weak(&list->first, &first, b));
    *ret = b;
    return 0;
}

int boxes_visit(struct boxes *list, const struct box_config *s, const char *name, struct box **ret, struct problem *p)
{
    int r;

    *ret = list_find(atomic_load(&list->first), name);
    if (*ret != NULL)
        return 0;
    r = box_new(s, name, ret, p);
    if (r != 0)
        return r;
    (*ret)->visited = true;
    return 0;
}

void box_leave(struct box *b)
{
    if (b->visited)
        box_free(b);
}

struct names {
    char (*at)[LB_NAME_MAX + 1];
    size_t count, room;
    bool failed; /* out of memory */
};

static void add_name(void *arg, const char *name)
{
    struct names *n = arg;

    if (n->count == n->room && !n->failed) {
        size_t room = n->room == 0 ? 16 : n->room * 2;
        void *more = OPENSSL_realloc(n->at, room * sizeof(*n->at));

        n->failed = more == NULL;
        if (more != NULL) {
            n->at = more;
            n->room = room;
        }
    }
    if (!n->failed)
        snprintf(n->at[n->count++], sizeof(*n->at), "%s", name);
}

static int name_order(const void *a, const void *b)
{
    return strcmp(a, b);
}

int boxes_names(struct boxes *list, const struct box_config *s, char (**ret)[LB_NAME_MAX + 1], size_t *ret_count,
                struct problem *p)
{
    struct names n = { 0 };
    size_t count = 0;
    int r;

    for (const struct box *b = atomic_load(&list->first); b != NULL; b = b->next)
        add_name(&n, b->name);
    r = paths_each_box(s->directory[0] == '\0' ? NULL : s->directory, add_name, &n);
    if (r != 0) {
        problem_set(p, r, "the directory of the boxes' sockets cannot be read: %s", strerror(errno));
        problem_hint(p, "name the box instead: %s://BOX/KEY", LB_URI_SCHEME);
    } else if (n.failed) {
        r = problem_set(p, LB_E_NOMEM, "out of memory");
    }
    if (r != 0) {
        OPENSSL_free(n.at);
        return r;
    }
    if (n.count > 0)
        qsort(n.at, n.count, sizeof(*n.at), name_order);
    for (size_t i = 0; i < n.count; i++) {
        if (count == 0 || strcmp(n.at[count - 1], n.at[i]) != 0)
            memmove(n.at[count++], n.at[i], sizeof(*n.at));
    }
    *ret = n.at;
    *ret_count = count;
    return 0;
}

void boxes_free(struct boxes *list)
{
    struct box *b = atomic_exchange(&list->first, NULL), *next;

    for (; b != NULL; b = next) {
        next = b->next;
        box_free(b);
    }
}
